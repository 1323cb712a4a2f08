"""Progress: how an open period stands, and where the pace so far would lead; a projection is no measurement and says so."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from schemas.errors import FatalFault
from schemas.noun import to_time_text
from streams.usage.audit.printed import read_printed
from streams.usage.periods import read_period

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.usage.periods import NamedPeriod
    from streams.usage.sheets.assessment import AssessedRow
    from streams.usage.sheets.cells import Measurement
    from streams.usage.sheets.sheet import Sheet

#: What the commentary calls it.
PROJECTION = "Progress of the open period, with projections"

#: Of less than this nothing is projected: a pace of a few days is none.
_ENOUGH = 0.1

#: A month tells a pace if so much of it was counted; so many months tell a range.
_MOST, _MONTHS = 0.5, 2

_DAY = dt.timedelta(days=1)

_METHOD = (
    "Method of the projections: what was counted so far, and for the rest of the period the mean pace of the time that was "
    "counted. Seasons, growth and events to come are not in it, and gaps are not filled. Projections stand in no cell."
)


def find_open_period(sheets: Sequence[Sheet], now_at: dt.datetime) -> str:
    """Return the name of the period of the sheets that has begun and is not over.

    Raises
    ------
    FatalFault
        If none is open.
    """
    for sheet in sheets:
        for name in sheet.periods:
            if _to_share(read_period(name, project_start=sheet.start), now_at) is not None:
                return name
    message = f"No period of the sheets is open at {to_time_text(now_at)}."
    raise FatalFault(message)


def list_months(period: NamedPeriod, now_at: dt.datetime) -> tuple[NamedPeriod, ...]:
    """Return the calendar months of a period that are over: what the uncertainty of a projection is told by."""
    months: list[NamedPeriod] = []
    at = period.from_at
    while True:
        month = read_period(f"{at:%Y-%m}")
        if month.to_at > min(now_at, period.to_at):
            return tuple(months)
        months.append(month)
        at = month.to_at


def project(
    sheet: Sheet,
    rows: Sequence[AssessedRow],
    periods: Sequence[str],
    now_at: dt.datetime,
    *,
    measured: Mapping[tuple[str, str, str], Measurement] | None = None,
) -> tuple[str, ...]:
    """Return sentences on each count of ours in a period that is open: so far, at this pace, and by which method.

    Distinct things are not projected: who comes later may have come before. Declared values have no pace.

    Parameters
    ----------
    measured
        Figures, those of the period's months that are over among them.
    """
    told: list[str] = []
    for place, name in enumerate(periods):
        period = read_period(name, project_start=sheet.start)
        share = _to_share(period, now_at)
        for row in rows if share is not None else ():
            cell = row.cells[place]
            number = read_printed(cell.text).number if row.metric.kind == "count" else None
            if not number or cell.provenance != "measured" or share is None:
                continue
            covered = share if cell.covered is None else cell.covered
            so_far = f"{row.metric.label}: {cell.text} so far in {name}, of which {100 * share:.1f} % is over"
            if covered < _ENOUGH:
                told.append(f"{so_far} and {100 * covered:.1f} % was counted; too little to project from.")
                continue
            # what was not counted before is not made up; what is to come goes on at the pace of what was
            at_end = number * (1 + (1 - share) / covered)
            months = _list_paces(sheet, row, list_months(period, now_at), measured or {})
            rest_days = (period.to_at - now_at) / _DAY
            sure = _tell_range(number, rest_days, months)
            told.append(f"{so_far}; at this pace {at_end:,.0f} at its end (a projection, no measurement{sure}).")
    return (*told, _METHOD) if told else ()


def _list_paces(
    sheet: Sheet,
    row: AssessedRow,
    months: Sequence[NamedPeriod],
    measured: Mapping[tuple[str, str, str], Measurement],
) -> list[float]:
    """Return how many there were a day, in each month that was counted for the most part."""
    paces = []
    for month in months:
        figure = measured.get((sheet.installation, row.metric.measured_by or "", month.name))
        number = None if figure is None or figure.text is None else read_printed(figure.text).number
        if figure is not None and number is not None:
            covered = 1.0 if figure.covered is None else figure.covered
            if covered >= _MOST:
                paces.append(number / (covered * ((month.to_at - month.from_at) / _DAY)))
    return paces


def _tell_range(number: float, rest_days: float, paces: Sequence[float]) -> str:
    if len(paces) < _MONTHS:
        return "; how sure it is nobody can tell from so few whole months"
    low, high = (number + rest_days * pace for pace in (min(paces), max(paces)))
    return f"; {low:,.0f} to {high:,.0f}, if the rest went like the slowest or the busiest of {len(paces)} whole months"


def _to_share(period: NamedPeriod, now_at: dt.datetime) -> float | None:
    """Return which part of a period is over; ``None`` unless it has begun and is not over."""
    if not period.from_at <= now_at < period.to_at:
        return None
    return (now_at - period.from_at) / (period.to_at - period.from_at)
