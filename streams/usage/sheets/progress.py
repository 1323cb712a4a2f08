"""Progress: how an open period stands, and where the pace so far would lead; a projection is no measurement and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.errors import FatalFault
from schemas.noun import to_time_text
from streams.usage.audit.printed import read_printed
from streams.usage.periods import read_period

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from streams.usage.periods import NamedPeriod
    from streams.usage.sheets.assessment import AssessedRow
    from streams.usage.sheets.sheet import Sheet

#: Of less than this nothing is projected: a pace of a few days is none.
_ENOUGH = 0.1


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


def project(sheet: Sheet, rows: Sequence[AssessedRow], periods: Sequence[str], now_at: dt.datetime) -> tuple[str, ...]:
    """Return a sentence for each count of ours in a period that is open: so far, and at this pace.

    Distinct things are not projected: who comes later may have come before. Declared values have no pace.
    """
    told = []
    for place, name in enumerate(periods):
        period = read_period(name, project_start=sheet.start)
        share = _to_share(period, now_at)
        for row in rows if share is not None else ():
            cell = row.cells[place]
            number = read_printed(cell.text).number if row.metric.kind == "count" else None
            if number is None or cell.provenance != "measured" or share is None:
                continue
            covered = share if cell.covered is None else cell.covered
            so_far = f"{row.metric.label}: {cell.text} so far in {name}, of which {100 * share:.1f} % is over"
            if covered < _ENOUGH:
                told.append(f"{so_far} and {100 * covered:.1f} % was counted; too little to project from.")
                continue
            # what was not counted before is not made up; what is to come goes on at the pace of what was
            at_end = number * (1 + (1 - share) / covered)
            told.append(f"{so_far}; at this pace {at_end:,.0f} at its end (a projection, no measurement).")
    return tuple(told)


def _to_share(period: NamedPeriod, now_at: dt.datetime) -> float | None:
    """Return which part of a period is over; ``None`` unless it has begun and is not over."""
    if not period.from_at <= now_at < period.to_at:
        return None
    return (now_at - period.from_at) / (period.to_at - period.from_at)
