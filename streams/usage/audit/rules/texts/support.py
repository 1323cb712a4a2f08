"""Support: a number in a table can be reached from the numbers that the text gives for it."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from streams.usage.audit.dossier import Dossier, Rule, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.usage.audit.document import Claim
    from streams.usage.audit.printed import Printed

#: All subsets are tried: of more pieces, some sum would fit by chance.
_MOST = 10


def _check(dossier: Dossier) -> Iterator[Seen]:
    for document, row in dossier.rows:
        for column, cell in row.periods.items() if row.kind != "names" else ():
            told = [claim for claim in document.list_claims(row, column=column) if claim.printed.is_number]
            pieces = [claim for claim in told if claim.role != "whole" and claim.breakdown is None]
            if cell.number and pieces and len(pieces) <= _MOST and not _is_reached(cell, pieces):
                given = ", ".join(f"{claim.printed.text} {claim.unit or ''}".strip() for claim in pieces)
                yield Seen(document, row, column, f"No sum of what the text gives for it is {cell.text}: {given}.")


def _is_reached(cell: Printed, pieces: list[Claim]) -> bool:
    return any(
        sum(piece.printed.low for piece in some) <= cell.high and cell.low <= sum(piece.printed.high for piece in some)
        for size in range(1, len(pieces) + 1)
        for some in combinations(pieces, size)
    )


RULE = Rule(
    "unsupported", "A number can be reached from the numbers that the text gives for it.", _check, weight="doubt"
)
