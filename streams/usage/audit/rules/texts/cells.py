"""Text against table: a number or name told in the text is the one in the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.usage.audit.dossier import Dossier, Rule, Seen
from streams.usage.audit.printed import to_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.usage.audit.document import Claim
    from streams.usage.audit.printed import Printed


def _check(dossier: Dossier) -> Iterator[Seen]:
    for document, claim in dossier.claims:
        row = document.find_row(claim.installation, claim.metric)
        cell = row.columns.get(claim.period) if row and claim.period else None
        sentence = _compare(claim, cell) if cell is not None else None
        if sentence:
            yield Seen(document, claim, claim.period or "", sentence)


def _compare(claim: Claim, cell: Printed) -> str | None:
    told = claim.printed
    if claim.role == "whole" and told.is_number and not claim.stock:
        if cell.is_number and not told.agrees_with(cell):
            return f"The text says {told.text}, the table {cell.text}."
        if cell.is_absent:
            return f"The text says {told.text}, the table says that nobody counted ({cell.text})."
    if claim.role != "evidence" and claim.names and cell.names and not cell.is_open:
        strangers = [name for name in claim.names if to_key(name) not in cell.keys]
        missing = cell.keys - frozenset(map(to_key, claim.names)) if claim.role == "whole" else frozenset()
        if strangers or missing:
            return f"The text names {', '.join(claim.names)}; the table has {cell.text}."
    return None


RULE = Rule("text-against-table", "What the text says of a cell is what the cell says.", _check)
