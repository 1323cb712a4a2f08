"""Periods to close: a store with some uses, sheets, and what is asked for."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

from schemas.usage import Served
from streams.usage.closing.close import Closing, Request, close_period
from streams.usage.periods import read_period
from tests.streams.usage.uses import NOW, keep, make_clip_use, make_not_done, make_person, make_use

NOVEMBER = read_period("2026-11")
CLOSED_AT = dt.datetime(2026, 12, 3, 9, tzinfo=dt.UTC)
LATER_AT = dt.datetime(2027, 1, 8, 9, tzinfo=dt.UTC)

SHEET = """
format = "observatory-sheet/1"
installation = "obsea"
title = "The underwater observatory"
project_starts = "2026-10"
periods = ["M1", "M2", "M3"]

[[metric]]
metric = "images_processed"
label = "Images processed"
definition = "Images with a durable result"
kind = "count"
unit = "image"
measured_by = "images_processed"
baseline = "10"

[[metric]]
metric = "users"
label = "Unique users"
definition = "Persons who logged in"
kind = "unique"
unit = "person"
measured_by = "unique_users"
baseline = "2"
"""

ROBOTS = json.dumps([{"pattern": "bot", "last_changed": "2026-01-01"}])


def _has_pdf() -> bool:
    try:
        import weasyprint
    except (ImportError, OSError):
        return False
    return bool(weasyprint)


#: A PDF is there only where what writes one is installed.
PDF = ("report/assessment.pdf",) if _has_pdf() else ()


def list_uses() -> list:
    """Return a month's uses, and some before and after it."""
    day = dt.timedelta(days=1)
    return [
        *(make_use(number, requested_at=NOW + number * dt.timedelta(minutes=7)) for number in range(20)),
        make_clip_use("dive", 100, requested_at=NOW - 40 * day, who=make_person("anna")),
        make_use(
            "read", act=Served(resource="doi:10.1/abc"), images={}, units={}, who=make_person("anna"), country="IT"
        ),
        make_use("read2", act=Served(resource="doi:10.1/abc"), images={}, units={}, who=make_person("ben")),
        make_not_done("bad", "refused", "too_large"),
        make_use("next", requested_at=NOW + 20 * day),
    ]


def write_inputs(folder: Path, sheet: str = SHEET) -> dict[str, object]:
    """Write a sheet and a list of robots, and return them as a request takes them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "obsea.toml").write_text(sheet, encoding="utf-8")
    (folder / "robots.json").write_text(ROBOTS, encoding="utf-8")
    (folder / "countries.mmdb").write_bytes(b"a country file")
    return {
        "sheets": (folder / "obsea.toml",),
        "robots": folder / "robots.json",
        "country_file": folder / "countries.mmdb",
    }


def make_request(**changes: object) -> Request:
    fields: dict[str, object] = {
        "period": read_period("M2", project_start=dt.date(2026, 10, 1)),
        "project": "imagine",
        "project_starts": "2026-10",
        "installations": ("obsea",),
    }
    return Request(**(fields | changes))


def close(shelf: Path, *logs: list, at: dt.datetime = CLOSED_AT, **changes: object) -> Closing:
    """Close a period of some logs; without any, of :func:`list_uses`."""
    return close_period(keep(*(logs or (list_uses(),))), shelf, make_request(**changes), at)


def read_files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def flip(path: Path, place: int) -> None:
    """Turn over one bit of a byte."""
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))
