"""Facts: a use as a row, with where it stands in its log; nothing of the use is lost."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from schemas.canonical import to_sha256
from schemas.unit import Instant, Span
from schemas.usage import Heartbeat, UsageEvent
from sinks.parquet import Column, Layout
from streams.usage.events import to_event_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.errors import RejectedInput
    from schemas.unit import Captured
    from streams.brokers.records import Stored

#: Where a use stands in its log, what its bytes were, and what it says. ``use_sha256`` is the digest of the use without what
#: may differ when the same use is recorded again (:data:`_BESIDE`), so that it is told from another use under the same id.
#: ``value_sha256`` is absent where the bytes were the canonical ones. Facts of older programs lack the last columns.
FACTS = Layout(
    "usage-facts/1",
    (
        Column("partition", "integer"),
        Column("offset", "integer", repeats=False),
        Column("appended_at", "time", repeats=False),
        Column("value_sha256", "text", repeats=False),
        Column("event_sha256", "text", repeats=False),
        Column("use_sha256", "text", repeats=False),
        Column("event_id", "text", repeats=False),
        Column("requested_at", "time", repeats=False),
        Column("observed", "text"),
        Column("observed_start_at", "time", repeats=False),
        Column("observed_end_at", "time", repeats=False),
        Column("observed_why", "text"),
        Column("installation", "text"),
        Column("door", "text"),
        Column("operation", "text"),
        Column("purpose", "text"),
        Column("traffic", "text"),
        Column("access", "text"),
        Column("profile", "text"),
        Column("act", "text"),
        Column("processing_id", "text", repeats=False),
        Column("reprocessing_of", "text", repeats=False),
        Column("observer_name", "text"),
        Column("observer_version", "text"),
        Column("observer_sha256", "text"),
        Column("demonstration", "flag"),
        Column("resource", "text"),
        Column("status", "text"),
        Column("reason", "text"),
        Column("who", "text"),
        Column("identity", "text"),
        Column("tier", "integer"),
        Column("country", "text"),
        Column("country_source", "text"),
        Column("units", "tally"),
        Column("images", "tally"),
        Column("bytes", "integer", repeats=False),
        Column("contents", "texts", repeats=False),
        Column("country_why", "text"),
        Column("institution", "text"),
        Column("cpu_ms", "integer", repeats=False),
        Column("gpu_ms", "integer", repeats=False),
        Column("key", "text"),
        Column("since_at", "time", repeats=False),
        Column("last", "flag"),
        Column("session", "text"),
        Column("program", "text"),
        Column("robot_pattern", "text"),
        Column("robots_sha256", "text"),
        Column("robots_version", "text"),
        Column("model_names", "texts"),
        Column("model_versions", "texts"),
        Column("model_sha256s", "texts"),
    ),
)

#: What could not be read: where the record stands, which stays on the topic for ever, why, and its digest; not its bytes,
#: since nobody knows what a record that is no use may hold.
REJECTED = Layout(
    "usage-rejected/1",
    (
        Column("partition", "integer"),
        Column("offset", "integer", repeats=False),
        Column("appended_at", "time", repeats=False),
        Column("value_sha256", "text", repeats=False),
        Column("size_bytes", "integer"),
        Column("reason", "text"),
        Column("sentence", "text"),
    ),
)

#: What may differ between two records of one use: when it was asked for again, what it took, which list of robots was asked,
#: and whether the models, which the observer's digest stands for, are spelt out.
_BESIDE = {"requested_at", "cpu_ms", "gpu_ms", "program"}

_ACT_FIELDS = (
    "processing_id", "reprocessing_of", "observer_name", "observer_version", "observer_sha256", "demonstration",
    "resource", "status", "reason", "last",
)  # fmt: skip

_PLAIN_FIELDS = (
    "event_id", "installation", "door", "operation", "purpose", "traffic", "access", "profile", "country",
    "country_source", "bytes", "contents",
)  # fmt: skip

_FIELDS_IF_KNOWN = ("country_why", "institution", "cpu_ms", "gpu_ms", "session")

#: Column -> field of the program.
_PROGRAM_FIELDS = {
    "program": "verdict", "robot_pattern": "pattern", "robots_sha256": "list_sha256", "robots_version": "list_version",
}  # fmt: skip

#: Column -> field of a model.
_MODEL_FIELDS = {"model_names": "name", "model_versions": "version", "model_sha256s": "sha256"}

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)


def to_milliseconds(moment: dt.datetime) -> int:
    """Return the milliseconds since 1970, floored."""
    return (moment - _EPOCH) // _MILLISECOND


def from_milliseconds(milliseconds: int) -> dt.datetime:
    """Return the aware UTC time."""
    return _EPOCH + milliseconds * _MILLISECOND


def to_fact(record: Stored, event: UsageEvent) -> dict[str, Any]:
    """Return the row of a use.

    Raises
    ------
    RejectedInput
        ``bad_event``, if the use has no canonical form.
    """
    plain = event.to_plain()
    canonical = to_event_bytes(plain)
    value_sha256, event_sha256 = to_sha256(record.value or b""), to_sha256(canonical)
    act, who, program = plain["act"], plain["who"], plain.get("program", {})
    models = act.get("models")
    return {
        **_to_place(record),
        "value_sha256": None if value_sha256 == event_sha256 else value_sha256,
        "event_sha256": event_sha256,
        "use_sha256": to_sha256(to_use_bytes(plain)),
        **{name: plain[name] for name in _PLAIN_FIELDS},
        "requested_at": to_milliseconds(event.requested_at),
        **_to_observed(event.observed),
        "act": act["kind"],
        **{name: act.get(name) for name in _ACT_FIELDS},
        "since_at": to_milliseconds(event.act.since_at) if isinstance(event.act, Heartbeat) else None,
        "who": who["kind"],
        "identity": who.get("pseudonym") or who.get("owner"),
        "tier": who["tier"],
        "key": who.get("key"),
        **{name: plain.get(name) for name in _FIELDS_IF_KNOWN},
        **{column: program.get(name) for column, name in _PROGRAM_FIELDS.items()},
        **{
            column: None if models is None else [model[name] for model in models]
            for column, name in _MODEL_FIELDS.items()
        },
        "units": event.units,
        "images": event.images,
    }


def to_use_bytes(plain: Mapping[str, Any]) -> bytes:
    """Return the canonical bytes of a use, given as its plain object, without what may differ when it is recorded again."""
    told = {name: value for name, value in plain.items() if name not in _BESIDE}
    if "models" in told["act"]:
        told["act"] = {name: value for name, value in told["act"].items() if name != "models"}
    return to_event_bytes(told)


def to_rejected(record: Stored, fault: RejectedInput) -> dict[str, Any]:
    """Return the row of a record that could not be read."""
    return {
        **_to_place(record),
        "value_sha256": to_sha256(record.value or b""),
        "size_bytes": len(record.value or b""),
        "reason": fault.reason,
        "sentence": fault.sentence,
    }


def from_fact(row: Mapping[str, Any]) -> UsageEvent:
    """Return the use of a row, equal to the one the row was made from."""
    identity = "pseudonym" if row["who"] == "person" else "owner"
    since = {"since_at": from_milliseconds(row["since_at"])} if row.get("since_at") is not None else {}
    who = {"kind": row["who"], identity: row["identity"], "tier": row["tier"], "key": row.get("key")}
    return UsageEvent.model_validate(
        {
            **{name: row[name] for name in _PLAIN_FIELDS},
            "requested_at": from_milliseconds(row["requested_at"]),
            "observed": _from_observed(row),
            "act": {
                "kind": row["act"],
                **since,
                **{name: row[name] for name in _ACT_FIELDS if row.get(name) is not None},
                **_from_models(row),
            },
            "who": {name: value for name, value in who.items() if value is not None},
            **{name: row.get(name) for name in _FIELDS_IF_KNOWN},
            "program": _from_program(row),
            "units": tuple(row["units"]),
            "images": tuple(row["images"]),
        }
    )


def _from_program(row: Mapping[str, Any]) -> dict[str, Any] | None:
    if row.get("program") is None:
        return None
    return {name: row[column] for column, name in _PROGRAM_FIELDS.items() if row[column] is not None}


def _from_models(row: Mapping[str, Any]) -> dict[str, Any]:
    if row.get("model_names") is None:
        return {}
    columns = [row[column] for column in _MODEL_FIELDS]
    names = _MODEL_FIELDS.values()
    return {"models": tuple(dict(zip(names, model, strict=True)) for model in zip(*columns, strict=True))}


def _to_place(record: Stored) -> dict[str, Any]:
    return {
        "partition": record.partition,
        "offset": record.offset,
        "appended_at": to_milliseconds(record.appended_at),
    }


def _to_observed(captured: Captured) -> dict[str, Any]:
    start = end = why = None
    match captured:
        case Instant(at=moment):
            start = to_milliseconds(moment)
        case Span(start_at=first, end_at=last):
            start, end = to_milliseconds(first), to_milliseconds(last)
        case _:
            why = captured.why
    return {
        "observed": captured.kind,
        "observed_start_at": start,
        "observed_end_at": end,
        "observed_why": why,
    }


def _from_observed(row: Mapping[str, Any]) -> dict[str, Any]:
    kind, start, end = row["observed"], row["observed_start_at"], row["observed_end_at"]
    if kind == "undated":
        return {"kind": kind, "why": row["observed_why"]}
    if kind == "instant":
        return {"kind": kind, "at": from_milliseconds(start)}
    return {"kind": kind, "start_at": from_milliseconds(start), "end_at": from_milliseconds(end)}
