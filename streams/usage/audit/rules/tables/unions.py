"""Unions: the total of a row of names, and the number beside it, are the union of the names of the periods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.usage.audit.document import TOTAL
from streams.usage.audit.dossier import Dossier, Rule, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(dossier: Dossier) -> Iterator[Seen]:
    for document, row in dossier.rows:
        cells = [cell for cell in row.periods.values() if cell.names]
        if row.kind != "names" or len(cells) < sum(
            not cell.is_absent and cell.number != 0 for cell in row.periods.values()
        ):
            continue
        union = frozenset[str]().union(*(cell.keys for cell in cells))
        is_open = any(cell.is_open for cell in cells)
        total = row.columns.get(TOTAL)
        if cells and total is not None and total.names and total.keys != union and not (is_open or total.is_open):
            differing = ", ".join(sorted(total.keys ^ union))
            yield Seen(
                document, row, TOTAL, f"The names of the total are not those of the periods together: {differing}."
            )
        beside = document.find_row(row.installation, row.names_of) if row.names_of else None
        count = beside.columns.get(TOTAL) if beside else None
        if cells and beside and count and count.is_number and not is_open and not count.low <= len(union) <= count.high:
            yield Seen(
                document, beside, TOTAL, f"The total is printed as {count.text}; the periods name {len(union)} in all."
            )


RULE = Rule(
    "total-union", "The total of names is their union, and the number beside it says how many that are.", _check
)
