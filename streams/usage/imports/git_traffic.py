"""Traffic of git hosts: clones and views of the last days, day by day, before they are forgotten.

GitHub (REST, ``/repos/{owner}/{repo}/traffic/clones`` and ``views``): ``{"count", "uniques", "clones": [{"timestamp", "count",
"uniques"}]}``, fourteen days, days without traffic left out. GitLab (``/projects/{id}/statistics``): ``{"fetches": {"total",
"days": [{"count", "date"}]}}``, thirty days.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from streams.usage.imports.counter import Export, Source, Window, read_object, refuse, to_count, to_day

if TYPE_CHECKING:
    from collections.abc import Sequence

_GITHUB_DAYS, _GITLAB_DAYS = 14, 30


def _read(exports: Sequence[Export], counter: str, subject: str) -> list[Window]:
    if subject:
        refuse(exports[0], "an export is of one repository; there is nothing to choose by a name.")
    what, _, unique = counter.partition("_")
    if unique:
        return [_read_uniques(export, what) for export in exports]
    days: dict[dt.date, Window] = {}
    for export in sorted(exports, key=lambda export: export.retrieved_at):
        for day, count in _read_days(export, what).items():
            known = days.get(day)
            if known is not None and known.value != count:
                refuse(
                    export, f"{day} has {count} {what} here and {known.value} in {known.export.name}: two repositories?"
                )
            days[day] = Window(day, day, count, export, is_divisible=True)
    return [days[day] for day in sorted(days)]


def _read_days(export: Export, what: str) -> dict[dt.date, int]:
    """Return every whole day that the export speaks of; what it leaves out had no traffic; its own day is not over."""
    plain = read_object(export)
    if "fetches" in plain:
        entries, span = _to_entries(export, plain["fetches"], "days"), _GITLAB_DAYS
        told = {
            to_day(export, item.get("date"), "date"): to_count(export, item.get("count"), "count") for item in entries
        }
    else:
        entries, span = _to_entries(export, plain, what), _GITHUB_DAYS
        told = {
            to_day(export, item.get("timestamp"), "timestamp"): to_count(export, item.get("count"), "count")
            for item in entries
        }
    # the host counts its own day among the last ones
    first = min([*told, export.day - dt.timedelta(days=span - 1)])
    whole = (export.day - first).days
    return {day: told.get(day, 0) for day in (first + dt.timedelta(days=number) for number in range(whole))}


def _to_entries(export: Export, plain: object, key: str) -> list[dict[str, Any]]:
    entries = plain.get(key) if isinstance(plain, dict) else None
    if not isinstance(entries, list) or not all(isinstance(item, dict) for item in entries):
        refuse(export, f"a list of {key} is expected, as the host's interface gives it.")
    return entries


def _read_uniques(export: Export, what: str) -> Window:
    plain = read_object(export)
    _to_entries(export, plain, what)
    first = export.day - dt.timedelta(days=_GITHUB_DAYS - 1)
    return Window(first, export.day, to_count(export, plain.get("uniques"), "uniques"), export)


GIT_TRAFFIC = Source(
    "git_traffic",
    ("clones", "views", "clones_unique", "views_unique"),
    "traffic of a repository as its host counts it",
    "clones are no users: machines clone too, and nobody's country is told; days before the host's window are lost",
    _read,
)
