"""Where things stand in a TOML file: the line of each table and key, for sentences that name the place."""

from __future__ import annotations

import re
from collections import Counter

_HEADER = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.\"-]+)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*(?:([A-Za-z0-9_-]+)|\"([^\"]+)\")\s*=")

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
