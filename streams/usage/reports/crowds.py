"""Crowds: how many persons of which country are behind the uses of a report, and which numbers are hidden for it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from streams.usage.countries import to_country
from streams.usage.suppression import Crowd, Hiding, Pseudonym, hide_small

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.usage.periods import NamedPeriod
    from streams.usage.reports.facts import Facts

#: Deliveries and reads by persons; of their pseudonyms no more than it takes to be no few. Declared owners of feeds are no
#: persons: whoever knows the camera knows its country.
_CROWDS = """
    SELECT installation, country, tier, key, sum(uses)::BIGINT, min(identity, {least})
    FROM (
        SELECT installation, country, tier, coalesce(key, '') AS key, identity, count(*) AS uses
        FROM event
        WHERE act IN ('processed', 'served') AND counted AND who = 'person'
            AND requested_at >= $from_at AND requested_at < $to_at
        GROUP BY ALL
    )
    GROUP BY installation, country, tier, key
"""


def find_hidden(facts: Facts, periods: Sequence[NamedPeriod], *, least: int) -> dict[str, tuple[Hiding, ...]]:
    """Return, for each installation that persons used, which countries' numbers are hidden in each of the periods.

    Parameters
    ----------
    periods
        All those of one report: what one of them tells must not follow from the others.
    least
        The smallest number of persons that is told; 1 hides nothing.

    Raises
    ------
    TransientFault
        If memory is short.
    """
    if least <= 1:
        return {}
    stretches = _list_stretches(periods)
    found: dict[str, list[dict[str, Crowd]]] = defaultdict(lambda: [{} for _ in stretches])
    for place, (from_at, to_at) in enumerate(stretches):
        # facts hold UTC without a zone
        limits = {"from_at": from_at.replace(tzinfo=None), "to_at": to_at.replace(tzinfo=None)}
        for name, country, tier, key, uses, persons in facts.database.run(_CROWDS.format(least=least), limits):
            crowd = Crowd(uses, frozenset(Pseudonym(tier, key, person) for person in persons))
            crowds, code = found[name][place], to_country(country)
            crowds[code] = crowds.get(code, Crowd()).plus(crowd)
    parts = [
        tuple(place for place, (at, _) in enumerate(stretches) if period.from_at <= at < period.to_at)
        for period in periods
    ]
    return {name: hide_small(crowds, parts, least=least) for name, crowds in found.items()}


def _list_stretches(periods: Sequence[NamedPeriod]) -> list[tuple[dt.datetime, dt.datetime]]:
    """Return the stretches of time between any two ends of periods, as far as a period has them, in UTC."""
    ends = sorted({at.astimezone(dt.UTC) for period in periods for at in (period.from_at, period.to_at)})
    return [
        (start, end)
        for start, end in pairwise(ends)
        if any(period.from_at <= start and end <= period.to_at for period in periods)
    ]
