"""The promise of an object store, in three parts of three verbs.

Every verb may be called from several threads at once, and raises only

- ``RejectedInput("bad_object_key")``: the key is not one (:mod:`sinks.object_store.keys`), or lies above or below
  another object's key,
- ``RejectedInput("missing_object")``: nothing is stored there,
- ``TransientFault``: the store is away, slow or full for now; the store itself never tries again,
- ``FatalFault``: access denied, no such bucket, no such folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

#: Reason of a rejection: nothing is stored there.
MISSING_OBJECT = "missing_object"


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What is known of an object without reading it.

    The media type is not part of it: a folder has no place for one, and content decides the kind anyway.

    Attributes
    ----------
    key
        The object key.
    size_bytes
        How long it is.
    stored_at
        When it was last written, by the store's clock; ``write`` renews it, a ``write_once`` that finds an object does not.
    """

    key: str
    size_bytes: int
    stored_at: datetime


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object to be written: its key, its bytes, and what they are."""

    key: str
    data: bytes
    media_type: str


class ObjectReader(Protocol):
    """Reads objects."""

    def read(self, key: str) -> bytes:
        """Return the whole object: for what fits in memory several times."""
        ...

    def lend_path(self, key: str) -> AbstractContextManager[Path]:
        """Give a local file with the object's bytes for the time of the block: for what is large.

        The file is the store's own or a copy that is removed afterwards: read it, never change it.
        """
        ...

    def stat(self, key: str) -> ObjectInfo | None:
        """Return what is known of the object, or None where there is none."""
        ...


class ObjectWriter(Protocol):
    """Writes objects: whole or not at all, and durable on return.

    Readers see the former object or the new one, never a part. After a fault it is not known whether the object was
    written; writing it again with equal bytes is always harmless.
    """

    def write(self, key: str, data: bytes, *, media_type: str) -> None:
        """Store ``data``, in place of what was there."""
        ...

    def write_together(self, objects: Sequence[NewObject]) -> None:
        """Store several, each in place of what was there: as one after the other, and faster where the store can.

        A reader who sees one of them sees those before it. After a fault, or where the machine failed meanwhile, any of them
        may be stored and any not.
        """
        ...

    def write_once(self, key: str, data: bytes, *, media_type: str) -> bool:
        """Store ``data`` unless something is stored there; say whether it was stored."""
        ...

    def write_once_together(self, objects: Sequence[NewObject]) -> tuple[bool, ...]:
        """Store several, each unless something is stored there; say of each whether it was stored.

        After a fault any of them may be stored and any not. Of several under one key the first is stored.
        """
        ...

    def write_file(self, key: str, path: Path, *, media_type: str) -> None:
        """Store the bytes of a local file, in place of what was there, in bounded memory."""
        ...


class ObjectStore(ObjectReader, ObjectWriter, Protocol):
    """Reads and writes objects, and knows which there are."""

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Go through the objects whose key begins with ``prefix`` (a string, not a folder), in the order of UTF-8 bytes.

        Bounded memory. Objects written or deleted meanwhile may or may not be seen.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove the object, if there is one."""
        ...

    def check(self, *, create: bool) -> None:
        """Connect, and see that the store is there; with ``create`` make what is missing and try to write and delete.

        Raises
        ------
        FatalFault
            If the bucket or the folder is missing and may not be made, or access is denied.
        """
        ...
