"""Builders of uses and of the log records that carry them."""

from __future__ import annotations

import datetime as dt
import hashlib

from schemas.unit import Instant
from schemas.usage import DeclaredOwner, NotDone, Person, Processed, UsageEvent, make_usage_id
from sinks.object_store.memory import MemoryStore
from streams.brokers.records import Stored
from streams.usage.meter import Meter

NOW = dt.datetime(2026, 11, 20, 10, tzinfo=dt.UTC)
OBSERVER = "ab" * 32
TOPIC = "usage.recorded.v1"


def to_content(name: object) -> str:
    return hashlib.sha256(str(name).encode()).hexdigest()


def make_owner(owner: str = "upc-obsea") -> DeclaredOwner:
    return DeclaredOwner(owner=owner)


def make_person(name: str, tier: int = 4) -> Person:
    return Person(pseudonym=to_content(name), tier=tier)


def make_use(number: object = 0, **changes: object) -> UsageEvent:
    """Return a use of one still, the ``number``-th of its camera; anything can be changed."""
    observer = changes.pop("observer", OBSERVER)
    request = f"camera.{number}"
    fields: dict[str, object] = {
        "event_id": make_usage_id(door="feed", operation="detect", request=request, observer_sha256=observer),
        "requested_at": NOW,
        "observed": Instant(at=NOW - dt.timedelta(days=1)),
        "installation": "obsea",
        "door": "feed",
        "operation": "detect",
        "purpose": "user",
        "traffic": "external",
        "access": "Machine",
        "profile": "observatory-1",
        "act": Processed(
            processing_id=f"{request}.{observer[:16]}",
            observer_name="yolo",
            observer_version="1.0.0",
            observer_sha256=observer,
        ),
        "who": make_owner(),
        "country": "ES",
        "country_source": "declared",
        "units": {"still": 1},
        "images": {"still": 1},
        "bytes": 82_190,
        "contents": (to_content(number),),
    }
    return UsageEvent.model_validate(fields | changes)


def make_record(offset: int, value: bytes | None, **changes: object) -> Stored:
    fields: dict[str, object] = {
        "topic": TOPIC,
        "partition": 0,
        "offset": offset,
        "appended_at": NOW + dt.timedelta(milliseconds=offset),
        "key": b"obsea",
        "headers": (),
        "value": value,
    }
    return Stored(**(fields | changes))


def make_records(events, *, partition: int = 0, start: int = 0) -> list[Stored]:
    """Return records of consecutive offsets, each appended a second after its use was requested."""
    return [
        make_record(
            start + place,
            event.to_canonical(),
            partition=partition,
            appended_at=event.requested_at + dt.timedelta(seconds=1),
        )
        for place, event in enumerate(events)
    ]


def keep(*logs) -> MemoryStore:
    """Return a store with the facts of some logs, each a list of events of one partition."""
    store = MemoryStore()
    meter = Meter(store, "log-1")
    for partition, events in enumerate(logs):
        meter.take(make_records(events, partition=partition))
    return store


def make_clip_use(content: object, frames: int, *, observer: str = OBSERVER, **changes: object) -> UsageEvent:
    """Return a use of a clip by one observer, in which ``frames`` images were looked at."""
    return make_use(
        f"{content}.{observer}",
        observer=observer,
        **({"units": {"clip": 1}, "images": {"frame": frames}, "contents": (to_content(content),)} | changes),
    )


def make_not_done(number: object, status: str, reason: str, **changes: object) -> UsageEvent:
    """Return a request that was not served."""
    return make_use(number, act=NotDone(status=status, reason=reason), images={}, **changes)
