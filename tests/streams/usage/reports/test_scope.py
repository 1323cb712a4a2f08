from __future__ import annotations

import datetime as dt

from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.usage.edge.heartbeat import make_heartbeat
from streams.usage.periods import read_period
from streams.usage.reports.facts import open_facts
from streams.usage.reports.metrics import to_metric_values
from streams.usage.reports.report import make_report
from streams.usage.reports.scope import Scope
from tests.streams.usage.uses import NOW, keep, make_use

_MINUTE, _DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)
_NOVEMBER = read_period("2026-11")


def _report(*events, period=_NOVEMBER, as_of_at=None):
    with open_facts(keep(list(events))) as facts:
        return make_report(facts, [period], Scope(as_of_at=as_of_at))


def _cover(*events, **options):
    return _report(*events, **options).sheets[0].coverage[0]


def _is_whole(moment, step):
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) % step == dt.timedelta()


@settings(max_examples=30, deadline=None)
@example(dt.timedelta(), 30 * _DAY)
@given(
    st.timedeltas(min_value=dt.timedelta(), max_value=30 * _DAY - dt.timedelta(milliseconds=1)),
    st.timedeltas(min_value=dt.timedelta(), max_value=40 * _DAY),
)
def test_gaps_tell_no_moment_of_a_use_and_hide_no_time_that_was_not_counted(asked, read):
    use_at, now_at = _NOVEMBER.from_at + asked, _NOVEMBER.from_at + read
    coverage = _cover(make_use(requested_at=use_at), as_of_at=now_at)
    assert coverage.share
    for gap in coverage.gaps:
        assert _is_whole(gap.from_at, _MINUTE)
        assert _is_whole(gap.to_at, _MINUTE)
    if use_at + dt.timedelta(hours=1) < min(now_at, _NOVEMBER.to_at):
        # the first gap ends at the whole hour after the first use
        begins = [gap.to_at for gap in coverage.gaps if gap.from_at == _NOVEMBER.from_at]
        until_at = begins[0] if begins else _NOVEMBER.from_at
        assert _is_whole(until_at, dt.timedelta(hours=1))
        assert dt.timedelta() <= until_at - use_at + dt.timedelta(milliseconds=1) <= dt.timedelta(hours=1)


def test_gaps_of_doors_are_whole_minutes_outwards():
    start, second = _NOVEMBER.from_at, dt.timedelta(seconds=1)
    coverage = _cover(
        make_heartbeat("web", "obsea", start - _DAY, start + 10 * _DAY + 30 * second),
        make_heartbeat("web", "obsea", start + 11 * _DAY + 30 * second, _NOVEMBER.to_at),
    )
    assert [(gap.from_at, gap.to_at) for gap in coverage.gaps] == [(start + 10 * _DAY, start + 11 * _DAY + _MINUTE)]


def test_a_period_in_which_no_door_was_there_and_nothing_came_is_not_measured():
    beats = [make_heartbeat("web", "obsea", NOW - 40 * _DAY, NOW - 30 * _DAY)]
    beats.append(make_heartbeat("web", "obsea", NOW + 30 * _DAY, NOW + 40 * _DAY))
    report = _report(*beats)
    assert report.sheets[0].coverage[0].share == 0
    assert {line.cells[0].value.kind for line in report.sheets[0].lines} == {"not_measured"}
    report = _report(*beats, make_use())
    assert report.sheets[0].coverage[0].share == 0.0001
    assert [(gap.from_at, gap.to_at) for gap in report.sheets[0].coverage[0].gaps] == [
        (_NOVEMBER.from_at, _NOVEMBER.to_at)
    ]


def test_what_stands_for_one_fact_is_not_its_digest():
    use = make_use()
    (as_of,) = {value.as_of for value in to_metric_values(_report(use))}
    assert as_of.startswith("1-")
    assert as_of.partition("-")[2] not in use.to_digest()


def test_a_heartbeat_over_the_end_of_a_period_is_one_of_the_facts_it_rests_on():
    first = make_heartbeat("web", "obsea", _NOVEMBER.from_at, _NOVEMBER.to_at - _DAY)
    over = make_heartbeat("web", "obsea", _NOVEMBER.to_at - _DAY, _NOVEMBER.to_at + _DAY)
    one, both = (_report(*beats).sheets[0] for beats in ([first], [first, over]))
    assert (one.coverage[0].gaps != ()) is (both.coverage[0].gaps == ())
    assert one.as_of != both.as_of


def test_a_door_that_two_keep_is_closed_only_if_the_last_of_them_closed_it():
    start = _NOVEMBER.from_at
    worker = make_heartbeat("feed", "obsea", start, start + 10 * _DAY)
    run = make_heartbeat("feed", "obsea", start + 2 * _DAY, start + 3 * _DAY, last=True)
    assert [(gap.from_at - start) / _DAY for gap in _cover(worker, run).gaps] == [10]
    later = make_heartbeat("feed", "obsea", start + 9 * _DAY, start + 11 * _DAY, last=True)
    assert _cover(worker, later).gaps == ()
