"""Counters that come as tables: GBIF and OBIS downloads by month, OSCAR runs, and tables of windows from anywhere else.

GBIF and OBIS (export of download statistics): ``dataset_key,total_records,number_downloads,year,month``; the key may be left out.
OSCAR (``services_inference_metrics.csv``): ``service,exec_type,status_code,inference_count,start,end``. Anything else, such as
SEANOE: ``first_day,last_day,value``, with ``name`` where there is more than one counter in the table.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import TYPE_CHECKING

from streams.usage.imports.counter import Export, Source, Window, read_rows, refuse, to_count, to_day

if TYPE_CHECKING:
    from collections.abc import Sequence

_MONTHS = 12
_DONE = range(200, 300)


def _read_months(exports: Sequence[Export], counter: str, subject: str) -> list[Window]:
    months: dict[tuple[int, int], Window] = {}
    for export in sorted(exports, key=lambda export: export.retrieved_at):
        sums: Counter[tuple[int, int]] = Counter()
        for row in read_rows(export, (counter, "year", "month", *(["dataset_key"] if subject else []))):
            if not subject or row["dataset_key"] == subject:
                year, month = (to_count(export, row[name], name) for name in ("year", "month"))
                if not 1 <= month <= _MONTHS or not dt.MINYEAR <= year < dt.MAXYEAR:
                    refuse(export, f"{year}-{month} is no month.")
                sums[year, month] += to_count(export, row[counter], counter)
        for (year, month), count in sums.items():
            last = dt.date(year + month // _MONTHS, month % _MONTHS + 1, 1) - dt.timedelta(days=1)
            if last < export.day:  # a month that is not over would be counted short
                months[year, month] = Window(dt.date(year, month, 1), last, count, export, is_divisible=True)
    return [months[key] for key in sorted(months)]


def _read_oscar(exports: Sequence[Export], counter: str, subject: str) -> list[Window]:
    columns = ("service", "status_code", counter, "start", "end")
    windows: dict[tuple[dt.date, dt.date], int] = {}
    origin: dict[tuple[dt.date, dt.date], Export] = {}
    for export in exports:
        for row in read_rows(export, columns):
            if subject and row["service"] != subject:
                continue
            days = to_day(export, row["start"], "start"), to_day(export, row["end"], "end")
            if origin.setdefault(days, export) is not export:
                refuse(export, f"{days[0]} to {days[1]} is in {origin[days].name} too, and would count twice.")
            is_done = to_count(export, row["status_code"], "status_code") in _DONE
            windows[days] = windows.get(days, 0) + to_count(export, row[counter], counter) * is_done
    return [Window(*days, value, origin[days]) for days, value in sorted(windows.items())]


def _read_windows(exports: Sequence[Export], counter: str, subject: str) -> list[Window]:
    return [
        Window(
            to_day(export, row["first_day"], "first_day"),
            to_day(export, row["last_day"], "last_day"),
            to_count(export, row[counter], counter),
            export,
        )
        for export in exports
        for row in read_rows(export, ("first_day", "last_day", counter, *(["name"] if subject else [])))
        if not subject or row["name"] == subject
    ]


def _make_downloads(name: str) -> Source:
    return Source(
        name,
        ("number_downloads", "total_records"),
        "downloads that records of the data set were part of, by month",
        "a download is no user, and may hold one record of the data set or all of them",
        _read_months,
    )


GBIF, OBIS = _make_downloads("gbif"), _make_downloads("obis")

OSCAR = Source(
    "oscar",
    ("inference_count",),
    "runs of a service that OSCAR saw and that ended well",
    "runs are no images (an archive of many is one run), exposed services and local use are not seen, tests are among them",
    _read_oscar,
)

COUNTS = Source(
    "counts",
    ("value",),
    "counted by another system, as a table",
    "how it was counted is for whoever exported the table to say",
    _read_windows,
)
