"""The store in memory: the shipped fake, with a place to let any verb fail."""

from __future__ import annotations

import tempfile
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from threading import RLock

from schemas.errors import RejectedInput
from sinks.object_store.keys import check_key, check_prefix
from sinks.object_store.store import MISSING_OBJECT, NewObject, ObjectInfo


class MemoryStore:
    """Objects in this process's memory, gone with it.

    Parameters
    ----------
    before
        Called with the verb and the key (or prefix) before each call does anything; what it raises, the caller sees.
        So a test lets the store be away, or fail at the third write.
    """

    def __init__(self, *, before: Callable[[str, str], None] | None = None) -> None:
        self._before = before or (lambda _verb, _key: None)
        self._lock = RLock()
        self._objects: dict[str, tuple[bytes, datetime]] = {}
        self._keys: list[str] = []

    def read(self, key: str) -> bytes:
        """Return the whole object."""
        self._begin("read", key)
        return self._read(key)

    @contextmanager
    def lend_path(self, key: str) -> Iterator[Path]:
        """Give a copy in a temporary file."""
        self._begin("lend_path", key)
        data = self._read(key)
        with tempfile.TemporaryDirectory(prefix="observatory-") as folder:
            path = Path(folder) / "object"
            path.write_bytes(data)
            yield path

    def stat(self, key: str) -> ObjectInfo | None:
        """Return what is known of the object, or None."""
        self._begin("stat", key)
        return self._stat(key)

    def write(self, key: str, data: bytes, *, media_type: str) -> None:  # noqa: ARG002 - kept by no verb of the promise
        """Store ``data``, in place of what was there."""
        self._begin("write", key)
        self._put(key, data)

    def write_together(self, objects: Sequence[NewObject]) -> None:
        """Store several, one after the other."""
        for new in objects:
            self.write(new.key, new.data, media_type=new.media_type)

    def write_once(self, key: str, data: bytes, *, media_type: str) -> bool:  # noqa: ARG002
        """Store ``data`` unless something is stored there; say whether it was stored."""
        self._begin("write_once", key)
        with self._lock:
            if key in self._objects:
                return False
            self._put(key, data)
            return True

    def write_once_together(self, objects: Sequence[NewObject]) -> tuple[bool, ...]:
        """Store several, one after the other, each unless something is stored there."""
        return tuple(self.write_once(new.key, new.data, media_type=new.media_type) for new in objects)

    def write_file(self, key: str, path: Path, *, media_type: str) -> None:  # noqa: ARG002
        """Store the bytes of a local file."""
        self._begin("write_file", key)
        self._put(key, path.read_bytes())

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Go through the objects whose key begins with ``prefix``, as they are at the first step."""
        check_prefix(prefix)
        self._before("list", prefix)
        with self._lock:
            # Python compares texts by code point, which is the order of their UTF-8 bytes.
            first = bisect_left(self._keys, prefix)
            behind = (self._keys[place] for place in range(first, len(self._keys)))
            keys = list(takewhile(lambda key: key.startswith(prefix), behind))
        for key in keys:
            info = self._stat(key)
            if info is not None:
                yield info

    def delete(self, key: str) -> None:
        """Remove the object, if there is one."""
        self._begin("delete", key)
        with self._lock:
            if self._objects.pop(key, None) is not None:
                self._keys.remove(key)

    def check(self, *, create: bool) -> None:  # noqa: ARG002 - there is nothing to make
        """Find everything in order."""
        self._before("check", "")

    def _begin(self, verb: str, key: str) -> None:
        check_key(key)
        self._before(verb, key)

    def _read(self, key: str) -> bytes:
        with self._lock:
            found = self._objects.get(key)
        if found is None:
            reason, sentence = MISSING_OBJECT, f"no object {key}"
            raise RejectedInput(reason, sentence)
        return found[0]

    def _stat(self, key: str) -> ObjectInfo | None:
        with self._lock:
            found = self._objects.get(key)
        return ObjectInfo(key, len(found[0]), found[1]) if found else None

    def _put(self, key: str, data: bytes) -> None:
        with self._lock:
            if key not in self._objects:
                self._refuse_nesting(key)
                insort(self._keys, key)
            self._objects[key] = (bytes(data), datetime.now(UTC))

    def _refuse_nesting(self, key: str) -> None:
        """Refuse what a file system must refuse, so that a test with this store finds it."""
        place = bisect_left(self._keys, f"{key}/")
        above = place < len(self._keys) and self._keys[place].startswith(f"{key}/")
        segments = key.split("/")
        below = any("/".join(segments[:count]) in self._objects for count in range(1, len(segments)))
        if above or below:
            reason, sentence = "bad_object_key", f"the object key {key} lies above or below another object's"
            raise RejectedInput(reason, sentence)
