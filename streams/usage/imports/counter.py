"""A counter of another system: what was exported, what it counted in which days, and the promise that importers keep."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from schemas.canonical import to_sha256


@dataclass(frozen=True, slots=True)
class Export:
    """A file as the other system gave it out.

    Attributes
    ----------
    retrieved_at
        When it was asked for; aware.
    days
        First and last day that it counts, as whoever asked for it says: for files that do not tell themselves.
    """

    name: str
    data: bytes
    retrieved_at: dt.datetime
    days: tuple[dt.date, dt.date] | None = None

    @property
    def day(self) -> dt.date:
        """The day of retrieval in UTC: itself not over yet."""
        return self.retrieved_at.astimezone(dt.UTC).date()

    @property
    def sha256(self) -> str:
        """The digest of the file: the evidence."""
        return to_sha256(self.data)


@dataclass(frozen=True, slots=True)
class Window:
    """What was counted in some days, both included.

    Attributes
    ----------
    is_divisible
        Whether days can be put together with their neighbours, since what they count adds up.
    is_opening
        Whether it is what a counter stood at when it was first looked at: dropped where it fits no period and others do.
    caveat
        What this number cannot say, beside what the source's numbers never say.
    """

    first_day: dt.date
    last_day: dt.date
    value: int
    export: Export
    is_divisible: bool = field(default=False, compare=False)
    is_opening: bool = field(default=False, compare=False)
    caveat: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Source:
    """A system whose exports can be read.

    Attributes
    ----------
    counters
        What can be asked for, the usual one first.
    read
        Takes exports (in any order), a counter and whose it is (empty: all there is); returns windows.
    takes_days
        Whether some of its files do not tell which days they count, so that a person has to.
    """

    name: str
    counters: tuple[str, ...]
    says: str
    cannot_say: str
    read: Callable[[Sequence[Export], str, str], list[Window]]
    takes_days: bool = False
