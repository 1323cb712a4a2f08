"""Agreement: the text says the same of a thing wherever it speaks of it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from streams.usage.audit.dossier import Dossier, Rule, Seen
from streams.usage.audit.printed import to_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.usage.audit.document import Claim, Statement


def _check_claims(dossier: Dossier) -> Iterator[Seen]:
    for document in dossier.documents:
        told: dict[tuple[str, str, str | None], list[Claim]] = defaultdict(list)
        for claim in document.claims:
            if claim.role != "whole" or not claim.printed.is_number:
                continue
            before = told[claim.installation, claim.metric, claim.period]
            other = next((earlier for earlier in before if not earlier.printed.agrees_with(claim.printed)), None)
            before.append(claim)
            if other is not None:
                yield Seen(
                    document, claim, claim.period or "",
                    f"{claim.printed.text} in {claim.place or 'one place'}, {other.printed.text} in "
                    f"{other.place or 'another'}.",
                )  # fmt: skip


def _check_statements(dossier: Dossier) -> Iterator[Seen]:
    for document in dossier.documents:
        first: dict[tuple[str, str, str | None], Statement] = {}
        for statement in document.statements:
            earlier = first.setdefault((statement.subject, statement.attribute, statement.at), statement)
            one, other = (frozenset(map(to_key, item.values)) for item in (earlier, statement))
            if one != other:
                yield Seen(
                    document, statement, "",
                    f"{statement.attribute.replace('_', ' ')} of {statement.subject}: {', '.join(statement.values)} in "
                    f"{statement.place or 'one place'}, {', '.join(earlier.values)} in {earlier.place or 'another'}.",
                )  # fmt: skip


CLAIMS = Rule("texts-disagree", "A quantity is told with one value wherever the text speaks of it.", _check_claims)
STATEMENTS = Rule(
    "statements-disagree",
    "Names, states, partners and dates are told in one way throughout a report.",
    _check_statements,
)
