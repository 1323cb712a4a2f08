"""The tally: accesses counted by a profile, with how many each rule removed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.canonical import to_canonical
from schemas.noun import to_time_text
from streams.usage.counting.access import Access
from streams.usage.counting.few import hide_countries
from streams.usage.counting.ground import Ground, open_log

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.usage.counting.profiles import Profile
    from streams.usage.periods import NamedPeriod

#: What is counted of each installation and access method, in the order of the queries.
COUNTS = (
    "total_investigations", "unique_investigations", "total_requests", "unique_requests", "bytes", "sessions",
)  # fmt: skip

#: The session of an access: its own id and the day, or else the user and the hour of the day, in UTC. Accesses of one session
#: to one resource are one visit.
VISITS = """
    SELECT installation, method, resource, coalesce(session, actor) AS visitor, session IS NULL AS is_slice,
        date_trunc(if(session IS NULL, 'hour', 'day'), asked_at) AS slice, count(*) AS n,
        count(*) FILTER (action = 'request') AS requests, coalesce(sum(bytes) FILTER (action = 'request'), 0) AS bytes
    FROM remaining WHERE {when} GROUP BY ALL
"""

_ROWS = f"""
    SELECT installation, method, sum(n), sum(visits), sum(requests), sum(asked), sum(bytes), count(*) FROM (
        SELECT installation, method, visitor, is_slice, slice, sum(n) AS n, count(*) AS visits, sum(requests) AS requests,
            count(*) FILTER (requests > 0) AS asked, sum(bytes) AS bytes
        FROM ({VISITS}) GROUP BY ALL
    ) GROUP BY ALL ORDER BY installation, method
"""  # noqa: S608 - put together from constants

_COUNTRIES = """
    SELECT installation, method, country, count(*) FROM remaining WHERE {when} GROUP BY ALL ORDER BY ALL
"""

_REMOVED = """
    SELECT installation, rule, count(*) FROM gone JOIN access ON access.rowid = gone.place WHERE {when} GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True, slots=True)
class Tally:
    """The counts of a period.

    Attributes
    ----------
    profile
        What the report says of its rules.
    removed
        For each rule, in their order, how many accesses of the period it removed.
    rows
        By installation and access method: investigations (which requests are too), requests, both also as distinct
        resources of a session, sessions, bytes delivered, accesses by country, and what is suppressed of these.
    conflicts
        Ids under which different accesses were told; of each, the one with the smallest digest counts.
    """

    profile: dict[str, Any]
    period: NamedPeriod
    removed: tuple[tuple[str, int], ...]
    rows: tuple[tuple[tuple[str, str], dict[str, Any]], ...]
    conflicts: tuple[str, ...]

    def to_plain(self) -> dict[str, Any]:
        """Return the tally as a JSON object."""
        start, end = (to_time_text(moment) for moment in (self.period.from_at, self.period.to_at))
        return {
            "profile": self.profile,
            "period": {"name": self.period.name, "from_at": start, "to_at": end},
            "removed": [{"rule": rule, "accesses": count} for rule, count in self.removed],
            "rows": [{"installation": name, "access_method": method} | row for (name, method), row in self.rows],
            "conflicts": list(self.conflicts),
        }

    def to_json(self) -> bytes:
        """Return the canonical bytes: equal sets of accesses give equal bytes."""
        return to_canonical(self.to_plain())


def count(accesses: Iterable[Access], profile: Profile, period: NamedPeriod, *, least: int = 1) -> Tally:
    """Count accesses by a profile. Order, repetition, partitions and time zones mean nothing.

    Parameters
    ----------
    accesses
        All there are: the rules see those before and after the period too, since a double-click may cross its ends.
    least
        Numbers by country of fewer users are suppressed; with 1 all are told.

    Raises
    ------
    TransientFault
        If memory is short.
    """
    told, conflicts = _merge(accesses)
    with open_log(told, profile) as ground:
        rows = tuple(hide_countries(ground, period, count_rows(ground, period), least=least).items())
        removed: dict[str, int] = dict.fromkeys((rule.name for rule in profile.rules), 0)
        for counts in count_removed(ground, period).values():
            for rule, number in counts.items():
                removed[rule] += number
    return Tally(profile.to_plain(), period, tuple(removed.items()), rows, conflicts)


def count_rows(ground: Ground, period: NamedPeriod) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what remains in a period, by installation and access method: the :data:`COUNTS`, and ``countries``."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for installation, method, *numbers in ground.select(_ROWS, period):
        found[installation, method] = dict(zip(COUNTS, map(int, numbers), strict=True)) | {"countries": {}}
    for installation, method, country, number in ground.select(_COUNTRIES, period):
        found[installation, method]["countries"][country] = number
    return found


def count_removed(ground: Ground, period: NamedPeriod) -> dict[str, dict[str, int]]:
    """Return how many accesses of a period each rule removed, by installation and rule."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for installation, place, number in ground.select(_REMOVED, period):
        found[installation][ground.profile.rules[place].name] = number
    return found


def _merge(accesses: Iterable[Access]) -> tuple[list[Access], tuple[str, ...]]:
    """Return each id once, in the order of time and ids, and the ids under which there were different accesses."""
    first: dict[str, Access] = {}
    others: dict[str, set[Access]] = defaultdict(set)
    for access in accesses:
        known = first.setdefault(access.event_id, access)
        if known is not access and known != access:
            others[access.event_id].add(access)
    for event_id, told in others.items():
        first[event_id] = min((first[event_id], *told), key=Access.to_digest)
    return sorted(first.values(), key=lambda access: (access.requested_at, access.event_id)), tuple(sorted(others))
