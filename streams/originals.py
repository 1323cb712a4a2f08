"""Originals: every picture as it came, stored once under its content, and found again by reference."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sinks.object_store.store import ObjectStore

_BLOCK_BYTES = 1 << 20

#: Objects of at least this size are lent as a file instead of being read into memory.
LEND_ABOVE_BYTES = 8 << 20


def to_original_key(sha256: str) -> str:
    """Return ``originals/<sha256[:2]>/<sha256>``."""
    return f"originals/{sha256[:2]}/{sha256}"


@dataclass(frozen=True)
class Originals:
    """Keeps pictures in our store, and reads references to it or to other allowed buckets.

    Parameters
    ----------
    store
        Ours.
    bucket
        Its bucket's name, so that ``s3://<bucket>/key`` is ours too; empty for a local folder.
    others
        Allowed buckets by name.
    """

    store: ObjectStore
    bucket: str = ""
    others: Mapping[str, ObjectStore] = field(default_factory=dict)

    def keep(self, data: bytes, sha256: str, media_type: str) -> str:
        """Store a picture once and return its object key; a second time costs a look only."""
        key = to_original_key(sha256)
        if self.store.stat(key) is None:
            self.store.write(key, data, media_type=media_type)
        return key

    def locate(self, reference: str) -> tuple[ObjectStore, str]:
        """Return the store and object key of a reference.

        Raises
        ------
        RejectedInput
            ``local_reference`` for anything like a file path or another scheme, ``bucket_not_allowed`` for a foreign bucket.
        """
        if reference.startswith("s3://"):
            bucket, _, key = reference.removeprefix("s3://").partition("/")
            if bucket == self.bucket and bucket:
                return self.store, key
            if bucket not in self.others:
                reason = "bucket_not_allowed"
                raise RejectedInput(reason, f"The bucket {bucket[:63]!r} is not among the allowed ones.")
            return self.others[bucket], key
        if ":" in reference or reference.startswith(("/", "\\", "~", ".")) or "\\" in reference:
            reason = "local_reference"
            raise RejectedInput(
                reason, "A reference is s3://bucket/key or an object key, never a path or another scheme."
            )
        return self.store, reference

    def measure(self, reference: str) -> tuple[str, int, str]:
        """Read a referenced object once and return where it is, its size in bytes and its sha256.

        Raises
        ------
        RejectedInput
            ``missing_object`` if there is none.
        """
        digest, size_bytes = hashlib.sha256(), 0
        with self.lend(reference) as path, path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
                size_bytes += len(block)
        return reference, size_bytes, digest.hexdigest()

    def read(self, reference: str) -> bytes:
        """Return the bytes of an object."""
        store, key = self.locate(reference)
        return store.read(key)

    @contextmanager
    def lend(self, reference: str) -> Iterator[Path]:
        """Lend an object as a local file for the time of the ``with`` block."""
        store, key = self.locate(reference)
        with store.lend_path(key) as path:
            yield path
