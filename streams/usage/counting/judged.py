"""What lists of robots have said of the programs behind accesses, and of how many nothing is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from streams.usage.counting.rules import NoRobots

if TYPE_CHECKING:
    from streams.usage.counting.ground import Ground
    from streams.usage.periods import NamedPeriod

#: Of these, nobody can tell whether a robot made them: there was no list, or no program was told. A declared owner's uses come
#: of a feed, which no visitor's program asks.
UNJUDGED = {
    "no_list": "the edge had no list of robots",
    "not_told": "the door told no program",
    "owner": "uses of declared owners, which no program of a visitor asked for",
}

_JUDGED = """
    SELECT installation, judged, list_sha256, coalesce(list_version, ''), pattern, count(*)
    FROM access LEFT JOIN gone ON access.rowid = gone.place
    WHERE (gone.rule IS NULL OR gone.rule >= {place}) AND {when} GROUP BY ALL ORDER BY ALL
"""


class UsedList(NamedTuple):
    """A list of robots, and how many accesses it was asked of."""

    sha256: str
    version: str
    uses: int


class _Count(NamedTuple):
    installation: str
    judged: str
    list_sha256: str | None
    list_version: str
    pattern: str | None
    uses: int


@dataclass(frozen=True, slots=True)
class Judged:
    """The accesses that the rule of robots was given, by what is known of their programs."""

    counts: tuple[_Count, ...]

    def of(self, installation: str) -> Judged:
        """Return those of one installation."""
        return Judged(tuple(count for count in self.counts if count.installation == installation))

    def list_lists(self) -> tuple[UsedList, ...]:
        """Return the lists that were asked, in the order of their versions."""
        found: dict[tuple[str, str], int] = {}
        for count in self.counts:
            if count.list_sha256 is not None:
                key = (count.list_version, count.list_sha256)
                found[key] = found.get(key, 0) + count.uses
        return tuple(UsedList(sha256, version, found[version, sha256]) for version, sha256 in sorted(found))

    def count_list(self, sha256: str) -> int:
        """Return of how many a list was asked."""
        return sum(count.uses for count in self.counts if count.list_sha256 == sha256)

    def count_unjudged(self) -> dict[str, int]:
        """Return how many there are of which nobody can tell, by why; what there is none of is left out."""
        sums = {why: sum(count.uses for count in self.counts if count.judged == why) for why in UNJUDGED}
        return {why: number for why, number in sums.items() if number}

    def count_patterns(self) -> dict[str, int]:
        """Return how many there are of each entry of a list that was matched."""
        found: dict[str, int] = {}
        for count in self.counts:
            if count.judged == "robot" and count.pattern is not None:
                found[count.pattern] = found.get(count.pattern, 0) + count.uses
        return dict(sorted(found.items()))


def count_judged(ground: Ground, period: NamedPeriod) -> Judged:
    """Return what is known of the programs behind those accesses of a period that reached the rule of robots."""
    rules = ground.profile.rules
    place = next((place for place, rule in enumerate(rules) if isinstance(rule, NoRobots)), len(rules))
    return Judged(tuple(_Count(*row) for row in ground.select(_JUDGED.replace("{place}", str(place)), period)))
