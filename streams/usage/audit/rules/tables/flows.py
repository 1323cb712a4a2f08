"""Flows: what was done is not more than what came in, and is counted on its own."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from streams.usage.audit.document import TOTAL
from streams.usage.audit.dossier import Dossier, Rule, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.usage.audit.document import Document, Row


def _list_flows(dossier: Dossier) -> Iterator[tuple[Document, Row, Row]]:
    """Yield what came in and what was done with it, where both are of one installation and unit."""
    for document in dossier.documents:
        staged = [row for row in document.rows if row.stage]
        for came, done in product(staged, staged):
            if (came.stage, done.stage) == ("in", "done") and (came.installation, came.unit) == (
                done.installation,
                done.unit,
            ):
                yield document, came, done


def _check_more(dossier: Dossier) -> Iterator[Seen]:
    for document, came, done in _list_flows(dossier):
        for column in (*done.periods, TOTAL):
            inward, outward = came.columns.get(column), done.columns.get(column)
            if inward and outward and inward.is_number and outward.is_number and outward.low > inward.high:
                yield Seen(
                    document, done, column, f"{outward.text} were processed, and {inward.text} taken in ({done.unit})."
                )


def _check_twins(dossier: Dossier) -> Iterator[Seen]:
    for document, came, done in _list_flows(dossier):
        pairs = [(came.periods.get(column), cell) for column, cell in done.periods.items()]
        numbers = [(one.number, other.number) for one, other in pairs if one and one.is_number and other.is_number]
        if any(one for one, _ in numbers) and all(one == other for one, other in numbers):
            yield Seen(
                document, came, "",
                f"What came in equals what was processed in every period ({done.label!r}): one was not counted.",
            )  # fmt: skip


MORE = Rule("more-out-than-in", "No more is processed than was taken in.", _check_more)
TWINS = Rule(
    "twin-rows",
    "Taken in and processed are counted each on its own, not one copied from the other.",
    _check_twins,
    weight="doubt",
)
