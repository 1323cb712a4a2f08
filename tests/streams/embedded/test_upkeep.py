"""Retention and compaction take what they should, and nothing else."""

from __future__ import annotations

import contextlib
import time

import pytest

from streams.embedded import upkeep
from streams.embedded.log import Entry, Kept, Log, Retention
from streams.embedded.upkeep import TOMBSTONE_DELAY_MS, Upkeep, run_upkeep

PART = ("t", 0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log.db"


@pytest.fixture
def log(path):
    with contextlib.closing(Log(path)) as opened:
        yield opened


def offsets(log):
    return [stored.offset for stored in log.read(PART, 0)]


def now_ms():
    return time.time_ns() // 1_000_000


def append(log, *values, key=b"k"):
    return log.append([Entry("t", 0, key, value) for value in values])


def set_times(log, *times_ms):
    with log.writing() as database:
        for offset, time_ms in enumerate(times_ms):
            database.execute("UPDATE record SET appended_ms = ? WHERE position & 1099511627775 = ?", (time_ms, offset))


def test_what_is_too_old_goes_and_its_offsets_are_not_used_again(log):
    log.create(Kept("t", 1, Retention(age_ms=1000)))
    append(log, b"0", b"1", b"2", b"3")
    set_times(log, 0, 500, 1500, 2000)
    assert run_upkeep(log, now_ms=2000) == Upkeep(expired=2, superseded=0)
    assert offsets(log) == [2, 3]
    assert run_upkeep(log, now_ms=10_000_000) == Upkeep(expired=2, superseded=0)
    assert offsets(log) == []
    assert (log.find_begins([PART]), log.find_ends()) == ({PART: 4}, {PART: 4})
    assert append(log, b"4")[0].offset == 4


def test_a_clock_that_was_set_back_makes_no_holes(log):
    log.create(Kept("t", 1, Retention(age_ms=1000)))
    append(log, b"0", b"1", b"2", b"3")
    set_times(log, 100, 5000, 100, 5000)
    run_upkeep(log, now_ms=5500)
    assert offsets(log) == [1, 2, 3]


def test_the_newest_records_within_the_size_stay(log):
    log.create(Kept("t", 1, Retention(size_bytes=350)))
    append(log, *[b"x" * 99] * 10)  # 100 bytes with the key
    assert run_upkeep(log) == Upkeep(expired=7, superseded=0)
    assert offsets(log) == [7, 8, 9]


def test_a_topic_without_limits_keeps_everything(log):
    log.create(Kept("t", 1, Retention()))
    append(log, b"0", b"1")
    assert run_upkeep(log, now_ms=10**15) == Upkeep(expired=0, superseded=0)
    assert offsets(log) == [0, 1]


def test_the_neighbours_are_left_alone(log):
    log.create(Kept("a", 1, Retention()))
    log.create(Kept("t", 1, Retention(age_ms=1, compacted=True)))
    log.create(Kept("z", 1, Retention()))
    log.append([Entry(topic, 0, b"k", b"v") for topic in ("a", "t", "z") for _ in range(3)])
    run_upkeep(log, now_ms=now_ms() + 10_000)
    assert [len(log.read((topic, 0), 0)) for topic in ("a", "t", "z")] == [3, 0, 3]


def test_compaction_keeps_the_newest_record_of_each_key(log):
    log.create(Kept("t", 1, Retention(compacted=True)))
    log.append([Entry("t", 0, b"k%d" % (n % 3), b"%d" % n) for n in range(10)])
    assert run_upkeep(log) == Upkeep(expired=0, superseded=7)
    assert [(stored.offset, stored.key) for stored in log.read(PART, 0)] == [(7, b"k1"), (8, b"k2"), (9, b"k0")]


def test_a_deletion_stays_visible_until_everyone_had_time_to_learn_of_it(log):
    log.create(Kept("t", 1, Retention(compacted=True)))
    append(log, b"value", None, key=b"gone")
    append(log, b"value", key=b"other")
    run_upkeep(log, now_ms=now_ms() + TOMBSTONE_DELAY_MS - 60_000)
    assert offsets(log) == [1, 2]
    run_upkeep(log, now_ms=now_ms() + TOMBSTONE_DELAY_MS + 60_000)
    assert offsets(log) == [2]


def test_the_last_record_stays_even_as_an_old_deletion(log):
    # a reader that recovers a table waits for the record before the end
    log.create(Kept("t", 1, Retention(compacted=True)))
    append(log, b"value", None)
    run_upkeep(log, now_ms=now_ms() + 10 * TOMBSTONE_DELAY_MS)
    assert offsets(log) == [1]


def test_a_compaction_cut_short_never_brings_a_deleted_value_back(log, monkeypatch):
    monkeypatch.setattr(upkeep, "_STEP_RECORDS", 1)
    log.create(Kept("t", 1, Retention(compacted=True)))
    append(log, b"1", b"2", None, key=b"gone")
    append(log, b"end", key=b"other")
    states = []
    writing = log.writing

    @contextlib.contextmanager
    def watch():
        with writing() as database:
            yield database
        states.append([stored.value for stored in log.read(PART, 0) if stored.key == b"gone"])

    monkeypatch.setattr(log, "writing", watch)
    run_upkeep(log, now_ms=now_ms() + 10 * TOMBSTONE_DELAY_MS)
    assert states[-1] == []
    assert [b"1", b"2", None] in states
    assert all(not state or state[-1] is None for state in states)


def test_much_is_removed_in_many_small_steps(log, monkeypatch):
    monkeypatch.setattr(upkeep, "_STEP_BYTES", 10_000)
    log.create(Kept("t", 1, Retention(age_ms=1)))
    append(log, *[b"x" * 999] * 100)
    largest = []
    writing = log.writing

    @contextlib.contextmanager
    def watch():
        with writing() as database:
            before = database.total_changes
            yield database
            largest.append(database.total_changes - before)

    monkeypatch.setattr(log, "writing", watch)
    assert run_upkeep(log, now_ms=now_ms() + 10_000).expired == 100
    assert max(largest) <= 11
    assert offsets(log) == []


def test_a_run_that_is_told_to_stop_leaves_the_rest_to_the_next_one(log, monkeypatch):
    monkeypatch.setattr(upkeep, "_STEP_RECORDS", 10)
    log.create(Kept("t", 1, Retention(age_ms=1)))
    append(log, *[b"v"] * 100)
    answers = iter([True, True, True])
    assert run_upkeep(log, now_ms=now_ms() + 10_000, go_on=lambda: next(answers, False)).expired == 30
    assert offsets(log) == list(range(30, 100))
    assert run_upkeep(log, now_ms=now_ms() + 10_000).expired == 70


def test_freed_space_goes_back_to_the_disk(log, path):
    log.create(Kept("t", 1, Retention(age_ms=1)))
    for _ in range(12):
        append(log, *[b"x" * 800_000] * 5)
    log.close()
    assert path.stat().st_size > 48_000_000
    with contextlib.closing(Log(path)) as again:
        run_upkeep(again, now_ms=now_ms() + 10_000)
    assert path.stat().st_size < 20_000_000
