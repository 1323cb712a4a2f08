"""Where things stand in a TOML file: the line of each table and key, for sentences that name the place."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.errors import FatalFault

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADER = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.\"-]+)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*(?:([A-Za-z0-9_-]+)|\"([^\"]+)\")\s*=")

#: What texts of a form are, by the pattern of the form.
_FORMS = {
    r"^\d{4}-(0[1-9]|1[0-2])$": "a month such as 2022-09",
    r"^[0-9a-f]{64}$": "a SHA-256 digest, 64 hexadecimal digits",
    r"^[a-z0-9][a-z0-9-]{0,62}$": "a name of lower-case letters, digits and hyphens",
    r"^[a-z][a-z0-9_]{0,47}$": "a code of lower-case letters, digits and underscores that begins with a letter",
}

#: ``row, 3, unit``: the key ``unit`` of the fourth ``[[row]]``; the same steps as pydantic names in ``loc``.
Place = tuple[str | int, ...]


def find_lines(text: str) -> dict[Place, int]:
    """Return the line (from 1) of each table header and of each key that begins a line.

    Tables are flat: ``[name]`` or ``[[name]]`` at the top, keys below. A line within a text of several lines may be taken
    for a key; it is never taken for one that does not stand there.
    """
    places: dict[Place, int] = {}
    counts: Counter[str] = Counter()
    here: Place = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.fullmatch(line):
            name = header[2]
            here = (name, counts[name]) if header[1] == "[[" else (name,)
            counts[name] += 1
            places.setdefault(here, number)
        elif key := _KEY.match(line):
            places.setdefault((*here, key[1] or key[2]), number)
    return places


def locate(places: dict[Place, int], place: Place) -> int:
    """Return the line of a place, or of the nearest table around it; 1 where nothing is known."""
    for length in range(len(place), 0, -1):
        if (line := places.get(place[:length])) is not None:
            return line
    return 1


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables ``[[row]]`` of a file, and the lists ``rows`` of a model that they make.

    Attributes
    ----------
    lists
        What a table is called in the file, and what the model calls the list of them.
    """

    lists: Mapping[str, str]

    def read(self, text: str, name: str) -> tuple[dict[str, Any], dict[Place, int]]:
        """Return what a TOML text holds, each of its tables with its ``line``, and where everything stands.

        Raises
        ------
        FatalFault
            If it is no TOML; ``name`` is what the complaint calls it.
        """
        try:
            plain = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            message = f"{name} is no TOML: {error}."
            raise FatalFault(message) from error
        places = find_lines(text)
        for single in self.lists:
            for number, item in enumerate(plain.get(single, []) if isinstance(plain.get(single), list) else ()):
                if isinstance(item, dict):
                    item["line"] = locate(places, (single, number))
        return plain, places

    def to_fields(self, plain: Mapping[str, Any]) -> dict[str, Any]:
        """Return the mapping under the model's names."""
        return {self.lists.get(key, key): value for key, value in plain.items()}

    def to_complaint(self, item: Any) -> tuple[Place, str]:  # noqa: ANN401 - pydantic's own
        """Return where in the file a model found something wrong, and what, by the file's names."""
        names = {plural: single for single, plural in self.lists.items()}
        steps = tuple(names.get(str(step), step) for step in item["loc"])
        # people count from 1
        told = ".".join(str(step + 1) if isinstance(step, int) else step for step in steps)
        return steps, f"{told}: {_explain(item)}"


def _explain(item: Any) -> str:  # noqa: ANN401 - pydantic's own
    """Return what is wrong with a value, and what would be right."""
    given = repr(item["input"])[:40]
    match item["type"]:
        case "extra_forbidden":
            return "there is no such field"
        case "missing":
            return "it is missing"
        case "literal_error":
            return f"{given} is none of {item['ctx']['expected'].replace(' or ', ', ')}"
        case "string_pattern_mismatch":
            return f"{given} is not {_FORMS.get(item['ctx']['pattern'], 'of the right form')}"
    return str(item["msg"]).removeprefix("Value error, ")
