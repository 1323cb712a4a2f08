"""Traffic of git hosts: clones and views of the last days, day by day, before they are forgotten.

GitHub (REST, ``/repos/{owner}/{repo}/traffic/clones`` and ``views``): ``{"count", "uniques", "clones": [{"timestamp", "count",
"uniques"}]}``, fourteen days, days without traffic left out. GitLab (``/projects/{id}/statistics``): ``{"fetches": {"total",
"days": [{"count", "date"}]}}``, thirty days.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from streams.usage.imports.counter import Export, Source, Window
from streams.usage.imports.parsing import find_items, read_each, read_fields, read_object, refuse, to_count, to_day

if TYPE_CHECKING:
    from collections.abc import Sequence

_GITHUB_DAYS, _GITLAB_DAYS = 14, 30

#: GitHub tells a day more at times: fourteen whole ones, and its own.
_SPARE = dt.timedelta(days=1)


def _read(exports: Sequence[Export], counter: str, subject: str) -> list[Window]:
    if subject:
        refuse(exports[0], "an export is of one repository; there is nothing to choose by a name.")
    what, _, unique = counter.partition("_")
    if unique:
        return read_each(exports, lambda export: _read_uniques(export, what))
    in_order = sorted(exports, key=lambda export: export.retrieved_at)
    days: dict[dt.date, Window] = {}
    for export, told in zip(in_order, read_each(in_order, lambda export: _read_days(export, what)), strict=True):
        for day, count in told.items():
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
        if what != "clones":
            refuse(export, "GitLab tells fetches (clones) only.")
        items, key, span = find_items(export, plain["fetches"], "days"), "date", _GITLAB_DAYS
    else:
        items, key, span = find_items(export, plain, what), "timestamp", _GITHUB_DAYS
    told = {item[key]: item["count"] for item in read_fields(export, items, {key: to_day, "count": to_count})}
    # the host counts its own day among the last ones
    first = export.day - dt.timedelta(days=span - 1)
    strange = sorted(day for day in told if not first - _SPARE <= day <= export.day)
    if strange:
        refuse(export, f"{strange[0]} is not among the {span} days before it was retrieved: was it on {export.day}?")
    first = min([*told, first])
    whole = (export.day - first).days
    return {day: told.get(day, 0) for day in (first + dt.timedelta(days=number) for number in range(whole))}


def _read_uniques(export: Export, what: str) -> Window:
    plain = read_object(export)
    find_items(export, plain, what)
    (fields,) = read_fields(export, [("", plain)], {"uniques": to_count})
    return Window(export.day - dt.timedelta(days=_GITHUB_DAYS - 1), export.day, fields["uniques"], export)


GIT_TRAFFIC = Source(
    "git_traffic",
    ("clones", "views", "clones_unique", "views_unique"),
    "traffic of a repository as its host counts it",
    "clones are no users: machines clone too, and nobody's country is told; days before the host's window are lost",
    _read,
)
