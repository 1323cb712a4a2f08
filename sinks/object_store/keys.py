"""What an object key is: ``/``-separated segments that every store can keep. Pure."""

from __future__ import annotations

import re

from schemas.errors import RejectedInput
from sinks.object_store.paths import to_segment

#: S3's limit on a key, in UTF-8 bytes.
KEY_LIMIT_BYTES = 1024

#: Every common file system's limit on a name; counted on the escaped form, so that a key good for one store is for all.
SEGMENT_LIMIT_BYTES = 255

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check_key(key: str) -> str:
    """Return ``key`` if it is an object key.

    Raises
    ------
    RejectedInput
        ``bad_object_key``: empty, longer than 1024 bytes, an empty segment (also by a leading, trailing or doubled
        ``/``), a segment ``.`` or ``..``, a segment longer than 255 bytes when escaped, a control character, or text
        that is not Unicode (a lone surrogate).

    Examples
    --------
    ==========================  =======
    key                         is one?
    ==========================  =======
    ``originals/0f/0f3a``       yes
    ``Straße/Nr. 7/fish.jpg``   yes
    ``con/nul.``                yes: a folder store escapes what its file system cannot name
    ``/originals``              no
    ``originals//0f``           no
    ``originals/../secret``     no
    ==========================  =======
    """
    _check_text(key)
    for segment in key.split("/"):
        if segment in {"", ".", ".."}:
            raise _refuse(key, "has an empty segment, or one that is . or ..")
        if len(to_segment(segment)) > SEGMENT_LIMIT_BYTES:
            raise _refuse(key, f"has a segment longer than {SEGMENT_LIMIT_BYTES} bytes when escaped")
    return key


def check_prefix(prefix: str) -> str:
    """Return ``prefix`` if a key could begin with it; the empty string begins all.

    Raises
    ------
    RejectedInput
        ``bad_object_key``, as for :func:`check_key`; a trailing ``/`` and an unfinished segment are fine here.
    """
    if prefix:
        _check_text(prefix)
        whole, _, _ = prefix.rpartition("/")
        if whole or prefix.startswith("/"):
            check_key(whole)
    return prefix


def _check_text(key: str) -> None:
    try:
        size_bytes = len(key.encode())
    except UnicodeEncodeError:
        raise _refuse(key, "is not Unicode text") from None
    if not 1 <= size_bytes <= KEY_LIMIT_BYTES:
        raise _refuse(key, f"is empty or longer than {KEY_LIMIT_BYTES} bytes")
    if _CONTROL.search(key):
        raise _refuse(key, "has a control character")


def _refuse(key: str, why: str) -> RejectedInput:
    return RejectedInput("bad_object_key", f"the object key {key[:100]!a} {why}")
