"""Dossier: the reports that are audited together, and what a rule says it saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from streams.usage.audit.document import Claim, Document, Grouping, Mention, Row, Statement


@dataclass(frozen=True, slots=True)
class Seen:
    """What a rule saw.

    Attributes
    ----------
    item
        Where it stands: the later of two places that contradict each other.
    column
        The column concerned; empty for the whole row.
    sentence
        What is wrong, for the person who wrote the report.
    """

    document: Document
    item: Row | Claim | Statement | Mention | Grouping
    column: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Dossier:
    """Reports in the order of their editions."""

    documents: tuple[Document, ...]

    @property
    def pairs(self) -> Iterator[tuple[Document, Document]]:
        """Each report with the one before it, the earlier first."""
        return pairwise(self.documents)

    @property
    def rows(self) -> Iterator[tuple[Document, Row]]:
        """Every row of every report."""
        return ((document, row) for document in self.documents for row in document.rows)

    @property
    def claims(self) -> Iterator[tuple[Document, Claim]]:
        """Every claim of every report."""
        return ((document, claim) for document in self.documents for claim in document.claims)


@dataclass(frozen=True, slots=True)
class Rule:
    """A promise that reports keep.

    Attributes
    ----------
    name
        What findings call it.
    promise
        What holds in a report without fault.
    check
        Yields what breaks it, in the order of the reports.
    weight
        ``contradiction``: what breaks it cannot be true. ``doubt``: it may be true, and a reader cannot know.
    """

    name: str
    promise: str
    check: Callable[[Dossier], Iterator[Seen]]
    weight: Literal["contradiction", "doubt"] = "contradiction"
