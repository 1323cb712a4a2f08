from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re

import pytest

from schemas.usage import Period
from streams.usage.sheets.assessment import AssessedRow, assess
from streams.usage.sheets.cells import Measurement
from streams.usage.sheets.page import to_html
from streams.usage.sheets.writing import list_texts, to_csv, to_json, to_markdown
from tests.streams.usage.sheets.sheets import EVIDENCE, HOMES, STEPS, VISITORS, declare, read, report

_PERIODS = ("M13-24", "M25-36")
_SOLID = {"role": "guard", "stated_on": "2025-09-01", "evidence_sha256": EVIDENCE}


def _make(*parts: str, measured: dict | None = None, as_of: dt.date | None = None) -> AssessedRow:
    return assess([read(*parts)], _PERIODS, measured, as_of=as_of).sheets[0].rows[0]


def test_a_declared_value_without_role_day_and_evidence_is_an_estimate():
    for missing in (None, *_SOLID):
        fields = {key: value for key, value in _SOLID.items() if key != missing}
        row = _make(STEPS, declare("steps", "M13-24", "7", **fields))
        assert row.cells[0].provenance == ("declared" if missing is None else "estimated")


def test_it_is_told_for_want_of_what_a_value_is_an_estimate():
    values = (declare("steps", "M13-24", "7", stated_on="2024-09-30"), declare("steps", "M25-36", "8", role="guard"))
    told = assess([read(STEPS, *values)], _PERIODS).sheets[0].sentences
    assert "Estimates, since no role, no evidence is named: Steps climbed (M13-24)." in told
    assert "Estimates, since no day, no evidence is named: Steps climbed (M25-36)." in told


def test_what_nobody_counted_is_not_zero():
    row = _make(STEPS, declare("steps", "M13-24", "N/A"))
    assert [(cell.text, cell.provenance) for cell in row.cells] == [
        ("N/A", "not measured"),
        ("not measured", "not measured"),
    ]
    assert row.total is None
    text = to_markdown(assess([read(STEPS, declare("steps", "M13-24", "0"))], _PERIODS))
    assert "Not measured, which is not 0: Steps climbed (M25-36)." in text


@pytest.mark.parametrize(
    ("metric", "values", "cell"),
    [
        ("steps", ("5", "1,000"), "1,005"),
        ("visitors", ("5", "7"), "7-12"),
        ("visitors", ("5", "N/A"), "at least 5"),
        ("homes", ("Spain, Italy", "the Italy and France"), "Spain, Italy, France"),
    ],
)
def test_parts_of_a_cell_are_added_bounded_or_united_by_what_they_are(metric, values, cell):
    texts = {"steps": STEPS, "visitors": VISITORS, "homes": HOMES + VISITORS}
    parts = [declare(metric, "M13-24", value, part=f"p{place}", **_SOLID) for place, value in enumerate(values)]
    assert _make(texts[metric], *parts).cells[0].text == cell


def test_a_cell_is_as_sure_as_its_least_sure_part():
    measured = {("obsea", "steps_measured", "M13-24"): Measurement("90")}
    sheet = STEPS.replace("unit =", 'measured_by = "steps_measured"\nunit =')
    assert _make(sheet, measured=measured).cells[0].provenance == "measured"
    counter = report("steps", "M13-24", "4", ("2024-01-01", "2024-01-14"))
    row = _make(sheet, counter, declare("steps", "M13-24", "6", **_SOLID), measured=measured)
    assert (row.cells[0].text, row.cells[0].provenance) == ("100", "declared")
    stated, counted = row.cells[0].notes
    assert stated == "6 stated by the guard on 2025-09-01, evidence abababababababab\u2026"
    assert counted.startswith(
        "4 from turnstile, 2024-01-01 to 2024-01-14 (14 days), retrieved 2025-09-01 00:00, evidence abab"
    )
    assert counted.endswith("; gates are no persons")


def test_a_restatement_takes_the_place_of_what_was_stated_before_and_says_so():
    parts = [
        declare("steps", "M13-24", value, stated_on=day) for value, day in (("9", "2025-01-01"), ("7", "2024-09-30"))
    ]
    row = _make(STEPS, *parts)
    assert (row.cells[0].text, row.cells[0].notes) == ("9", ("restated: 7 was stated before (2024-09-30)",))
    assert _make(STEPS, *parts, as_of=dt.date(2024, 12, 31)).cells[0].text == "7"


def test_totals_follow_from_the_cells():
    def total(*parts: str, measured: dict | None = None) -> tuple[str, str]:
        row = _make(*parts, measured=measured)
        assert row.total is not None
        return row.total.text, row.follows

    def both(metric: str, one: str, other: str) -> str:
        return declare(metric, "M13-24", one, **_SOLID) + declare(metric, "M25-36", other, **_SOLID)

    assert total(STEPS, both("steps", "5", "6")) == ("11", "11")
    assert total(VISITORS, both("visitors", "5", "6")) == ("6-11", "6-11")
    assert total(HOMES, VISITORS, both("homes", "Spain", "Italy, Spain")) == ("Spain, Italy", "Spain, Italy")
    assert total(STEPS, declare("steps", "M13-24", "5")) == ("at least 5", "at least 5")
    assert total(STEPS, both("steps", "5", "6"), declare("steps", "TOTAL", "12")) == ("12", "11")
    assert _make(STEPS.replace("unit =", 'per = "year"\nunit ='), both("steps", "5", "6")).total is None


def test_the_measured_union_is_the_total_of_distinct_things():
    sheet = VISITORS.replace("unit =", 'measured_by = "unique_users"\nunit =')
    texts = {"M13-24": "5", "M25-36": "6", "TOTAL": "8"}
    measured = {("obsea", "unique_users", name): Measurement(text) for name, text in texts.items()}
    row = _make(sheet, measured=measured)
    assert row.total is not None
    assert (row.total.text, row.total.provenance, row.follows) == ("8", "measured", "6-11")


def test_the_commentary_tells_change_target_break_and_gaps():
    version = 'version = 2\nsince = 2025-01-01\nchange = "Children count."'
    later = VISITORS.replace('metric = "visitors"', f'metric = "visitors"\n{version}')
    sheet = read(VISITORS, later, declare("visitors", "M13-24", "40"), declare("visitors", "M25-36", "60"), STEPS)
    told = assess([sheet], _PERIODS).sheets[0].sentences
    change = "Visitors: 60 in M25-36, against 40 in M13-24: 50.0 % more."
    assert f"{change} Not the same thing: M13-24 is counted under an earlier definition." in told
    assert "Visitors: the target of over 50 is reached in M25-36." in told
    assert "Visitors: defined anew since 2025-01-01 (version 2). Children count." in told
    assert "Not measured, which is not 0: Steps climbed (M13-24, M25-36)." in told


def test_equal_sheets_give_equal_bytes_in_every_form():
    sheet = read(VISITORS, STEPS, declare("visitors", "M13-24", "40"))
    for write in (to_markdown, to_html, to_csv, to_json):
        assert write(assess([sheet], _PERIODS)) == write(assess([sheet], _PERIODS))


def test_csv_and_json_hold_every_cell_with_its_mark():
    assessment = assess([read(VISITORS, STEPS, declare("visitors", "M13-24", "40"))], _PERIODS)
    rows = list(csv.DictReader(io.StringIO(to_csv(assessment))))
    assert [(row["metric"], row["column"], row["value"], row["provenance"]) for row in rows] == [
        ("visitors", "baseline", "~100 / y", "estimated"),
        ("visitors", "M13-24", "40", "estimated"),
        ("visitors", "M25-36", "not measured", "not measured"),
        ("visitors", "TOTAL", "at least 40", "estimated"),
        ("steps", "M13-24", "not measured", "not measured"),
        ("steps", "M25-36", "not measured", "not measured"),
    ]
    plain = json.loads(to_json(assessment))
    assert plain["installations"][0]["rows"][0]["cells"]["M13-24"]["provenance"] == "estimated"


def test_what_a_sheet_says_is_text_on_the_page_and_in_tables():
    sheet = read(STEPS.replace("Steps climbed", "<script>1</script> | steps"), declare("steps", "M13-24", "3"))
    assessment = assess([sheet], _PERIODS)
    page = to_html(assessment)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page.split("<body>")[0]
    assert "<svg" in page
    assert "<script>1</script> \\| steps" in to_markdown(assessment)


@pytest.mark.parametrize(
    ("value", "total", "provenance"),
    [("7", "7-10", "declared"), ("2", "3-5", "declared"), ("N/A", "at least 3", "measured")],
)
def test_the_total_is_no_union_of_ours_where_others_counted_too(value, total, provenance):
    metric = "visitors_measured"
    figures = zip((*_PERIODS, "TOTAL"), "223", strict=True)
    measured = {("obsea", metric, column): Measurement(text) for column, text in figures}
    sheet = VISITORS.replace("unit =", f'measured_by = "{metric}"\nunit =')
    row = _make(sheet, declare("visitors", "M25-36", value, part="workshop", **_SOLID), measured=measured)
    assert row.total is not None
    assert (row.total.text, row.total.provenance) == (total, provenance)
    assert _make(sheet, measured=measured).total.text == "3"


def _version(number: int, since: str, **other: str) -> str:
    """Return a later version of the steps, as a figure of ours fills it."""
    text = STEPS.replace('metric = "steps"', f'metric = "steps"\nversion = {number}\nsince = {since}\nchange = "Why."')
    for name, value in other.items():
        text = re.sub(rf'{name} = ".*"', f'{name} = "{value}"', text) if name in text else f'{text}{name} = "{value}"\n'
    return text


def test_a_period_is_filled_by_the_figure_that_its_own_definition_named():
    first = f'{STEPS}measured_by = "old"\n'
    second = _version(2, "2024-09-01", measured_by="new", definition="Steps up only")
    measured = {
        ("obsea", name, period): Measurement(text)
        for name, text in (("old", "90"), ("new", "40"))
        for period in _PERIODS
    }
    row = _make(first, second, measured=measured)
    assert [(cell.text, cell.is_earlier) for cell in row.cells] == [("90", True), ("40", False)]
    assert (row.total, row.follows) == (None, ""), "of two different things there is no sum"
    told = list_texts(row)
    assert told[2:4] == ["90 [M] \u2021", "40 [M]"]
    assert "since 2024-09-01: Why." in told[-2]
    assert "\u2021 version 1 was: Steps of all visitors" in told[-2]


def test_a_break_stands_in_the_charts_too():
    sheet = read(STEPS, _version(2, "2024-09-01"), *(declare("steps", period, "5") for period in _PERIODS))
    page = to_html(assess([sheet], _PERIODS))
    assert page.count("the definition changed here") == 1
    assert "stroke-dasharray" in page
    same = read(STEPS, *(declare("steps", period, "5") for period in _PERIODS))
    assert "the definition changed here" not in to_html(assess([same], _PERIODS))


def test_what_was_stated_anew_after_the_change_is_not_of_the_definition_before():
    sheet = (STEPS, _version(2, "2025-09-30"), declare("steps", "M13-24", "5", stated_on="2024-09-30"))
    assert _make(*sheet).cells[0].is_earlier
    assert not _make(*sheet, declare("steps", "M13-24", "4", stated_on="2025-09-30")).cells[0].is_earlier


def test_a_period_that_was_not_covered_is_marked_in_every_form():
    gap = Period(from_at=dt.datetime(2024, 1, 10, 3, tzinfo=dt.UTC), to_at=dt.datetime(2024, 1, 12, 17, tzinfo=dt.UTC))
    measured = {("obsea", "steps_measured", "M13-24"): Measurement("90", covered=0.9932, gaps=(gap,))}
    assessment = assess([read(f'{STEPS}measured_by = "steps_measured"\n')], _PERIODS, measured)
    told = "M13-24 is partial: 99.32 % of it is covered by our own counting, not 2024-01-10 03:00 to 2024-01-12 17:00 (UTC)."
    for text in (to_markdown(assessment), to_html(assessment)):
        assert "90 [M] partial" in text
        assert told in text
    (row,) = (row for row in csv.DictReader(io.StringIO(to_csv(assessment))) if row["column"] == "M13-24")
    assert (row["coverage"], row["gaps"]) == ("0.9932", "2024-01-10T03:00:00.000Z/2024-01-12T17:00:00.000Z")
    cell = json.loads(to_json(assessment))["installations"][0]["rows"][0]["cells"]["M13-24"]
    assert cell["is_partial"]
    assert cell["gaps"] == ["2024-01-10T03:00:00.000Z/2024-01-12T17:00:00.000Z"]


def test_a_baseline_is_an_estimate_unless_somebody_stands_for_it():
    assert list_texts(_make(VISITORS))[1] == "~100 / y [E]"
    stated = f'baseline_role = "guard"\nbaseline_stated_on = 2022-09-01\nbaseline_evidence_sha256 = "{EVIDENCE}"\n'
    assert list_texts(_make(VISITORS + stated))[1] == "~100 / y [D]"
    assert list_texts(_make(VISITORS.replace("~100 / y", "N/A")))[1] == "N/A [N]"


def test_a_yearly_rate_says_why_it_has_no_total():
    rate = STEPS.replace("unit =", 'per = "year"\nunit =')
    row = _make(rate, *(declare("steps", period, "5", **_SOLID) for period in _PERIODS))
    assert list_texts(row)[4:6] == ["none: a yearly rate", "10"]


def test_a_row_names_the_figure_that_fills_it_with_its_version():
    assert list_texts(_make(f'{STEPS}measured_by = "images_processed"\n'))[-1] == "figure images_processed@1"
    told = list_texts(_make(f'{STEPS}how = "Counted"\nmeasured_by = "images_processed"\n'))[-1]
    assert told == "Counted (figure images_processed@1)"


def test_countries_of_several_sources_are_counted_from_their_names():
    sheet = [
        VISITORS.replace("unit =", 'measured_by = "country_count"\nunit ='),
        HOMES.replace("unit =", 'measured_by = "countries"\nunit ='),
    ]
    days = ("2024-01-01", "2024-01-14")
    measured = {
        ("obsea", "country_count", "M13-24"): Measurement("2"),
        ("obsea", "countries", "M13-24"): Measurement("Italy, Spain"),
    }
    there = report("visitors", "M13-24", "3", days) + report("homes", "M13-24", "Italy, Malta, Spain", days)
    assert _make(*sheet, there, measured=measured).cells[0].text == "3"
    # where a source names more or fewer than it counts, or nobody names them, only bounds are known
    other = report("visitors", "M13-24", "4", days) + report("homes", "M13-24", "Italy, Malta, Spain", days)
    assert _make(*sheet, other, measured=measured).cells[0].text == "4-6"
    assert _make(*sheet, report("visitors", "M13-24", "3", days), measured=measured).cells[0].text == "3-5"


def test_a_counter_that_covers_two_weeks_says_so_in_its_cell_and_is_not_extrapolated():
    fortnight = report("steps", "M13-24", "4", ("2024-01-01", "2024-01-14"))
    year = report("steps", "M25-36", "90", ("2024-09-01", "2025-08-31"))
    assessment = assess([read(STEPS, fortnight, year)], _PERIODS)
    row = assessment.sheets[0].rows[0]
    assert list_texts(row)[2:4] == ["4 [I] 14 of 366 days", "90 [I]"]
    assert "Imported counts of M13-24 cover 14 of its 366 days." in assessment.sheets[0].sentences[0]
    assert json.loads(to_json(assessment))["installations"][0]["rows"][0]["cells"]["M13-24"]["days_covered"] == 14
