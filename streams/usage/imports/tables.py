"""Counters that come as tables: GBIF and OBIS downloads by month, SEANOE, and tables of windows from anywhere else.

GBIF (``/occurrence/download/statistics/export?datasetKey=``): tabs, ``dataset_key``, ``total_records``, ``number_downloads``,
``year``, ``month``; the key may be left out. OBIS documents no export of its own: what it hands out is read in the same columns.
SEANOE documents none either, and shows numbers on a data set's page: ``first_day,last_day,downloads,views``, with ``doi``
where there are several. Anything else: ``first_day,last_day,value``, with ``name`` where there are several.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import TYPE_CHECKING, Any

from streams.usage.imports.counter import Export, Source, Window
from streams.usage.imports.parsing import Parse, find_heading, read_each, read_table, refuse, to_count, to_day, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MONTHS = 12

_MORE = 8


def choose(export: Export, rows: Sequence[dict[str, Any]], column: str, subject: str) -> list[dict[str, Any]]:
    """Return the rows of what is asked for, or of the only thing there is.

    Raises
    ------
    FatalFault
        If there is nothing of it, or there are several and none was asked for: what several count does not always add up.
    """
    names = sorted({row[column] for row in rows if column in row})
    told = ", ".join(names[:_MORE]) + (" and others" if len(names) > _MORE else "")
    if subject and subject not in names:
        refuse(export, f"there is nothing of {subject!r} in it" + (f"; there is {told}." if told else "."))
    if not subject and len(names) > 1:
        refuse(export, f"it counts several: {told}. Say which is meant (--of).")
    return [row for row in rows if not subject or row[column] == subject]


def read_named(export: Export, parses: dict[str, Parse], column: str, subject: str) -> list[dict[str, Any]]:
    """Return the rows of what is asked for; the column that names it may be missing where nothing is asked for."""
    is_named = bool(subject) or column in find_heading(export)
    return choose(export, read_table(export, parses | ({column: to_text} if is_named else {})), column, subject)


def _read_months(exports: Sequence[Export], counter: str, subject: str) -> list[Window]:
    in_order = sorted(exports, key=lambda export: export.retrieved_at)
    parses: dict[str, Parse] = {counter: to_count, "year": _to_year, "month": _to_month}
    read = read_each(in_order, lambda export: read_named(export, parses, "dataset_key", subject))
    months: dict[tuple[int, int], Window] = {}
    for export, rows in zip(in_order, read, strict=True):
        sums: Counter[tuple[int, int]] = Counter()
        for row in rows:
            sums[row["year"], row["month"]] += row[counter]
        for (year, month), count in sums.items():
            last = dt.date(year + month // _MONTHS, month % _MONTHS + 1, 1) - dt.timedelta(days=1)
            if last < export.day:  # a month that is not over would be counted short
                months[year, month] = Window(dt.date(year, month, 1), last, count, export, is_divisible=True)
    return [months[key] for key in sorted(months)]


def _to_year(value: object) -> int:
    year = to_count(value)
    if not dt.MINYEAR <= year < dt.MAXYEAR:
        message = "no year"
        raise ValueError(message)
    return year


def _to_month(value: object) -> int:
    month = to_count(value)
    if not 1 <= month <= _MONTHS:
        message = "no month"
        raise ValueError(message)
    return month


def _make_reader(column: str) -> Callable[[Sequence[Export], str, str], list[Window]]:
    def read(exports: Sequence[Export], counter: str, subject: str) -> list[Window]:
        parses: dict[str, Parse] = {"first_day": to_day, "last_day": to_day, counter: to_count}
        read = read_each(exports, lambda export: read_named(export, parses, column, subject))
        return [
            Window(row["first_day"], row["last_day"], row[counter], export)
            for export, rows in zip(exports, read, strict=True)
            for row in rows
        ]

    return read


def _make_downloads(name: str) -> Source:
    return Source(
        name,
        ("number_downloads", "total_records"),
        "downloads that records of the data set were part of, by month",
        "a download is no user, and may hold one record of the data set or all of them",
        _read_months,
    )


GBIF, OBIS = _make_downloads("gbif"), _make_downloads("obis")

SEANOE = Source(
    "seanoe",
    ("downloads", "views"),
    "downloads of a data set's files, or views of its page, as SEANOE tells them to its depositor",
    "downloads are no users; whether robots and repeated clicks are among them is not told",
    _make_reader("doi"),
)

COUNTS = Source(
    "counts",
    ("value",),
    "counted by another system, as a table",
    "how it was counted is for whoever exported the table to say",
    _make_reader("name"),
)
