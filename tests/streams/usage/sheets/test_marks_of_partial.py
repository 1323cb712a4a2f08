"""What was not counted and what stands out is marked in every form of an assessment."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json

import pytest
from docx import Document
from lxml import html

from streams.usage.edge.heartbeat import make_heartbeat
from streams.usage.reports.facts import open_facts
from streams.usage.reports.scope import Scope
from streams.usage.sheets.assessment import assess
from streams.usage.sheets.charts.charting import list_charts
from streams.usage.sheets.charts.layout import lay_out
from streams.usage.sheets.measuring import measure, read_periods
from streams.usage.sheets.page import to_html
from streams.usage.sheets.word import to_docx
from streams.usage.sheets.writing import to_csv, to_markdown, to_plain
from tests.streams.usage.sheets.sheets import STEPS, read
from tests.streams.usage.uses import keep, make_use

_GAP = "2025-03-01 00:00Z to 2025-03-04 00:00Z"


def _at(year: int, month: int, day: int) -> dt.datetime:
    return dt.datetime(year, month, day, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def made():
    """Assess two years of which the first is whole; in the second a door is away for three days, and a month stands out."""
    sheet = read(STEPS.replace("unit =", 'baseline = "10"\nmeasured_by = "deliveries"\nunit ='))
    uses = [make_use(number, requested_at=_at(2023, 10, 2)) for number in range(3)]
    uses += [make_use(f"many {number}", requested_at=_at(2025, 5, 2)) for number in range(120)]
    beats = [make_heartbeat("feed", "obsea", *span) for span in (
        (_at(2023, 9, 1), _at(2025, 3, 1)), (_at(2025, 3, 4), _at(2025, 9, 1)),
    )]  # fmt: skip
    periods = read_periods([sheet])
    with open_facts(keep([*uses, *beats])) as facts:
        measured = measure(facts, [sheet], periods, Scope(as_of_at=_at(2025, 9, 2)))
    return assess([sheet], [period.name for period in periods], measured)


def test_tables_mark_the_cell_and_tell_the_intervals(made):
    text = to_markdown(made)
    assert "| 3 [M] | 120 [M] partial spike | 123 [M] partial |" in text
    assert (
        "M25-36 is partial: 99.18 % of it is covered by our own counting, not 2025-03-01 00:00 to 2025-03-04 00:00"
        in text
    )


def test_exports_have_columns_of_what_is_missing_and_what_stands_out(made):
    rows = {row["column"]: row for row in csv.DictReader(io.StringIO(to_csv(made)))}
    assert rows["M25-36"]["flags"] == "spike 2025-05"
    assert rows["M25-36"]["gaps"] == "2025-03-01T00:00:00.000Z/2025-03-04T00:00:00.000Z"
    assert (rows["M13-24"]["flags"], rows["M13-24"]["gaps"]) == ("", "")
    cell = json.loads(json.dumps(to_plain(made)))["installations"][0]["rows"][0]["cells"]["M25-36"]
    assert cell["flags"] == [{"month": "2025-05", "kind": "spike"}]
    assert cell["is_partial"]


def test_bars_of_partial_periods_are_striped_and_what_is_missing_stands_below_them(made):
    chart, *_ = list_charts(made.sheets[0], made.periods)
    assert [bool(bar.missing) for bar in chart.bars] == [False, False, True]
    assert chart.note == f"Striped: partial. M25-36 without {_GAP}."
    white = [box for box in lay_out(chart).boxes if box.colour == (255, 255, 255)]
    assert {box.top for box in white} == {lay_out(chart).boxes[-1].top}
    assert len(white) > 10
    (note, *_) = html.fromstring(to_html(made)).xpath("//figure/p")
    assert note.text_content() == chart.note
    assert chart.note in [paragraph.text for paragraph in Document(io.BytesIO(to_docx(made))).paragraphs]
