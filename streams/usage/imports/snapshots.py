"""Counters that only ever grow (Zenodo, Docker Hub): what came between two looks is the difference.

Zenodo (``/api/records/{id}``): ``{"created", "stats": {"downloads", "unique_downloads", "views", "unique_views",
"version_downloads", ...}}``. Docker Hub (``/v2/repositories/{namespace}/{name}/``): ``{"pull_count", "date_registered"}``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from itertools import pairwise

from streams.usage.imports.counter import Export, Source, Window, read_object, refuse, to_count, to_day

#: Reads a counter's state, and the day from which it counts.
_Look = Callable[[Export, str], tuple[int, dt.date]]


def _make_reader(look: _Look) -> Callable[[Sequence[Export], str, str], list[Window]]:
    def read(exports: Sequence[Export], counter: str, subject: str) -> list[Window]:
        if subject:
            refuse(exports[0], "an export is of one record; there is nothing to choose by a name.")
        in_order = sorted(exports, key=lambda export: export.retrieved_at)
        looks = [(export, *look(export, counter)) for export in in_order]
        if len({begin for _, _, begin in looks}) > 1:
            refuse(in_order[-1], "it began on another day than the others: they are of different records.")
        first, state, begin = looks[0]
        windows = [Window(begin, first.day, state, first, is_opening=True)]
        for (before, was, _), (after, now, _) in pairwise(looks):
            if now < was:
                refuse(after, f"{counter} fell from {was} to {now} since {before.name}: the source has counted anew.")
            if after.day <= before.day:
                refuse(after, f"it was retrieved on the same day as {before.name}; a window has a day at least.")
            windows.append(Window(before.day + dt.timedelta(days=1), after.day, now - was, after))
        return windows

    return read


def _look_at_zenodo(export: Export, counter: str) -> tuple[int, dt.date]:
    plain = read_object(export)
    stats = plain.get("stats")
    if not isinstance(stats, dict) or counter not in stats:
        refuse(export, f"there is no {counter} in its stats: a record of the API of Zenodo is expected.")
    return to_count(export, stats[counter], counter), to_day(export, plain.get("created"), "created")


def _look_at_docker_hub(export: Export, counter: str) -> tuple[int, dt.date]:
    plain = read_object(export)
    if counter not in plain:
        refuse(export, f"there is no {counter}: a repository of the API of Docker Hub is expected.")
    return to_count(export, plain[counter], counter), to_day(export, plain.get("date_registered"), "date_registered")


ZENODO = Source(
    "zenodo",
    (
        "downloads", "unique_downloads", "views", "unique_views",
        "version_downloads", "version_unique_downloads", "version_views", "version_unique_views",
    ),
    "counted by Zenodo, without double-clicks and robots; downloads are of files, unique ones of users within an hour",
    "downloads are no users, the hours of one user add up, and no country is told",
    _make_reader(_look_at_zenodo),
)  # fmt: skip

DOCKER_HUB = Source(
    "docker_hub",
    ("pull_count",),
    "pulls of a container image since it was registered",
    "pulls are no users: servers and build machines pull at every start, and no country is told",
    _make_reader(_look_at_docker_hub),
)
