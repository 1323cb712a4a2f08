"""Sums: the total of counts is what its periods add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.usage.audit.document import TOTAL
from streams.usage.audit.dossier import Dossier, Rule, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(dossier: Dossier) -> Iterator[Seen]:
    for document, row in dossier.rows:
        total = row.columns.get(TOTAL)
        parts = [cell for cell in row.periods.values() if cell.is_number]
        if row.kind != "count" or total is None or not total.is_number or not parts:
            continue
        low, high = sum(cell.low for cell in parts), sum(cell.high for cell in parts)
        is_complete = len(parts) == len(row.periods)
        if total.high < low or (is_complete and total.low > high):
            terms = " + ".join(cell.text for cell in parts)
            yield Seen(document, row, TOTAL, f"The total is printed as {total.text}; its periods are {terms}.")


RULE = Rule("sum", "The total of a count is the sum of its periods, to the digits printed.", _check)
