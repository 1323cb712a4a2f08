"""Groups: a country that is counted in a group of countries is a member of it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from streams.usage.audit.dossier import Dossier, Rule, Seen
from streams.usage.audit.printed import to_key

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The European Union since Croatia joined; one member has left.
_UNION = frozenset(
    [
        "austria",
        "belgium",
        "bulgaria",
        "croatia",
        "cyprus",
        "czechia",
        "denmark",
        "estonia",
        "finland",
        "france",
        "germany",
        "greece",
        "hungary",
        "ireland",
        "italy",
        "latvia",
        "lithuania",
        "luxembourg",
        "malta",
        "netherlands",
        "poland",
        "portugal",
        "romania",
        "slovakia",
        "slovenia",
        "spain",
        "sweden",
    ]
)
_BEFORE_LEAVING = dt.date(2020, 2, 1)
_LEFT = frozenset({"uk", "united kingdom"})

_NAMES = frozenset({"eu", "european union"})


def _check(dossier: Dossier) -> Iterator[Seen]:
    for document in dossier.documents:
        for grouping in document.groupings:
            if to_key(grouping.group) not in _NAMES:
                continue
            was_before = document.issued is not None and document.issued < _BEFORE_LEAVING
            members = _UNION | (_LEFT if was_before else frozenset())
            wrong = [name for name in grouping.members if to_key(name) not in members]
            if wrong:
                yield Seen(document, grouping, "", f"Not in {grouping.group}: {', '.join(wrong)}.")


RULE = Rule(
    "group-membership", "Countries listed in the European Union are members of it at the report's date.", _check
)
