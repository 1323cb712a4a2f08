"""Uniques: the total of distinct things is a union, and no sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.usage.audit.document import TOTAL
from streams.usage.audit.dossier import Dossier, Rule, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.usage.audit.document import Row
    from streams.usage.audit.printed import Printed


def _list_parts(row: Row) -> list[Printed]:
    return [cell for cell in row.periods.values() if cell.is_number] if row.kind == "unique" else []


def _check_sum(dossier: Dossier) -> Iterator[Seen]:
    for document, row in dossier.rows:
        total, parts = row.columns.get(TOTAL), _list_parts(row)
        numbers = [cell.number for cell in parts if cell.number]
        if total is None or not total.is_exact or row.united or len(numbers) <= 1:
            continue
        if total.number == sum(numbers):
            yield Seen(
                document, row, TOTAL,
                f"{total.text} ({row.unit}) is the sum of the periods: that holds only if none was in two of them. What "
                f"follows from the table is {max(numbers):,.0f} to {sum(numbers):,.0f}.",
            )  # fmt: skip


def _check_bounds(dossier: Dossier) -> Iterator[Seen]:
    for document, row in dossier.rows:
        total, parts = row.columns.get(TOTAL), _list_parts(row)
        if total is None or not total.is_number or not parts or len(parts) < len(row.periods):
            continue
        low, high = max(cell.low for cell in parts), sum(cell.high for cell in parts)
        if total.high < low or total.low > high:
            yield Seen(
                document, row, TOTAL,
                f"The total of distinct {row.unit} is printed as {total.text}; it can only be {low:,.0f} to {high:,.0f}.",
            )  # fmt: skip


SUM = Rule(
    "unique-sum",
    "Distinct things of several periods are united, or their total is given as bounds, not added.",
    _check_sum,
    weight="doubt",
)
BOUNDS = Rule(
    "unique-bounds", "The total of distinct things lies between the largest period and the sum.", _check_bounds
)
