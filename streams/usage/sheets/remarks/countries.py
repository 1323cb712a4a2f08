"""Users by country: how many persons with a login each country had, small numbers hidden and every name told."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import TYPE_CHECKING

from streams.usage.countries import to_country_name
from streams.usage.suppression import DEFAULT_LEAST, suppress_parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.usage.periods import NamedPeriod
    from streams.usage.reports.facts import Facts

#: Distinct persons, as ``unique_users`` counts them; who was in two countries is counted in both.
_BY_COUNTRY = """
    SELECT installation, country, count(DISTINCT identity)
    FROM event
    WHERE act IN ('processed', 'served') AND counted AND who = 'person' AND tier = 4
        AND requested_at >= $from_at AND requested_at < $to_at
    GROUP BY ALL
"""


def tell_countries(
    facts: Facts, periods: Sequence[NamedPeriod], *, least: int = DEFAULT_LEAST
) -> dict[str, tuple[str, ...]]:
    """Return, for each installation with users, a sentence for each period: every country, and the numbers that may be told."""
    told: dict[str, list[str]] = defaultdict(list)
    for period in periods:
        # facts hold UTC without a zone
        limits = {
            "from_at": period.from_at.astimezone(dt.UTC).replace(tzinfo=None),
            "to_at": period.to_at.astimezone(dt.UTC).replace(tzinfo=None),
        }
        counted: dict[str, dict[str, int]] = defaultdict(dict)
        for installation, country, count in facts.database.run(_BY_COUNTRY, limits):
            counted[installation][country] = count
        for installation, counts in sorted(counted.items()):
            told[installation].append(f"Users by country in {period.name}: {_write(counts, least)}.")
    return {installation: tuple(sentences) for installation, sentences in told.items()}


def _write(counts: Mapping[str, int], least: int) -> str:
    hidden = suppress_parts(counts, least=least)
    shown = sorted(counts.keys() - hidden, key=lambda country: (-counts[country], _to_name(country)))
    parts = [f"{_to_name(country)} {counts[country]:,}" for country in shown]
    if hidden:
        # in the order of their names: that of their sizes would tell which is the smallest
        names = ", ".join(sorted(map(_to_name, hidden)))
        parts.append(f"and, with numbers suppressed since some are below {least}, {names}")
    return "; ".join(parts)


def _to_name(country: str) -> str:
    return to_country_name(country) or "unknown"
