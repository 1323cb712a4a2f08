from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import FatalFault, TransientFault
from sinks.object_store.memory import MemoryStore
from sinks.parquet import read_table
from streams.usage.meter import Meter
from streams.usage.rows import FACTS, REJECTED, from_fact
from tests.streams.usage.uses import TOPIC, make_record, make_records, make_use


def _read_all(store: MemoryStore) -> dict[str, bytes]:
    return {info.key: store.read(info.key) for info in store.list("")}


def _read_rows(store: MemoryStore, prefix: str = "usage/facts/", layout=FACTS) -> list[dict[str, object]]:
    rows = []
    for info in store.list(prefix):
        columns = read_table(store.read(info.key), layout).to_columns()
        rows += [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return rows


def test_uses_are_durable_when_the_batch_is_taken():
    store, events = MemoryStore(), [make_use(number) for number in range(5)]
    taken = Meter(store, "log-1").take(make_records(events))
    assert (taken.facts, taken.refused, taken.objects_written) == (5, (), 1)
    assert [from_fact(row) for row in _read_rows(store)] == events
    assert [info.key for info in store.list("")] == [f"usage/facts/log-1/{TOPIC}/0/0000000000000000000.parquet"]


def test_an_object_holds_an_aligned_span_of_offsets_whatever_the_batches():
    events = [make_use(number) for number in range(25)]
    whole, pieces = MemoryStore(), MemoryStore()
    Meter(whole, "log-1", segment_offsets=10).take(make_records(events, start=8))
    meter = Meter(pieces, "log-1", segment_offsets=10)
    for record in make_records(events, start=8):
        meter.take([record])
    keys = [info.key.rpartition("/")[2] for info in whole.list("")]
    assert [int(key.removesuffix(".parquet")) for key in keys] == [0, 10, 20, 30]
    assert _read_all(pieces) == _read_all(whole)


def test_redelivery_writes_nothing_anew():
    store, records = MemoryStore(), make_records(make_use(number) for number in range(12))
    meter = Meter(store, "log-1", segment_offsets=10)
    meter.take(records)
    before = _read_all(store)
    for again in (records, records[3:7], records[::-1], records + records):
        assert meter.take(again).objects_written == 0
        assert Meter(store, "log-1", segment_offsets=10).take(again).objects_written == 0
    assert _read_all(store) == before


def test_a_topic_that_was_made_again_gets_objects_of_its_own():
    store = MemoryStore()
    Meter(store, "log-1").take(make_records([make_use(1)]))
    Meter(store, "log-2").take(make_records([make_use(2)]))
    assert len(_read_all(store)) == 2
    assert len(_read_rows(store)) == 2


def test_a_log_that_was_replaced_under_its_identity_is_noticed_and_overwrites_nothing():
    store = MemoryStore()
    Meter(store, "log-1").take(make_records([make_use(1), make_use(2)]))
    before = _read_all(store)
    with pytest.raises(FatalFault, match="not the same one"):
        Meter(store, "log-1").take(make_records([make_use(1), make_use(3)]))
    assert _read_all(store) == before


def test_what_another_worker_added_meanwhile_is_kept():
    """A worker that lost its partition, and does not know, must not undo what the next owner wrote."""
    store, records = MemoryStore(), make_records(make_use(number) for number in range(9))
    late, next_owner = Meter(store, "log-1"), Meter(store, "log-1")
    late.take(records[:3])
    next_owner.take(records[2:7])
    late.take(records[3:5])
    late.take(records[8:])
    next_owner.take(records[7:8])
    assert [row["offset"] for row in _read_rows(store)] == list(range(9))


def test_what_another_worker_overwrote_comes_back_with_the_next_batch():
    store, records = MemoryStore(), make_records(make_use(number) for number in range(9))
    meter = Meter(store, "log-1")
    meter.take(records[:3])
    key, early = next(store.list("")).key, store.read(next(store.list("")).key)
    meter.take(records[3:6])
    store.write(key, early, media_type="x")
    meter.take(records[6:])
    assert [row["offset"] for row in _read_rows(store)] == list(range(9))


def test_what_is_no_use_is_kept_with_its_reason_and_stops_nothing():
    store = MemoryStore()
    good = make_records([make_use(0), make_use(1)], start=1)
    bad = [make_record(0, b"somebody@example.org"), make_record(3, b"{}"), make_record(4, None)]
    taken = Meter(store, "log-1").take([bad[0], *good, *bad[1:]])
    assert taken.facts == 2
    assert [(refused.offset, refused.reason) for refused in taken.refused] == [
        (0, "not_json"),
        (3, "missing_field"),
        (4, "empty_value"),
    ]
    rows = _read_rows(store, "usage/rejected/", REJECTED)
    assert [(row["offset"], row["reason"], row["size_bytes"]) for row in rows] == [
        (0, "not_json", 20),
        (3, "missing_field", 2),
        (4, "empty_value", 0),
    ]
    assert not any(b"somebody" in data for data in _read_all(store).values())


def test_a_broken_object_stops_the_meter_and_is_not_overwritten():
    store, records = MemoryStore(), make_records(make_use(number) for number in range(3))
    Meter(store, "log-1").take(records[:2])
    key = next(store.list("")).key
    store.write(key, store.read(key)[:-9], media_type="x")
    before = _read_all(store)
    with pytest.raises(FatalFault, match=key):
        Meter(store, "log-1").take(records)
    assert _read_all(store) == before


def test_partitions_have_objects_of_their_own():
    store = MemoryStore()
    records = make_records([make_use(1)], partition=0) + make_records([make_use(2)], partition=11)
    Meter(store, "log-1").take(records)
    assert [(row["partition"], row["offset"]) for row in _read_rows(store)] == [(0, 0), (11, 0)]


class _Death(BaseException):
    """The process ends."""


def _make_mixed_log(count: int) -> list:
    chance = random.Random(3)
    values = [make_use(number).to_canonical() if chance.random() < 0.8 else b"?" for number in range(count)]
    return [make_record(offset, value, partition=offset % 2) for offset, value in enumerate(values)]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_dying_between_any_two_steps_loses_and_doubles_nothing(data):
    log = _make_mixed_log(30)
    undisturbed = MemoryStore()
    Meter(undisturbed, "log-1", segment_offsets=8).take(log)
    deaths = data.draw(st.lists(st.integers(0, 12), max_size=8))
    steps = {"left": 0}

    def step(verb: str, key: str) -> None:
        steps["left"] -= 1
        if steps["left"] == 0:
            raise _Death

    store, acknowledged = MemoryStore(before=step), 0
    meter = Meter(store, "log-1", segment_offsets=8)
    while acknowledged < len(log):
        size = data.draw(st.integers(1, 12))
        steps["left"] = deaths.pop() if deaths else -1
        try:
            meter.take(log[acknowledged : acknowledged + size])
            acknowledged += size
        except _Death:
            meter = Meter(store, "log-1", segment_offsets=8)
    steps["left"] = -1
    assert _read_all(store) == _read_all(undisturbed)


def test_a_store_that_is_away_leaves_the_batch_to_be_given_again():
    away = {"now": True}

    def fail(verb: str, key: str) -> None:
        if verb == "write" and away["now"]:
            raise TransientFault("The store is away.")

    store, records = MemoryStore(before=fail), make_records([make_use(1)])
    meter = Meter(store, "log-1")
    with pytest.raises(TransientFault):
        meter.take(records)
    away["now"] = False
    assert meter.take(records).objects_written == 1
    assert len(_read_rows(store)) == 1
