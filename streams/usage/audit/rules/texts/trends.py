"""Trends: where the text says that something grew, the table shows it growing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.usage.audit.dossier import Dossier, Rule, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(dossier: Dossier) -> Iterator[Seen]:
    for document, claim in dossier.claims:
        row = document.find_row(claim.installation, claim.metric) if claim.trend else None
        if row is None or claim.period is None or claim.against is None:
            continue
        then, now = row.columns.get(claim.against), row.columns.get(claim.period)
        if then is None or now is None or not (then.is_number and now.is_number):
            continue
        if (claim.trend == "up" and now.low <= then.high) or (claim.trend == "down" and now.high >= then.low):
            yield Seen(
                document, claim, claim.period,
                f"The text says it went {claim.trend} since {claim.against}; the table has {then.text}, then {now.text}.",
            )  # fmt: skip


RULE = Rule("trend-contradicted", "What the text says grew or shrank did so in the table.", _check)
