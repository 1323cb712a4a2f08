"""The tables of two reports that were handed in, made again from inputs declared as they were printed."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from streams.usage.audit.document import BASELINE, TOTAL
from streams.usage.audit.printed import read_printed
from streams.usage.audit.reading import read_document
from streams.usage.sheets.assessment import Assessment, assess
from streams.usage.sheets.reading import read_sheets
from streams.usage.sheets.writing import to_markdown

_SEEDS = Path(__file__).parent / "seeds"
_PRINTED = Path(__file__).parents[1] / "audit" / "seeds"

#: Each report: its transcription, its periods, and the day on which it was made.
_REPORTS = {
    "m24": (("M13-24",), dt.date(2024, 10, 31)),
    "m36": (("M13-24", "M25-36"), None),
}


@pytest.fixture(scope="module", params=_REPORTS)
def made(request) -> tuple[str, Assessment]:
    periods, as_of = _REPORTS[request.param]
    return request.param, assess(read_sheets([_SEEDS]), periods, as_of=as_of)


def test_every_row_and_cell_is_as_it_was_printed(made):
    name, assessment = made
    found = {
        (assessed.sheet.installation, row.metric.metric): (
            row.metric.label,
            row.metric.definition,
            row.metric.baseline,
            *(cell.text for cell in row.cells),
        )
        for assessed in assessment.sheets
        for row in assessed.rows
    }
    printed = {
        (row.installation, row.metric): (row.label, row.definition, row.baseline, *(text for _, text in row.cells))
        for row in read_document(_PRINTED / f"{name}.toml").rows
    }
    assert found == printed


def test_every_total_is_as_it_was_printed_and_beside_it_stands_what_it_can_be():
    assessment = assess(read_sheets([_SEEDS]), ("M13-24", "M25-36"))
    printed = {(row.installation, row.metric): row for row in read_document(_PRINTED / "m36.toml").rows}
    blank = []
    for assessed in assessment.sheets:
        for row in assessed.rows:
            original = printed[assessed.sheet.installation, row.metric.metric]
            if original.total:
                assert row.total is not None
                assert row.total.text == original.total
            else:
                blank.append((assessed.sheet.installation, row.metric.metric, row.total.text if row.total else ""))
    # where nothing was printed, the names of both periods are put together
    assert [(where, metric) for where, metric, _ in blank] == [("litter", "country_names"), ("azores", "country_names")]
    assert read_printed(blank[0][2], of_names=True).keys == {"italy", "germany", "canada"}


def test_the_bounds_of_totals_are_the_largest_period_and_the_sum():
    assessment = assess(read_sheets([_SEEDS]), ("M13-24", "M25-36"))
    follows = {
        (assessed.sheet.installation, row.metric.metric): row.follows
        for assessed in assessment.sheets
        for row in assessed.rows
    }
    assert follows["litter", "users"] == "16-26"
    assert follows["litter", "countries"] == "2-3"
    assert follows["flowcam", "users"] == "122-129"
    assert follows["flowcam", "countries"] == "7-10"
    assert follows["flowcam", "images_processed"] == "2,261,370"
    assert follows["obsea", "user_groups"] == "70"
    assert follows["obsea", "countries"] == ""


def test_nothing_that_was_printed_without_role_and_evidence_passes_for_declared(made):
    _, assessment = made
    marks = {cell.provenance for assessed in assessment.sheets for row in assessed.rows for cell in row.cells}
    assert marks == {"estimated", "not measured"} if made[0] == "m36" else {"estimated"}


def test_the_audit_of_the_tables_is_listed_and_finds_the_wrong_sums():
    assessment = assess(read_sheets([_SEEDS]), ("M13-24", "M25-36"))
    found = {(finding.rule, finding.subject, finding.about) for finding in assessment.findings}
    assert ("unique-bounds", "obsea", "user_groups") in found
    assert ("baseline-arithmetic", "zooscan", "images_processed") in found
    text = to_markdown(assessment)
    assert "the total is stated as 700; by the periods it can only be 70" in text
    assert "restated: 1 (Italy) was stated before (2024-09-30)" in text
    assert "Downloads of the dataset are counted instead of user groups." in text


def test_the_whole_report_is_the_golden_one(made):
    name, assessment = made
    golden = _SEEDS / f"golden-{name}.md"
    assert to_markdown(assessment) == golden.read_text(encoding="utf-8")


def test_columns_that_are_no_period_have_names_of_their_own():
    assert {BASELINE, TOTAL}.isdisjoint(read_sheets([_SEEDS])[0].periods)
