"""Definitions: what a row means does not change from one report to the next without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.usage.audit.dossier import Dossier, Rule, Seen
from streams.usage.audit.printed import to_key

if TYPE_CHECKING:
    from collections.abc import Iterator

_PARTS = ("label", "definition", "unit", "kind", "per")


def _check(dossier: Dossier) -> Iterator[Seen]:
    for before, after in dossier.pairs:
        for row in after.rows:
            old = before.find_row(row.installation, row.metric)
            if old is None or row.break_note:
                continue
            for part in _PARTS:
                was, now = (str(getattr(item, part) or "") for item in (old, row))
                if to_key(was) != to_key(now):
                    yield Seen(after, row, "", f"The {part} was {was!r} in {before.name}, and is {now!r}.")


RULE = Rule(
    "definition-drift",
    "Label, definition and unit of a row stay, or the report shows the break.",
    _check,
    weight="doubt",
)
