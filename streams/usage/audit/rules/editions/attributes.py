"""Attributes: what one report says of a subject, the next one says too, or says why not."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from streams.usage.audit.dossier import Dossier, Rule, Seen
from streams.usage.audit.printed import to_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.usage.audit.document import Document, Statement

_Key = tuple[str, str, str | None]


def _collect(document: Document) -> dict[_Key, list[Statement]]:
    found: dict[_Key, list[Statement]] = defaultdict(list)
    for statement in document.statements:
        found[statement.subject, statement.attribute, statement.at].append(statement)
    return found


def _is_same(one: Statement, other: Statement) -> bool:
    """Return whether both say the same; ``2024-07`` and ``2024-07-12`` are one date, told more and less closely."""
    first, second = (frozenset(map(to_key, item.values)) for item in (one, other))
    if one.kind == "date" and len(first) == len(second) == 1:
        short, long = sorted((*first, *second), key=len)
        return long.startswith(short)
    return first == second


def _check(dossier: Dossier) -> Iterator[Seen]:
    for before, after in dossier.pairs:
        old = _collect(before)
        for key, statements in _collect(after).items():
            was = old.get(key, [])
            if not was or any(statement.reason for statement in statements):
                continue
            if not any(_is_same(one, other) for one in was for other in statements):
                told, now = (", ".join(items[0].values) for items in (was, statements))
                about = f"{key[1].replace('_', ' ')} of {key[0]}" + (f" at {key[2]}" if key[2] else "")
                yield Seen(after, statements[0], "", f"{about}: {told} in {before.name}, {now} now.")


RULE = Rule(
    "attribute-drift",
    "Name, place, dates and partners stay, or the report says why they changed.",
    _check,
    weight="doubt",
)
