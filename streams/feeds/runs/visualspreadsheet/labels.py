"""A table of labels that people put beside a run: who says what a particle is, and on which day.

CSV whose header has the columns ``particle`` (its number in the list) and ``label``, and may have ``person`` and ``date``
(``2024-05-14``); parted by commas, semicolons or tabs. Only a row that names both is validated.
"""

from __future__ import annotations

import csv
import datetime as dt
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput
from streams.feeds.runs.base import Opinion
from streams.feeds.runs.text import read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.feeds.runs.base import Files
    from streams.feeds.runs.limits import RunLimits

_NEEDED = frozenset({"particle", "label"})
_KNOWN = _NEEDED | {"person", "date", "note"}
_MARKS = (",", ";", "\t")
_BOM = b"\xef\xbb\xbf"

#: Longest label kept.
_LABEL = 200


def looks_like_labels(head: bytes) -> bool:
    """Return whether a file begins with the header of such a table: its columns and no others."""
    line = head.removeprefix(_BOM).splitlines()[0] if head.removeprefix(_BOM).strip() else b""
    columns = _split(line.decode("utf-8", "replace"))
    return _NEEDED <= set(columns) <= _KNOWN


def read_labels(files: Files, name: str, limits: RunLimits) -> Iterator[Opinion]:
    """Yield what people say, in the order of the table; rows without a label say nothing.

    Raises
    ------
    RejectedInput
        ``bad_labels`` if a row has no particle's number or another number of cells, or a day that is none.
    """
    handles: dict[str, str] = {}
    with files.open(name) as file:
        lines = read_lines(file, limits.line_bytes)
        header = next(lines, None)
        if header is None:
            return
        mark, columns = _find_mark(header.text), _split(header.text)
        for number, line in enumerate(lines, 2):
            cells = [cell.strip() for cell in next(csv.reader([line.text], delimiter=mark), [])]
            if not any(cells):
                continue
            if len(cells) != len(columns):
                raise _refuse(number, f"has {len(cells)} cells, the header {len(columns)}")
            row = dict(zip(columns, cells, strict=True))
            if row["label"]:
                yield _to_opinion(row, number, limits, handles)


def _to_opinion(row: dict[str, str], number: int, limits: RunLimits, handles: dict[str, str]) -> Opinion:
    text = row["particle"]
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(limits.particles)):
        raise _refuse(number, "has something else where a particle's number should be")
    person, day = row.get("person", "").casefold(), row.get("date", "")
    try:
        decided_on = dt.date.fromisoformat(day) if day else None
    except ValueError as error:
        raise _refuse(number, f"has a day that is none; write 2024-05-14, not {day[:40]!r}") from error
    annotator = handles.setdefault(person, f"annotator-{len(handles) + 1}") if person else None
    return Opinion(int(text), row["label"][:_LABEL], "annotation", annotator, decided_on)


def _refuse(number: int, what: str) -> RejectedInput:
    return RejectedInput(reason="bad_labels", sentence=f"Line {number} of the table of labels {what}.")


def _find_mark(header: str) -> str:
    return next((mark for mark in _MARKS if mark in header), _MARKS[0])


def _split(header: str) -> list[str]:
    return [column.strip().strip('"').casefold() for column in header.split(_find_mark(header))]
