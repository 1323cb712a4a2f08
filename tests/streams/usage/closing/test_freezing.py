from __future__ import annotations

import datetime as dt
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from schemas.errors import RejectedInput
from sinks.object_store.memory import MemoryStore
from streams.usage.closing import freezing
from streams.usage.closing.freezing import freeze, iterate_files
from streams.usage.edge.heartbeat import make_heartbeat
from streams.usage.meter import Meter
from streams.usage.reports.facts import open_facts
from streams.usage.reports.report import make_report
from streams.usage.reports.scope import Scope
from streams.usage.reports.tables import to_json
from tests.streams.usage.closing.closings import NOVEMBER, list_uses
from tests.streams.usage.uses import keep, make_record, make_records, make_use

_SECOND = dt.timedelta(seconds=1)

#: Another use under the id of one, and one use told at two times.
_USES = [*list_uses(), make_use(2, bytes=7), make_use(4, requested_at=NOVEMBER.from_at)]


def _freeze(store: MemoryStore) -> tuple[dict[str, bytes], object]:
    files: dict[str, bytes] = {}
    found = freeze(store, NOVEMBER, files.__setitem__)
    return files, found


def _to_store(files: dict[str, bytes]) -> MemoryStore:
    store = MemoryStore()
    for name, data in files.items():
        store.write(name, data, media_type="application/vnd.apache.parquet")
    return store


def _report(store: MemoryStore) -> str:
    with open_facts(store) as facts:
        return to_json(make_report(facts, [NOVEMBER], Scope(installations=("obsea",), as_of_at=NOVEMBER.to_at)))


@contextmanager
def _rows_of_file(rows: int):
    kept, freezing.ROWS_OF_FILE = freezing.ROWS_OF_FILE, rows
    try:
        yield
    finally:
        freezing.ROWS_OF_FILE = kept


@settings(max_examples=25, deadline=None)
@given(
    uses=some.permutations(_USES),
    again=some.lists(some.sampled_from(_USES), max_size=5),
    cut=some.integers(0, len(_USES)),
    rows=some.sampled_from([3, 7, 50_000]),
)
def test_equal_uses_are_frozen_as_equal_bytes_in_whatever_order_partition_and_repetition(uses, again, cut, rows):
    with _rows_of_file(rows):
        files, found = _freeze(keep(_USES))
        others, other = _freeze(keep([*uses[:cut], *again], uses[cut:]))
    assert others == files
    assert (other.uses, other.sha256) == (found.uses, found.sha256)
    assert len(files) == -(-found.uses // rows)


def test_the_report_of_frozen_facts_is_that_of_all_facts():
    store = keep(_USES)
    with _rows_of_file(4):
        files, _ = _freeze(store)
    assert _report(_to_store(files)) == _report(store)


def test_what_was_requested_after_the_period_is_left_out_but_for_a_double_clicks_later_half():
    at = NOVEMBER.to_at
    uses = [make_use(place, requested_at=at + place * _SECOND) for place in (-1, 0, 30, 59, 60, 90)]
    assert _freeze(keep(uses))[1].uses == 4


def test_the_heartbeat_that_a_door_was_in_when_the_period_ended_is_kept():
    end = NOVEMBER.to_at
    hour = dt.timedelta(hours=1)
    beats = [
        make_heartbeat("feed", "obsea", end - 2 * hour, end - hour),
        make_heartbeat("feed", "obsea", end - hour, end + hour),
        make_heartbeat("feed", "obsea", end + hour, end + 2 * hour),
    ]
    files, found = _freeze(keep([make_use(1, requested_at=NOVEMBER.from_at), *beats]))
    assert found.uses == 3
    assert '"coverage":1,' in _report(_to_store(files)) or '"coverage":1.0,' in _report(_to_store(files))


def test_files_are_in_the_order_of_time():
    with _rows_of_file(5):
        files, _ = _freeze(keep(_USES[::-1]))
    times = [at for _, table in iterate_files(_to_store(files)) for at in table.to_columns()["requested_at"]]
    assert times == sorted(times)


def test_records_that_are_no_use_are_kept_once_each_if_they_came_before_the_end():
    store = MemoryStore()
    before, after = NOVEMBER.to_at - _SECOND, NOVEMBER.to_at + _SECOND
    records = [
        make_record(0, b"nonsense", appended_at=before),
        make_record(1, b"nonsense", appended_at=before),
        make_record(2, b"other nonsense", appended_at=after),
        *make_records([make_use(1)], start=3),
    ]
    Meter(store, "log-1").take(records)
    files, found = _freeze(store)
    assert (found.uses, found.rejected) == (1, 1)
    with open_facts(_to_store(files)) as facts:
        assert facts.rejected == (("not_json", 1),)


def test_an_object_that_cannot_be_read_stops_the_closing_and_is_named():
    store = keep(_USES)
    key = next(info.key for info in store.list("usage/facts/"))
    store.write(key, b"no parquet", media_type="application/vnd.apache.parquet")
    with pytest.raises(RejectedInput, match=key):
        _freeze(store)
