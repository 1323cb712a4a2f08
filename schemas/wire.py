"""The wire form of an arrival: CloudEvents 1.0 in Kafka binary mode, ``ce_*`` headers and the bytes as value."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

from pydantic import ValidationError

from schemas.canonical import to_canonical
from schemas.errors import RejectedInput
from schemas.media import (
    PARTS_MEDIA_TYPE,
    InlineBody,
    MediaArrived,
    Purpose,
    ReferencedBody,
    ReferencedPart,
    Rejection,
)
from schemas.noun import to_time_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Headers = tuple[tuple[str, bytes | None], ...]

SPEC_VERSION = "1.0"
MEDIA_ARRIVED_TYPE = "media.arrived.v1"
FEED_SOURCE = "/feeds/"

#: The header that a set-aside record carries, and that a retry takes off.
REJECTION_HEADER = "rejection"

#: ``ce_*`` header -> field, for headers that may be absent.
_OPTIONAL = {
    "ce_time": "published_at",
    "ce_capturedat": "captured_at",
    "ce_modifiedat": "modified_at",
    "ce_lane": "lane",
    "ce_purpose": "purpose",
    "ce_datasha256": "sha256",
    "content-type": "media_type",
}

#: Field -> header, as a sender knows it.
_HEADERS = {field: header for header, field in _OPTIONAL.items()} | {
    "event": "ce_id",
    "feed": "ce_source",
    "subject": "ce_subject",
}
_REQUIRED = ("ce_specversion", "ce_type", "ce_source", "ce_id", "ce_subject")


def to_headers(media: MediaArrived) -> Headers:
    """Return the record headers of an arrival, in a fixed order."""
    texts = {
        "ce_specversion": SPEC_VERSION,
        "ce_type": MEDIA_ARRIVED_TYPE,
        "ce_source": media.source,
        "ce_id": media.event,
        "ce_subject": media.subject,
        "ce_time": to_time_text(media.published_at) if media.published_at else None,
        "ce_capturedat": to_time_text(media.captured_at) if media.captured_at else None,
        "ce_modifiedat": to_time_text(media.modified_at) if media.modified_at else None,
        "ce_lane": media.lane,
        "ce_purpose": media.purpose,
        "ce_datasha256": media.sha256,
        "content-type": media.media_type if isinstance(media.body, InlineBody) else PARTS_MEDIA_TYPE,
    }
    return tuple((name, text.encode()) for name, text in texts.items() if text is not None)


def to_value(media: MediaArrived, inline: bytes | None) -> bytes:
    """Return the record value of an arrival: the bytes themselves, or the JSON of its references.

    Raises
    ------
    ValueError
        If inline bytes are given for a referenced body, or missing for an inline one.
    """
    if isinstance(media.body, InlineBody):
        if inline is None:
            message = "an inline arrival needs its bytes"
            raise ValueError(message)
        return inline
    if inline is not None:
        message = "a referenced arrival has no inline bytes"
        raise ValueError(message)
    plain = media.body.to_plain()
    plain.pop("kind")
    return to_canonical(plain)


def from_record(headers: Iterable[tuple[str, bytes | None]], value: bytes | None) -> MediaArrived:
    """Read an arrival from a record.

    Parameters
    ----------
    headers
        As they came; names are compared in lower case, the last of a repeated name counts.
    value
        Inline bytes, JSON of references, or nothing with ``ce_dataref``. Where both are there, the CloudEvents extension
        demands that they are the same bytes, and the inline ones are used.

    Raises
    ------
    RejectedInput
        ``unreadable_envelope``, ``unknown_version``, ``unknown_type``, ``unknown_feed``, ``empty_value``,
        ``naive_time``, ``bad_time``, ``bad_reference``, ``bad_subject`` or ``bad_envelope``, with the field named.
    """
    texts = _to_texts(headers)
    missing = [name for name in _REQUIRED if name not in texts]
    if missing:
        reason = "unreadable_envelope"
        raise RejectedInput(reason, f"The record lacks the CloudEvents headers {', '.join(missing)}.")
    _check_versions(texts)
    fields: dict[str, Any] = {name: texts[header] for header, name in _OPTIONAL.items() if header in texts}
    body = _read_body(texts, value)
    if isinstance(body, ReferencedBody):
        fields["media_type"] = body.parts[0].media_type
    try:
        return MediaArrived(
            event=texts["ce_id"],
            feed=texts["ce_source"].removeprefix(FEED_SOURCE),
            subject=texts["ce_subject"],
            body=body,
            **fields,
        )
    except ValidationError as error:
        raise to_rejection(error, _HEADERS) from error


def find_purpose(headers: Iterable[tuple[str, bytes | None]]) -> Purpose:
    """Return the purpose that a record claims, ``user`` where it claims none that there is; the rest may be unreadable."""
    claimed = next((value for name, value in headers if name.lower() == "ce_purpose" and value), b"")
    return next((purpose for purpose in get_args(Purpose) if purpose.encode() == claimed), "user")


def _to_texts(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    try:
        return {name.lower(): value.decode("utf-8") for name, value in headers if value is not None}
    except UnicodeDecodeError as error:
        reason = "unreadable_envelope"
        raise RejectedInput(reason, "A header of the record is not UTF-8 text.") from error


def _check_versions(texts: Mapping[str, str]) -> None:
    if texts["ce_specversion"] != SPEC_VERSION:
        reason = "unknown_version"
        raise RejectedInput(reason, f"CloudEvents version {texts['ce_specversion'][:20]!r} is not {SPEC_VERSION}.")
    if texts["ce_type"] != MEDIA_ARRIVED_TYPE:
        reason = "unknown_type"
        raise RejectedInput(reason, f"The event type {texts['ce_type'][:80]!r} is not {MEDIA_ARRIVED_TYPE}.")
    if not texts["ce_source"].startswith(FEED_SOURCE):
        reason = "unknown_feed"
        raise RejectedInput(reason, f"The source {texts['ce_source'][:80]!r} is not {FEED_SOURCE}<feed>.")


def _read_body(texts: Mapping[str, str], value: bytes | None) -> InlineBody | ReferencedBody:
    try:
        if _is_json(texts.get("content-type", ""), value):
            return _read_references(value, texts["ce_subject"])
        if "ce_dataref" in texts:
            part = _read_part_of_headers(texts)
            if not value:
                return ReferencedBody(parts=(part,))
    except ValidationError as error:
        raise to_rejection(error) from error
    if not value:
        reason = "empty_value"
        raise RejectedInput(reason, "The record has neither bytes nor a reference.")
    return InlineBody()


def _is_json(content_type: str, value: bytes | None) -> bool:
    """Return whether a value is a list of references: as its type says, or as plain JSON, which no picture is."""
    media_type = content_type.split(";", maxsplit=1)[0].strip().lower()
    return media_type == PARTS_MEDIA_TYPE or (media_type == "application/json" and (value or b"").lstrip()[:1] == b"{")


def _read_part_of_headers(texts: Mapping[str, str]) -> ReferencedPart:
    return ReferencedPart(
        subject=texts["ce_subject"],
        dataref=texts["ce_dataref"],
        media_type=texts.get("content-type", "application/octet-stream"),
        sha256=texts.get("ce_datasha256"),
    )


def _read_references(value: bytes | None, subject: str) -> ReferencedBody:
    try:
        plain = json.loads(value or b"")
        if isinstance(plain, dict) and "dataref" in plain:
            plain = {"parts": [{"subject": subject, **plain}], "closes_group": plain.get("closes_group", False)}
        text = json.dumps(plain)
    except (ValueError, RecursionError) as error:
        reason = "unreadable_envelope"
        raise RejectedInput(reason, "The references are not JSON that can be read.") from error
    return ReferencedBody.model_validate_json(text, extra="ignore")


def to_rejection(error: ValidationError, names: Mapping[str, str] | None = None) -> RejectedInput:
    """Turn the first complaint into a reason that names the field.

    Parameters
    ----------
    names
        What senders call our fields.
    """
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(step) for step in first["loc"]) or "record"
    reasons = {
        "timezone_aware": "naive_time",
        "published_at": "bad_time",
        "captured_at": "bad_time",
        "modified_at": "bad_time",
        "dataref": "bad_reference",
        "subject": "bad_subject",
        "feed": "unknown_feed",
    }
    last = str(first["loc"][-1]) if first["loc"] else ""
    reason = reasons.get(first["type"]) or reasons.get(last, "bad_envelope")
    said = {"timezone_aware": "the time names no zone; write 2024-04-22T08:00:01Z, or +02:00 instead of Z"}
    message = said.get(first["type"], first["msg"].removeprefix("Value error, "))
    return RejectedInput(reason, f"{(names or {}).get(field, field)}: {message}.")


def to_rejected_headers(headers: Iterable[tuple[str, bytes | None]], rejection: Rejection) -> Headers:
    """Return a record's headers with its rejection added: what makes it a dead letter."""
    return (*from_rejected_headers(headers), (REJECTION_HEADER, rejection.to_canonical()))


def from_rejected_headers(headers: Iterable[tuple[str, bytes | None]]) -> Headers:
    """Return a dead letter's headers as they were before it was set aside."""
    return tuple((name, value) for name, value in headers if name != REJECTION_HEADER)


def read_rejection(headers: Iterable[tuple[str, bytes | None]]) -> Rejection | None:
    """Return the rejection of a dead letter, or ``None`` when there is none that can be read."""
    for name, value in headers:
        if name == REJECTION_HEADER and value is not None:
            try:
                return Rejection.from_json(value)
            except ValidationError:
                return None
    return None
