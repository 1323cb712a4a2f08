from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest

from schemas.errors import RejectedInput
from streams.usage.periods import make_current, read_period

_START = dt.date(2022, 9, 1)


@pytest.mark.parametrize(
    ("text", "name", "first", "end"),
    [
        ("M1-12", "M1-12", "2022-09-01", "2023-09-01"),
        ("M13-24", "M13-24", "2023-09-01", "2024-09-01"),
        ("m13\N{EN DASH}M24", "M13-24", "2023-09-01", "2024-09-01"),
        ("M25-36", "M25-36", "2024-09-01", "2025-09-01"),
        ("M18", "M18", "2024-02-01", "2024-03-01"),
        (" 2026 ", "2026", "2026-01-01", "2027-01-01"),
        ("2026-11", "2026-11", "2026-11-01", "2026-12-01"),
        ("2026-12", "2026-12", "2026-12-01", "2027-01-01"),
        ("2024-02", "2024-02", "2024-02-01", "2024-03-01"),
        ("2024-02-29", "2024-02-29", "2024-02-29", "2024-03-01"),
        ("2026-11-01..2026-12-01", "2026-11-01..2026-12-01", "2026-11-01", "2026-12-01"),
    ],
)
def test_a_name_gives_its_half_open_interval(text, name, first, end):
    period = read_period(text, project_start=_START)
    assert period.name == name
    assert (period.from_at, period.to_at) == tuple(
        dt.datetime.fromisoformat(day).replace(tzinfo=dt.UTC) for day in (first, end)
    )


def test_leap_years_have_their_day():
    assert _days("2024") == 366
    assert _days("2100") == 365
    assert _days("2000") == 366
    assert _days("M13-24") == 366
    assert _days("M1-12") == 365


def _days(text: str) -> int:
    period = read_period(text, project_start=_START)
    return (period.to_at - period.from_at).days


def test_consecutive_periods_touch_and_do_not_overlap():
    names = [f"M{first}-{first + 11}" for first in range(1, 49, 12)]
    periods = [read_period(name, project_start=_START) for name in names]
    assert all(before.to_at == after.from_at for before, after in pairwise(periods))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "names no period"),
        ("last year", "names no period"),
        ("2026-13", "no month 13"),
        ("2026-00", "no month 0"),
        ("2025-02-29", "not a day"),
        ("2026-11-31..2026-12-01", "not a day"),
        ("2026-12-01..2026-12-01", "ends before"),
        ("2026-12-01..2026-11-01", "ends before"),
        ("1066", "outside 1900"),
        ("2200-01-01..2200-01-02", "outside 1900"),
        ("M0", "count from 1"),
        ("M24-13", "count from 1"),
        ("x" * 10_000, "names no period"),
    ],
)
def test_what_is_no_period_is_refused_with_what_is_wrong(text, word):
    with pytest.raises(RejectedInput, match=word) as caught:
        read_period(text, project_start=_START)
    assert caught.value.reason == "bad_period"


def test_project_months_need_the_first_day_of_the_start_month():
    with pytest.raises(RejectedInput, match="start month"):
        read_period("M1-12")
    with pytest.raises(RejectedInput, match="first day"):
        read_period("M1-12", project_start=dt.date(2022, 9, 2))
    with pytest.raises(RejectedInput, match="outside the years"):
        read_period("M1-999", project_start=dt.date(2190, 1, 1))


def test_the_current_month_and_year_are_those_of_utc():
    month, year = make_current(dt.datetime.fromisoformat("2027-01-01T00:30:00+01:00"))
    assert (month.name, year.name) == ("2026-12", "2026")
