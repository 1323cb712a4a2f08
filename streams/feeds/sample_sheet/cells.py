"""The cells of one row of a sample sheet: numbers, times and words, each wrong one named."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pydantic import TypeAdapter, ValidationError

from schemas.noun import FIRST_YEAR, LAST_YEAR, Name
from schemas.sample import GearUri, RunName, SampleId, Words
from streams.feeds.deployment_table import DEEPEST_M

Complain = Callable[[str], None]

_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?")

#: What other systems write where they know nothing; here an unknown number is an empty cell.
_SENTINELS = frozenset({9999.0, 99999.0, 999999.0, -9999.0, -999.0, -99.0, -1.0})

_NAIVE = "no zone; write 2024-05-14T09:12:00Z or 2024-05-14T11:12:00+02:00"


@dataclass(frozen=True, slots=True)
class Range:
    """Which numbers a column takes.

    Attributes
    ----------
    open_below
        Whether the least number itself is too small.
    """

    least: float
    most: float
    open_below: bool = False

    def to_words(self) -> str:
        """Return the range for a person."""
        return f"{'above' if self.open_below else 'between'} {self.least:g}{'' if self.open_below else f' and {self.most:g}'}"

    def holds(self, value: float) -> bool:
        """Return whether the number is inside."""
        return self.least + (_SMALLEST if self.open_below else 0.0) <= value <= self.most


#: Quantities keep six decimals: what is less would be kept as 0.
_SMALLEST = 1e-6

_LARGE = 1e9

#: Columns that hold numbers.
RANGES: Mapping[str, Range] = MappingProxyType(
    {
        "lat_deg": Range(-90, 90),
        "lon_deg": Range(-180, 180),
        "uncertainty_m": Range(0, _LARGE, open_below=True),
        "depth_min_m": Range(0, DEEPEST_M),
        "depth_max_m": Range(0, DEEPEST_M),
        "volume_filtered_l": Range(0, _LARGE, open_below=True),
        "volume_concentrate_ml": Range(0, _LARGE, open_below=True),
        "volume_subsample_ml": Range(0, _LARGE, open_below=True),
        "volume_imaged_ml": Range(0, _LARGE, open_below=True),
        "dilution": Range(1, _LARGE),
        "mesh_um": Range(0, _LARGE, open_below=True),
    }
)


_ID_WORDS = "at most 63 letters, digits, '.', '_' and '-', the first a letter or digit"

#: Columns that hold words: what they take, and how to say it.
WORDS: Mapping[str, tuple[TypeAdapter[str], str]] = MappingProxyType(
    {
        "sample_id": (TypeAdapter(SampleId), _ID_WORDS),
        "visit": (TypeAdapter(SampleId), _ID_WORDS),
        "run": (TypeAdapter(RunName), "at most 512 characters"),
        "feed": (TypeAdapter(Name), "a feed's id has small letters, digits and '-' only"),
        "gear": (TypeAdapter(Words), "at most 200 characters"),
        "gear_uri": (TypeAdapter(GearUri), "an address like http://vocab.nerc.ac.uk/collection/L22/current/TOOL0979/"),
    }
)


def find_wrong_words(cells: Mapping[str, str]) -> dict[str, str]:
    """Return what is wrong with the words of a row, by column; empty cells are none."""
    wrong: dict[str, str] = {}
    for column, (kind, words) in WORDS.items():
        try:
            if cells[column]:
                kind.validate_python(cells[column])
        except ValidationError:
            wrong[column] = words
    return wrong


def read_numbers(cells: Mapping[str, str], complain: Complain) -> dict[str, float]:
    """Return the numbers of a row by column; empty cells are left out, wrong ones complained of."""
    numbers: dict[str, float] = {}
    for column, span in RANGES.items():
        text = cells[column]
        if not text:
            continue
        if not _NUMBER.fullmatch(text):
            hint = ": a decimal point, not a comma" if "," in text else ""
            complain(f"{column}: {text[:40]!r} is not a decimal number{hint}")
            continue
        value = float(text)
        if value in _SENTINELS and not span.holds(value):
            complain(f"{column}: {text} looks like a sign for 'unknown'; leave the cell empty")
        elif not span.holds(value):
            complain(f"{column}: {text} is not {span.to_words()}")
        else:
            numbers[column] = value
    return numbers


def read_taken(cells: Mapping[str, str], complain: Complain) -> dict[str, Any]:
    """Return when the water was taken, as the union ``Captured`` takes it; undated where the cell is empty or wrong."""
    start_at, end_at = (_read_time(cells, column, complain) for column in ("taken_at", "taken_until_at"))
    if start_at is None:
        if end_at is not None:
            complain("taken_until_at: stands without taken_at")
        return {"kind": "undated", "why": "not_declared"}
    if end_at is None:
        return {"kind": "instant", "at": start_at}
    if end_at < start_at:
        complain("taken_until_at: before taken_at")
        return {"kind": "undated", "why": "not_declared"}
    return {"kind": "span", "start_at": start_at, "end_at": end_at}


def _read_time(cells: Mapping[str, str], column: str, complain: Complain) -> dt.datetime | None:
    text = cells[column]
    if not text:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        complain(f"{column}: {text[:40]!r} is not a time as 2024-05-14T09:12:00Z")
        return None
    if moment.tzinfo is None:
        complain(f"{column}: {_NAIVE}")
        return None
    # both years themselves are outside, so that no zone leads out of them
    if not FIRST_YEAR < moment.year < LAST_YEAR:
        complain(f"{column}: the year {moment.year} is not between {FIRST_YEAR} and {LAST_YEAR}")
        return None
    return moment


def read_where(cells: Mapping[str, str], numbers: Mapping[str, float], complain: Complain) -> dict[str, Any]:
    """Return where the water was taken, as the union ``Where`` takes it; unknown where there is no position."""
    names = ("lat_deg", "lon_deg", "depth_min_m", "depth_max_m", "uncertainty_m")
    given = [name for name in names if cells[name]]
    if numbers.get("depth_min_m", 0.0) > numbers.get("depth_max_m", DEEPEST_M):
        complain("depth_min_m: deeper than depth_max_m")
    if ("lat_deg" in given) != ("lon_deg" in given):
        complain("lat_deg, lon_deg: one without the other")
    elif given and "lat_deg" not in given:
        complain(f"{', '.join(given)}: need lat_deg and lon_deg beside them")
    if not given or any(name not in numbers for name in given):
        return {"kind": "unknown", "why": "not_declared"}
    return {"kind": "point", "source": "sample_sheet", **{name: numbers[name] for name in given}}


_VOLUMES = ("volume_filtered_l", "volume_concentrate_ml")


def check_water(cells: Mapping[str, str], numbers: Mapping[str, float], complain: Complain) -> str | None:
    """Return how the sample was made of the sea: as the cell says, or as both volumes say; ``None`` where nothing says it."""
    said = cells["water"].lower()
    given = [column for column in _VOLUMES if cells[column]]
    if said not in {"", "whole", "concentrated"}:
        complain(f"water: {cells['water'][:40]!r} is neither whole nor concentrated")
    elif said == "whole" and given:
        complain(f"water: whole water has no {' and no '.join(given)}; write concentrated, or leave those empty")
    elif said == "concentrated" or given:
        _check_concentrate(cells, numbers, complain)
        return "concentrated"
    return said or None


def _check_concentrate(cells: Mapping[str, str], numbers: Mapping[str, float], complain: Complain) -> None:
    missing = [column for column in _VOLUMES if not cells[column]]
    if missing:
        complain(f"{', '.join(missing)}: needed, because the sample was concentrated")
    filtered_l, concentrate_ml = (numbers.get(column) for column in _VOLUMES)
    if filtered_l is not None and concentrate_ml is not None and concentrate_ml > filtered_l * 1000:
        complain("volume_concentrate_ml: more than was filtered; litres and millilitres swapped?")
