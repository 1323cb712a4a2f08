"""The report does not depend on how uses arrived: order, repetition, partitions, logs, time zones."""

from __future__ import annotations

import datetime as dt
import json
import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import TransientFault
from schemas.usage import Ingested, MarkedByHand, UsageEvent
from sinks.object_store.memory import MemoryStore
from streams.usage.edge.heartbeat import make_heartbeat
from streams.usage.meter import Meter
from streams.usage.periods import make_current, read_period
from streams.usage.reports.facts import open_facts
from streams.usage.reports.metrics import make_current_values, to_metric_values
from streams.usage.reports.report import make_report
from streams.usage.reports.scope import Scope
from streams.usage.reports.tables import to_csv, to_json, to_markdown
from tests.streams.usage.uses import (
    NOW,
    make_clip_use,
    make_not_done,
    make_owner,
    make_person,
    make_record,
    make_use,
    to_content,
)

#: Histories that are made up; the long form is for a night.
EXAMPLES = 300 if os.environ.get("OBSERVATORY_CHAOS") == "long" else 80

_PERIODS = tuple(map(read_period, ("2026-11", "2026")))
#: A user whose pseudonym was made with another key than the project's.
_FOREIGN = make_person("ada").model_copy(update={"key": "0123456789abcdef"})

_OBSERVERS = ("ab" * 32, "cd" * 32)


def _make_any_use(chance: random.Random) -> UsageEvent:  # noqa: PLR0911 - one for each act
    """Return a use out of few enough possibilities that ids, contents, users and moments meet."""
    changes: dict[str, object] = {
        "installation": chance.choice(["obsea", "flowcam"]),
        "requested_at": NOW + dt.timedelta(hours=chance.randrange(0, 1_000, 250)),
        "purpose": chance.choice(["user", "user", "user", "test", "replay"]),
        "traffic": chance.choice(["external", "external", "robot"]),
        "who": chance.choice(
            [make_owner(), make_person("ada"), make_person("bo"), make_person("cy", tier=2), _FOREIGN]
        ),
        "institution": chance.choice([None, None, "02nv7yv05", "01zwmgk08"]),
        "country": chance.choice(["ES", "IT", "ZZ", "UK"]),
    }
    number = chance.randrange(6)
    match chance.randrange(7):
        case 0:
            return make_not_done(number, "refused", chance.choice(["too_large", "not_an_image"]), **changes)
        case 1:
            return make_use(number, act=Ingested(), **changes)
        case 2:
            return make_clip_use(number % 2, chance.choice([10, 10, 25]), observer=chance.choice(_OBSERVERS), **changes)
        case 3:
            contents = tuple(to_content(content) for content in range(number))
            return make_use(f"zip{number}", contents=contents, images={"still": chance.choice([number, 3])}, **changes)
        case 4:
            return make_use(number, act=MarkedByHand(), **changes)
        case 5:
            since = NOW + dt.timedelta(hours=chance.randrange(0, 1_000, 100))
            until = since + dt.timedelta(hours=chance.choice([0, 100, 250]))
            return make_heartbeat(chance.choice(["feed", "web"]), "obsea", since, until, last=chance.random() < 0.1)
        case _:
            return make_use(number, **changes)


def _shift_times(value: object, chance: random.Random) -> object:
    """Return the JSON value with each time written in another zone."""
    if isinstance(value, dict):
        return {key: _shift_times(part, chance) for key, part in value.items()}
    if isinstance(value, str) and value.endswith("Z") and value[:2] == "20":
        zone = dt.timezone(dt.timedelta(minutes=chance.randrange(-720, 840, 15)))
        return dt.datetime.fromisoformat(value).astimezone(zone).isoformat()
    return value


def _to_values(events: list[UsageEvent], chance: random.Random) -> list[bytes]:
    """Return the events as some sender may write them, some of them twice, in any order, with bad records between."""
    values = []
    for event in events + chance.choices(events, k=len(events) // 3 + 1):
        plain = event.to_plain()
        keys = chance.sample(sorted(plain), len(plain))
        values.append(json.dumps(_shift_times({key: plain[key] for key in keys}, chance)).encode())
    values += [b"?", b"{}", b"?"] * chance.randrange(1, 3)
    chance.shuffle(values)
    return values


def _keep(values: list[bytes], chance: random.Random, sizes=(3, 7, 1_000), batches=(4, 50)) -> MemoryStore:
    """Spread records over logs and partitions and meter them in batches, some of them twice."""
    store = MemoryStore()
    appended_at = NOW + dt.timedelta(days=60)
    for log in range(chance.randrange(1, 3)):
        meter = Meter(store, f"log-{log}", segment_offsets=chance.choice(sizes))
        share = [value for value in values if chance.random() < 0.7] if log else values
        partitions = chance.randrange(1, 4)
        records = [
            make_record(offset, value, partition=chance.randrange(partitions), appended_at=appended_at)
            for offset, value in enumerate(share)
        ]
        size = chance.choice(batches)
        for start in range(0, len(records), size):
            meter.take(records[start : start + size])
            if chance.random() < 0.2:
                meter.take(records[start : start + size][::-1])
    return store


def _write(store: MemoryStore) -> tuple[str, ...]:
    with open_facts(store) as facts:
        report = make_report(facts, _PERIODS)
    values = "\n".join(value.to_canonical().decode() for value in to_metric_values(report))
    return to_markdown(report), to_csv(report), to_json(report), values


def _write_plainly(events: list[UsageEvent]) -> tuple[str, ...]:
    store = MemoryStore()
    values = [event.to_canonical() for event in events]
    appended_at = NOW + dt.timedelta(days=60)
    Meter(store, "log").take(
        make_record(offset, value, appended_at=appended_at) for offset, value in enumerate([*values, b"?", b"{}"])
    )
    return _write(store)


@pytest.mark.slow
@pytest.mark.chaos
@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 25))
def test_arrival_changes_no_byte_of_the_report(seed, count):
    chance = random.Random(seed)
    events = [_make_any_use(chance) for _ in range(count)]
    assert _write(_keep(_to_values(events, chance), chance)) == _write_plainly(events)


class _DyingStore(MemoryStore):
    """Dies, now and then, before or after it wrote."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance

    def write(self, key, data, *, media_type):
        fate = self._chance.randrange(6)
        if fate == 0:
            raise TransientFault("before")
        super().write(key, data, media_type=media_type)
        if fate == 1:
            raise TransientFault("after")


@pytest.mark.slow
@pytest.mark.chaos
@settings(max_examples=EXAMPLES // 5, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 25))
def test_live_values_of_workers_that_are_killed_and_begin_again_are_those_of_the_report(seed, count):
    chance = random.Random(seed)
    events = [_make_any_use(chance) for _ in range(count)]
    values, store, done = _to_values(events, chance), _DyingStore(chance), {0: 0, 1: 0}
    late = NOW + dt.timedelta(days=60)
    placed = [[value for place, value in enumerate(values) if place % 2 == partition] for partition in done]
    logs = [[make_record(*entry, partition=partition, appended_at=late) for entry in enumerate(of)]
            for partition, of in enumerate(placed)]  # fmt: skip
    meter = Meter(store, "log", segment_offsets=5)
    while any(done[partition] < len(logs[partition]) for partition in done):
        partition = chance.randrange(2)
        batch = logs[partition][done[partition] : done[partition] + chance.randrange(1, 9)]
        try:
            meter.take(batch)
            done[partition] += len(batch)
        except TransientFault:
            # another worker goes on from what was acknowledged, or from somewhat before
            meter = Meter(store, "log", segment_offsets=5)
            done[partition] = max(0, done[partition] - chance.randrange(4))
    for now_at in (NOW, NOW + dt.timedelta(days=20)):
        with open_facts(store) as facts:
            live = make_current_values(facts, now_at)
        whole = MemoryStore()
        Meter(whole, "other").take(make_record(*entry, appended_at=late) for entry in enumerate(values))
        with open_facts(whole) as facts:
            assert live == to_metric_values(make_report(facts, make_current(now_at), Scope(as_of_at=now_at)))


@pytest.mark.slow
def test_arrival_changes_no_byte_of_the_report_on_ten_thousand_uses():
    chance = random.Random(11)
    events = [
        make_use(
            number,
            requested_at=NOW + dt.timedelta(minutes=chance.randrange(50_000)),
            contents=(to_content(chance.randrange(8_000)),),
            who=make_person(str(chance.randrange(300))),
            country=chance.choice(["ES", "IT", "DE", "ZZ"]),
        )
        for number in range(10_000)
    ]
    plainly = _write_plainly(events)
    for _ in range(2):
        store = _keep(_to_values(events, chance), chance, (4_096, 10_000), (3_000,))
        assert _write(store) == plainly


def test_the_test_can_see_a_difference():
    events = [make_use(number) for number in range(3)]
    assert len({_write_plainly(events), _write_plainly(events[1:]), _write_plainly(events[:1])}) == 3
