"""Blocks: every installation has the rows and descriptions that most of the others have."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from streams.usage.audit.dossier import Dossier, Rule, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streams.usage.audit.document import Document, Row, Statement


def _list_missing(held: Mapping[str, set[str]]) -> Iterator[tuple[str, str]]:
    """Yield what more than half of the holders have, with each holder that has it not."""
    counts: dict[str, int] = defaultdict(int)
    for names in held.values():
        for name in names:
            counts[name] += 1
    for name in sorted(counts):
        if 2 * counts[name] > len(held):
            yield from ((holder, name) for holder in held if name not in held[holder])


def _check(dossier: Dossier) -> Iterator[Seen]:
    for document in dossier.documents:
        rows = {row.installation: row for row in reversed(document.rows)}
        yield from _compare(document, rows, {name: _list_metrics(document, name) for name in rows}, "row")
        blocks = {item.subject: item for item in reversed(document.statements) if item.block}
        yield from _compare(
            document, blocks, {name: _list_attributes(document, name) for name in blocks}, "description"
        )


def _compare(
    document: Document, items: Mapping[str, Row | Statement], held: Mapping[str, set[str]], what: str
) -> Iterator[Seen]:
    for holder, name in _list_missing(held):
        told = name.replace("_", " ")
        yield Seen(document, items[holder], "", f"{holder} has no {what} {told}, which most of the others have.")


def _list_metrics(document: Document, installation: str) -> set[str]:
    return {row.metric for row in document.rows if row.installation == installation}


def _list_attributes(document: Document, subject: str) -> set[str]:
    return {item.attribute for item in document.statements if item.block and item.subject == subject}


RULE = Rule(
    "missing-row",
    "Every installation has the rows and descriptions that most of the others have.",
    _check,
    weight="doubt",
)
