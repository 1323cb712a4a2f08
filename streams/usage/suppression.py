"""Suppression: numbers of few persons by country are hidden, and so many others that none can be solved for.

What a report tells is a system of equations: of each period the uses of all countries together, of each country that is
shown its uses in a period, and of each hidden one that it is not 0, since countries are always named. A hidden number is
safe if a second table fits all of that, in which it is another one. Such a table is looked for by the smallest changes
there are: one use more of a country and one less of another in the same stretch of time, or that and its opposite in
another stretch (a cycle in the network of the table; Gusfield, A graph theoretic approach to statistical data security,
SIAM J. Comput. 17, 1988). Where none is found, more is hidden.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.usage import UNKNOWN_COUNTRY

#: Numbers of fewer persons are hidden.
DEFAULT_LEAST = 3

_LOGIN_TIER = 4


class Pseudonym(NamedTuple):
    """Who used something: pseudonyms of different tiers or keys may be of one person."""

    tier: int
    key: str
    identity: str


@dataclass(frozen=True, slots=True)
class Crowd:
    """Uses by persons, and who these were.

    Attributes
    ----------
    persons
        Of each tier and key all, or as many as it takes to be no few.
    """

    uses: int = 0
    persons: frozenset[Pseudonym] = frozenset()

    def plus(self, other: Crowd) -> Crowd:
        """Return both together."""
        return Crowd(self.uses + other.uses, self.persons | other.persons)

    def has(self, least: int) -> bool:
        """Return whether there are so many persons, as far as pseudonyms tell: a login and a cookie may be of one."""
        return max(self._count().values(), default=0) >= least

    def is_small(self, least: int) -> bool:
        """Return whether somebody is in it, but few persons, or few with a login."""
        logins = max((count for (tier, _), count in self._count().items() if tier == _LOGIN_TIER), default=least)
        return self.uses > 0 and (logins < least or not self.has(least))

    def _count(self) -> Counter[tuple[int, str]]:
        return Counter((person.tier, person.key) for person in self.persons)


#: What happened in one stretch of time, by country.
Stretch = Mapping[str, Crowd]


@dataclass(frozen=True, slots=True)
class Hiding:
    """What is not told of one period.

    Attributes
    ----------
    countries
        Those whose numbers are hidden.
    exposed
        Those of them whose numbers follow all the same from totals and names, which are always told.
    """

    countries: frozenset[str] = frozenset()
    exposed: frozenset[str] = frozenset()


def hide_small(
    stretches: Sequence[Stretch], periods: Sequence[Collection[int]], *, least: int = DEFAULT_LEAST
) -> tuple[Hiding, ...]:
    """Return for each period which countries' numbers may not be told, of one installation and one report.

    Hidden are numbers of few persons; those of periods that would give such a number as the difference of two; and beside
    them so many others, smallest first, that no hidden number follows from what is told. The unknown country is no place
    and is not hidden for itself, only where there is no other left; it may be 0 then.

    Parameters
    ----------
    stretches
        Times that do not overlap, such that each period consists of some of them.
    periods
        Of each, which stretches.
    least
        The smallest number of persons that is told; 1 hides nothing.
    """
    table = _Table(tuple(stretches), tuple(map(frozenset, periods)), least)
    if least > 1:
        table.hide_few()
        table.hide_differences()
        table.hide_others()
    return tuple(
        Hiding(frozenset(hidden), frozenset(country for own, country in table.exposed if own == place))
        for place, hidden in enumerate(table.hidden)
    )


@dataclass
class _Table:
    """Countries by periods, and what is hidden so far. Nothing that is hidden is shown again, so hiding ends."""

    stretches: tuple[Stretch, ...]
    periods: tuple[frozenset[int], ...]
    least: int
    hidden: list[set[str]] = field(default_factory=list)
    exposed: set[tuple[int, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.hidden = [set() for _ in self.periods]
        self.countries = sorted({country for stretch in self.stretches for country in stretch} | {UNKNOWN_COUNTRY})
        self.uses = [
            {country: sum(self._count(country, at) for at in period) for country in self.countries}
            for period in self.periods
        ]

    def hide_few(self) -> None:
        for place, period in enumerate(self.periods):
            self.hidden[place] |= {country for country in self._list_known(place) if self._is_small(country, period)}

    def hide_differences(self) -> None:
        """Hide what would tell few persons as the rest of a longer period, in the shorter one."""
        for outer in self.periods:
            inside = [place for place, period in enumerate(self.periods) if period < outer]
            covered = frozenset().union(*(self.periods[place] for place in inside))
            for place in inside:
                for country in self._list_known(place):
                    if self._is_small(country, outer - self.periods[place]):
                        self.hidden[place].add(country)
            for country in self.countries:
                there = [place for place in inside if self.uses[place][country]]
                if there and country != UNKNOWN_COUNTRY and self._is_small(country, outer - covered):
                    self.hidden[min(there, key=lambda place: self.uses[place][country])].add(country)

    def hide_others(self) -> None:
        while (cell := self._find_open()) is not None:
            if not self._hide_more(*cell):
                self.exposed.add(cell)

    def _is_small(self, country: str, stretches: Collection[int]) -> bool:
        crowd = Crowd()
        for at in stretches:
            crowd = crowd.plus(self.stretches[at].get(country, Crowd()))
        return crowd.is_small(self.least)

    def _count(self, country: str, at: int) -> int:
        crowd = self.stretches[at].get(country)
        return crowd.uses if crowd else 0

    def _list_known(self, place: int) -> list[str]:
        """Return the named countries of a period, smallest first."""
        found = [country for country, uses in self.uses[place].items() if uses and country != UNKNOWN_COUNTRY]
        return sorted(found, key=lambda country: (self.uses[place][country], country))

    def _find_open(self) -> tuple[int, str] | None:
        for place, hidden in enumerate(self.hidden):
            known = sorted(hidden - {UNKNOWN_COUNTRY})
            if known and self._is_weak(place):
                return place, known[0]
            for country in known:
                if (place, country) not in self.exposed and not self._is_safe(place, country):
                    return place, country
        return None

    def _list_shown(self, place: int) -> list[str]:
        return [country for country in self._list_known(place) if country not in self.hidden[place]]

    def _is_weak(self, place: int) -> bool:
        """Return whether the hidden ones together are still one country or few persons, and more could be hidden."""
        hidden = self.hidden[place]
        if UNKNOWN_COUNTRY in hidden or not self._list_shown(place):
            return False
        crowd = Crowd()
        for at in self.periods[place]:
            for country in hidden:
                crowd = crowd.plus(self.stretches[at].get(country, Crowd()))
        return len(hidden) == 1 or not crowd.has(self.least)

    def _hide_more(self, place: int, country: str) -> bool:
        """Hide one thing more for the sake of a number; return whether there was any."""
        others = self._list_shown(place)
        if self._is_weak(place):
            self.hidden[place].add(others[0])
            return True
        if self._hide_elsewhere(place, country):
            return True
        if others or UNKNOWN_COUNTRY not in self.hidden[place]:
            self.hidden[place].add(others[0] if others else UNKNOWN_COUNTRY)
            return True
        near = [other for other in range(len(self.periods)) if self.periods[other] & self.periods[place]]
        before = sum(map(len, self.hidden))
        for other in near:
            self.hidden[other] |= self._list_hideable(place, other)
        return sum(map(len, self.hidden)) > before

    def _hide_elsewhere(self, place: int, country: str) -> bool:
        """Hide the same countries in that other period where it helps and costs least."""
        choices = []
        for other in range(len(self.periods)):
            more = self._list_hideable(place, other) - self.hidden[other]
            if other != place and more:
                choices.append((sum(self.uses[other][name] for name in more), other, more))
        for _, other, more in sorted(choices, key=lambda choice: choice[:2]):
            self.hidden[other] |= more
            if self._is_safe(place, country):
                return True
            self.hidden[other] -= more
        return False

    def _list_hideable(self, place: int, other: int) -> set[str]:
        """Return what is hidden in one period and could be in another: only the unknown country is hidden where it is 0."""
        return {name for name in self.hidden[place] if self.uses[other][name] or name == UNKNOWN_COUNTRY}

    def _is_safe(self, place: int, country: str) -> bool:
        return any(
            self._can_move(place, *pair)
            for other in sorted(self.hidden[place] - {country})
            for pair in ((country, other), (other, country))
        )

    def _can_move(self, place: int, gains: str, loses: str) -> bool:
        """Return whether a table fits in which one country has more, and another less, in this period."""
        told = [
            period
            for own, period in enumerate(self.periods)
            if gains not in self.hidden[own] or loses not in self.hidden[own]
        ]
        in_told = [
            tuple(number for number, period in enumerate(told) if at in period) for at in range(len(self.stretches))
        ]
        for one in range(len(self.stretches)):
            if not self._count(loses, one):
                continue
            if one in self.periods[place] and not in_told[one] and self._can_lose(loses, one, None):
                return True
            for other in range(len(self.stretches)):
                if (
                    in_told[one] == in_told[other]
                    and (one in self.periods[place]) != (other in self.periods[place])
                    and self._count(gains, other)
                    and self._can_lose(loses, one, other)
                    and self._can_lose(gains, other, one)
                ):
                    return True
        return False

    def _can_lose(self, country: str, at: int, instead: int | None) -> bool:
        """Return whether a country with one use less in a stretch, and one more in another, is still named where it was."""
        fewest = 0 if country == UNKNOWN_COUNTRY else 1
        return all(
            self.uses[place][country] > fewest
            for place, period in enumerate(self.periods)
            if at in period and instead not in period
        )
