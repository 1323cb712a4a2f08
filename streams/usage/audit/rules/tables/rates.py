"""Rates: what is counted per year has no total over years."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.usage.audit.document import TOTAL
from streams.usage.audit.dossier import Dossier, Rule, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(dossier: Dossier) -> Iterator[Seen]:
    for document, row in dossier.rows:
        total = row.columns.get(TOTAL)
        if row.per and total is not None and total.is_number and len(row.periods) > 1:
            yield Seen(document, row, TOTAL, f"The row counts per {row.per}, and is given a total of {total.text}.")


RULE = Rule(
    "rate-total", "A quantity per year is given for each year, without a total over years.", _check, weight="doubt"
)
