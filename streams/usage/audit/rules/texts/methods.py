"""Methods: a number was counted in the way that its row declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.usage.audit.dossier import Dossier, Rule, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(dossier: Dossier) -> Iterator[Seen]:
    for document, row in dossier.rows:
        claims = [claim for claim in document.list_claims(row) if claim.source and claim.period in row.periods]
        other = list(dict.fromkeys(claim.source for claim in claims if claim.source not in row.methods))
        if row.methods and other:
            declared, told = (", ".join(map(str, names)).replace("_", " ") for names in (row.methods, other))
            yield Seen(document, row, "", f"The row declares {declared}; by the text it was counted by {told}.")


RULE = Rule(
    "method-against-source",
    "A row's numbers come from the way of counting that the row declares.",
    _check,
    weight="doubt",
)
