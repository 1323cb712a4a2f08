"""Facts that stand: the same figures, without reading again what no longer changes."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import RejectedInput
from sinks.object_store.memory import MemoryStore
from streams.usage.meter import Meter
from streams.usage.periods import make_current, read_period
from streams.usage.reports.facts import open_facts
from streams.usage.reports.report import make_report
from streams.usage.reports.standing import Standing
from streams.usage.reports.tables import to_json
from tests.streams.usage.uses import NOW, make_person, make_records, make_use, to_content

AGED = dt.timedelta(hours=2)
SEGMENT = 5


class AgedStore(MemoryStore):
    """A store in which everything was written two hours ago, or just now, and that tells what is read."""

    def __init__(self) -> None:
        self.reads: list[str] = []
        super().__init__(before=lambda verb, key: self.reads.append(key) if verb == "read" else None)
        self.age = AGED

    def list(self, prefix):
        return [replace(info, stored_at=info.stored_at - self.age) for info in super().list(prefix)]


def _count(store, standing=None) -> bytes:
    with open_facts(store, standing=standing) as facts:
        return to_json(make_report(facts, (*make_current(NOW), read_period("2025"))))


def _make_log(count, *, first=0):
    return make_records(
        (
            make_use(number % 40, who=make_person(str(number % 7)), images={"still": number % 3 + 1},
                     requested_at=NOW - dt.timedelta(days=number % 50), contents=(to_content(number % 11),))
            for number in range(first, first + count)
        ),
        start=first,
    )  # fmt: skip


@pytest.fixture
def store():
    return AgedStore()


@settings(max_examples=6, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(("take", "again", "lose file", "other log")), st.integers(1, 12)), max_size=5
    )
)
def test_figures_are_those_of_all_facts_whatever_happens_between_two_looks(tmp_path_factory, steps):
    store, standing = AgedStore(), Standing(tmp_path_factory.mktemp("standing"))
    end = 0
    for step, count in steps:
        if step == "lose file":
            for path in standing.folder.iterdir():
                path.unlink()
        elif step == "other log":
            Meter(store, f"log-{count}", segment_offsets=SEGMENT).take(_make_log(count))
        else:
            first = max(0, end - 3) if step == "again" else end
            Meter(store, "log-0", segment_offsets=SEGMENT).take(_make_log(count, first=first))
            end = max(end, first + count)
        assert _count(store, standing) == _count(store)


def test_of_facts_that_stand_only_the_newest_are_read_again(store, tmp_path):
    standing, meter = Standing(tmp_path), Meter(store, "log-1", segment_offsets=SEGMENT)
    meter.take(_make_log(4 * SEGMENT))
    _count(store, standing)
    meter.take(_make_log(2, first=4 * SEGMENT))
    store.reads.clear()
    assert _count(store, standing) == _count(store)
    keys = [info.key for info in store.list("usage/facts")]
    assert len(keys) == 5
    assert store.reads == [keys[-1], *keys]


def test_what_was_written_just_now_does_not_stand_yet(store, tmp_path):
    Meter(store, "log-1", segment_offsets=SEGMENT).take(_make_log(12))
    store.age = dt.timedelta(0)
    standing = Standing(tmp_path)
    for _ in range(2):
        store.reads.clear()
        _count(store, standing)
        assert len(store.reads) == 3


def test_an_object_that_is_gone_or_other_no_longer_counts_as_it_did(store, tmp_path):
    standing = Standing(tmp_path)
    Meter(store, "log-1", segment_offsets=SEGMENT).take(_make_log(4 * SEGMENT))
    _count(store, standing)
    first, second, *_ = [info.key for info in store.list("usage/facts")]
    store.write(first, store.read(second), media_type="x")
    assert _count(store, standing) == _count(store)
    store.delete(second)
    assert _count(store, standing) == _count(store)


def test_a_damaged_file_is_made_anew(store, tmp_path):
    standing = Standing(tmp_path)
    Meter(store, "log-1", segment_offsets=SEGMENT).take(_make_log(12))
    expected = _count(store, standing)
    (path,) = tmp_path.glob("facts-*.duckdb")
    path.write_bytes(b"not a database" * 1_000)
    assert _count(store, standing) == expected
    assert path.read_bytes()[:14] != b"not a database"


def test_a_file_that_another_program_has_is_left_to_it(store, tmp_path):
    standing = Standing(tmp_path)
    Meter(store, "log-1", segment_offsets=SEGMENT).take(_make_log(12))
    expected = _count(store, standing)
    (path,) = tmp_path.glob("facts-*.duckdb")
    program = "import sys, duckdb; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout.readline() == "held\n"
        store.reads.clear()
        assert _count(store, standing) == expected
        assert len(store.reads) == 3
        holder.stdin.close()
    assert path.is_file()


def test_a_broken_object_is_named_and_does_not_stand(store, tmp_path):
    standing = Standing(tmp_path)
    Meter(store, "log-1", segment_offsets=SEGMENT).take(_make_log(12))
    key = next(iter(store.list("usage/facts"))).key
    whole = store.read(key)
    store.write(key, whole[:-9], media_type="x")
    with pytest.raises(RejectedInput, match=key):
        _count(store, standing)
    store.write(key, whole, media_type="x")
    assert _count(store, standing) == _count(store)
