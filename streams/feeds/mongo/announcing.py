"""From a document to an announced arrival: a file below the feed's root, or an object by reference."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from pydantic import ValidationError

from schemas.canonical import to_sha256
from schemas.errors import RejectedInput, TransientFault
from schemas.media import MediaArrived, ReferencedBody, ReferencedPart, make_event_id
from schemas.wire import to_rejection, to_value
from streams.feeds.announce import Announcement, Claimed, announce_file, to_media_type
from streams.feeds.references import check_dataref

if TYPE_CHECKING:
    from streams.feeds.announce import OriginalStore, Sender
    from streams.feeds.mongo.listing import Document
    from streams.feeds.mongo.rule import CollectionRule

_S3 = "s3://"


def announce_document(document: Document, rule: CollectionRule, sender: Sender, store: OriginalStore) -> Announcement:
    """Return the announcement of the image that a document lists; a path goes before a key.

    Raises
    ------
    RejectedInput
        ``no_place``, ``outside_root``, or as :func:`streams.feeds.announce.announce_file` and
        :func:`streams.feeds.references.check_dataref`.
    TransientFault
        If the root folder is away; or from the store.
    FatalFault
        From the store.
    """
    if document.path is not None and rule.root is not None:
        path, subject = find_file(document.path, rule.root)
        return announce_file(path, Claimed(subject, document.captured_at), sender, store)
    if document.key is not None:
        return _announce_object(document, document.key, sender)
    named = " nor ".join(repr(name) for name in (rule.path_field, rule.key_field) if name is not None)
    reason = "no_place"
    raise RejectedInput(reason, f"The document has no text in {named}, so nobody knows where its image is.")


def find_file(told: str, root: Path) -> tuple[Path, str]:
    """Return a listed file and its name relative to the root, from a path of this or of another computer.

    Raises
    ------
    RejectedInput
        ``outside_root``, also if a link leads there.
    TransientFault
        If the root folder is away: nothing can be said of its files.
    """
    if not root.is_dir():
        sentence = f"The folder {root.name} that the listed paths are relative to is away."
        raise TransientFault(sentence)
    plain = PureWindowsPath(told).as_posix() if "\\" in told else told
    pure = PurePosixPath(plain)
    if pure.is_absolute():
        if not pure.is_relative_to(root.as_posix()):
            raise _refuse_outside()
        pure = pure.relative_to(root.as_posix())
    if ".." in pure.parts or not pure.parts or not (root / pure).resolve().is_relative_to(root.resolve()):
        raise _refuse_outside()
    return root / pure, pure.as_posix()


def _refuse_outside() -> RejectedInput:
    return RejectedInput(
        reason="outside_root", sentence="The document names a file outside the folder that its collection is about."
    )


def _announce_object(document: Document, key: str, sender: Sender) -> Announcement:
    """Return the announcement of an object; whether it is there, and what it holds, is seen when it is read."""
    bucket = key.removeprefix(_S3).partition("/")[0] if key.startswith(_S3) else None
    check_dataref(key, own_bucket=None, allowed_buckets=() if bucket is None else (bucket,))  # the worker knows which
    subject = key.removeprefix(_S3)
    # without a digest the key stands for the content: the same document sent again is the same event
    content = document.digest or to_sha256(key.encode())
    try:
        part = ReferencedPart(subject=subject, dataref=key, media_type=to_media_type(key), sha256=document.digest)
        media = MediaArrived(
            event=make_event_id(sender.feed, part.subject, content),
            feed=sender.feed,
            subject=part.subject,
            media_type=part.media_type,
            body=ReferencedBody(parts=(part,)),
            sha256=document.digest,
            captured_at=document.captured_at,
            lane=sender.lane,
            purpose=sender.purpose,
        )
    except ValidationError as error:
        raise to_rejection(error) from error
    return Announcement(media, to_value(media, None))
