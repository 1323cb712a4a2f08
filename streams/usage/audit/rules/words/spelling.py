"""Spelling: a proper name is spelt in one way."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from streams.usage.audit.dossier import Dossier, Rule, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Shorter names that differ in a letter may well be two names.
_LONG_ENOUGH = 6


def _is_variant(one: str, other: str) -> bool:
    if one.casefold() == other.casefold():
        return True
    if min(len(one), len(other)) < _LONG_ENOUGH or abs(len(one) - len(other)) > 1:
        return False
    short, long = sorted((one.casefold(), other.casefold()), key=len)
    same = next((place for place, letter in enumerate(short) if letter != long[place]), len(short))
    return short[same + (len(short) == len(long)) :] == long[same + 1 :]


def _check(dossier: Dossier) -> Iterator[Seen]:
    for document in dossier.documents:
        first = {mention.text: mention for mention in reversed(document.mentions)}
        spelt = list(dict.fromkeys(mention.text for mention in document.mentions))
        for one, other in combinations(spelt, 2):
            if _is_variant(one, other):
                yield Seen(document, first[other], "", f"{other!r} and {one!r} look like one name spelt in two ways.")


RULE = Rule("spelling", "A proper name is spelt in one way in a report.", _check, weight="doubt")
