"""Parts: the numbers that the text breaks a cell down into make up the cell."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from streams.usage.audit.dossier import Dossier, Rule, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.usage.audit.document import Claim


def _check(dossier: Dossier) -> Iterator[Seen]:
    for document, row in dossier.rows:
        breakdowns: dict[tuple[str, str], list[Claim]] = defaultdict(list)
        for claim in document.list_claims(row):
            if claim.role == "part" and claim.breakdown and claim.period and claim.printed.is_number:
                breakdowns[claim.period, claim.breakdown].append(claim)
        for (column, _), parts in breakdowns.items():
            cell = row.columns.get(column)
            low, high = (sum(getattr(part.printed, end) for part in parts) for end in ("low", "high"))
            if cell and cell.is_number and (cell.low > high or cell.high < low):
                terms = " + ".join(part.printed.text for part in parts)
                yield Seen(
                    document, parts[0], column, f"The text breaks it down into {terms}; the table has {cell.text}."
                )


RULE = Rule("parts-against-cell", "The parts that the text names add up to the cell.", _check)
