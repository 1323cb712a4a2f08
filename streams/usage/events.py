"""Uses as the topic carries them: read, or refused with a reason that names no one."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic import ValidationError

from schemas.canonical import SAFE_INTEGER
from schemas.errors import RejectedInput
from schemas.topics import Topics
from schemas.usage import UsageEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.brokers.records import Headers, Stored

#: Every message but an inline picture is smaller than this; a larger one is no use of ours.
EVENT_LIMIT_BYTES = 65_536

#: How far the clock that stamped a request may be ahead of the one that stamped its use.
FUTURE_TOLERANCE = dt.timedelta(days=1)

#: What ``ce_type`` says, where a sender uses CloudEvents.
_TYPE = Topics().usage_recorded

#: One for all: making it costs as much as a use takes to be written.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode

#: pydantic's code of a complaint -> the reason a refused use is counted under.
_REASONS = {
    "json_invalid": "not_json",
    "model_type": "not_json",
    "missing": "missing_field",
    "union_tag_not_found": "missing_field",
    "union_tag_invalid": "unknown_kind",
    "greater_than_equal": "negative_count",
    "string_too_long": "text_too_long",
    "too_long": "text_too_long",
    "timezone_aware": "naive_time",
}


def read_event(record: Stored) -> UsageEvent:
    """Read the use of a record, ignoring fields that a newer writer added.

    Raises
    ------
    RejectedInput
        ``empty_value``, ``event_too_large``, ``unknown_type``, ``unknown_version``, ``not_json``, ``missing_field``,
        ``unknown_kind``, ``negative_count``, ``text_too_long``, ``naive_time``, ``time_in_future`` or ``bad_event``.
        The sentence names the field and never repeats what stood in it.
    """
    check_headers(record.headers)
    if not record.value:
        _refuse("empty_value", "The record has no value.")
    if len(record.value) > EVENT_LIMIT_BYTES:
        _refuse(
            "event_too_large", f"The record has {len(record.value):,} bytes; at most {EVENT_LIMIT_BYTES:,} are read."
        )
    try:
        event = UsageEvent.from_json(record.value)
    except ValidationError as error:
        raise _to_rejection(error) from error
    if event.requested_at > record.appended_at + FUTURE_TOLERANCE:
        _refuse("time_in_future", "The use was requested more than a day after it was recorded.")
    return event


def to_event_bytes(plain: Mapping[str, Any]) -> bytes:
    """Return the canonical bytes of a use, given as its plain object.

    A use holds no fractions and no keys beyond ASCII, so the standard encoder writes what RFC 8785 asks for, in a quarter
    of the time that the general writer takes.

    Raises
    ------
    RejectedInput
        ``bad_event``, if a number is beyond what JSON readers hold exactly.
    """
    if max(plain["bytes"], *plain["units"].values(), *plain["images"].values(), 0) > SAFE_INTEGER:
        _refuse("bad_event", "A number of the use is beyond 2**53.")
    return _encode(plain).encode()


def check_headers(headers: Headers) -> None:
    """Refuse a record whose headers say that it is something else.

    Raises
    ------
    RejectedInput
        ``unknown_type`` or ``unknown_version``.
    """
    for name, value in headers:
        if name.lower() == "ce_type" and value != _TYPE.encode():
            _refuse("unknown_type", f"The event type is not {_TYPE}.")
        if name.lower() == "ce_specversion" and value != b"1.0":
            _refuse("unknown_version", "The CloudEvents version is not 1.0.")


def _to_rejection(error: ValidationError) -> RejectedInput:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(str(step) for step in first["loc"]) or "the record"
    return RejectedInput(_REASONS.get(first["type"], "bad_event"), f"The use is refused for {field}: {first['type']}.")


def _refuse(reason: str, sentence: str) -> NoReturn:
    raise RejectedInput(reason, sentence)
