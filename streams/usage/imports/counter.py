"""A counter of another system: what was exported, what it counted in which days, and the promise that importers keep."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from schemas.canonical import to_sha256
from schemas.errors import RejectedInput


@dataclass(frozen=True, slots=True)
class Export:
    """A file as the other system gave it out.

    Attributes
    ----------
    retrieved_at
        When it was asked for; aware.
    """

    name: str
    data: bytes
    retrieved_at: dt.datetime

    @property
    def day(self) -> dt.date:
        """The day of retrieval in UTC: itself not over yet."""
        return self.retrieved_at.astimezone(dt.UTC).date()

    @property
    def sha256(self) -> str:
        """The digest of the file: the evidence."""
        return to_sha256(self.data)


@dataclass(frozen=True, slots=True)
class Window:
    """What was counted in some days, both included.

    Attributes
    ----------
    is_divisible
        Whether days can be put together with their neighbours, since what they count adds up.
    is_opening
        Whether it is what a counter stood at when it was first looked at: dropped where it fits no period and others do.
    """

    first_day: dt.date
    last_day: dt.date
    value: int
    export: Export
    is_divisible: bool = field(default=False, compare=False)
    is_opening: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Source:
    """A system whose exports can be read.

    Attributes
    ----------
    counters
        What can be asked for, the usual one first.
    read
        Takes exports (in any order), a counter and whose it is (empty: all there is); returns windows.
    """

    name: str
    counters: tuple[str, ...]
    says: str
    cannot_say: str
    read: Callable[[Sequence[Export], str, str], list[Window]]


def refuse(export: Export, sentence: str) -> NoReturn:
    """Refuse an export.

    Raises
    ------
    RejectedInput
        ``bad_export``, naming the file.
    """
    reason = "bad_export"
    raise RejectedInput(reason, f"{export.name}: {sentence}")


def read_object(export: Export) -> dict[str, Any]:
    """Return the JSON object that an export holds.

    Raises
    ------
    RejectedInput
        If it holds none.
    """
    try:
        plain = json.loads(export.data)
    except ValueError:
        plain = None
    if not isinstance(plain, dict):
        refuse(export, "a JSON object is expected.")
    return plain


def read_rows(export: Export, columns: Sequence[str]) -> list[dict[str, str]]:
    """Return the rows of a table with a heading, parted by commas or tabs.

    Raises
    ------
    RejectedInput
        If it is no UTF-8 text, or a column is not there.
    """
    try:
        text = export.data.decode("utf-8-sig")
    except UnicodeDecodeError:
        refuse(export, "text in UTF-8 is expected.")
    delimiter = "\t" if "\t" in text.split("\n", 1)[0] else ","
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    missing = [column for column in columns if column not in (reader.fieldnames or ())]
    if missing:
        refuse(export, f"there is no column {', '.join(missing)}.")
    return [{name: value or "" for name, value in row.items() if name is not None} for row in reader]


def to_count(export: Export, value: object, what: str) -> int:
    """Return a count.

    Raises
    ------
    RejectedInput
        If it is no whole number, or negative.
    """
    try:
        count = int(value) if isinstance(value, int | str) and not isinstance(value, bool) else -1
    except ValueError:
        count = -1
    if count < 0:
        refuse(export, f"{what} is {str(value)[:40]!r}, and no count.")
    return count


def to_day(export: Export, value: object, what: str) -> dt.date:
    """Return the day of a date or a time; a time with a zone is taken in UTC.

    Raises
    ------
    RejectedInput
        If it is neither.
    """
    try:
        moment = dt.datetime.fromisoformat(str(value).strip())
    except ValueError:
        refuse(export, f"{what} is {str(value)[:40]!r}, and no date.")
    return (moment.astimezone(dt.UTC) if moment.tzinfo else moment).date()
