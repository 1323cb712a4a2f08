from __future__ import annotations

import csv
import datetime as dt
import io

import pytest

from streams.usage.periods import read_period
from streams.usage.reports.facts import open_facts
from streams.usage.reports.metrics import to_metric_values
from streams.usage.reports.report import make_report
from streams.usage.reports.scope import Scope
from streams.usage.reports.spikes import flag
from streams.usage.reports.tables import list_notes, to_csv, to_json, to_markdown, to_tables
from tests.streams.usage.uses import keep, make_use


@pytest.mark.parametrize(
    ("months", "flagged"),
    [
        ([10] * 12 + [130], ["spike"]),
        ([10] * 12 + [129], []),
        ([0] * 12 + [100], ["spike"]),
        ([0] * 12 + [99], []),
        ([10] * 11 + [130], []),
        ([200] * 12 + [1, 200], ["dip"]),
        ([200] * 12 + [2, 200], []),
        ([200] * 12 + [0, 200], ["dip"]),
        ([20] * 12 + [0, 20], ["dip"]),
        ([19] * 12 + [0, 19], []),  # too few before
        ([200] * 12 + [1], []),  # not over yet
        ([], []),
    ],
)
def test_a_month_is_flagged_by_the_mean_of_the_twelve_before_to_the_last_unit(months, flagged):
    counts = {1500 + place: count for place, count in enumerate(months) if count}
    found = flag("obsea", "reads", counts, span=(1500, 1500 + len(months) - 1))
    assert [spike.flagged.kind for spike in found] == flagged


def _report(*names, as_of_at=None):
    times = [dt.datetime(2025, month, 3, tzinfo=dt.UTC) for month in range(1, 13)]
    times += [dt.datetime(2026, 1, 5, tzinfo=dt.UTC)] * 103
    events = [make_use(number, requested_at=time) for number, time in enumerate(times)]
    events += [make_use(f"test-{number}", requested_at=times[3], purpose="test") for number in range(300)]
    with open_facts(keep(events)) as facts:
        return make_report(facts, [read_period(name) for name in names], Scope(as_of_at=as_of_at))


def test_a_spike_is_named_in_the_notes_of_the_periods_it_is_in_only():
    said = [list_notes(_report(name)) for name in ("2026-01", "2025", "2026-02")]
    assert [any("2026-01: 103 deliveries are a spike" in note for note in notes) for notes in said] == [
        True,
        False,
        False,
    ]


def test_a_spike_is_marked_at_the_value_in_every_form():
    report = _report("2025", "2026-01")
    rows = {row[0]: row[1:] for table in to_tables(report) for row in table.rows}
    assert rows["Deliveries"] == ("12", "103 \u25b2")
    assert rows["Images processed"] == ("12", "103 \u25b2")
    assert rows["Requests"] == ("12", "103")
    assert "| Deliveries | 12 | 103 \u25b2 |" in to_markdown(report)
    flagged = {
        (row["metric"], row["period"]): row["flags"]
        for row in csv.DictReader(io.StringIO(to_csv(report)))
        if row["flags"]
    }
    assert flagged == {(metric, "2026-01"): "spike 2026-01" for metric in ("deliveries", "images_processed")}
    assert to_json(report).count('"flags":"spike 2026-01"') == 2
    values = [value for value in to_metric_values(report) if value.flags]
    assert {(value.metric, value.period.from_at.year) for value in values} == {
        ("deliveries", 2026),
        ("images_processed", 2026),
    }
    assert [flag.to_plain() for flag in values[0].flags] == [{"month": "2026-01", "kind": "spike"}]


def test_months_of_silence_up_to_now_are_dips_and_the_running_one_is_not():
    days = [dt.datetime(2025, month, 3, tzinfo=dt.UTC) for month in range(1, 13) for _ in range(20)]
    events = [make_use(number, requested_at=day) for number, day in enumerate(days)]
    now_at = dt.datetime(2026, 2, 3, tzinfo=dt.UTC)
    with open_facts(keep(events)) as facts:
        found = make_report(facts, [read_period("2026")], Scope(as_of_at=now_at)).spikes
    assert {(spike.flagged.month, spike.flagged.kind) for spike in found} == {("2026-01", "dip")}
