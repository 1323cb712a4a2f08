"""The table of deployments: CSV in, deployments by feed out, or every mistake of the table at once with its line.

================= ==== ==========================================================================================
column            must content
================= ==== ==========================================================================================
feed              yes  feed id
valid_from_at     yes  ``2024-04-22T08:00:00Z``: ISO 8601 with a zone
instrument        yes  id of camera or instrument, ``[a-z0-9-]``
lat_deg, lon_deg  no   WGS 84, decimal point; both or neither
depth_min_m       no   metres below the surface, downwards; needs a position
depth_max_m       no   likewise, not less than ``depth_min_m``
uncertainty_m     no   radius around the position, above 0
time_zone         no   IANA zone of the camera's clock where names and metadata give none
clock_offset_s    no   seconds to add to the camera's clock
mask              no   ``0 0, 640 0, 640 40, 0 40; ...``: regions in pixels whose findings are not counted
note              no   for people; not read
================= ==== ==========================================================================================
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import ValidationError

from schemas.errors import FatalFault
from schemas.geometry import At
from streams.feeds.deployments import Deployment
from streams.feeds.masks import read_mask

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.geometry import Polygon

REQUIRED = ("feed", "valid_from_at", "instrument")
OPTIONAL = (
    "lat_deg",
    "lon_deg",
    "depth_min_m",
    "depth_max_m",
    "uncertainty_m",
    "time_zone",
    "clock_offset_s",
    "mask",
    "note",
)

_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?")

#: Deepest sea floor, rounded up (Challenger Deep, 10,935 m), so that a depth beyond it is a sentinel or a slip.
DEEPEST_M = 11_000.0

#: What other systems write where they know nothing; here an unknown number is an empty cell.
_SENTINELS = frozenset({9999.0, 99999.0, 999999.0, -9999.0, -999.0, -99.0})

Deployments = Mapping[str, tuple[Deployment, ...]]


class WrongTable(FatalFault):
    """The table has mistakes; all of them are in ``complaints``, each with its line."""

    def __init__(self, name: str, complaints: tuple[str, ...]) -> None:
        super().__init__(f"{name} has {len(complaints)} mistakes:\n" + "\n".join(f"  {text}" for text in complaints))
        self.name = name
        self.complaints = complaints

    def __reduce__(self) -> tuple[type[WrongTable], tuple[str, tuple[str, ...]]]:
        """Pickle with both arguments."""
        return type(self), (self.name, self.complaints)


class Tabled(Protocol):
    """What names a table: a feed's settings."""

    @property
    def deployments(self) -> Path | None:
        """The table, if it has one."""
        ...


def load_feed_deployments(feeds: Mapping[str, Tabled]) -> dict[str, tuple[Deployment, ...]]:
    """Return the dated deployments of each feed that names a table; none where the table has no row for it.

    Raises
    ------
    FatalFault
        Naming every wrong cell of a table, or the table that cannot be read.
    """
    return {
        name: tuple(load_deployments(feed.deployments).get(name, ()))
        for name, feed in feeds.items()
        if feed.deployments is not None
    }


def load_deployments(path: Path) -> Deployments:
    """Read the table of a file.

    Raises
    ------
    FatalFault
        If the file cannot be read; :class:`WrongTable` if it has mistakes.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        message = f"The table of deployments {path.name} cannot be read: {error.strerror}."
        raise FatalFault(message) from error
    return read_deployments(data, name=path.name)


def read_deployments(data: bytes, *, name: str = "deployments.csv") -> Deployments:
    """Return the deployments of each feed, in the order of ``valid_from_at``.

    Raises
    ------
    WrongTable
        With every mistake: unknown, missing or repeated columns, and in each line whatever is wrong.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise WrongTable(name, (f"not UTF-8 text: byte {error.start} is {data[error.start]:#04x}",)) from error
    complaints: list[str] = []
    found: dict[str, dict[Any, tuple[int, Deployment]]] = {}
    for line, cells in _read_rows(text, complaints.append):
        deployment, wrong = _read_deployment(cells)
        complaints += [f"line {line}, {complaint}" for complaint in wrong]
        if deployment is None:
            continue
        first, _ = found.setdefault(deployment.feed, {}).setdefault(deployment.valid_from_at, (line, deployment))
        if first != line:
            complaints.append(f"line {line}, valid_from_at: {deployment.feed} has this moment in line {first} already")
    if complaints:
        raise WrongTable(name, tuple(complaints))
    return {
        feed: tuple(deployment for _, (_, deployment) in sorted(dated.items())) for feed, dated in sorted(found.items())
    }


def _read_rows(text: str, complain: Callable[[str], None]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line number and stripped cells of each row that is not empty and has as many cells as there are columns."""
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    last = 0
    columns: list[str] | None = None
    try:
        for row in rows:
            line, last = last + 1, rows.line_num
            if not any(cell.strip() for cell in row):
                continue
            if columns is None:
                columns = [cell.strip() for cell in row]
                if not _check_columns(columns, complain):
                    return
            elif len(row) != len(columns):
                hint = "; a decimal comma, or a comma in a mask or note without quotes around it?"
                complain(f"line {line}: {len(row)} cells, expected {len(columns)}{hint * (len(row) > len(columns))}")
            else:
                yield line, {column: cell.strip() for column, cell in zip(columns, row, strict=True)}
    except csv.Error as error:
        complain(f"line {rows.line_num}: not CSV: {error}")
    if columns is None:
        complain(f"line 1: no columns; needed are {', '.join(REQUIRED)}")


def _check_columns(columns: list[str], complain: Callable[[str], None]) -> bool:
    if len(columns) == 1 and ";" in columns[0]:
        complain("line 1: cells are separated by commas here, not by semicolons")
        return False
    known = (*REQUIRED, *OPTIONAL)
    complaints = (
        *(f"unknown column {column!r}" for column in dict.fromkeys(columns) if column not in known),
        *(f"column {column} is missing" for column in REQUIRED if column not in columns),
        *(f"column {column} is there {columns.count(column)} times" for column in known if columns.count(column) > 1),
    )
    for complaint in complaints:
        complain(f"line 1: {complaint}")
    return not complaints


def _read_deployment(cells: dict[str, str]) -> tuple[Deployment | None, list[str]]:
    """Return the deployment of a row, or ``None`` and everything that is wrong with it."""
    complaints: list[str] = [f"{column}: must not be empty" for column in REQUIRED if not cells[column]]
    numbers = _read_numbers(cells, complaints.append)
    fields: dict[str, Any] = {column: cells[column] for column in REQUIRED if cells[column]}
    fields["time_zone"] = cells.get("time_zone") or None
    fields["mask"] = _read_mask(cells.get("mask", ""), complaints.append)
    fields["clock_offset_s"] = numbers.get("clock_offset_s", 0.0)
    where = _read_where(cells, numbers, complaints)
    if where is not None:
        fields["where"] = where
    try:
        deployment = Deployment.model_validate(fields)
    except ValidationError as error:
        return None, complaints + _to_complaints(error)
    return (None if complaints else deployment), complaints


def _to_complaints(error: ValidationError) -> list[str]:
    naive = "no zone; write 2024-04-22T08:00:00Z or +02:00"
    return [
        f"{item['loc'][0]}: {naive if item['type'] == 'timezone_aware' else item['msg'].removeprefix('Value error, ')}"
        for item in error.errors(include_url=False, include_input=False)
        if item["type"] != "missing"  # named already as empty
    ]


def _read_numbers(cells: dict[str, str], complain: Callable[[str], None]) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for column in ("lat_deg", "lon_deg", "depth_min_m", "depth_max_m", "uncertainty_m", "clock_offset_s"):
        text = cells.get(column, "")
        if not text:
            continue
        if not _NUMBER.fullmatch(text):
            hint = ": a decimal point, not a comma" if "," in text else ""
            complain(f"{column}: {text[:40]!r} is not a decimal number{hint}")
        elif column != "clock_offset_s" and float(text) in _SENTINELS:
            complain(f"{column}: {text} looks like a sign for 'unknown'; leave the cell empty")
        else:
            numbers[column] = float(text)
    return numbers


def _read_mask(text: str, complain: Callable[[str], None]) -> Polygon | None:
    if not text:
        return None
    try:
        return read_mask(text)
    except ValueError as error:
        complain(f"mask: {error}")
        return None


def _read_where(cells: dict[str, str], numbers: dict[str, float], complaints: list[str]) -> At | None:
    place = {column: value for column, value in numbers.items() if column != "clock_offset_s"}
    before = len(complaints)
    lat_deg, lon_deg = place.get("lat_deg"), place.get("lon_deg")
    if lat_deg is not None and abs(lat_deg) > 90:  # noqa: PLR2004 - poles
        swapped = "; swapped with lon_deg?" if lon_deg is not None and abs(lon_deg) <= 90 else ""  # noqa: PLR2004
        complaints.append(f"lat_deg: {lat_deg:g} is not between -90 and 90{swapped}")
    if lon_deg is not None and abs(lon_deg) > 180:  # noqa: PLR2004 - date line
        complaints.append(f"lon_deg: {lon_deg:g} is not between -180 and 180")
    if bool(cells.get("lat_deg")) != bool(cells.get("lon_deg")):
        complaints.append("lat_deg, lon_deg: one without the other")
    elif not cells.get("lat_deg") and place:
        complaints.append(f"{', '.join(place)}: need lat_deg and lon_deg beside them")
    complaints += _check_depths(place)
    if len(complaints) > before or lat_deg is None or lon_deg is None:
        return None
    return At.model_validate({**place, "source": "deployment"})


def _check_depths(place: dict[str, float]) -> Iterator[str]:
    for column in ("depth_min_m", "depth_max_m"):
        if not 0 <= place.get(column, 0.0) <= DEEPEST_M:
            yield f"{column}: {place[column]:g} is not between 0 and {DEEPEST_M:g}; depth counts downwards"
    if place.get("depth_min_m", 0.0) > place.get("depth_max_m", DEEPEST_M):
        yield "depth_min_m: deeper than depth_max_m"
    if place.get("uncertainty_m", 1.0) <= 0:
        yield "uncertainty_m: must be above 0"
