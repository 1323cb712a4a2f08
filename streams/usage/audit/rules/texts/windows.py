"""Windows: what is reported for a period was counted in that period, all of it and nothing else."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput
from streams.usage.audit.dossier import Dossier, Rule, Seen
from streams.usage.periods import read_period

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.usage.audit.document import Claim, Document

#: A window shorter than this share of its period stands for more than was looked at.
_MOST_OF_IT = 0.9


def find_days(document: Document, column: str | None) -> tuple[dt.date, dt.date] | None:
    """Return the first day of a period and the last; ``None`` for a column that is no period with dates."""
    start = dt.date.fromisoformat(f"{document.project_starts}-01") if document.project_starts else None
    try:
        period = read_period(column or "", project_start=start)
    except RejectedInput:
        return None
    return period.from_at.date(), period.to_at.date() - dt.timedelta(days=1)


def _check_outside(dossier: Dossier) -> Iterator[Seen]:
    for document, claim in dossier.claims:
        for column in _list_columns(document, claim):
            days = find_days(document, column)
            if days is None:
                continue
            first, last = claim.first_day or days[0], claim.last_day or days[1]
            if first < days[0] or last > days[1]:
                told = f"{first.isoformat()} to {last.isoformat()}" if claim.first_day else f"up to {last.isoformat()}"
                yield Seen(
                    document, claim, column,
                    f"{claim.value or claim.metric} was counted {told}; the period is {days[0].isoformat()} to "
                    f"{days[1].isoformat()}.",
                )  # fmt: skip


def _list_columns(document: Document, claim: Claim) -> list[str]:
    """Return the columns that a claim's window should fit: its own, or those in which its number stands."""
    if claim.first_day is None and claim.last_day is None:
        return []
    if claim.period is not None:
        return [claim.period]
    row = document.find_row(claim.installation, claim.metric)
    number = claim.printed.number
    return [column for column, cell in row.periods.items() if number and cell.number == number] if row else []


def _check_short(dossier: Dossier) -> Iterator[Seen]:
    for document, claim in dossier.claims:
        days = find_days(document, claim.period)
        if days is None or claim.window_days is None or claim.role == "whole":
            continue
        length = (days[1] - days[0]).days + 1
        if claim.window_days < _MOST_OF_IT * length:
            yield Seen(
                document, claim, claim.period or "",
                f"{claim.value or claim.metric} was counted over {claim.window_days} days of {length}: it says nothing of "
                "the others.",
            )  # fmt: skip


OUTSIDE = Rule("window-outside-period", "What is counted for a period was counted within it.", _check_outside)
SHORT = Rule("window-short", "What is counted for a period was counted for all of it.", _check_short, weight="doubt")
