"""Profiles: named sets of rules; a report names the one it was counted by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.canonical import to_digest
from schemas.errors import FatalFault
from streams.usage.counting.rules import CountingRule, DoubleClick, NoRobots, Success, UserPurpose, describe_robots

if TYPE_CHECKING:
    from streams.usage.counting.robots import Robots


@dataclass(frozen=True, slots=True)
class Profile:
    """Rules in the order in which they are applied: an access is removed by the first that applies.

    Attributes
    ----------
    name
        With its version; other rules are another name.
    robots
        The list that programs of logs are held against; absent where the edge has asked its own.
    """

    name: str
    rules: tuple[CountingRule, ...]
    robots: Robots | None = None

    def to_plain(self) -> dict[str, Any]:
        """Return what a report says of its profile; the digest is that of all the rest."""
        plain: dict[str, Any] = {
            "name": self.name,
            "rules": [{"name": rule.name, "promise": rule.promise} for rule in self.rules],
        }
        if self.robots is not None:
            plain["robots"] = describe_robots(self.robots)
        return plain | {"sha256": to_digest(plain)}


def _make_research_data(robots: Robots | None) -> Profile:
    # RD1 has no word on purposes; what is no user's is no use in any report of ours
    kept = robots.without_tools() if robots else None
    return Profile("counter-rd-1", (Success(), UserPurpose(), NoRobots("list-without-tools"), DoubleClick()), kept)


def _make_release_five(robots: Robots | None) -> Profile:
    return Profile("counter-r5.1", (Success(), UserPurpose(), NoRobots("list"), DoubleClick()), robots)


def _make_plain(robots: Robots | None) -> Profile:
    del robots  # what a door has marked as a robot's is all this profile knows of robots
    return Profile("observatory-1", (Success(), UserPurpose(), NoRobots("door")))


#: Every profile there is; another one is another line.
PROFILES: dict[str, Callable[[Robots | None], Profile]] = {
    "counter-rd-1": _make_research_data,
    "counter-r5.1": _make_release_five,
    "observatory-1": _make_plain,
}

#: These count by a list of robots, and are nothing without one.
_NEED_ROBOTS = frozenset({"counter-rd-1", "counter-r5.1"})


def make_profile(name: str, robots: Robots | None = None, *, asked_at_edge: bool = False) -> Profile:
    """Return a profile.

    Parameters
    ----------
    robots
        The list that programs of logs are held against.
    asked_at_edge
        What is counted are uses, which keep what the list of their time said at the edge: no list is needed any more.

    Raises
    ------
    FatalFault
        If there is none of the name, or it needs a list of robots and there is none.
    """
    make = PROFILES.get(name)
    if make is None:
        message = f"There is no profile {name!r}; there are {', '.join(PROFILES)}."
        raise FatalFault(message)
    if asked_at_edge:
        return make(None)
    if robots is None and name in _NEED_ROBOTS:
        message = f"The profile {name} needs a list of robots, which you supply (COUNTER publishes one)."
        raise FatalFault(message)
    return make(robots)
