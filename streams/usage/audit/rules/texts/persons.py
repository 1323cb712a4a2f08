"""Persons: who is counted once is not counted again under another name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.usage.audit.dossier import Dossier, Rule, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.usage.audit.document import Claim


def _check_twice(dossier: Dossier) -> Iterator[Seen]:
    for document, row in dossier.rows:
        for column in row.periods if row.kind == "unique" else ():
            counted: dict[str, Claim] = {}
            for claim in document.list_claims(row, column=column):
                again = [person for person in claim.persons if person in counted]
                if claim.role == "part" and again:
                    yield Seen(document, claim, column, f"Counted in two parts of the same number: {', '.join(again)}.")
                counted |= dict.fromkeys(claim.persons, claim)


def _check_unjoined(dossier: Dossier) -> Iterator[Seen]:
    for document, row in dossier.rows:
        for column in row.periods if row.kind == "unique" else ():
            parts = [
                claim for claim in document.list_claims(row, column=column) if claim.role == "part" and claim.source
            ]
            sources = list(dict.fromkeys(str(claim.source) for claim in parts if not claim.persons))
            if len(sources) > 1:
                told = ", ".join(sources).replace("_", " ")
                yield Seen(
                    document, row, column,
                    f"Distinct {row.unit} of several sources are added ({told}), which know them by different names: who is "
                    "in two of them counts twice.",
                )  # fmt: skip


TWICE = Rule("counted-twice", "Nobody is counted in two parts of the same number.", _check_twice)
UNJOINED = Rule(
    "sources-not-joined",
    "Persons known to several sources are told apart across them before they are counted.",
    _check_unjoined,
    weight="doubt",
)
