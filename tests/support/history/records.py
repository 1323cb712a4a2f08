"""The records of a history: every deed through the edge, repeated, contradicted, in any order, over partitions and logs."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from schemas.usage import Ingested, MarkedByHand, NotDone, Processed, Served, UsageEvent, make_usage_id
from sinks.object_store.memory import MemoryStore
from streams.brokers.records import Stored
from streams.usage.edge.admission import Edge, Visitor
from streams.usage.edge.caller import Act, Request, record_use
from streams.usage.edge.geoip import CountryFile
from streams.usage.edge.heartbeat import make_heartbeat
from streams.usage.edge.keys import KeyRing
from streams.usage.meter import Meter
from streams.usage.pseudonym import PseudonymKey
from tests.support.history.deeds import END, HOUR, PICTURES, PLACES, Deed, Door, Place, Somebody, make_deeds
from tests.support.history.truth import ADDRESSES, Truth, count_truth

_OTHER_ZONE = dt.timezone(dt.timedelta(hours=-9, minutes=-30))
_OPERATIONS = {"processed": "detect", "ingested": "ingest", "served": "download", "annotated": "annotate"}


@dataclass(frozen=True)
class History:
    """What was kept of a history, and what is true of it.

    Attributes
    ----------
    conflicts, rejected
        Ids under which there are two different uses, and what was no use by reason.
    records
        How many records there were.
    """

    store: MemoryStore
    deeds: tuple[Deed, ...]
    truth: Truth
    conflicts: tuple[str, ...]
    rejected: Counter[str]
    records: int


class _Addresses:
    def get(self, address: object) -> object:
        code = ADDRESSES.get(str(address)[:5])
        return {"country": {"iso_code": code}} if code else None


#: One key for the whole project.
PROJECT_KEY = KeyRing("project", PseudonymKey(b"history of seven installations.."))


def make_history(seed: int = 36, *, keys: KeyRing = PROJECT_KEY, places: tuple[Place, ...] = PLACES) -> History:
    """Return the history of some places, its facts metered from shuffled and repeated records of two logs."""
    chance = random.Random(seed)
    names = {place.name for place in places}
    edge = Edge(keys, CountryFile(_Addresses(), "", ""))
    deeds: list[Deed] = []
    values: list[bytes] = []
    conflicts: list[str] = []
    for deed in (deed for deed in make_deeds(seed) if deed.place in names):
        sent = [(deed, at) for at in _list_times(deed, chance)]
        if len(deeds) % 300 == 299:
            # somebody else is said to have done it, under one id
            sent.append((replace(deed, who=Somebody("somebody.else@example.org", 4, "PT")), deed.at))
        events = [(to_event(replace(said, at=at), edge), replace(said, at=at)) for said, at in sent]
        values += [_to_json(event, said.at) for event, said in events]
        if len({event.who for event, _ in events}) > 1:
            # records that contradict each other, also since a key of its own period names somebody anew: the smallest digest
            conflicts.append(events[0][0].event_id)
            deeds.append(min(events, key=lambda one: (_to_use_digest(one[0]), one[0].requested_at))[1])
        else:
            deeds.append(deed)
    values += [beat.to_canonical() for place in places for door in place.doors for beat in _beat(place.name, door)]
    values += [b"no use at all", b"{}", b'{"event_id": 1', b""] * 5
    rejected = Counter({"not_json": 2, "missing_field": 1, "empty_value": 1})
    values += chance.choices(values, k=len(values) // 5)
    chance.shuffle(values)
    store = MemoryStore()
    count = _meter(store, values, chance)
    return History(store, tuple(deeds), count_truth(deeds), tuple(sorted(conflicts)), rejected, count)


def _to_use_digest(event: UsageEvent) -> str:
    """Return the digest of what is said of a use, whenever it is said."""
    plain = {name: value for name, value in event.to_plain().items() if name != "requested_at"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def to_event(deed: Deed, edge: Edge) -> UsageEvent:
    """Return the use that a door records of a deed."""
    who = deed.who
    visitor = Visitor(
        door="web",
        issuer="idp" if who.tier == 4 else "",
        subject=who.name if who.tier == 4 else "",
        token=who.name if who.tier == 3 else "",
        address=who.name if who.tier == 2 else "",
        owner=who.name if who.tier == 1 else "unknown",
        home_country=who.home,
        institution=who.institution,
        traffic=deed.traffic,  # type: ignore[arg-type]
    )
    observer = hashlib.sha256(deed.observer.encode()).hexdigest() if deed.what == "processed" else None
    operation = _OPERATIONS.get(deed.what, "detect")
    is_looked = deed.what in {"processed", "annotated"} or (deed.what == "ingested" and PICTURES[deed.kind][1] == 1)
    request = Request(
        event_id=make_usage_id(door="web", operation=operation, request=deed.request, observer_sha256=observer),
        requested_at=deed.at,
        installation=deed.place,
        operation=operation,
        act=_to_act(deed, observer or ""),
        purpose=deed.purpose,  # type: ignore[arg-type]
        units={} if deed.what in {"served", "health"} else {deed.kind: 1},
        images={PICTURES[deed.kind][0]: len(deed.pictures)} if is_looked else {},
        bytes=1_000,
        contents=tuple(hashlib.sha256(content.encode()).hexdigest() for content in deed.contents),
    )
    return record_use(edge.admit(visitor, deed.at), request)


def _to_act(deed: Deed, observer: str) -> Act:
    match deed.what:
        case "processed":
            return Processed(
                processing_id=f"{deed.request}.{observer[:16]}",
                observer_name=deed.observer,
                observer_version="1",
                observer_sha256=observer,
                demonstration=deed.observer == "demo",
            )
        case "ingested":
            return Ingested()
        case "served":
            return Served(resource=deed.contents[0])
        case "annotated":
            return MarkedByHand()
        case status:
            return NotDone(status=status, reason=deed.reason)


def _list_times(deed: Deed, chance: random.Random) -> list[dt.datetime]:
    """Return the times of a use's records: in its own zone, some once more in another, some sent again later."""
    draw = chance.random()
    if draw < 0.1:
        return [deed.at, deed.at.astimezone(_OTHER_ZONE)]
    if draw < 0.12:
        return [deed.at, deed.at + chance.randrange(1, 2_000) * HOUR]
    return [deed.at]


def _to_json(event: UsageEvent, at: dt.datetime) -> bytes:
    return json.dumps(event.to_plain() | {"requested_at": at.isoformat()}).encode()


def _beat(place: str, door: Door) -> Iterator[UsageEvent]:
    """Yield what a door says of itself: every day, nothing while it is broken down, a last one when it is closed."""
    at = door.opened
    while at < END + 72 * HOUR:
        stops = [(span, closed) for spans, closed in ((door.outages, False), (door.closures, True)) for span in spans]
        ahead = [(span, closed) for span, closed in stops if at < span[0] <= at + 24 * HOUR]
        if not ahead:
            yield make_heartbeat(door.name, place, at, at + 24 * HOUR)
            at += 24 * HOUR
            continue
        (first, last), closed = min(ahead)
        yield make_heartbeat(door.name, place, at, first, last=closed)
        at = last


def _meter(store: MemoryStore, values: list[bytes], chance: random.Random) -> int:
    """Spread the values over two logs with three and two partitions, and give some batches twice."""
    count = 0
    appended_at = END + dt.timedelta(days=90)
    for log, partitions, own in (("log-1", 3, values[::2]), ("log-2", 2, values[1::2])):
        meter = Meter(store, log)
        records = [
            Stored("usage.recorded.v1", number % partitions, number // partitions, appended_at, b"", (), value)
            for number, value in enumerate(own)
        ]
        for start in range(0, len(records), 4_000):
            meter.take(records[start : start + 4_000])
            if chance.random() < 0.2:
                meter.take(records[start : start + 1_000])
        count += len(records)
    return count
