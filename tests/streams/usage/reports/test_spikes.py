from __future__ import annotations

import datetime as dt

import pytest

from streams.usage.periods import read_period
from streams.usage.reports.facts import open_facts
from streams.usage.reports.report import make_report
from streams.usage.reports.spikes import flag
from streams.usage.reports.tables import list_notes
from tests.streams.usage.uses import keep, make_use


@pytest.mark.parametrize(
    ("months", "flagged"),
    [
        ([10] * 12 + [130], ["spike"]),
        ([10] * 12 + [129], []),
        ([0] * 12 + [100], []),
        ([1] + [0] * 11 + [101], ["spike"]),
        ([10] * 11 + [130], []),
        ([200] * 12 + [1, 200], ["dip"]),
        ([200] * 12 + [2, 200], []),
        ([200] * 12 + [0, 200], ["dip"]),
        ([200] * 12 + [1], []),
        ([], []),
    ],
)
def test_a_month_is_flagged_by_the_mean_of_the_twelve_before(months, flagged):
    counts = {1500 + place: count for place, count in enumerate(months) if count}
    assert [spike.kind for spike in flag("obsea", counts)] == flagged


def test_a_spike_is_named_in_the_notes_of_the_periods_it_is_in_only():
    times = [dt.datetime(2025, month, 3, tzinfo=dt.UTC) for month in range(1, 13)]
    times += [dt.datetime(2026, 1, 5, tzinfo=dt.UTC)] * 103
    events = [make_use(number, requested_at=time) for number, time in enumerate(times)]
    with open_facts(keep(events)) as facts:
        said = [list_notes(make_report(facts, [read_period(name)])) for name in ("2026-01", "2025", "2026-02")]
    assert [any("2026-01: 103 uses are a spike" in note for note in notes) for notes in said] == [True, False, False]
