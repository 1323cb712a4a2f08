"""Relabelled: a number keeps its meaning when the text tells it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.usage.audit.dossier import Dossier, Rule, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Smaller numbers meet by chance.
_TELLING = 1_000


def _check(dossier: Dossier) -> Iterator[Seen]:
    for document, claim in dossier.claims:
        own = document.find_row(claim.installation, claim.metric)
        number = claim.printed.number or 0
        if (
            claim.role != "whole"
            or claim.stock
            or number < _TELLING
            or (own and any(cell.number for cell in own.periods.values()))
        ):
            continue
        for row in document.rows:
            same = [column for column, cell in row.columns.items() if cell.number == number]
            if row.installation == claim.installation and row.metric != claim.metric and same:
                yield Seen(
                    document, claim, same[0],
                    f"The text tells {claim.printed.text} as {claim.metric.replace('_', ' ')}; in the table it is "
                    f"{row.label!r}.",
                )  # fmt: skip
                break


RULE = Rule("told-as-another", "A number of the table is told in the text as what it is.", _check, weight="doubt")
