"""Exclusions: what was recorded and is in no number of the table, by installation and period."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import TYPE_CHECKING

from streams.usage.sheets.measuring import REPROCESSED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.usage.periods import NamedPeriod
    from streams.usage.reports.facts import Facts
    from streams.usage.sheets.cells import Measurement

#: As the figure ``uncounted_uses`` counts them.
_UNCOUNTED = """
    SELECT installation, CASE WHEN purpose <> 'user' THEN purpose ELSE traffic END AS why, count(*)
    FROM event
    WHERE act IN ('processed', 'served') AND NOT counted AND requested_at >= $from_at AND requested_at < $to_at
    GROUP BY ALL ORDER BY installation, why
"""

#: How a reason is told.
_WHY = {
    "robot": "by robots",
    "test": "of tests",
    "canary": "of canaries",
    "staff": "by the staff that runs it",
    "replay": "of replays",
}


def tell_exclusions(
    facts: Facts, periods: Sequence[NamedPeriod], measured: Mapping[tuple[str, str, str], Measurement]
) -> dict[str, tuple[str, ...]]:
    """Return, for each installation, a sentence for each period: uses that do not count, and images that were counted before.

    Parameters
    ----------
    measured
        The figures; those of ``images_reprocessed`` are told.
    """
    told: dict[str, list[str]] = defaultdict(list)
    for period in periods:
        # facts hold UTC without a zone
        limits = {
            "from_at": period.from_at.astimezone(dt.UTC).replace(tzinfo=None),
            "to_at": period.to_at.astimezone(dt.UTC).replace(tzinfo=None),
        }
        left_out: dict[str, list[str]] = defaultdict(list)
        for installation, why, count in facts.database.run(_UNCOUNTED, limits):
            left_out[installation].append(f"{count:,} {_WHY.get(why, why)}")
        again = {
            installation: figure.text
            for (installation, metric, column), figure in measured.items()
            if (metric, column) == (REPROCESSED, period.name) and figure.text not in {None, "0"}
        }
        for installation in sorted({*left_out, *again}):
            if left_out[installation]:
                told[installation].append(f"Uses not counted in {period.name}: {', '.join(left_out[installation])}.")
            if installation in again:
                told[installation].append(
                    f"Images looked at again in {period.name}, which were counted at their first result: {again[installation]}."
                )
    return {installation: tuple(sentences) for installation, sentences in told.items()}
