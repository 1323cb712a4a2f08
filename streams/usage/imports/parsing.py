"""Parsing exports: JSON and tables; all that is wrong in any file is told at once, with its line or its place."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from schemas.errors import FatalFault

if TYPE_CHECKING:
    from streams.usage.imports.counter import Export

#: Makes a value of what stands in a cell or a field; a :class:`ValueError` says what is wrong with it.
Parse = Callable[[object], Any]

Found = TypeVar("Found")

#: Complaints that are told of one file; more of them say nothing new.
_MOST = 50

_COUNT = re.compile(r"\d{1,18}")

#: ``20/Jan/2025``, as GoAccess writes days, and ``2025-01-20 10:00:00 +0100``, as it writes moments.
_LOG_DAY = re.compile(r"(\d{2})/([A-Z][a-z]{2})/(\d{4})")
_LOG_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}) ([+-]\d{4})")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def refuse(export: Export, sentence: str) -> NoReturn:
    """Refuse an export.

    Raises
    ------
    FatalFault
        Naming the file.
    """
    message = f"{export.name}: {sentence}"
    raise FatalFault(message)


def read_each(exports: Iterable[Export], read: Callable[[Export], Found]) -> list[Found]:
    """Return what is read of each export.

    Raises
    ------
    FatalFault
        With what is wrong in any of them.
    """
    found, wrong = [], []
    for export in exports:
        try:
            found.append(read(export))
        except FatalFault as fault:
            wrong.append(fault.sentence)
    if wrong:
        raise FatalFault("\n".join(wrong))
    return found


def read_json(export: Export) -> Any:  # noqa: ANN401 - any JSON
    """Return the JSON that an export holds.

    Raises
    ------
    FatalFault
        If it holds none, with the line.
    """
    try:
        return json.loads(export.data)
    except UnicodeDecodeError:
        refuse(export, "text in UTF-8 is expected.")
    except json.JSONDecodeError as error:
        message = f"{export.name}:{error.lineno}: this is no JSON ({error.msg}, column {error.colno})."
        raise FatalFault(message) from error
    except (ValueError, RecursionError):
        refuse(export, "this is no JSON that can be read.")


def read_object(export: Export) -> dict[str, Any]:
    """Return the JSON object that an export holds.

    Raises
    ------
    FatalFault
        If it holds none.
    """
    plain = read_json(export)
    if not isinstance(plain, dict):
        refuse(export, "a JSON object is expected.")
    return plain


def find_items(export: Export, plain: object, key: str) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the objects of a list, each with its place (``clones[3]``).

    Raises
    ------
    FatalFault
        If there is no such list.
    """
    items = plain.get(key) if isinstance(plain, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        refuse(export, f"a list of {key} is expected, as the source's interface gives it.")
    return [(f" {key}[{number}]", item) for number, item in enumerate(items)]


def read_fields(
    export: Export, items: Iterable[tuple[str, Mapping[str, Any]]], parses: Mapping[str, Parse]
) -> list[dict[str, Any]]:
    """Return the fields that are asked for, of each item.

    Parameters
    ----------
    items
        Each with its place in the file.
    parses
        What makes a value of each field.

    Raises
    ------
    FatalFault
        With every field of any item that is wrong, each with its place.
    """
    read, wrong = [], []
    for place, item in items:
        fields: dict[str, Any] = {}
        for name, parse in parses.items():
            try:
                fields[name] = parse(item.get(name))
            except ValueError as error:
                wrong.append(f"{export.name}:{place}: {name} is {str(item.get(name))[:40]!r}, and {error}.")
        read.append(fields)
    if wrong:
        more = [f"{export.name}: and {len(wrong) - _MOST} more of the kind."] if len(wrong) > _MOST else []
        raise FatalFault("\n".join([*wrong[:_MOST], *more]))
    return read


def find_heading(export: Export) -> list[str]:
    """Return the names of the columns of a table.

    Raises
    ------
    FatalFault
        If it is no text.
    """
    lines = _read_lines(export)
    return [name.strip() for name in next(csv.reader(lines[:1], delimiter=_find_delimiter(lines)), [])]


def read_table(export: Export, parses: Mapping[str, Parse]) -> list[dict[str, Any]]:
    """Return the columns that are asked for, of each row; the table has a heading, cells parted by commas, semicolons or tabs.

    Raises
    ------
    FatalFault
        If it is no table, lacks a column, or with every cell of any row that is wrong, each with its line.
    """
    heading = find_heading(export)
    missing = [column for column in parses if column not in heading]
    if missing:
        refuse(export, f"there is no column {', '.join(missing)}.")
    lines = _read_lines(export)
    reader = csv.reader(io.StringIO("\n".join(lines), newline=""), delimiter=_find_delimiter(lines), strict=True)
    rows: list[tuple[str, dict[str, str]]] = []
    try:
        for number, cells in enumerate(reader):
            if number and cells:
                if len(cells) != len(heading):
                    message = f"{export.name}:{reader.line_num}: {len(cells)} cells, and {len(heading)} in the heading."
                    raise FatalFault(message)
                rows.append((str(reader.line_num), dict(zip(heading, (cell.strip() for cell in cells), strict=True))))
    except csv.Error as error:
        message = f"{export.name}:{reader.line_num}: this is no row of a table ({error})."
        raise FatalFault(message) from error
    return read_fields(export, rows, parses)


def _read_lines(export: Export) -> list[str]:
    try:
        return export.data.decode("utf-8-sig").splitlines() or [""]
    except UnicodeDecodeError:
        refuse(export, "text in UTF-8 is expected.")


def _find_delimiter(lines: Sequence[str]) -> str:
    return max(",;\t", key=lines[0].count)


def to_text(value: object) -> str:
    """Return a text as it stands."""
    if not isinstance(value, str):
        message = "no text"
        raise ValueError(message)  # noqa: TRY004 - what parsing complains by
    return value


def to_count(value: object) -> int:
    """Return a count: a whole number that is not negative, without signs or separators."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 and value == value // 1:
        return int(value)
    if isinstance(value, str) and _COUNT.fullmatch(value.strip()):
        return int(value)
    message = "no count"
    raise ValueError(message)


def to_moment(value: object) -> dt.datetime:
    """Return a moment in UTC; one without a zone is taken in UTC."""
    text = str(value).strip()
    if match := _LOG_MOMENT.fullmatch(text):
        text = f"{match[1]}{match[2]}"
    try:
        moment = dt.datetime.fromisoformat(text)
        return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError) as error:
        message = "no date"
        raise ValueError(message) from error


def to_day(value: object) -> dt.date:
    """Return the day of a date or a time; a time with a zone is taken in UTC."""
    match = _LOG_DAY.fullmatch(str(value).strip())
    if match and match[2] in _MONTHS:
        return to_moment(f"{match[3]}-{_MONTHS.index(match[2]) + 1:02d}-{match[1]}").date()
    return to_moment(value).date()
