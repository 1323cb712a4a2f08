"""Figures: what one installation did in one period, counted from merged facts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from streams.usage.countries import to_country
from streams.usage.rows import from_milliseconds
from streams.usage.unique import Unique

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from streams.usage.periods import NamedPeriod
    from streams.usage.reports.facts import Facts

#: A pre-cut tile is counted in a row of its own and never among the images.
TILE = "tile"

#: Hex digits of a digest of facts.
_DIGITS = 32

_DELIVERED = "act IN ('processed', 'served')"
_IN_PERIOD = "requested_at >= $from_at AND requested_at < $to_at"


@dataclass(frozen=True, slots=True)
class Tally:
    """Counted things of one kind.

    Attributes
    ----------
    runs
        How often one was looked at, repeats included.
    fresh
        How many of these were the first time.
    unsure
        How many of the others may have been the first time too.
    demonstration
        How many of the fresh ones were by a demonstration model.
    """

    runs: int = 0
    fresh: int = 0
    unsure: int = 0
    demonstration: int = 0

    def plus(self, other: Tally) -> Tally:
        """Return both together: things of different kinds are different things."""
        return Tally(
            self.runs + other.runs,
            self.fresh + other.fresh,
            self.unsure + other.unsure,
            self.demonstration + other.demonstration,
        )


#: What the rules of the profile remove events for, and which rule does.
REMOVED = {
    "not_delivered": "success@1",
    "tests": "user-purpose@1",
    "other_purposes": "user-purpose@1",
    "robots": "robots@1",
}

NOBODY = Unique(frozenset())


@dataclass
class Figures:
    """One installation in one period.

    Attributes
    ----------
    installation, period
        Whose and when.
    since
        When its first use was requested, before the period's end; ``None`` when there is none.
    has_login
        Whether anybody had logged in before the period's end.
    as_of
        How many facts there were before the period's end, and a digest of the exclusive or of theirs: equal facts give
        equal text, whatever their order. A check, not a seal. The heartbeat that the period ends in is among them.
    tallies
        By act (``processed``, ``ingested``), what (``image``, ``unit``) and kind.
    ends
        Requests that were not served, by status and reason.
    users
        Persons of tier 4, by the key that their pseudonyms were made with: ``""`` is the project's own.
    groups
        Home institutions of deliveries and reads.
    annotated
        Images that persons annotated.
    tiers, owners, countries, sources
        Deliveries and reads, by each of these.
    events
        Everything recorded, by what the rules make of it: a part of :data:`REMOVED`, or ``counted``.
    beats
        When each door was there, in order: from, until, and whether it was closed on purpose then.
    uncounted
        Uses and image runs that are not counted, by purpose, or by traffic where the purpose is ``user``.
    """

    installation: str
    period: NamedPeriod
    since: dt.datetime | None = None
    has_login: bool = False
    as_of: str = "0"
    deliveries: int = 0
    reads: int = 0
    users: dict[str, Unique] = field(default_factory=dict)
    groups: Unique = NOBODY
    annotated: int = 0
    tallies: dict[tuple[str, str, str], Tally] = field(default_factory=dict)
    ends: dict[tuple[str, str], int] = field(default_factory=dict)
    tiers: dict[int, int] = field(default_factory=dict)
    owners: dict[str, int] = field(default_factory=dict)
    countries: dict[str, int] = field(default_factory=dict)
    sources: dict[str, int] = field(default_factory=dict)
    uncounted: dict[str, tuple[int, int]] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    beats: dict[str, list[tuple[dt.datetime, dt.datetime, bool]]] = field(default_factory=dict)

    @property
    def uses(self) -> int:
        """Deliveries and reads."""
        return self.deliveries + self.reads

    @property
    def is_empty(self) -> bool:
        """Whether no fact is in the period, heartbeats aside: then only doors can show that somebody counted."""
        return not (self.uses or self.tallies or self.ends or self.uncounted or self.annotated)

    def sum_images(self, act: str) -> Tally:
        """Return the images of all kinds, tiles not among them."""
        total = Tally()
        for (own, what, kind), tally in self.tallies.items():
            if (own, what) == (act, "image") and kind != TILE:
                total = total.plus(tally)
        return total

    def select_kinds(self, act: str, what: str) -> dict[str, Tally]:
        """Return the tallies of one act and sort of thing, by kind."""
        return {kind: tally for (own, other, kind), tally in self.tallies.items() if (own, other) == (act, what)}

    def count_ends(self, status: str) -> int:
        """Return how many requests ended with this status."""
        return sum(count for (own, _), count in self.ends.items() if own == status)


def list_installations(facts: Facts) -> tuple[str, ...]:
    """Return every installation that facts name, sorted."""
    return tuple(row[0] for row in facts.database.run("SELECT DISTINCT installation FROM event ORDER BY 1"))


def read_figures(facts: Facts, period: NamedPeriod, installations: Iterable[str]) -> dict[str, Figures]:
    """Count one period for each of the installations.

    Raises
    ------
    TransientFault
        If memory is short.
    """
    figures = {name: Figures(name, period) for name in installations}
    query = _Query(facts, period)
    for name, *values in query.select(_HISTORY, "coalesce(since_at, requested_at) < $to_at"):
        if name in figures:
            _note_history(figures[name], values)
    for name, door, since, until, last in query.select(_BEATS, "since_at < $to_at"):
        if name in figures:
            stretch = (from_milliseconds(since), from_milliseconds(until), last)
            figures[name].beats.setdefault(door, []).append(stretch)
    for read, note in _READINGS:
        for name, *values in query.select(read, _IN_PERIOD):
            if name in figures:
                note(figures[name], values)
    for name, key, members in query.select(_USERS, _IN_PERIOD):
        if name in figures:
            figures[name].users[key] = Unique.of(members)
    return figures


@dataclass(frozen=True, slots=True)
class _Query:
    facts: Facts
    period: NamedPeriod

    def select(self, statement: str, when: str) -> list[tuple[Any, ...]]:
        # facts hold UTC without a zone
        limits = {"to_at": self.period.to_at.replace(tzinfo=None)}
        if "$from_at" in when:
            limits["from_at"] = self.period.from_at.replace(tzinfo=None)
        return self.facts.database.run(statement.replace("{when}", when), limits)


_HISTORY = """
    SELECT installation, epoch_ms(min(requested_at) FILTER (act <> 'heartbeat')), bool_or(who = 'person' AND tier = 4),
        count(*), hex(bit_xor(event_sha256::UHUGEINT))
    FROM event WHERE {when} GROUP BY installation
"""

_BEATS = """
    SELECT installation, door, epoch_ms(since_at), epoch_ms(until_at), last
    FROM beat WHERE {when} ORDER BY installation, door, since_at
"""

_TALLIES = """
    SELECT installation, act, what, kind, sum(n), sum(fresh), sum(unsure), sum(fresh) FILTER (demonstration)
    FROM counted JOIN sort USING (sort) WHERE {when} GROUP BY ALL
"""

_ENDS = """
    SELECT installation, status, reason, count(*) FROM event WHERE act = 'not_done' AND counted AND {when} GROUP BY ALL
"""

_USES = f"""
    SELECT installation, act, who, tier, CASE WHEN who = 'declared_owner' THEN identity END, country, country_source,
        count(*)
    FROM event WHERE {_DELIVERED} AND counted AND {{when}} GROUP BY ALL
"""  # noqa: S608 - put together from constants

#: In the order of the rules: an event is removed by the first that applies.
_EVENTS = """
    SELECT installation, CASE
        WHEN act = 'not_done' THEN 'not_delivered'
        WHEN purpose = 'test' OR traffic = 'test' THEN 'tests'
        WHEN purpose <> 'user' THEN 'other_purposes'
        WHEN traffic = 'robot' THEN 'robots'
        ELSE 'counted'
    END, count(*)
    FROM event WHERE act <> 'heartbeat' AND {when} GROUP BY ALL
"""

_OTHERS = f"""
    SELECT installation, CASE WHEN purpose = 'user' THEN traffic ELSE purpose END, count(*),
        coalesce(sum(list_sum(map_values(images)) - coalesce(images['tile'], 0)), 0)
    FROM event WHERE {_DELIVERED} AND NOT counted AND {{when}} GROUP BY ALL
"""  # noqa: S608

_USERS = f"""
    SELECT installation, coalesce(key, ''), list(DISTINCT identity)
    FROM event WHERE {_DELIVERED} AND counted AND who = 'person' AND tier = 4 AND {{when}} GROUP BY ALL
"""  # noqa: S608

_GROUPS = f"""
    SELECT installation, list(DISTINCT institution)
    FROM event WHERE {_DELIVERED} AND counted AND institution IS NOT NULL AND {{when}} GROUP BY ALL
"""  # noqa: S608

_ANNOTATED = """
    SELECT installation, coalesce(sum(list_sum(map_values(images)) - coalesce(images['tile'], 0)), 0)
    FROM event WHERE act = 'annotated' AND counted AND {when} GROUP BY ALL
"""


def _note_history(figures: Figures, values: list[Any]) -> None:
    from_ms, figures.has_login, count, digest = values
    figures.since = None if from_ms is None else from_milliseconds(from_ms)
    figures.as_of = to_as_of(count, int(digest, 16))


def to_as_of(count: int, digests: int) -> str:
    """Return what tells some facts from others.

    Parameters
    ----------
    digests
        The exclusive or of the facts' digests, 128 bits: of a single fact it would be the digest of one use.
    """
    told = hashlib.sha256(f"{digests:0{_DIGITS}x}".encode()).hexdigest()[:_DIGITS]
    return f"{count}-{told}"


def _note_tally(figures: Figures, values: list[Any]) -> None:
    act, what, kind, runs, fresh, unsure, demonstration = values
    figures.tallies[act, what, kind] = Tally(int(runs), int(fresh), int(unsure), int(demonstration or 0))


def _note_end(figures: Figures, values: list[Any]) -> None:
    status, reason, count = values
    figures.ends[status, reason] = count


def _note_use(figures: Figures, values: list[Any]) -> None:
    act, who, tier, owner, country, source, count = values
    if act == "processed":
        figures.deliveries += count
    else:
        figures.reads += count
    _add(figures.tiers, tier, count)
    _add(figures.countries, to_country(country), count)
    _add(figures.sources, source, count)
    if who == "declared_owner":
        _add(figures.owners, owner, count)


def _note_events(figures: Figures, values: list[Any]) -> None:
    became, count = values
    figures.events[became] = count


def _note_uncounted(figures: Figures, values: list[Any]) -> None:
    why, uses, images = values
    figures.uncounted[why] = (uses, int(images))


def _note_groups(figures: Figures, values: list[Any]) -> None:
    figures.groups = Unique.of(values[0])


def _note_annotated(figures: Figures, values: list[Any]) -> None:
    figures.annotated = int(values[0])


_READINGS = (
    (_TALLIES, _note_tally),
    (_ENDS, _note_end),
    (_USES, _note_use),
    (_OTHERS, _note_uncounted),
    (_EVENTS, _note_events),
    (_GROUPS, _note_groups),
    (_ANNOTATED, _note_annotated),
)


def _add(counts: dict[Any, int], key: object, count: int) -> None:
    counts[key] = counts.get(key, 0) + count
