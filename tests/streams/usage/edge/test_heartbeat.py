from __future__ import annotations

import datetime as dt
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.noun import to_time_text
from streams.usage.edge.heartbeat import make_heartbeat
from streams.usage.periods import read_period
from streams.usage.reports.facts import open_facts
from streams.usage.reports.report import make_report
from streams.usage.reports.tables import list_notes, to_json, to_markdown
from tests.streams.usage.uses import keep, make_use

_DAY = dt.timedelta(days=1)
_START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
_MARCH = read_period("2026-03")


def _beat(first, until, door="web", **options):
    return make_heartbeat(door, "obsea", _START + first * _DAY, _START + until * _DAY, **options)


def _report(*events, period=_MARCH):
    with open_facts(keep(list(events))) as facts:
        return make_report(facts, [period])


def _gaps(*events):
    (coverage,) = _report(*events).sheets[0].coverage
    return [((gap.from_at - _START) / _DAY, (gap.to_at - _START) / _DAY) for gap in coverage.gaps], coverage.share


def test_a_period_in_which_every_door_was_there_is_covered_and_its_zeros_are_measured():
    report = _report(_beat(-3, 10), _beat(10, 20), _beat(20, 40))
    sheet = report.sheets[0]
    assert (sheet.coverage[0].gaps, sheet.coverage[0].share) == ((), 1.0)
    requests = next(line for line in sheet.lines if line.definition.metric == "requests")
    assert requests.cells[0].value.value == 0


def test_the_time_between_two_heartbeats_that_do_not_meet_is_missing_in_every_export():
    use = make_use(requested_at=_START + 20 * _DAY)
    report = _report(_beat(0, 10), _beat(11.5, 31), use)
    for text in (*list_notes(report), to_markdown(report), to_json(report)):
        assert to_time_text(_START + 10 * _DAY) in text
        assert to_time_text(_START + 11.5 * _DAY) in text
    assert report.sheets[0].coverage[0].share == 0.9516


def test_a_gap_of_one_door_is_a_gap_though_another_door_was_there():
    assert _gaps(_beat(0, 31), _beat(0, 5, "local"), _beat(7, 31, "local")) == ([(5, 7)], 0.9355)


def test_a_door_that_fell_silent_is_missing_from_then_on_and_one_that_was_closed_is_not():
    assert _gaps(_beat(0, 31), _beat(2, 10, "local"))[0] == [(10, 31)]
    assert _gaps(_beat(0, 31), _beat(2, 10, "local", last=True))[0] == []
    assert _gaps(_beat(0, 31), _beat(2, 10, "local", last=True), _beat(15, 31, "local"))[0] == []


def test_heartbeats_are_uses_of_nothing():
    report = _report(_beat(0, 31), make_use(requested_at=_START + _DAY))
    plain = _report(make_use(requested_at=_START), make_use(requested_at=_START + _DAY))
    values = [[line.cells[0].value for line in found.sheets[0].lines] for found in (report, plain)]
    assert values[0] == values[1]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 31), st.integers(0, 31)), min_size=1, max_size=8), st.randoms())
def test_what_is_missing_is_what_no_heartbeat_covers_whatever_their_order(spans, shuffler: random.Random):
    spans = [(min(span), max(span)) for span in spans if span[0] != span[1]] or [(0, 1)]
    beats = [_beat(*span) for span in spans]
    shuffler.shuffle(beats)
    found, _ = _gaps(*beats)
    covered = {day for first, until in spans for day in range(first, until)}
    missing = {day for day in range(31) if any(first <= day < until for first, until in found)}
    assert missing == set(range(31)) - covered
