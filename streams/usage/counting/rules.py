"""Rules of counting: each removes accesses, for a reason that has a name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from streams.usage.counting.access import Access
    from streams.usage.counting.robots import Robots


class CountingRule(Protocol):
    """A rule. What it removes follows from the set of accesses alone, never from their order."""

    @property
    def name(self) -> str:
        """What the report calls it, with its version: ``double-click@1``."""

    @property
    def promise(self) -> str:
        """What it removes, in a sentence."""

    def remove(self, accesses: Sequence[Access]) -> set[str]:
        """Return the ids of those that do not count; they are given in the order of time, then of ids, each id once."""


@dataclass(frozen=True, slots=True)
class Success:
    """What was not delivered is not counted."""

    statuses: frozenset[int] = frozenset({200, 304})

    @property
    def name(self) -> str:
        """The rule's name."""
        return "success@1"

    @property
    def promise(self) -> str:
        """What it removes."""
        return f"Removes accesses whose HTTP status is not {' or '.join(map(str, sorted(self.statuses)))}."

    def remove(self, accesses: Sequence[Access]) -> set[str]:
        """Return the ids of those that were not delivered."""
        return {access.event_id for access in accesses if access.status not in self.statuses}


@dataclass(frozen=True, slots=True)
class UserPurpose:
    """What nobody did for its result is not counted: tests, canaries, staff, replays."""

    @property
    def name(self) -> str:
        """The rule's name."""
        return "user-purpose@1"

    @property
    def promise(self) -> str:
        """What it removes."""
        return "Removes accesses of another purpose than a user's, and those of tests."

    def remove(self, accesses: Sequence[Access]) -> set[str]:
        """Return the ids of those that served another purpose."""
        return {access.event_id for access in accesses if access.purpose != "user" or access.traffic == "test"}


@dataclass(frozen=True, slots=True)
class NoRobots:
    """Robots are no users: those that a list knows, and those that a door has marked."""

    robots: Robots | None

    @property
    def name(self) -> str:
        """The rule's name."""
        return "robots@1"

    @property
    def promise(self) -> str:
        """What it removes."""
        if self.robots is None:
            return "Removes accesses that a door has marked as a robot's; there is no list of robots."
        kept = ", but not programs that researchers use" if self.robots.left_out else ""
        return (
            f"Removes accesses of programs on the list of robots{kept}, and those that a door has marked as a robot's."
        )

    def remove(self, accesses: Sequence[Access]) -> set[str]:
        """Return the ids of those that robots made."""
        return {access.event_id for access in accesses if access.traffic == "robot" or self._knows(access.agent)}

    def _knows(self, agent: str | None) -> bool:
        return agent is not None and self.robots is not None and self.robots.knows(agent)


@dataclass(frozen=True, slots=True)
class DoubleClick:
    """Repeated accesses of a user to a resource in quick succession are one: the last.

    A chain collapses to its last member, however long it is; a gap of exactly the window is a double-click. The hour that
    parts sessions does not part a double-click.
    """

    window_s: float = 30.0

    @property
    def name(self) -> str:
        """The rule's name."""
        return "double-click@1"

    @property
    def promise(self) -> str:
        """What it removes."""
        return f"Removes accesses that the same user repeated within {self.window_s:g} s; of a chain the last remains."

    def remove(self, accesses: Sequence[Access]) -> set[str]:
        """Return the ids of those that were repeated."""
        window = dt.timedelta(seconds=self.window_s)
        return {
            first.event_id
            for chain in _group(accesses)
            for first, second in pairwise(chain)
            if second.requested_at - first.requested_at <= window
        }


def _group(accesses: Sequence[Access]) -> Iterable[list[Access]]:
    """Return the accesses of each user to each resource, in the order of time."""

    def to_key(access: Access) -> tuple[str, ...]:
        return (access.installation, access.session or "", access.user, access.resource, access.action)

    return (list(group) for _, group in groupby(sorted(accesses, key=to_key), key=to_key))
