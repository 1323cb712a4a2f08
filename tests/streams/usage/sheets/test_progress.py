from __future__ import annotations

import datetime as dt

import pytest

from schemas.errors import FatalFault
from streams.usage.sheets.assessment import assess
from streams.usage.sheets.cells import Measurement
from streams.usage.sheets.progress import find_open_period
from tests.streams.usage.sheets.sheets import STEPS, VISITORS, declare, read

_SHEET = read(
    STEPS.replace("unit =", 'measured_by = "images_processed"\nunit ='),
    VISITORS.replace("unit =", 'measured_by = "unique_users"\nunit ='),
)
_MEASURED = {
    ("obsea", "images_processed", "M25-36"): Measurement("100"),
    ("obsea", "unique_users", "M25-36"): Measurement("7"),
}


def _tell(day: str, sheet=_SHEET) -> list[str]:
    now_at = dt.datetime.fromisoformat(f"{day}T00:00:00+00:00")
    made = assess([sheet], ["M13-24", "M25-36"], _MEASURED, progress_at=now_at)
    return [line for line in made.sheets[0].sentences if "so far in" in line]


def test_an_open_period_tells_how_it_stands_and_where_the_pace_leads():
    told = _tell("2024-11-12")  # 72 of 365 days
    assert len(told) == 1, "distinct things are not projected"
    assert told[0].startswith(
        "Steps climbed: 100 so far in M25-36, of which 19.7 % is over; at this pace 507 at its end"
    )
    assert told[0].endswith("(a projection, no measurement; how sure it is nobody can tell from so few whole months).")


def test_a_projection_tells_its_method_and_how_far_months_lie_apart():
    now_at = dt.datetime(2024, 11, 10, tzinfo=dt.UTC)  # 295 days are left
    months = {"2024-09": "60", "2024-10": "31", "2024-11": "9"}
    measured = _MEASURED | {("obsea", "images_processed", name): Measurement(text) for name, text in months.items()}
    told = assess([_SHEET], ["M25-36"], measured, progress_at=now_at).sheets[0].sentences
    # one a day in October, two a day in September; November is not over
    assert told[0].endswith("; 395 to 690, if the rest went like the slowest or the busiest of 2 whole months).")
    assert told[1].startswith("Method of the projections: ")
    half = measured | {("obsea", "images_processed", "2024-10"): Measurement("31", covered=0.4)}
    told = assess([_SHEET], ["M25-36"], half, progress_at=now_at).sheets[0].sentences
    assert told[0].endswith("so few whole months).")


def test_nothing_is_projected_from_a_few_days_or_for_a_period_that_is_over():
    assert _tell("2024-09-20")[0].endswith("too little to project from.")
    assert _tell("2025-09-01") == []
    assert _tell("2023-01-01") == []


def test_what_was_not_counted_is_not_made_up_by_a_projection():
    now_at = dt.datetime(2025, 3, 2, 12, tzinfo=dt.UTC)  # half of the period is over, a quarter of it was counted
    for covered, told in (
        (0.25, "at this pace 300 at its end"),
        (0.05, "and 5.0 % was counted; too little to project from"),
    ):
        measured = {("obsea", "images_processed", "M25-36"): Measurement("100", covered=covered)}
        made = assess([_SHEET], ["M25-36"], measured, progress_at=now_at)
        assert told in made.sheets[0].sentences[0]


def test_what_was_declared_has_no_pace():
    assert _tell("2025-03-01", read(STEPS, declare("steps", "M25-36", "100"))) == []


def test_the_open_period_is_found():
    assert find_open_period([_SHEET], dt.datetime(2024, 8, 31, 23, 59, tzinfo=dt.UTC)) == "M13-24"
    assert find_open_period([_SHEET], dt.datetime(2024, 9, 1, tzinfo=dt.UTC)) == "M25-36"
    with pytest.raises(FatalFault, match="No period"):
        find_open_period([_SHEET], dt.datetime(2025, 9, 1, tzinfo=dt.UTC))
