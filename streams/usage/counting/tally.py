"""The tally: accesses counted by a profile, with how many each rule removed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from schemas.canonical import to_canonical
from schemas.noun import to_time_text
from streams.usage.counting.access import Access

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.usage.counting.profiles import Profile
    from streams.usage.periods import NamedPeriod


#: Letters of ``2025-03-10`` and of ``2025-03-10T13``: times are in UTC, as accesses keep them.
_DAY, _HOUR = 10, 13


@dataclass(slots=True)
class _Row:
    """What is counted of one installation and access method."""

    investigations: int = 0
    requests: int = 0
    bytes: int = 0
    investigated: set[tuple[str, str]] = field(default_factory=set)
    requested: set[tuple[str, str]] = field(default_factory=set)
    sessions: set[str] = field(default_factory=set)
    countries: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, access: Access) -> None:
        session = to_session(access)
        self.sessions.add(session)
        self.countries[access.country] += 1
        self.investigations += 1
        self.investigated.add((session, access.resource))
        if access.action == "request":
            self.requests += 1
            self.requested.add((session, access.resource))
            self.bytes += access.bytes

    def to_plain(self) -> dict[str, Any]:
        return {
            "total_investigations": self.investigations,
            "unique_investigations": len(self.investigated),
            "total_requests": self.requests,
            "unique_requests": len(self.requested),
            "bytes": self.bytes,
            "sessions": len(self.sessions),
            "countries": dict(self.countries),
        }


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
        resources of a session, sessions, bytes delivered, accesses by country.
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


def to_session(access: Access) -> str:
    """Return the session of an access: its own id and the day, or else the user and the hour of the day, in UTC."""
    if access.session is not None:
        return f"{access.session}|{access.requested_at.isoformat()[:_DAY]}"
    return f"{access.user}|{access.requested_at.isoformat()[:_HOUR]}"


def count(accesses: Iterable[Access], profile: Profile, period: NamedPeriod) -> Tally:
    """Count accesses by a profile. Order, repetition, partitions and time zones mean nothing.

    Parameters
    ----------
    accesses
        All there are: the rules see those before and after the period too, since a double-click may cross its ends.
    """
    left, conflicts = _merge(accesses)
    removed = []
    for rule in profile.rules:
        gone = rule.remove(left)
        removed.append((rule.name, sum(access.event_id in gone and _is_in(access, period) for access in left)))
        left = [access for access in left if access.event_id not in gone]
    rows: dict[tuple[str, str], _Row] = defaultdict(_Row)
    for access in left:
        if _is_in(access, period):
            rows[access.installation, access.access_method].add(access)
    plain = tuple((key, rows[key].to_plain()) for key in sorted(rows))
    return Tally(profile.to_plain(), period, tuple(removed), plain, conflicts)


def _is_in(access: Access, period: NamedPeriod) -> bool:
    return period.from_at <= access.requested_at < period.to_at


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
