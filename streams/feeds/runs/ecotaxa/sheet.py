"""The TSV of an EcoTaxa-format export: names in the first line, types in the second if it has any, then a row a picture.

Read as EcoTaxa reads it: tabs between fields, quotes around fields that need them, names in any case, UTF-8 or Western
Windows. A line of types (``[f]`` number, ``[t]`` text) is what EcoTaxa wants of those who import; its own exports have none.
"""

from __future__ import annotations

import csv
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput
from streams.feeds.runs.files import translate_system_errors
from streams.feeds.runs.text import POINT, Line, Numbers, decode_text, find_decimal, read_lines, to_plain_head

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.feeds.runs.base import Files
    from streams.feeds.runs.limits import RunLimits

#: Columns without which no picture can be found.
_NEEDED = ("img_file_name", "object_id")

#: How all columns of such a table begin; one of the needed ones and another tell it from other tables.
_FAMILIES = ("img_", "object_", "acq_", "process_", "sample_")

_TYPES = frozenset({"[f]", "[t]", ""})

#: What tells one acquisition from another.
_RUN_COLUMNS = ("acq_id", "sample_id")


def looks_like_sheet(head: bytes) -> bool:
    """Return whether a file begins as such a table does."""
    plain = to_plain_head(head).removeprefix(b"\xef\xbb\xbf")
    names = _to_names(decode_text(plain.partition(b"\n")[0]).split("\t"))
    return not set(_NEEDED).isdisjoint(names) and sum(name.startswith(_FAMILIES) for name in names) > 1


def _to_names(cells: list[str]) -> list[str]:
    return [cell.strip(' \t\r\n"').lower() for cell in cells]


@dataclass(frozen=True, slots=True)
class Row:
    """A row.

    Attributes
    ----------
    index
        Place among the rows, from 0, whatever is wrong with those before.
    cells
        Fields in order; as many as the table has columns, or the row is bad.
    """

    index: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table that was walked through once.

    Attributes
    ----------
    places
        Position of each column by its name in lower case.
    first
        The first row; empty if there is none.
    is_whole
        Whether the last row has all fields: a row that was cut has not.
    """

    name: str
    places: dict[str, int]
    has_types: bool
    numbers: Numbers
    first: list[str]
    rows: int
    is_whole: bool

    @property
    def folder(self) -> str:
        """The folder the table lies in, which names of pictures are relative to; ends in ``/`` unless empty."""
        folder, slash, _ = self.name.rpartition("/")
        return folder + slash

    def read_text(self, cells: list[str], column: str) -> str:
        """Return a cell's text; empty where there is no such column."""
        place = self.places.get(column)
        return "" if place is None else cells[place].strip()

    def read_number(self, cells: list[str], column: str) -> float | None:
        """Return a cell's number, or ``None`` where there is none."""
        return self.numbers.to_float(self.read_text(cells, column))


@contextmanager
def _translate_csv_errors() -> Iterator[None]:
    """Turn what the reader of tables raises into ours.

    Raises
    ------
    RejectedInput
        ``bad_table``.
    """
    try:
        yield
    except csv.Error as error:
        sentence = "The table cannot be read: a quotation mark is opened and never closed, or a field is endless."
        raise RejectedInput(reason="bad_table", sentence=sentence) from error


def scan_sheet(files: Files, name: str, limits: RunLimits) -> Sheet:
    """Walk through a table once, keeping its first row.

    Raises
    ------
    RejectedInput
        ``missing_column``, ``repeated_column``, ``several_runs``, ``too_many_particles``, ``line_too_long`` or ``bad_table``.
    TransientFault
        If the file cannot be read for now.
    """
    rows = _read_cells(files, name, limits)
    places = _read_names(next(rows, []), limits)
    has_types, count, bad_end = False, 0, False
    first: list[str] = []
    runs: set[tuple[str, ...]] = set()
    keys = [places[column] for column in _RUN_COLUMNS if column in places]
    numbers: Numbers | None = None
    fractions = [place for column, place in places.items() if not column.startswith(("img_", "sample_id"))]
    for number, cells in enumerate(rows):
        if number == 0 and set(_to_names(cells)) <= _TYPES:
            has_types = True
            continue
        count += 1
        bad_end = len(cells) != len(places)
        if bad_end:
            continue
        first = first or cells
        runs.add(tuple(cells[place] for place in keys))
        if len(runs) > 1:
            sentence = "The table holds several acquisitions; a run is one, so export them one by one."
            raise RejectedInput(reason="several_runs", sentence=sentence)
        if numbers is None:
            numbers = find_decimal([cells[place] for place in fractions if _is_fraction(cells[place])])
        if count > limits.particles:
            raise RejectedInput(
                reason="too_many_particles", sentence=f"The table has more than {limits.particles} rows."
            )
    is_whole = not bad_end or _ends_line(files, name)
    return Sheet(name, places, has_types, numbers or POINT, first, count, is_whole)


def _is_fraction(cell: str) -> bool:
    """Return whether a cell is a number with a fraction, by either sign."""
    return any(sign in cell and Numbers(sign).to_float(cell) is not None for sign in ".,")


def _read_names(cells: list[str], limits: RunLimits) -> dict[str, int]:
    names = _to_names(cells)
    if len(names) > limits.columns:
        raise RejectedInput(reason="bad_table", sentence=f"The table has more than {limits.columns} columns.")
    lacking = [column for column in _NEEDED if column not in names]
    if lacking:
        raise RejectedInput(reason="missing_column", sentence=f"The table has no column {', '.join(lacking)}.")
    named = [name for name in names if name]
    if len(set(named)) != len(named):
        raise RejectedInput(reason="repeated_column", sentence="The table names a column twice.")
    return {name or f" {place}": place for place, name in enumerate(names)}


def _read_cells(files: Files, name: str, limits: RunLimits) -> Iterator[list[str]]:
    """Yield the fields of each line that is not blank."""
    with files.open(name) as file, translate_system_errors(), _translate_csv_errors():
        lines = (_to_text(line) for line in read_lines(file, limits.line_bytes))
        for cells in csv.reader(lines, delimiter="\t", quotechar='"'):
            if cells:
                yield cells


def _to_text(line: Line) -> str:
    return f"{line.text}\n"


def _ends_line(files: Files, name: str) -> bool:
    size = files.sizes[name]
    with files.open(name) as file, translate_system_errors():
        file.seek(max(size - 1, 0))
        return file.read(1) == b"\n"


def read_rows(files: Files, sheet: Sheet, limits: RunLimits) -> Iterator[Row]:
    """Yield the rows of a table that was walked through; a row of another length comes as it is.

    Raises
    ------
    RejectedInput
        ``line_too_long`` or ``bad_table``.
    TransientFault
        If the file cannot be read for now.
    """
    rows = _read_cells(files, sheet.name, limits)
    for _ in range(1 + sheet.has_types):
        next(rows, None)
    for index, cells in enumerate(rows):
        yield Row(index, cells)
