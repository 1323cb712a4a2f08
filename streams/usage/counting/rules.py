"""Rules of counting: each removes accesses, for a reason that has a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from streams.usage.counting.robots import Robots


class CountingRule(Protocol):
    """A rule. What it removes follows from the set of accesses alone, never from their order."""

    @property
    def name(self) -> str:
        """What the report calls it, with its version: ``double-click@1``."""

    @property
    def promise(self) -> str:
        """What it removes, in a sentence."""

    @property
    def query(self) -> str:
        """SQL that gives the ``place`` of each access that does not count, out of the view ``remaining``.

        The columns of the view are those of ``access`` in :mod:`streams.usage.counting.ground`; it holds what the rules before
        have left. The table ``tool_pattern`` holds the entries of lists of robots that match programs of researchers.
        """


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

    @property
    def query(self) -> str:
        """Those that were not delivered."""
        statuses = ", ".join(map(str, sorted(self.statuses)))
        return f"SELECT place FROM remaining WHERE status NOT IN ({statuses})"  # noqa: S608 - numbers


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

    @property
    def query(self) -> str:
        """Those that served another purpose."""
        return "SELECT place FROM remaining WHERE purpose <> 'user' OR traffic = 'test'"


#: How robots are known: by what a door has marked alone, by a whole list too, or by what of it no researcher's program matches.
Knowing = Literal["door", "list", "list-without-tools"]

_LISTED: dict[Knowing, str] = {
    "door": "false",
    "list": "judged = 'robot'",
    "list-without-tools": "judged = 'robot' AND pattern NOT IN (SELECT pattern FROM tool_pattern)",
}


@dataclass(frozen=True, slots=True)
class NoRobots:
    """Robots are no users: those that a door has marked, and those that a list knows."""

    by: Knowing = "door"

    @property
    def name(self) -> str:
        """The rule's name."""
        return "robots@1"

    @property
    def promise(self) -> str:
        """What it removes."""
        if self.by == "door":
            return "Removes accesses that a door has marked as a robot's; no list of robots is asked."
        kept = ", but not programs that researchers use" if self.by == "list-without-tools" else ""
        return (
            f"Removes accesses of programs on the list of robots{kept}, and those that a door has marked as a robot's."
        )

    @property
    def query(self) -> str:
        """Those that robots made; of which no list is known what the program is, are none."""
        return f"SELECT place FROM remaining WHERE traffic = 'robot' OR ({_LISTED[self.by]})"  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class DoubleClick:
    """Repeated accesses of a user to a resource in quick succession are one: the last.

    A chain collapses to its last member, however long it is; a gap of exactly the window is a double-click. The hour that
    parts sessions does not part a double-click. Two accesses that sent different things are no double-click.
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

    @property
    def query(self) -> str:
        """Those that were repeated."""
        return f"""
            SELECT place FROM (
                SELECT place, epoch_ms(asked_at) AS asked_ms, lead(epoch_ms(asked_at)) OVER (
                    PARTITION BY installation, session, actor, resource, sent, action ORDER BY asked_at, tie
                ) AS next_ms
                FROM remaining
            ) WHERE next_ms - asked_ms <= {round(self.window_s * 1000)}
        """  # noqa: S608 - a number


def describe_robots(robots: Robots) -> dict[str, object]:
    """Return what a report says of a list of robots."""
    return {
        "sha256": robots.sha256,
        "version": robots.version,
        "patterns": len(robots.patterns),
        "left_out": list(robots.left_out),
    }
