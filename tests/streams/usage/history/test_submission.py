"""Counts of the history that are handed in as a signed file are the truth in the sheet that takes them."""

from __future__ import annotations

import datetime as dt

from sinks.object_store.memory import MemoryStore
from streams.usage.pseudonym import PseudonymKey
from streams.usage.reports.facts import open_facts
from streams.usage.reports.report import make_report
from streams.usage.reports.scope import Scope
from streams.usage.sheets.assessment import assess
from streams.usage.sheets.measuring import measure, read_periods
from streams.usage.sheets.reading import read_text
from streams.usage.submitting.accepting import to_imported
from streams.usage.submitting.making import make_submission
from streams.usage.submitting.submission import read_submission, sign

_SHEET = """
format = "observatory-sheet/1"
installation = "smartbay"
title = "Bay"
project_starts = "2022-09"
periods = ["M1-12", "M13-24", "M25-36"]
"""
_METRICS = ("images_processed", "images_reprocessed", "requests", "deliveries", "reads", "refusals")


def test_a_station_far_away_hands_in_the_truth_and_its_users_become_bounds(history):
    text = _SHEET
    for metric in (*_METRICS, "unique_users"):
        kind = "unique" if metric == "unique_users" else "count"
        text += (
            f'[[metric]]\nmetric = "{metric}"\nlabel = "{metric}"\ndefinition = "x"\nkind = "{kind}"\nunit = "thing"\n'
        )
        text += f'measured_by = "{metric}"\n'
    sheet = read_text(text, "bay.toml")
    periods, key = read_periods([sheet]), PseudonymKey(b"k" * 32)
    with open_facts(history.store) as facts:
        report = make_report(facts, periods, Scope(only="smartbay"))
    signed = sign(make_submission(report, "bay", dt.datetime(2025, 9, 9, tzinfo=dt.UTC), program="1"), key)
    sheet = sheet.model_copy(update={"imported": to_imported(*read_submission(signed, key, "bay.json"), sheet)})
    names = [period.name for period in periods]
    with open_facts(MemoryStore()) as facts:
        rows = assess([sheet], names, measure(facts, [sheet], periods)).sheets[0].rows
    truth, found = history.truth, {row.metric.metric: row for row in rows}
    for metric in _METRICS:
        told = [truth.numbers["smartbay", metric, "", column] for column in (*names, "TOTAL")]
        assert [cell.text for cell in found[metric].cells] == [f"{count:,}" for count in told[:3]]
        assert found[metric].total.text == f"{told[3]:,}"
    users = [len(truth.members["smartbay", "unique_users", column]) for column in names]
    assert [cell.text for cell in found["unique_users"].cells] == [f"{count:,}" for count in users]
    assert found["unique_users"].total.text == f"{max(users)}-{sum(users)}"
    assert max(users) <= len(truth.members["smartbay", "unique_users", "TOTAL"]) < sum(users)
    assert {cell.provenance for row in rows for cell in row.cells} == {"imported"}
