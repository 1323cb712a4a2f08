"""Whatever two processes do to a log, offsets stay unique and in order, and the newest record of each key survives."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.embedded.log import Entry, Kept, Log, Retention
from streams.embedded.upkeep import run_upkeep

PARTITIONS = 2
FOR_EVER_MS = 10**15

KEYS = st.sampled_from([b"a", b"b", b"c"])
VALUES = st.one_of(st.none(), st.binary(min_size=1, max_size=40))
RECORDS = st.lists(st.tuples(st.integers(0, PARTITIONS - 1), KEYS, VALUES), min_size=1, max_size=6)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 1), RECORDS),
        st.tuples(st.just("compact"), st.integers(0, 1), st.booleans()),
        st.tuples(st.just("expire"), st.integers(0, 1), st.sampled_from([0, 0, 20, 60])),
        st.tuples(st.just("reopen"), st.integers(0, 1), st.none()),
    ),
    max_size=14,
)


def read_all(log, partition):
    return log.read(partition, 0, max_records=10_000)


def limit_size(log, size_bytes):
    with log.writing() as database:
        database.execute("UPDATE topic SET retention_bytes = ?", (size_bytes,))


@settings(deadline=None, max_examples=60)
@given(st.booleans(), STEPS)
# the history that gives offsets out again where they follow from the records that are left
@example(
    False,  # noqa: FBT003
    [("append", 0, [(0, b"a", b"1")]), ("expire", 0, 0), ("reopen", 1, None), ("append", 1, [(0, b"a", b"2")])],
)
def test_no_interleaving_reuses_an_offset_or_loses_the_newest_record_of_a_key(compacted, steps):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.db"
        logs = [Log(path, "normal"), Log(path, "normal")]
        logs[0].create(Kept("t", PARTITIONS, Retention(compacted=compacted)))
        appended = {number: [] for number in range(PARTITIONS)}
        expired = False
        for step, handle, detail in steps:
            log = logs[handle]
            if step == "append":
                placed = log.append([Entry("t", number, key, value) for number, key, value in detail])
                for (number, key, value), place in zip(detail, placed, strict=True):
                    appended[number].append((place.offset, key, value))
            elif step == "compact":
                run_upkeep(log, tombstone_delay_ms=0 if detail else FOR_EVER_MS)
            elif step == "expire":
                expired = True
                limit_size(log, detail)
                run_upkeep(log, tombstone_delay_ms=FOR_EVER_MS)
                limit_size(log, None)
            else:
                log.close()
                logs[handle] = Log(path, "normal")
        check(logs[1], appended, compacted=compacted, expired=expired)
        for log in logs:
            log.close()


def check(log, appended, *, compacted, expired):
    for number, history in appended.items():
        assert [offset for offset, _, _ in history] == list(range(len(history)))
        assert log.find_ends()["t", number] == len(history)
        kept = read_all(log, ("t", number))
        by_offset = {offset: (key, value) for offset, key, value in history}
        assert [by_offset[stored.offset] for stored in kept] == [(stored.key, stored.value) for stored in kept]
        offsets = [stored.offset for stored in kept]
        assert offsets == sorted(set(offsets))
        begin = log.find_begins([("t", number)])["t", number]
        assert begin == (offsets[0] if offsets else len(history))
        newest = {key: (offset, value) for offset, key, value in history if offset >= begin or not expired}
        if compacted:
            assert {offset for offset, value in newest.values() if value is not None} <= set(offsets)
        else:
            assert offsets == list(range(begin, len(history)))
