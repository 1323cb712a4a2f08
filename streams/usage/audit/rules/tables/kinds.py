"""Kinds: a row of names holds names, a row of numbers holds numbers, a date is a date."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from streams.usage.audit.dossier import Dossier, Rule, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

_DATE = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2})?)?")
_LABEL_OF_NAMES = re.compile(r"\s*(?:names?|list) of\b", re.IGNORECASE)


def _check(dossier: Dossier) -> Iterator[Seen]:
    for document in dossier.documents:
        for row in document.rows:
            if row.kind != "names" and _LABEL_OF_NAMES.match(row.label):
                yield Seen(document, row, "", f"The row is called {row.label!r}, and holds numbers.")
            for column, cell in row.columns.items():
                if row.kind == "names" and cell.number is not None:
                    yield Seen(document, row, column, f"A number stands among names: {cell.text!r}.")
                if row.kind != "names" and not cell.is_number and not cell.is_absent:
                    yield Seen(document, row, column, f"No number stands among numbers: {cell.text!r}.")
        for statement in document.statements:
            wrong = [value for value in statement.values if statement.kind == "date" and not _DATE.fullmatch(value)]
            if wrong:
                yield Seen(document, statement, "", f"{statement.attribute} should be a date, and is {wrong[0]!r}.")


RULE = Rule("wrong-kind", "Names stand where names belong, numbers where numbers do, dates where dates do.", _check)
