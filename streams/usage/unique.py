"""Unique: a set of distinct members that can be united, and never added; exact while it is small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NoReturn

from streams.usage.sketches import Sketch, make_sketch, unite_sketches

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Sets up to this size are kept, and counted exactly; larger ones become sketches.
EXACT_LIMIT = 50_000

_REFUSAL = "uniques never add: whoever is in both would count twice; take the union"


@dataclass(frozen=True, slots=True)
class Unique:
    """Distinct members, such as the pseudonyms of a period's users.

    Attributes
    ----------
    members
        All of them, while there are at most 50,000; more make a sketch, and are forgotten.
    sketch
        Stands for the members instead.

    Examples
    --------
    ==================================  ==========================================
    expression                          gives
    ==================================  ==========================================
    ``Unique({"a", "b"}).count``        2
    ``one.union(other).count``          at most the sum
    ``one + other``, ``sum([one])``     TypeError
    ==================================  ==========================================
    """

    members: frozenset[str] = frozenset()
    sketch: Sketch | None = None

    def __post_init__(self) -> None:
        """Make a sketch of too many members.

        Raises
        ------
        ValueError
            If both members and a sketch are given.
        FatalFault
            If a sketch is needed and datasketches is not installed.
        """
        if self.sketch is not None and self.members:
            message = "a unique has members or a sketch, not both"
            raise ValueError(message)
        if len(self.members) > EXACT_LIMIT:
            object.__setattr__(self, "sketch", make_sketch(self.members))
            object.__setattr__(self, "members", frozenset())

    @classmethod
    def of(cls, members: Iterable[str]) -> Unique:
        """Return the distinct ones of some members."""
        return cls(frozenset(members))

    @property
    def count(self) -> int:
        """How many there are: exact, or the sketch's estimate."""
        return len(self.members) if self.sketch is None else self.sketch.count

    @property
    def bounds(self) -> tuple[int, int]:
        """Between which numbers the count lies: equal where it is exact, three standard deviations apart where not."""
        return (self.count, self.count) if self.sketch is None else (self.sketch.low, self.sketch.high)

    @property
    def method(self) -> Literal["exact", "sketch"]:
        """How it was counted, as metrics carry it."""
        return "exact" if self.sketch is None else "sketch"

    def union(self, *others: Unique) -> Unique:
        """Return the members of any of them: the same whatever the order, and however they were united before."""
        every = (self, *others)
        members = frozenset[str]().union(*(one.members for one in every))
        sketches = [one.sketch for one in every if one.sketch is not None]
        if not sketches:
            return Unique(members)
        return Unique(sketch=unite_sketches([*sketches, make_sketch(members)]))

    def without(self, before: Unique) -> Unique:
        """Return the members that are not in ``before``: the new ones; the others are returning.

        Raises
        ------
        ValueError
            If either is a sketch: who is new is told from the members only.
        """
        if self.sketch is not None or before.sketch is not None:
            message = "new members are told from the members themselves, and a sketch has none"
            raise ValueError(message)
        return Unique(self.members - before.members)

    def __add__(self, other: object) -> NoReturn:
        """Refuse.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError(_REFUSAL)

    __radd__ = __add__

    def __repr__(self) -> str:
        """Say how many, not who."""
        return f"Unique({self.count} members)"
