"""Stocks: a baseline is of the same kind as its row: what comes in a time, not what there is in all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.usage.audit.document import BASELINE
from streams.usage.audit.dossier import Dossier, Rule, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(dossier: Dossier) -> Iterator[Seen]:
    for document, row in dossier.rows:
        baseline = row.columns.get(BASELINE)
        if row.kind != "count" or baseline is None or not baseline.number:
            continue
        for claim in document.claims:
            same_thing = (claim.installation, claim.unit) == (row.installation, row.unit)
            if claim.stock and same_thing and claim.printed.number == baseline.number:
                yield Seen(
                    document, row, BASELINE,
                    f"{baseline.text} is, by the text, how many there are in all ({row.unit}), not how many come in a time.",
                )  # fmt: skip
                break


RULE = Rule(
    "stock-as-baseline", "The baseline of a count in a time is a count in a time, not a stock.", _check, weight="doubt"
)
