"""Units: what is added up in a row is what the row says it counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.usage.audit.dossier import Dossier, Rule, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(dossier: Dossier) -> Iterator[Seen]:
    for document, row in dossier.rows:
        parts = [
            (claim.period, claim.unit)
            for claim in document.list_claims(row)
            if claim.role == "part" and claim.unit and claim.period
        ]
        foreign = list(dict.fromkeys((column, unit) for column, unit in parts if unit != row.unit))
        if foreign and row.kind != "names":
            told = ", ".join(f"{unit} ({column})" for column, unit in foreign)
            yield Seen(document, row, "", f"The row counts {row.unit}; into it went: {told}.")


RULE = Rule("unit-mixing", "Only things of the row's own unit go into its numbers.", _check)
