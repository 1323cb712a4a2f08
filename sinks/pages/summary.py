"""What the summary page says: plain values, filled by whoever ran something."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Balance:
    """Every input and the one state it is in."""

    submitted: int = 0
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    skipped: int = 0
    in_flight: int = 0

    @property
    def is_even(self) -> bool:
        """Whether nothing was lost and nothing counted twice."""
        return self.submitted == self.stored + self.duplicates + self.rejected + self.skipped + self.in_flight


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored result.

    Attributes
    ----------
    captured_at
        When the unit's span or instant begins; ``None`` if it is undated.
    labels
        How often each label was found.
    looked, empty, unread
        Images looked at, those of them in which nothing was seen, and those that could not be read.
    pictures
        Object keys of annotated pictures; may be none.
    document_key, document_href
        Object key of the result document, and a link to it where there is a file to link to.
    is_demonstration
        Whether a model that is for demonstration only took part.
    is_broken
        Whether the unit broke off before its end.
    """

    unit_id: str
    feed: str
    kind: str
    name: str
    captured_at: dt.datetime | None
    labels: tuple[tuple[str, int], ...] = ()
    looked: int = 0
    empty: int = 0
    unread: int = 0
    pictures: tuple[str, ...] = ()
    document_key: str = ""
    document_href: str | None = None
    is_demonstration: bool = False
    is_broken: bool = False

    @property
    def findings(self) -> int:
        """How many things were found."""
        return sum(count for _, count in self.labels)


@dataclass(frozen=True, slots=True)
class Aside:
    """An input that was set aside: why, and the command that tries it again."""

    name: str
    feed: str
    reason: str
    sentence: str
    retry: str = ""
    set_aside_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """An input that was a duplicate of a unit, or skipped by a policy; ``why`` is that unit's id or the policy."""

    name: str
    feed: str
    why: str


@dataclass(frozen=True, slots=True)
class Metric:
    """One line of the metric table; a value that was not measured says so in words and is never 0."""

    installation: str
    name: str
    period: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class ModelUsed:
    """A model that took part, by the digest of its weights."""

    name: str
    version: str
    task: str
    sha256: str
    provenance: Literal["user", "demonstration"]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """Something beside the page: an archive, a report, a folder."""

    title: str
    href: str
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class RunPart:
    """A run of an instrument: what it is made of.

    Attributes
    ----------
    facts
        Names and values.
    columns, rows
        The table of classes.
    notes
        Sentences: what is not known, and why.
    files
        Links to its files, or their object keys where there is nothing to link to.
    """

    name: str
    facts: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    files: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything on the page.

    Attributes
    ----------
    made_at
        When the page was made.
    ran
        What ran, as pairs of a word and its value: program version, broker, store, detector.
    entries
        Stored results in any order; walked once, never held together, so there may be hundreds of thousands.
    aside, duplicates, skipped
        The newest of each; the balance has the numbers.
    aside_left_out, duplicates_left_out, skipped_left_out
        How many more there are.
    newest
        How many units the gallery shows.
    runs, runs_left_out
        Runs of instruments that are told in full, and how many more there are.
    """

    title: str
    made_at: dt.datetime
    ran: tuple[tuple[str, str], ...] = ()
    balance: Balance = field(default_factory=Balance)
    entries: Iterable[Entry] = ()
    aside: tuple[Aside, ...] = ()
    aside_left_out: int = 0
    duplicates: tuple[Passed, ...] = ()
    duplicates_left_out: int = 0
    skipped: tuple[Passed, ...] = ()
    skipped_left_out: int = 0
    metrics: tuple[Metric, ...] = ()
    models: tuple[ModelUsed, ...] = ()
    links: tuple[Link, ...] = ()
    newest: int = 200
    runs: tuple[RunPart, ...] = ()
    runs_left_out: int = 0
