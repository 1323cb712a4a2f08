"""Periods: half-open UTC intervals, and the names people give them."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import NoReturn

from schemas.errors import RejectedInput
from schemas.noun import FIRST_YEAR, LAST_YEAR
from schemas.usage import Period

_PROJECT_MONTHS = re.compile(r"[Mm](\d{1,3})(?:\s*[-\u2013]\s*[Mm]?(\d{1,3}))?")
_CALENDAR = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_RANGE = re.compile(r"(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})")

_MONTHS = 12


@dataclass(frozen=True, slots=True)
class NamedPeriod:
    """A period and what it is called.

    Attributes
    ----------
    name
        ``M13-24``, ``2026``, ``2026-11``, ``2026-11-20`` or ``2026-11-01..2026-12-01``.
    from_at, to_at
        Aware UTC; ``to_at`` is the first moment that is not in it.
    """

    name: str
    from_at: dt.datetime
    to_at: dt.datetime

    def to_noun(self) -> Period:
        """Return the interval as metrics carry it."""
        return Period(from_at=self.from_at, to_at=self.to_at)


def read_period(text: str, *, project_start: dt.date | None = None) -> NamedPeriod:
    """Return the period of a name.

    Parameters
    ----------
    text
        See the examples; project months count from 1 and include the last one named.
    project_start
        The first day of the project's month 1; needed for project months only.

    Raises
    ------
    RejectedInput
        ``bad_period``, with what is wrong and what would be right.

    Examples
    --------
    With a project that starts in September 2022:

    ==========================  =====================  =====================
    name                        from (inclusive)       to (exclusive)
    ==========================  =====================  =====================
    ``M13-24``                  2023-09-01             2024-09-01
    ``M1``                      2022-09-01             2022-10-01
    ``2024``                    2024-01-01             2025-01-01
    ``2024-02``                 2024-02-01             2024-03-01
    ``2024-02-29``              2024-02-29             2024-03-01
    ``2024-02-28..2024-03-01``  2024-02-28             2024-03-01
    ==========================  =====================  =====================
    """
    name = text.strip()
    if match := _PROJECT_MONTHS.fullmatch(name):
        first = int(match[1])
        return _to_project_months(first, int(match[2] or first), project_start)
    if match := _RANGE.fullmatch(name):
        return _make(name, _to_day(match[1]), _to_day(match[2]))
    match = _CALENDAR.fullmatch(name)
    if match is None:
        _refuse(f"{name[:40]!r} names no period; write M13-24, 2026, 2026-11, 2026-11-20 or 2026-11-01..2026-12-01.")
    return _to_calendar(name, match)


def make_current(now_at: dt.datetime) -> tuple[NamedPeriod, NamedPeriod]:
    """Return the calendar month and the calendar year, in UTC, that ``now_at`` lies in."""
    day = now_at.astimezone(dt.UTC).date()
    return read_period(f"{day:%Y-%m}"), read_period(f"{day:%Y}")


def _to_project_months(first: int, last: int, start: dt.date | None) -> NamedPeriod:
    if start is None:
        _refuse("Project months need the project's start month in the settings.")
    if start.day != 1:
        _refuse(f"A project starts on the first day of a month, not on {start.isoformat()}.")
    if not 1 <= first <= last:
        _refuse(f"M{first}-{last} is no span of project months: they count from 1, the first one named first.")
    name = f"M{first}-{last}" if first != last else f"M{first}"
    return _make(name, _add_months(start, first - 1), _add_months(start, last))


def _to_calendar(name: str, match: re.Match[str]) -> NamedPeriod:
    year, month, day = (int(part) if part else None for part in match.groups())
    if year is None or not FIRST_YEAR <= year < LAST_YEAR:
        _refuse(f"The year of {name!r} is outside {FIRST_YEAR} to {LAST_YEAR - 1}.")
    if day is not None:
        start = _to_day(name)
        return _make(name, start, start + dt.timedelta(days=1))
    if month is not None and not 1 <= month <= _MONTHS:
        _refuse(f"{name!r} has no month {month}.")
    start = dt.date(year, month or 1, 1)
    return _make(name, start, _add_months(start, 1 if month else _MONTHS))


def _to_day(text: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        _refuse(f"{text!r} is not a day of the calendar.")
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        _refuse(f"The year of {text!r} is outside {FIRST_YEAR} to {LAST_YEAR}.")
    return day


def _add_months(day: dt.date, months: int) -> dt.date:
    count = day.year * _MONTHS + day.month - 1 + months
    if not FIRST_YEAR <= count // _MONTHS <= LAST_YEAR:
        _refuse(f"The period ends outside the years {FIRST_YEAR} to {LAST_YEAR}.")
    return dt.date(count // _MONTHS, count % _MONTHS + 1, 1)


def _make(name: str, start: dt.date, end: dt.date) -> NamedPeriod:
    if end <= start:
        _refuse(f"{name!r} ends before it begins; the day after the dots is the first one outside.")
    return NamedPeriod(name, _to_midnight(start), _to_midnight(end))


def _to_midnight(day: dt.date) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)


def _refuse(sentence: str) -> NoReturn:
    reason = "bad_period"
    raise RejectedInput(reason, sentence)
