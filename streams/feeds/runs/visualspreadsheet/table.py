"""The exported ``.csv`` of a run: four measures that its list does not have, joined to the list's particles by their number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.feeds.runs.files import translate_system_errors
from streams.feeds.runs.text import Numbers, find_decimal, read_lines
from streams.feeds.runs.visualspreadsheet.measures import BadNumberError, read_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

    from streams.feeds.runs.base import Files

#: Column -> registered quantity.
COLUMNS: Mapping[str, str] = {
    "geodesic length": "geodesic_length_um",
    "geodesic thickness": "geodesic_thickness_um",
    "fiber curl": "fiber_curl",
    "fiber straightness": "fiber_straightness",
}

_NUMBER = "particle id"
_SEPARATORS = ",;\t"


def looks_like_table(head: bytes) -> bool:
    """Return whether a file begins as an exported table does."""
    first = head.partition(b"\n")[0].lower()
    return b"particle id" in first and b"image file" in first


@dataclass(frozen=True, slots=True)
class Table:
    """How a table is written.

    Attributes
    ----------
    place
        Position of the particle's number.
    """

    separator: str
    count: int
    place: int
    columns: tuple[tuple[int, str], ...]
    numbers: Numbers


def check_table(files: Files, name: str, line_bytes: int) -> Table | None:
    """Walk through a table, and return how it is written, or ``None`` if it cannot be joined to the list.

    It can if it has any of the four columns, every row has as many fields as the header, and the particles' numbers
    rise: a table that a person sorted otherwise would have to be held in memory.

    Raises
    ------
    RejectedInput
        ``line_too_long``.
    TransientFault
        If the file cannot be read for now.
    """
    with files.open(name) as file, translate_system_errors():
        lines = read_lines(file, line_bytes)
        header = next(lines, None)
        if header is None:
            return None
        separator = max(_SEPARATORS, key=header.text.count)
        names = [text.strip().strip('"').lower() for text in header.text.split(separator)]
        columns = tuple((names.index(column), quantity) for column, quantity in COLUMNS.items() if column in names)
        if _NUMBER not in names or not columns:
            return None
        table = Table(separator, len(names), names.index(_NUMBER), columns, Numbers())
        last = -1
        decimal: Numbers | None = None
        for line in lines:
            row = line.text.split(separator)
            number = _to_index(row, table)
            if number is None or number <= last:
                return None
            last = number
            decimal = decimal or find_decimal([row[place] for place, _ in columns])
        return Table(separator, table.count, table.place, columns, decimal or Numbers())


def _to_index(row: list[str], table: Table) -> int | None:
    if len(row) != table.count:
        return None
    text = row[table.place].strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 10 else None  # noqa: PLR2004 - ten digits


class TableWalk:
    """Rows in the order of particles, of which the one asked for is kept."""

    def __init__(self, file: BinaryIO, table: Table, line_bytes: int) -> None:
        self._table = table
        self._rows = self._read_rows(file, line_bytes)
        self._next = next(self._rows, None)

    def _read_rows(self, file: BinaryIO, line_bytes: int) -> Iterator[tuple[int, list[str]]]:
        lines = read_lines(file, line_bytes)
        next(lines, None)
        for line in lines:
            row = line.text.split(self._table.separator)
            number = _to_index(row, self._table)
            if number is not None:
                yield number, row

    def take(self, index: int) -> dict[str, float]:
        """Return a particle's measures, none if it has no row; ask in rising order, for what lies behind is gone."""
        while self._next is not None and self._next[0] < index:
            self._next = next(self._rows, None)
        if self._next is None or self._next[0] != index:
            return {}
        try:
            return read_numbers(self._next[1], self._table.columns, self._table.numbers)
        except BadNumberError:
            return {}
