"""From a file or bytes to an announced arrival: inline where small, else in the store first and by reference.

The id of the event follows from feed, subject and content, so the same file announced again is the same event, however
often a producer is restarted.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import TypeAdapter, ValidationError

from schemas.canonical import to_digest, to_sha256
from schemas.errors import RejectedInput
from schemas.media import (
    INLINE_LIMIT_BYTES,
    PARTS_MEDIA_TYPE,
    InlineBody,
    Lane,
    MediaArrived,
    Purpose,
    ReferencedBody,
    ReferencedList,
    ReferencedPart,
    Subject,
    make_event_id,
)
from schemas.unit import PARTS_LIMIT
from schemas.wire import Headers, to_headers, to_rejection, to_value
from streams.brokers.records import Record
from streams.feeds.references import to_original_key

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator
    from pathlib import Path

    from sinks.object_store.store import ObjectInfo

_BLOCK_BYTES = 1 << 20

#: What is no regular file is refused without waiting for it, as opening a pipe would make us.
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

_SUBJECT: TypeAdapter[str] = TypeAdapter(Subject)

#: What a name's ending claims; the bytes decide. A table of our own, because the system's differs between machines.
_MEDIA_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".bmp": "image/bmp",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".mkv": "video/x-matroska",
    ".webm": "video/webm",
    ".zip": "application/zip",
    ".avi": "video/x-msvideo",
    ".mpg": "video/mpeg",
    ".mpeg": "video/mpeg",
    ".ts": "video/mp2t",
}

#: What the system says of a path that cannot be opened -> reason and sentence.
_REFUSALS = {
    errno.ENOENT: ("missing_file", "{} is not there any more."),
    errno.ENOTDIR: ("missing_file", "{} is not there any more."),
    errno.ELOOP: ("symlink_loop", "{} is a symbolic link that leads back to itself."),
    errno.EISDIR: ("not_a_file", "{} is a folder, not a file."),
    errno.ENXIO: ("not_a_file", "{} is a socket or a pipe, not a file."),
    errno.ENAMETOOLONG: ("bad_subject", "{} is a longer name than the file system takes."),
}


class OriginalStore(Protocol):
    """The part of an object store that takes originals in; all returns mean durable."""

    def stat(self, key: str) -> ObjectInfo | None:
        """Return what is known of an object, or None where there is none."""
        ...

    def write_file(self, key: str, path: Path, *, media_type: str) -> None:
        """Store the bytes of a local file in bounded memory."""
        ...

    def write_once(self, key: str, data: bytes, *, media_type: str) -> bool:
        """Store ``data`` unless something is stored there; say whether it was stored."""
        ...

    def delete(self, key: str) -> None:
        """Remove the object, if there is one."""
        ...


@dataclass(frozen=True, slots=True)
class Sender:
    """What a producer says of everything it announces.

    Attributes
    ----------
    inline_limit
        Largest value in bytes that travels in the message itself.
    renews
        Whether an original that is in the store already is written again, so that retention counts from now.
    """

    feed: str
    lane: Lane = "live"
    purpose: Purpose = "user"
    inline_limit: int = INLINE_LIMIT_BYTES
    renews: bool = False


@dataclass(frozen=True, slots=True)
class Announcement:
    """An arrival and the parts of its record."""

    media: MediaArrived
    value: bytes

    @property
    def headers(self) -> Headers:
        """CloudEvents attributes as record headers."""
        return to_headers(self.media)

    @property
    def message_key(self) -> bytes:
        """The feed: one feed's arrivals stay in order."""
        return self.media.feed.encode()

    def to_record(self, topic: str) -> Record:
        """Return the record to append."""
        return Record(topic, self.message_key, self.value, self.headers)


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a sender claims of one file beside its bytes; absent times are claimed by nobody."""

    subject: str
    captured_at: dt.datetime | None = None
    modified_at: dt.datetime | None = None


def announce_file(path: Path, claimed: Claimed, sender: Sender, store: OriginalStore) -> Announcement:
    """Return the announcement of a local file, its original being in the store already where it is large.

    Memory is bounded by the inline limit.

    Parameters
    ----------
    path
        A file, or a link to one.
    store
        Takes files above the inline limit under ``originals/<sha256[:2]>/<sha256>``; one that is there is not sent again.

    Raises
    ------
    RejectedInput
        ``missing_file``, ``not_a_file``, ``symlink_loop``, ``unreadable_file``, ``empty_file``, ``changed_while_read``,
        ``bad_subject`` or ``bad_time``; no sentence holds a local path.
    TransientFault, FatalFault
        From the store.
    """
    claimed = _check(claimed)
    found = _read_file(path, claimed.subject, sender.inline_limit)
    if found.data is not None:
        return Announcement(_make_media(claimed, sender, found.digest, InlineBody()), found.data)
    part = _keep(path, claimed.subject, found, sender, store=store)
    media = _make_media(claimed, sender, found.digest, ReferencedBody(parts=(part,)))
    return Announcement(media, to_value(media, None))


def keep_file(path: Path, subject: str, sender: Sender, store: OriginalStore) -> ReferencedPart:
    """Store a local file as an original, whatever its size, and return the reference to it.

    Raises
    ------
    RejectedInput, TransientFault, FatalFault
        As :func:`announce_file`, but for files that are empty: some instruments write those.
    """
    subject = _check(Claimed(subject)).subject
    return _keep(path, subject, _read_file(path, subject, -1, may_be_empty=True), sender, store=store)


def announce_parts(
    parts: tuple[ReferencedPart, ...], claimed: Claimed, sender: Sender, store: OriginalStore
) -> Announcement:
    """Return the announcement of one unit of several files whose originals are in the store; of very many, the list is too.

    Raises
    ------
    RejectedInput
        ``bad_subject`` or ``bad_time``.
    TransientFault, FatalFault
        From the store.
    """
    claimed = _check(claimed)
    content = to_digest({part.subject: part.sha256 or "" for part in parts})
    if len(parts) > PARTS_LIMIT:
        data = ReferencedList(parts=parts).to_canonical()
        digest = to_sha256(data)
        store.write_once(to_original_key(digest), data, media_type=PARTS_MEDIA_TYPE)
        named: dict[str, Any] = {"media_type": PARTS_MEDIA_TYPE, "size_bytes": len(data), "sha256": digest}
        parts = (ReferencedPart(subject=claimed.subject, dataref=to_original_key(digest), **named),)
    media = _make_media(claimed, sender, content, ReferencedBody(parts=parts, closes_group=True))
    media = media.model_copy(update={"sha256": None})  # there are no bytes of which it would be the digest
    return Announcement(media, to_value(media, None))


@dataclass(frozen=True, slots=True)
class _Read:
    """A file that was read once; ``data`` where it is small enough to travel inline."""

    identity: tuple[int, int, int, int]
    digest: str
    size_bytes: int
    data: bytes | None


def _read_file(path: Path, subject: str, inline_limit: int, *, may_be_empty: bool = False) -> _Read:
    with _refuse_bad_file(subject):
        descriptor = os.open(path, _OPEN_FLAGS)
        try:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise _refuse(subject, "not_a_file", "{} is not a regular file.")
            digest, size_bytes, data = _read(descriptor, before.st_size, inline_limit)
            after = os.fstat(descriptor)
        finally:
            os.close(descriptor)
    if _identify(after) != _identify(before) or size_bytes != before.st_size:
        raise _refuse(subject, "changed_while_read", "{} was still being written.")
    if size_bytes == 0 and not may_be_empty:
        raise _refuse(subject, "empty_file", "{} is empty.")
    return _Read(_identify(before), digest, size_bytes, data)


def _keep(path: Path, subject: str, found: _Read, sender: Sender, *, store: OriginalStore) -> ReferencedPart:
    """Store a file that was read once, unless it is there, and return the reference to it."""
    media_type, key = to_media_type(subject), to_original_key(found.digest)
    known = store.stat(key)
    if known is None or known.size_bytes != found.size_bytes or sender.renews:
        with _refuse_bad_file(subject):
            store.write_file(key, path, media_type=media_type)
        if _find_identity(path) != found.identity:  # then what was stored is not what its key says
            store.delete(key)
            raise _refuse(subject, "changed_while_read", "{} was changed while it was sent.")
    fields: dict[str, Any] = {"media_type": media_type, "size_bytes": found.size_bytes, "sha256": found.digest}
    return ReferencedPart(subject=subject, dataref=key, **fields)


def announce_bytes(data: bytes, claimed: Claimed, sender: Sender) -> Announcement:
    """Return the announcement of a picture in memory.

    Raises
    ------
    RejectedInput
        ``empty_file``, ``too_large_inline``, ``bad_subject`` or ``bad_time``.
    """
    claimed = _check(claimed)
    if not data:
        raise _refuse(claimed.subject, "empty_file", "{} is empty.")
    if len(data) > sender.inline_limit:
        raise _refuse(claimed.subject, "too_large_inline", "{} is larger than a message takes: announce it as a file.")
    return Announcement(_make_media(claimed, sender, to_sha256(data), InlineBody()), data)


def to_media_type(subject: str) -> str:
    """Return what the ending of a name claims; the bytes decide later."""
    return _MEDIA_TYPES.get(PurePosixPath(subject).suffix.lower(), "application/octet-stream")


def _check(claimed: Claimed) -> Claimed:
    """Return the claims with the name in composed form, before anything is read or stored under a wrong one."""
    try:
        return replace(claimed, subject=_SUBJECT.validate_python(claimed.subject))
    except ValidationError as error:
        reason = "bad_subject"
        raise RejectedInput(reason, f"subject: {error.errors(include_url=False)[0]['msg']}.") from error


def _make_media(claimed: Claimed, sender: Sender, digest: str, body: InlineBody | ReferencedBody) -> MediaArrived:
    try:
        return MediaArrived(
            event=make_event_id(sender.feed, claimed.subject, digest),
            feed=sender.feed,
            subject=claimed.subject,
            media_type=to_media_type(claimed.subject),
            body=body,
            sha256=digest,
            captured_at=claimed.captured_at,
            modified_at=claimed.modified_at,
            lane=sender.lane,
            purpose=sender.purpose,
        )
    except ValidationError as error:
        raise to_rejection(error) from error


@contextmanager
def _refuse_bad_file(subject: str) -> Iterator[None]:
    """Turn what the system says of the sender's file into a rejection; faults of a store pass."""
    try:
        yield
    except OSError as error:
        reason, sentence = _REFUSALS.get(error.errno or 0, ("unreadable_file", "{} cannot be read."))
        raise _refuse(subject, reason, sentence) from error


def _read(descriptor: int, expected_bytes: int, inline_limit: int) -> tuple[str, int, bytes | None]:
    """Return the sha256 and size of a file, and its bytes where they are few enough to travel inline.

    No larger buffers are made than the file needs by what it had when it was opened: to map a fresh one for each small file costs
    more than to read it. One byte more is asked for, since some file systems tell of less than there is.
    """
    digest, size_bytes, blocks = hashlib.sha256(), 0, list[bytes]()
    while size_bytes < expected_bytes:
        block = os.read(descriptor, min(_BLOCK_BYTES, expected_bytes - size_bytes))
        if not block:
            break
        digest.update(block)
        size_bytes += len(block)
        if size_bytes <= inline_limit:
            blocks.append(block)
    size_bytes += len(os.read(descriptor, 1))
    return digest.hexdigest(), size_bytes, b"".join(blocks) if size_bytes <= inline_limit else None


def _identify(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _find_identity(path: Path) -> tuple[int, int, int, int] | None:
    try:
        return _identify(path.stat())
    except OSError:
        return None


def _refuse(subject: str, reason: str, sentence: str) -> RejectedInput:
    return RejectedInput(reason, sentence.format(repr(subject[-200:])))
