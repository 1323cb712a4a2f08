"""Sources: the same number comes from the same source in every report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.usage.audit.dossier import Dossier, Rule, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator


def _check(dossier: Dossier) -> Iterator[Seen]:
    for before, after in dossier.pairs:
        for claim in after.claims:
            for old in before.claims:
                same = (old.installation, old.metric, old.period) == (claim.installation, claim.metric, claim.period)
                told = (old.printed.number, old.names) == (claim.printed.number, claim.names)
                if (
                    same
                    and told
                    and (old.value or old.names)
                    and old.source
                    and claim.source
                    and old.source != claim.source
                ):
                    value = claim.value or ", ".join(claim.names)
                    yield Seen(
                        after, claim, claim.period or "",
                        f"{value} comes from {claim.source} here, and from {old.source} in {before.name}.",
                    )  # fmt: skip


RULE = Rule("source-drift", "A number told again is told with the same source.", _check, weight="doubt")
