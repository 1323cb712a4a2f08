"""Users by country: how many persons with a login each country had, small numbers hidden and every name told."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.usage.countries import to_country, to_country_name
from streams.usage.reports.crowds import find_hidden
from streams.usage.suppression import DEFAULT_LEAST, Hiding

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.usage.periods import NamedPeriod
    from streams.usage.reports.facts import Facts

#: Distinct persons, as ``unique_users`` counts them; who was in two countries is counted in both.
_USERS = """
    FROM event
    WHERE act IN ('processed', 'served') AND counted AND who = 'person' AND tier = 4
        AND requested_at >= $from_at AND requested_at < $to_at
"""

_BY_COUNTRY = f"SELECT installation, country, count(DISTINCT identity) {_USERS} GROUP BY ALL"

_TOGETHER = (
    f"SELECT count(DISTINCT identity) {_USERS} AND installation = $installation AND list_contains($countries, country)"
)


@dataclass(frozen=True, slots=True)
class UsersByCountry:
    """The users of an installation in a period, by country.

    Attributes
    ----------
    counts
        Names with their numbers: the largest first, then those whose numbers are hidden (``None``), in the order of their
        names, since that of their sizes would tell which is the smallest.
    least
        Smaller numbers than this are hidden, and others with them.
    together
        How many persons those have together whose numbers are hidden, if that may be told.
    """

    period: str
    counts: tuple[tuple[str, int | None], ...]
    least: int
    together: int | None = None

    @property
    def sentence(self) -> str:
        """All of it in one sentence."""
        parts = [f"{name} {count:,}" for name, count in self.counts if count is not None]
        hidden = [name for name, count in self.counts if count is None]
        if hidden:
            together = "" if self.together is None else f" ({self.together:,} together)"
            parts.append(
                f"and, with numbers suppressed since some are below {self.least}, {', '.join(hidden)}{together}"
            )
        return f"Users by country in {self.period}: {'; '.join(parts)}."


def count_by_country(
    facts: Facts, periods: Sequence[NamedPeriod], *, least: int = DEFAULT_LEAST
) -> dict[str, tuple[UsersByCountry, ...]]:
    """Return, for each installation with users, every country of each period, and the numbers that may be told.

    Hidden are the same countries as in the uses by country of a report on these periods: two tables that hide different ones
    could be held against each other.
    """
    hidden = find_hidden(facts, periods, least=least)
    found: dict[str, list[UsersByCountry]] = defaultdict(list)
    for place, period in enumerate(periods):
        # facts hold UTC without a zone
        limits = {
            "from_at": period.from_at.astimezone(dt.UTC).replace(tzinfo=None),
            "to_at": period.to_at.astimezone(dt.UTC).replace(tzinfo=None),
        }
        counted: dict[str, dict[str, int]] = defaultdict(dict)
        for installation, country, count in facts.database.run(_BY_COUNTRY, limits):
            counted[installation][country] = count
        for installation, counts in sorted(counted.items()):
            hiding = hidden[installation][place] if installation in hidden else Hiding()
            kept = sorted(country for country in counts if to_country(country) in hiding.countries)
            together = None
            if len(kept) > 1:
                ((count,),) = facts.database.run(_TOGETHER, {**limits, "installation": installation, "countries": kept})
                together = count if count >= least else None
            found[installation].append(UsersByCountry(period.name, _order(counts, kept), least, together))
    return {installation: tuple(own) for installation, own in found.items()}


def _order(counts: Mapping[str, int], hidden: Sequence[str]) -> tuple[tuple[str, int | None], ...]:
    shown = sorted(counts.keys() - set(hidden), key=lambda country: (-counts[country], _to_name(country)))
    told = [(_to_name(country), counts[country]) for country in shown]
    return (*told, *((name, None) for name in sorted(map(_to_name, hidden))))


def _to_name(country: str) -> str:
    return to_country_name(country) or "unknown"
