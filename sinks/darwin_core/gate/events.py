"""The gate's look at one event: its date, its place, its pairs, and what it repeats of its deployment."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING

from sinks.darwin_core.terms import LICENCES
from sinks.darwin_core.units import CLOCK_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sinks.darwin_core.gate.complaints import Complaints
    from sinks.darwin_core.rows import Row

_NEEDED = ("eventID", "eventType", "eventDate", "decimalLatitude", "decimalLongitude", "institutionCode", "datasetName")

#: Not every reader hands a parent's values down, so what a deployment says each of its events says too.
REPEATED = ("eventDate", "decimalLatitude", "decimalLongitude", "minimumDepthInMeters", "maximumDepthInMeters")

_PAIRS = (("sampleSizeValue", "sampleSizeUnit"), ("decimalLatitude", "decimalLongitude"))
_LARGEST = {"decimalLatitude": 90.0, "decimalLongitude": 180.0}
_LICENCE_ADDRESSES = frozenset(address for _, address in LICENCES.values())


def check_event(
    where: str, row: Row, parents: Mapping[str, Row], complaints: Complaints, *, newest_at: dt.datetime | None
) -> None:
    """Check one row of the core.

    Parameters
    ----------
    parents
        The deployment events seen so far, by id.
    newest_at
        When the newest result was stored; later events are in the future. ``None`` when not known.
    """
    for name in _NEEDED:
        if not row[name]:
            complaints.add("required", where, f"{name} is empty")
    if row["license"] not in _LICENCE_ADDRESSES:
        complaints.add("licence", where, f"{row['license']!r} is none of the three that GBIF takes")
    check_pairs(where, row, _PAIRS, complaints)
    _check_numbers(where, row, complaints)
    _check_date(where, row["eventDate"], complaints, newest_at)
    if row["parentEventID"]:
        _check_child(where, row, parents.get(row["parentEventID"]), complaints)


def check_pairs(where: str, row: Row, pairs: tuple[tuple[str, str], ...], complaints: Complaints) -> None:
    """Complain of a value without its unit or type, and the other way round."""
    for one, other in pairs:
        if bool(row[one]) != bool(row[other]):
            complaints.add("pair", where, f"{one} {row[one]!r} stands with {other} {row[other]!r}")


def read_interval(text: str) -> tuple[dt.datetime, dt.datetime]:
    """Return both ends of an ISO 8601 moment or interval.

    Raises
    ------
    ValueError
        If it is neither, or a time lacks its zone.
    """
    first, mark, last = text.partition("/")
    ends = [dt.datetime.fromisoformat(part) for part in (first, last if mark else first)]
    if any(end.tzinfo is None for end in ends):
        message = "a time without a zone"
        raise ValueError(message)
    return ends[0], ends[1]


def _check_date(where: str, text: str, complaints: Complaints, newest_at: dt.datetime | None) -> None:
    if not text:
        return
    try:
        start_at, end_at = read_interval(text)
    except ValueError as error:
        complaints.add("date", where, f"eventDate {text!r} is not ISO 8601 with a zone ({error})")
        return
    if end_at < start_at:
        complaints.add("date_order", where, f"eventDate {text!r} ends before it starts")
    if newest_at is not None and max(start_at, end_at) > newest_at + CLOCK_TOLERANCE:
        complaints.add("future", where, f"eventDate {text!r} lies after the newest result")


def _check_numbers(where: str, row: Row, complaints: Complaints) -> None:
    read: dict[str, float] = {}
    for name in ("minimumDepthInMeters", "maximumDepthInMeters", "coordinateUncertaintyInMeters", *_LARGEST):
        try:
            read[name] = float(row[name]) if row[name] else 0.0
        except ValueError:
            read[name] = math.nan
        if not math.isfinite(read[name]):
            complaints.add("place", where, f"{name} {row[name]!r} is no number")
            return
    for name, largest in _LARGEST.items():
        if abs(read[name]) > largest:
            complaints.add("place", where, f"{name} {row[name]} is not on Earth")
    if read["minimumDepthInMeters"] > read["maximumDepthInMeters"]:
        complaints.add("place", where, "the smallest depth is larger than the largest")
    if row["coordinateUncertaintyInMeters"] and read["coordinateUncertaintyInMeters"] <= 0:
        complaints.add("place", where, "an uncertainty is never 0")


def _check_child(where: str, row: Row, parent: Row | None, complaints: Complaints) -> None:
    if parent is None:
        complaints.add("parent", where, f"there is no event {row['parentEventID']!r} before it")
        return
    for name in REPEATED:
        if parent[name] and not row[name]:
            complaints.add("inherited", where, f"{name} is left to the parent, and not every reader looks there")
