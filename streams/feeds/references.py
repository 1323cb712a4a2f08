"""References to objects: which ones a sender may make, and what they point at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput
from schemas.media import check_reference

if TYPE_CHECKING:
    from collections.abc import Collection

_S3 = "s3://"


#: Folder of originals in the store.
ORIGINALS = "originals"


def to_original_key(sha256: str) -> str:
    """Return the key of an original: ``originals/<sha256[:2]>/<sha256>``."""
    return f"{ORIGINALS}/{sha256[:2]}/{sha256}"


@dataclass(frozen=True, slots=True)
class ObjectPlace:
    """An object key in our own store (``bucket`` absent) or in another allowed bucket."""

    key: str
    bucket: str | None = None


def check_dataref(reference: str, *, own_bucket: str | None, allowed_buckets: Collection[str]) -> ObjectPlace:
    """Return the object that a reference names; nothing is decoded, percent signs stand for themselves.

    ============================== ==================================
    reference                      answer
    ============================== ==================================
    ``originals/0f/0f3a``          key in our store
    ``s3://<own bucket>/0f3a``     key in our store
    ``s3://<allowed bucket>/0f3a`` key in that bucket
    ``s3://elsewhere/0f3a``        ``bucket_not_allowed``
    ``/etc/passwd``, ``C:/x``      ``local_reference``
    ``file:///etc/passwd``, ``~``  ``local_reference``
    ``http://host/x``, ``ftp:``    ``unsupported_reference``
    ``a/../b``, ``a//b``, ``x?y``  ``bad_reference``
    ============================== ==================================

    Parameters
    ----------
    own_bucket
        Name of our store's bucket; ``None`` for a local folder.
    allowed_buckets
        Others that senders may refer to.

    Raises
    ------
    RejectedInput
        With one of the reasons above.
    """
    try:
        check_reference(reference)
    except ValueError as error:
        reason = "bad_reference"
        raise RejectedInput(reason, f"{str(error).capitalize()}.") from error
    if reference.startswith(_S3):
        bucket, _, key = reference.removeprefix(_S3).partition("/")
        if bucket not in {own_bucket, *allowed_buckets} or not bucket:
            reason = "bucket_not_allowed"
            raise RejectedInput(reason, f"The bucket {bucket[:63]!r} is not among the allowed ones.")
        return ObjectPlace(_check_key(key), None if bucket == own_bucket else bucket)
    _refuse_others(reference)
    return ObjectPlace(_check_key(reference))


def _refuse_others(reference: str) -> None:
    scheme, colon, _ = reference.partition(":")
    is_drive = len(scheme) == 1
    if (
        reference.startswith(("/", "~", "./"))
        or "\\" in reference
        or (colon and (is_drive or scheme.lower() == "file"))
    ):
        reason = "local_reference"
        raise RejectedInput(reason, "A reference names an object in a store, never a file of this machine.")
    if colon:
        reason = "unsupported_reference"
        raise RejectedInput(reason, f"A reference is an object key or s3://bucket/key, not {scheme[:20]!r}.")


def _check_key(key: str) -> str:
    if any(segment in {"", ".", ".."} for segment in key.split("/")):
        reason = "bad_reference"
        raise RejectedInput(reason, "The key of a reference is empty, or has an empty segment or one that is a point.")
    return key
