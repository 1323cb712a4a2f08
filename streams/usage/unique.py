"""Unique: a set of distinct members that can be united, and never added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

_REFUSAL = "uniques never add: whoever is in both would count twice; take the union"


@dataclass(frozen=True, slots=True)
class Unique:
    """Distinct members, such as the pseudonyms of a period's users.

    Examples
    --------
    ==================================  ===========
    expression                          gives
    ==================================  ===========
    ``Unique({"a", "b"}).count``        2
    ``one.union(other).count``          at most the sum
    ``one + other``, ``sum([one])``     TypeError
    ==================================  ===========
    """

    members: frozenset[str]

    @property
    def count(self) -> int:
        """How many there are: exact."""
        return len(self.members)

    def union(self, *others: Unique) -> Unique:
        """Return the members of any of them."""
        return Unique(self.members.union(*(other.members for other in others)))

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
