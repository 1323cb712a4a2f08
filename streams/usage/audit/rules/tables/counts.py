"""Counts and names: a number of names is how many names are listed beside it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from streams.usage.audit.dossier import Dossier, Rule, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(dossier: Dossier) -> Iterator[Seen]:
    for document, row in dossier.rows:
        beside = document.find_row(row.installation, row.names_of) if row.names_of else None
        for column, cell in row.columns.items() if beside else ():
            count = beside.columns.get(column) if beside else None
            if not cell.names or count is None or not count.is_number:
                continue
            low, high = len(cell.keys), math.inf if cell.is_open else len(cell.keys)
            if beside and (count.high < low or count.low > high):
                at_least = "at least " if cell.is_open else ""
                yield Seen(
                    document, beside, column, f"{count.text} are counted, and {at_least}{low} named: {cell.text}"
                )


RULE = Rule("count-against-names", "A number beside a list of names is how many names the list has.", _check)
