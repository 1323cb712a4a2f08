"""Operation: nothing is counted as use of an installation from before it was in operation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.usage.audit.dossier import Dossier, Rule, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.usage.audit.document import Document

#: The attribute that says since when an installation is in operation.
OPERATIONAL_SINCE = "operational_since"


def _check(dossier: Dossier) -> Iterator[Seen]:
    for document, claim in dossier.claims:
        since = _find_start(dossier, document, claim.installation)
        told = claim.value or ", ".join(claim.names)
        if claim.role == "part" and claim.last_day and since and claim.last_day.isoformat()[: len(since)] < since:
            yield Seen(
                document, claim, claim.period or "",
                f"{told} was counted up to {claim.last_day.isoformat()}; {claim.installation} is in operation "
                f"since {since}.",
            )  # fmt: skip


def _find_start(dossier: Dossier, document: Document, installation: str) -> str | None:
    """Return the last date that this report gives, or else any other."""
    for source in (document, *dossier.documents):
        dates = [
            value
            for statement in source.statements
            if (statement.subject, statement.attribute) == (installation, OPERATIONAL_SINCE)
            for value in statement.values
            if value[:2] in {"19", "20"}
        ]
        if dates:
            return max(dates)
    return None


RULE = Rule(
    "before-operation", "Use is counted from the day on which an installation is in operation.", _check, weight="doubt"
)
