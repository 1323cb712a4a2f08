"""Cells printed again: a number that was reported stays, and what nobody counted is not a zero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.usage.audit.dossier import Dossier, Rule, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.usage.audit.document import Document, Row
    from streams.usage.audit.printed import Printed


def _list_again(dossier: Dossier) -> Iterator[tuple[Document, Document, Row, str, Printed, Printed]]:
    for before, after in dossier.pairs:
        for row in after.rows:
            old = before.find_row(row.installation, row.metric)
            for column, cell in row.columns.items() if old and not row.break_note else ():
                was = old.columns.get(column) if old and column != "TOTAL" else None
                if was is not None:
                    yield before, after, row, column, was, cell


def _check_absent(dossier: Dossier) -> Iterator[Seen]:
    for before, after, row, column, was, cell in _list_again(dossier):
        if (was.is_absent and cell.number == 0) or (was.number == 0 and cell.is_absent):
            yield Seen(
                after, row, column,
                f"{was.text} in {before.name} is {cell.text} now: nothing was counted, or nobody counted; not both.",
            )  # fmt: skip


def _check_changed(dossier: Dossier) -> Iterator[Seen]:
    for before, after, row, column, was, cell in _list_again(dossier):
        is_other = was.is_number and cell.is_number and not was.agrees_with(cell)
        is_renamed = was.number is None and cell.number is None and was.names and cell.names and was.keys != cell.keys
        if is_other or is_renamed:
            yield Seen(after, row, column, f"{was.text} in {before.name} is {cell.text} now, without a word.")


ABSENT = Rule(
    "absent-became-zero", "What was not available does not become zero, nor zero not available.", _check_absent
)
CHANGED = Rule(
    "restated", "A number that was reported is not changed without saying so.", _check_changed, weight="doubt"
)
