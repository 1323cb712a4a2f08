"""Counters that only ever grow (Zenodo, Docker Hub, citations of a DOI): what came between two looks is the difference.

Zenodo (``/api/records/{id}``): ``{"created", "stats": {"downloads", "unique_downloads", "views", "unique_views",
"version_downloads", ...}}``. Docker Hub (``/v2/repositories/{namespace}/{name}/``): ``{"pull_count", "date_registered"}``.
Citations: DataCite (``/dois/{doi}``): ``{"data": {"attributes": {"doi", "citationCount", "registered"}}}``, and Crossref
(``/works/{doi}``): ``{"message": {"DOI", "is-referenced-by-count", "created": {"date-time"}}}``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from streams.usage.imports.counter import Export, Source, Window
from streams.usage.imports.parsing import read_each, read_fields, read_object, refuse, to_count, to_day, to_text

#: Reads a counter's state, the day from which it counts, and what it is of, where that is told.
_Look = Callable[[Export, str], tuple[int, dt.date, str]]


def _make_reader(look: _Look) -> Callable[[Sequence[Export], str, str], list[Window]]:
    def read(exports: Sequence[Export], counter: str, subject: str) -> list[Window]:
        in_order = sorted(exports, key=lambda export: export.retrieved_at)
        found = read_each(in_order, lambda export: look(export, counter))
        looks = [(export, state, begin) for export, (state, begin, _) in zip(in_order, found, strict=True)]
        _check_subject(in_order, [name for _, _, name in found], subject)
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


def _check_subject(exports: Sequence[Export], names: Sequence[str], subject: str) -> None:
    for export, name in zip(exports, names, strict=True):
        if subject and not name:
            refuse(export, "an export is of one record; there is nothing to choose by a name.")
        if subject and name != subject.lower():
            refuse(export, f"it is of {name}, not of {subject}.")
        if name != names[0]:
            refuse(export, f"it is of {name}, and {exports[0].name} of {names[0]}: their difference means nothing.")


def _look_at_zenodo(export: Export, counter: str) -> tuple[int, dt.date, str]:
    plain = read_object(export)
    stats = plain.get("stats")
    if not isinstance(stats, dict) or counter not in stats:
        refuse(export, f"there is no {counter} in its stats: a record of the API of Zenodo is expected.")
    return _read_state(export, {**stats, "created": plain.get("created")}, counter, "created")


def _look_at_docker_hub(export: Export, counter: str) -> tuple[int, dt.date, str]:
    plain = read_object(export)
    if counter not in plain:
        refuse(export, f"there is no {counter}: a repository of the API of Docker Hub is expected.")
    return _read_state(export, plain, counter, "date_registered")


def _look_at_citations(export: Export, _counter: str) -> tuple[int, dt.date, str]:
    plain = read_object(export)
    message, data = plain.get("message"), plain.get("data")
    attributes = data.get("attributes") if isinstance(data, dict) else None
    if isinstance(message, dict) and "is-referenced-by-count" in message:  # Crossref
        created = message.get("created")
        message["created"] = created.get("date-time") if isinstance(created, dict) else None
        fields, names = message, ("is-referenced-by-count", "created", "DOI")
    elif isinstance(attributes, dict) and "citationCount" in attributes:  # DataCite
        fields, names = attributes, ("citationCount", "registered", "doi")
    else:
        refuse(
            export, "a DOI of the API of DataCite (citationCount) or of Crossref (is-referenced-by-count) is expected."
        )
    parses = dict(zip(names, (to_count, to_day, to_text), strict=True))
    (read,) = read_fields(export, [("", fields)], parses)
    count, begin, doi = (read[name] for name in names)
    return count, begin, doi.lower()


def _read_state(export: Export, plain: dict[str, Any], counter: str, begin: str) -> tuple[int, dt.date, str]:
    (fields,) = read_fields(export, [("", plain)], {counter: to_count, begin: to_day})
    return fields[counter], fields[begin], ""


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

DOI_CITATIONS = Source(
    "doi_citations",
    ("citations",),
    "works that cite the DOI, as far as their publishers handed in their references",
    "a citation is no use and no user; it is counted when the index learns of it, not when the work appeared, and indexes differ",
    _make_reader(_look_at_citations),
)
