"""Originals: every picture as it came, stored once under its content, and found again by reference."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import ValidationError

from schemas.canonical import to_sha256
from schemas.errors import RejectedInput
from schemas.media import ReferencedList
from schemas.unit import MANIFEST_BYTES, Manifest, PartList, make_manifest_key
from streams.feeds.references import check_dataref, to_original_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from schemas.media import ReferencedPart
    from schemas.unit import Part, Unit
    from sinks.object_store.store import NewObject, ObjectStore

_BLOCK_BYTES = 1 << 20

#: Objects of at least this size are lent as a file instead of being read into memory.
LEND_ABOVE_BYTES = 8 << 20


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
    renews
        Whether a picture that comes again is written again, so that retention counts from then.
    """

    store: ObjectStore
    bucket: str = ""
    others: Mapping[str, ObjectStore] = field(default_factory=dict)
    renews: bool = False

    def keep(self, data: bytes, sha256: str, media_type: str) -> str:
        """Store a picture once and return its object key."""
        key = to_original_key(sha256)
        if not self.store.write_once(key, data, media_type=media_type) and self.renews:
            self.store.write(key, data, media_type=media_type)
        return key

    def keep_together(self, originals: Sequence[NewObject]) -> None:
        """Store pictures once, each under its content; those that come again are written again where that counts."""
        stored = self.store.write_once_together(originals)
        if self.renews:
            self.store.write_together([new for new, is_new in zip(originals, stored, strict=True) if not is_new])

    def keep_parts(self, content: str, parts: tuple[Part, ...]) -> Manifest:
        """Store the list of a unit's parts and return where it is; the same parts make the same list.

        Parameters
        ----------
        content
            Digest of the unit's content.
        """
        data = PartList(parts=parts).to_canonical()
        key = make_manifest_key(content)
        self.store.write(key, data, media_type="application/json")
        whole = sum(part.size_bytes for part in parts)
        return Manifest(at=key, sha256=to_sha256(data), count=len(parts), size_bytes=whole)

    def list_parts(self, unit: Unit) -> tuple[Part, ...]:
        """Return the parts of a unit, wherever they are listed.

        Raises
        ------
        RejectedInput
            ``missing_object`` if the list is gone, ``original_changed`` if it is another one.
        """
        if unit.manifest is None:
            return unit.parts
        data = self.store.read(unit.manifest.at)
        if to_sha256(data) != unit.manifest.sha256:
            reason = "original_changed"
            raise RejectedInput(
                reason, "The stored list of the unit's parts is not the one that was made when it arrived."
            )
        return PartList.from_json(data).parts

    def read_list(self, claim: ReferencedPart) -> tuple[ReferencedPart, ...]:
        """Return the parts that a sender lists in an object because they are too many for a message.

        Raises
        ------
        RejectedInput
            ``missing_object``, ``too_large``, ``digest_differs`` or ``unreadable_envelope``.
        """
        store, key = self.locate(claim.dataref)
        found = store.stat(key)
        if found is not None and found.size_bytes > MANIFEST_BYTES:
            reason = "too_large"
            raise RejectedInput(
                reason, f"A list of parts may have {MANIFEST_BYTES} bytes; this has {found.size_bytes}."
            )
        data = store.read(key)
        if claim.sha256 not in {None, to_sha256(data)}:
            reason = "digest_differs"
            raise RejectedInput(reason, "The list of parts does not have the sha256 that was announced.")
        try:
            return ReferencedList.from_json(data).parts
        except ValidationError as error:
            reason = "unreadable_envelope"
            raise RejectedInput(reason, f"The list of parts is none: {error.error_count()} errors.") from error

    def locate(self, reference: str) -> tuple[ObjectStore, str]:
        """Return the store and object key of a reference.

        Raises
        ------
        RejectedInput
            As :func:`streams.feeds.references.check_dataref` says.
        """
        place = check_dataref(reference, own_bucket=self.bucket or None, allowed_buckets=self.others)
        return (self.store if place.bucket is None else self.others[place.bucket]), place.key

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

    def has(self, reference: str) -> bool:
        """Return whether there is an object of this reference."""
        store, key = self.locate(reference)
        return store.stat(key) is not None

    @contextmanager
    def lend(self, reference: str) -> Iterator[Path]:
        """Lend an object as a local file for the time of the ``with`` block."""
        store, key = self.locate(reference)
        with store.lend_path(key) as path:
            yield path
