"""What an assessment tells first: whose it is, by which rules it was counted, who keeps the pseudonyms' key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.usage.reports.definitions import PROFILE

if TYPE_CHECKING:
    from streams.usage.reports.facts import Facts


def tell_about(facts: Facts, project: str, custody: str = "") -> tuple[tuple[str, str], ...]:
    """Return the lines of the beginning, each with its name.

    Parameters
    ----------
    custody
        What is told of the pseudonym key; empty where there is none.
    """
    told = [
        ("Project", project),
        ("Rules of counting", f"{PROFILE}; every figure of ours is counted from stored facts"),
    ]
    if custody:
        told.append(("Pseudonym key", custody))
    if facts.broken:
        told.append(
            (
                "Partial",
                f"{', '.join(facts.broken)} could not be read; uses in it are missing from every figure of ours",
            )
        )
    if facts.conflicts:
        told.append(
            (
                "Different uses recorded under one id",
                f"{len(facts.conflicts):,} in all facts; of each the one with the smallest digest counts",
            )
        )
    if facts.rejected:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in facts.rejected)
        told.append(("Records that are no use", f"{reasons}; they are in no number"))
    return tuple(told)
