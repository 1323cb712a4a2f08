"""The store in a local folder: each object one file, named by its escaped key."""

from __future__ import annotations

import errno
import os
import stat as modes
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from schemas.errors import FatalFault, TransientFault
from sinks.object_store.file_faults import translate_file_faults
from sinks.object_store.files import (
    fill_from,
    fill_with,
    make_folders,
    read_whole,
    sync_folder,
    write_all_new,
    write_all_replacing,
    write_new,
    write_replacing,
)
from sinks.object_store.keys import check_key, check_prefix
from sinks.object_store.paths import TEMPORARY, from_segment, to_name, to_path
from sinks.object_store.store import NewObject, ObjectInfo

T = TypeVar("T")

#: Its presence says that the folder is a store, and not the empty place where a drive was to be mounted.
#: The name is no key's: ``%s`` is not an escape.
MARKER = "%store"

#: What the marker says: a later layout would say another number.
LAYOUT = b"observatory object store, layout 1\n"

#: How often a folder may vanish (by a delete that left it empty) while an object is put into it.
_FOLDER_ATTEMPTS = 5


class LocalStore:
    """Objects under a folder.

    A write is a temporary file beside its target, flushed to the device, renamed, and the folder flushed: after a power
    cut the object is there whole, or not at all. On a network drive the flush is as good as the server's word: NFS
    passes it on unless exported ``async``; SMB servers differ. On Windows an object that somebody holds open cannot be
    replaced for that time (``TransientFault``).

    Parameters
    ----------
    root
        The folder. ``check(create=True)`` makes it a store, by a marker file; without the marker nothing is written, so
        that a drive that is not mounted is an outage and not an empty store.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._top = root.as_posix()
        self._marker = f"{self._top}/{MARKER}"

    def read(self, key: str) -> bytes:
        """Return the whole object."""
        path = self._locate(key)
        with translate_file_faults(key):
            try:
                return read_whole(path)
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError):
                self._find(path)  # says what it is: no object, or no store
                raise

    @contextmanager
    def lend_path(self, key: str) -> Iterator[Path]:
        """Give the object's own file: nothing is copied."""
        path = self._locate(key)
        with translate_file_faults(key):
            self._find(path)
        yield Path(path)

    def stat(self, key: str) -> ObjectInfo | None:
        """Return what is known of the object, or None."""
        path = self._locate(key)
        with translate_file_faults(key):
            try:
                return _to_info(key, self._find(path))
            except FileNotFoundError:
                return None

    def write(self, key: str, data: bytes, *, media_type: str) -> None:  # noqa: ARG002 - a folder keeps none
        """Store ``data``, in place of what was there."""
        fill = fill_with(data)
        self._put(key, lambda target: write_replacing(target, fill))

    def write_together(self, objects: Sequence[NewObject]) -> None:
        """Store several: all their files are flushed before the first is renamed, and each folder is flushed once."""
        files = [(self._locate(new.key), new.data) for new in objects]
        if len(files) > 1 and os.path.isfile(self._marker):
            with suppress(OSError):
                write_all_replacing(files, self._top)
                return
        for new in objects:  # says which one it is, or finds a way
            self.write(new.key, new.data, media_type=new.media_type)

    def write_once(self, key: str, data: bytes, *, media_type: str) -> bool:  # noqa: ARG002
        """Store ``data`` unless something is stored there.

        Exactly one writer wins, in all processes; on a file system without hard links (FAT, some network drives) that
        holds within one process only.
        """
        if self._is_there(key):
            return False
        fill = fill_with(data)
        return self._put(key, lambda target: write_new(target, fill))

    def _is_there(self, key: str) -> bool:
        """Return whether an object is there, the store itself not being looked for: a write will find that out."""
        with translate_file_faults(key), suppress(FileNotFoundError, NotADirectoryError):
            return modes.S_ISREG(os.stat(self._locate(key)).st_mode)
        return False

    def write_once_together(self, objects: Sequence[NewObject]) -> tuple[bool, ...]:
        """Store several, each unless something is stored there: flushed together, as :meth:`write_together` does."""
        paths = [self._locate(new.key) for new in objects]
        first = {path: place for place, path in reversed(list(enumerate(paths)))}
        missing = [(paths[place], new.data) for place, new in enumerate(objects) if first[paths[place]] == place]
        missing = [(path, data) for path, data in missing if not os.path.isfile(path)]
        written: set[str] = set()
        if not missing or os.path.isfile(self._marker):
            with suppress(OSError):
                write_all_new(missing, self._top, written)
                return tuple(path in written and first[path] == place for place, path in enumerate(paths))
        return tuple(
            first[path] == place and self._write_once_after(new, was_written=path in written)
            for place, (new, path) in enumerate(zip(objects, paths, strict=True))
        )

    def _write_once_after(self, new: NewObject, *, was_written: bool) -> bool:
        """Store an object unless it is there; again if it was written and is perhaps not durable."""
        if was_written:
            self.write(new.key, new.data, media_type=new.media_type)
            return True
        return self.write_once(new.key, new.data, media_type=new.media_type)

    def write_file(self, key: str, path: Path, *, media_type: str) -> None:  # noqa: ARG002
        """Store the bytes of a local file, in bounded memory."""
        with path.open("rb") as source:
            fill = fill_from(source)
            self._put(key, lambda target: write_replacing(target, fill))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Go through the objects whose key begins with ``prefix``; memory holds one folder's names per level."""
        check_prefix(prefix)
        whole, slash, _ = prefix.rpartition("/")
        folder = self.root.joinpath(to_path(whole)) if whole else self.root
        with translate_file_faults(prefix):
            if not folder.is_dir():
                self._require_store()
                return
        yield from _walk(folder, whole + slash, prefix)

    def delete(self, key: str) -> None:
        """Remove the object, if there is one, and the folders that this leaves empty."""
        path = Path(self._locate(key))
        with translate_file_faults(key):
            try:
                path.unlink()
            except (FileNotFoundError, NotADirectoryError):
                self._require_store()
                return
            except (IsADirectoryError, PermissionError):  # the second is what macOS and Windows say of a folder
                if path.is_dir():
                    return
                raise
        for folder in path.parents:
            if folder == self.root:
                break
            try:
                folder.rmdir()
            except OSError:  # not empty: the rule
                break

    def check(self, *, create: bool) -> None:
        """See that the folder is a store; with ``create`` make it one and try to write and delete."""
        marker = self.root / MARKER
        with translate_file_faults(""):
            if create:
                self._make_root()
                if not marker.exists():
                    write_replacing(str(marker), fill_with(LAYOUT))
                    sync_folder(str(self.root.parent))
            if not marker.is_file():
                message = f"{self.root} is not an object store; `observatory check` makes it one"
                raise FatalFault(message)
            if marker.read_bytes() != LAYOUT:
                message = f"{self.root} has another layout than this version knows"
                raise FatalFault(message)
        if create:
            probe = f"checks/{uuid.uuid4().hex}"
            self.write(probe, b"", media_type="application/octet-stream")
            self.delete(probe)

    def _make_root(self) -> None:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except (FileNotFoundError, FileExistsError, NotADirectoryError) as error:
            message = f"{self.root} cannot be made a folder ({error.strerror})"
            raise FatalFault(message) from error

    def remove_leftovers(self, *, older_than_s: float = 86_400.0) -> int:
        """Remove what writers that were killed left half written; return how many files.

        Goes through the whole store, so it belongs into a nightly job. A writer at work is younger than a day.
        """
        removed = 0
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = Path(folder, name)
                if not name.startswith(TEMPORARY):
                    continue
                with suppress(FileNotFoundError):
                    if time.time() - path.stat().st_mtime > older_than_s:
                        path.unlink()
                        removed += 1
        return removed

    def _locate(self, key: str) -> str:
        return f"{self._top}/{to_name(check_key(key))}"

    def _find(self, path: str) -> os.stat_result:
        """Return the status of an object's file; FileNotFoundError only if the store itself is there."""
        with suppress(FileNotFoundError, NotADirectoryError):
            found = os.stat(path)
            if modes.S_ISREG(found.st_mode):
                return found
        self._require_store()
        raise FileNotFoundError(errno.ENOENT, "no such object")

    def _require_store(self) -> None:
        if not os.path.isfile(self._marker):
            message = f"the object store {self.root} is not there: mount it, or make it with `observatory check`"
            raise TransientFault(message)

    def _put(self, key: str, write: Callable[[str], T]) -> T:
        target = self._locate(key)
        with translate_file_faults(key):
            for _ in range(_FOLDER_ATTEMPTS):
                with suppress(FileNotFoundError):
                    return write(target)
                self._require_store()
                with suppress(FileNotFoundError):
                    make_folders(os.path.dirname(target), self._top)
            return write(target)


def _walk(folder: Path, above: str, prefix: str) -> Iterator[ObjectInfo]:
    """Go through a folder in the order of keys: a folder sorts by its name and a ``/``, as the keys in it do."""
    with translate_file_faults(above):
        entries = sorted(_read_entries(folder, above, prefix))
    for key, is_folder in entries:
        path = folder.joinpath(to_path(key.removesuffix("/")).name)
        if is_folder:
            yield from _walk(path, key, prefix)
            continue
        with translate_file_faults(key):
            try:
                info = _to_info(key, path.stat())
            except FileNotFoundError:  # deleted meanwhile
                continue
        yield info


def _read_entries(folder: Path, above: str, prefix: str) -> Iterator[tuple[str, bool]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                segment = from_segment(entry.name)
                if segment is None:
                    continue
                is_folder = entry.is_dir()
                key = f"{above}{segment}/" if is_folder else f"{above}{segment}"
                if key.startswith(prefix):
                    yield key, is_folder
    except FileNotFoundError:  # deleted meanwhile
        return


def _to_info(key: str, found: os.stat_result) -> ObjectInfo:
    return ObjectInfo(key, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))
