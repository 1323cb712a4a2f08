"""From the bytes of a CSV table to its rows by column, with the line each begins in; what does not fit is complained of."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Complain = Callable[[str], None]

#: What may part cells: programs write commas, or semicolons where the comma is the decimal mark, or tabs.
_DELIMITERS = (",", ";", "\t")

_HINT = "; a comma in a note without quotes around it, or a decimal comma?"


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns a table may have, and those it must have."""

    required: tuple[str, ...]
    optional: tuple[str, ...]

    @property
    def known(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.required, *self.optional)


def read_rows(data: bytes, columns: Columns, complain: Complain) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line number and stripped cells, by column, of each row that is not empty; absent columns are empty cells.

    Parameters
    ----------
    data
        UTF-8, with a byte order mark or without.
    complain
        Told, once for each, what is wrong: encoding, columns, rows with too few or too many cells.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        complain(f"not UTF-8 text: byte {error.start} is {data[error.start]:#04x}; save it as CSV UTF-8")
        return
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_find_delimiter(text), strict=True)
    last = 0
    header: list[str] | None = None
    try:
        for row in rows:
            line, last = last + 1, rows.line_num
            if not any(cell.strip() for cell in row):
                continue
            if header is None:
                header = [cell.strip() for cell in row]
                if not _check_header(header, columns, line, complain):
                    return
            elif len(row) != len(header):
                complain(f"line {line}: {len(row)} cells, expected {len(header)}{_HINT * (len(row) > len(header))}")
            else:
                cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
                yield line, {column: cells.get(column, "") for column in columns.known}
    except csv.Error as error:
        complain(f"line {rows.line_num}: not CSV: {error}")
    if header is None:
        complain(f"line 1: no columns; needed are {', '.join(columns.required)}")


def _find_delimiter(text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(_DELIMITERS, key=lambda mark: (first.count(mark), -_DELIMITERS.index(mark)))


def _check_header(header: list[str], columns: Columns, line: int, complain: Complain) -> bool:
    complaints = (
        *(f"unknown column {name!r}" for name in dict.fromkeys(header) if name not in columns.known),
        *(f"column {name} is missing" for name in columns.required if name not in header),
        *(f"column {name} is there {header.count(name)} times" for name in columns.known if header.count(name) > 1),
    )
    for complaint in complaints:
        complain(f"line {line}: {complaint}")
    return not complaints
