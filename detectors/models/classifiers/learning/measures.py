"""Measures an instrument wrote beside its pictures, as numbers to compare a network with."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from schemas.errors import FatalFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from detectors.models.classifiers.learning.pictures import LabelledPicture

#: Columns that say where and when a particle was seen and how it is filed, not what it is like.
_NO_MEASURE = re.compile(r"\b(id|x|y|time|timestamp|date|image|camera|file|calibration|source)\b", re.IGNORECASE)
#: At least this share of the pictures must be in the tables; a few rows may be missing.
_LEAST_FOUND = 0.95


@dataclass(frozen=True)
class Measures:
    """Numbers of pictures.

    Attributes
    ----------
    names
        Columns taken.
    numbers
        float64 (n, columns), finite; a picture without a row, or a cell without a number, has the column's mean.
    found
        Pictures that have a row.
    """

    names: tuple[str, ...]
    numbers: NDArray[np.float64]
    found: int


def read_measures(tables: Sequence[Path], pictures: Sequence[LabelledPicture]) -> Measures:
    """Return the measures of pictures from CSV tables with a row a particle, such as VisualSpreadsheet's.

    A row belongs to the picture whose file name (without its ending) is, or ends in ``_`` and, what stands in one of the row's
    columns; the column is the one that fits most pictures. Columns of numbers are measures, unless they say where or when.

    Raises
    ------
    FatalFault
        If a table cannot be read, or too few pictures are in them.
    """
    rows = [row for table in tables for row in _read_rows(table)]
    keys = {_to_key(picture.path.stem): place for place, picture in enumerate(pictures)}
    stems = {picture.path.stem: place for place, picture in enumerate(pictures)}
    columns = list(rows[0]) if rows else []
    fits = {name: _match(rows, name, keys, stems) for name in columns}
    best = max(columns, key=lambda name: len(fits[name]), default=None)
    matched = {} if best is None else fits[best]
    if len(matched) < _LEAST_FOUND * len(pictures):
        message = (
            f"The tables of measures have rows for {len(matched)} of {len(pictures)} pictures: too few to compare with."
        )
        raise FatalFault(message)
    taken = [name for name in columns if not _NO_MEASURE.search(name) and _is_measure(matched.values(), name)]
    numbers = np.full((len(pictures), len(taken)), np.nan)
    for place, row in matched.items():
        numbers[place] = [_to_number(row.get(name)) for name in taken]
    numbers = np.where(np.isnan(numbers), np.nanmean(numbers, axis=0), numbers)
    return Measures(tuple(taken), numbers, len(matched))


def _read_rows(table: Path) -> list[dict[str, str]]:
    try:
        return list(csv.DictReader(table.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = f"The table of measures {table.name} cannot be read."
        raise FatalFault(message) from error


def _match(
    rows: Sequence[Mapping[str, str]], name: str, keys: Mapping[str, int], stems: Mapping[str, int]
) -> dict[int, Mapping[str, str]]:
    found: dict[int, Mapping[str, str]] = {}
    for row in rows:
        said = row.get(name) or ""
        place = stems.get(said, keys.get(said.casefold()))
        if place is not None:
            found.setdefault(place, row)
    return found


def _to_key(stem: str) -> str:
    return stem.rpartition("_")[2].casefold()


def _is_measure(rows: Iterable[Mapping[str, str]], name: str) -> bool:
    """Return whether a column holds numbers that differ."""
    numbers = {_to_number(row.get(name)) for row in rows}
    return len({number for number in numbers if not math.isnan(number)}) > 1


def _to_number(text: str | None) -> float:
    try:
        number = float(text or "")
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan
