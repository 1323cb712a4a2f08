"""Placing: windows put into the periods of a sheet, days joined where they may be, and written as a sheet has them."""

from __future__ import annotations

import datetime as dt
import json
from itertools import pairwise
from typing import TYPE_CHECKING

from schemas.errors import FatalFault
from schemas.noun import to_time_text
from streams.usage.imports.counter import Export, Source, Window
from streams.usage.imports.git_traffic import GIT_TRAFFIC
from streams.usage.imports.oscar import OSCAR
from streams.usage.imports.snapshots import DOCKER_HUB, DOI_CITATIONS, ZENODO
from streams.usage.imports.tables import COUNTS, GBIF, OBIS, SEANOE
from streams.usage.periods import read_period
from streams.usage.sheets.sheet import Imported

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.usage.sheets.sheet import Sheet

SOURCES: dict[str, Source] = {
    source.name: source
    for source in (ZENODO, SEANOE, DOCKER_HUB, GIT_TRAFFIC, OSCAR, GBIF, OBIS, DOI_CITATIONS, COUNTS)
}


def find_source(name: str) -> Source:
    """Return a source.

    Raises
    ------
    FatalFault
        If there is none of the name.
    """
    if name not in SOURCES:
        message = f"There is no source {name!r}; there are {', '.join(SOURCES)}."
        raise FatalFault(message)
    return SOURCES[name]


def import_counter(
    source: Source,
    exports: Sequence[Export],
    sheet: Sheet,
    metric: str,
    *,
    counter: str = "",
    subject: str = "",
    name: str = "",
) -> tuple[Imported, ...]:
    """Return what some exports counted for a metric, one value for each window within a period of the sheet.

    Days outside all periods are left out; they are never spread over others.

    Parameters
    ----------
    counter, subject
        What to count (the source's usual counter), and of what (the only thing there is).
    name
        What the sheet calls the source, where that is another.

    Raises
    ------
    FatalFault
        If the metric or counter is not there, an export is wrong, windows overlap, or one runs over a period's end.
    """
    counter = counter or source.counters[0]
    if counter not in source.counters:
        message = f"{source.name} has no counter {counter!r}; it has {', '.join(source.counters)}."
        raise FatalFault(message)
    if metric not in {item.metric for item in sheet.metrics}:
        message = f"The sheet of {sheet.installation} has no metric {metric!r}."
        raise FatalFault(message)
    strange = [export.name for export in exports if export.days is not None and not source.takes_days]
    if strange:
        message = f"{', '.join(strange)}: files of {source.name} tell themselves which days they count."
        raise FatalFault(message)
    windows = source.read(exports, counter, subject) if exports else []
    wrong = [*_list_wrong(windows), *_list_spread(windows, sheet)]
    if wrong:
        raise FatalFault("\n".join(wrong))
    placed = [(column, run) for column, own in _place(windows, sheet) for run in _join(own)]
    return tuple(
        Imported(
            metric=metric,
            column=column,
            value=str(window.value),
            source=name or source.name,
            retrieved_at=window.export.retrieved_at,
            first_day=window.first_day,
            last_day=window.last_day,
            evidence_sha256=window.export.sha256,
            says=f"{source.says} ({counter}{f' of {subject}' if subject else ''})",
            cannot_say="; ".join(filter(None, (source.cannot_say, window.caveat))),
        )
        for column, window in placed
    )


def _list_wrong(windows: Sequence[Window]) -> Iterator[str]:
    """Yield what is wrong with windows, whatever the periods are."""
    for window in windows:
        if window.last_day < window.first_day:
            yield f"{window.export.name}: a window ends on {window.last_day}, before it begins."
        if window.last_day > window.export.day:
            yield f"{window.export.name}: a window ends on {window.last_day}, after it was retrieved."
    for before, after in pairwise(sorted(windows, key=lambda window: window.first_day)):
        if after.first_day <= before.last_day:
            yield (
                f"{after.export.name}: its window from {after.first_day} overlaps that of {before.export.name} to "
                f"{before.last_day}; what is in both would count twice."
            )


def _list_spread(windows: Sequence[Window], sheet: Sheet) -> Iterator[str]:
    """Yield which windows would have to be spread over two periods."""
    for name, first, last in _list_periods(sheet):
        for window in windows:
            is_apart = window.first_day > last or window.last_day < first
            if not is_apart and not _fits(window, first, last) and not (window.is_opening and len(windows) > 1):
                yield (
                    f"{window.export.name}: its window {window.first_day} to {window.last_day} runs over an end of {name} "
                    f"({first} to {last}), and nobody knows which part lies where; look at the counter on a period's last day."
                )


def _place(windows: Sequence[Window], sheet: Sheet) -> Iterator[tuple[str, list[Window]]]:
    for name, first, last in _list_periods(sheet):
        own = [window for window in windows if _fits(window, first, last)]
        yield name, sorted(own, key=lambda window: window.first_day)


def _list_periods(sheet: Sheet) -> Iterator[tuple[str, dt.date, dt.date]]:
    for name in sheet.periods:
        period = read_period(name, project_start=sheet.start)
        yield name, period.from_at.date(), period.to_at.date() - dt.timedelta(days=1)


def _fits(window: Window, first: dt.date, last: dt.date) -> bool:
    return first <= window.first_day and window.last_day <= last


def _join(windows: Sequence[Window]) -> list[Window]:
    """Return windows with the days that follow one another put together, if what they count adds up."""
    runs: list[Window] = []
    for window in windows:
        last = runs[-1] if runs else None
        follows = last is not None and window.first_day == last.last_day + dt.timedelta(days=1)
        if last is not None and follows and last.is_divisible and window.is_divisible:
            newest = max(last.export, window.export, key=lambda export: export.retrieved_at)
            runs[-1] = Window(last.first_day, window.last_day, last.value + window.value, newest, is_divisible=True)
        else:
            runs.append(window)
    return runs


def to_toml(values: Sequence[Imported]) -> str:
    """Return values as a sheet has them."""
    return "\n".join(
        "[[imported]]\n"
        f"metric = {json.dumps(value.metric)}\n"
        f"column = {json.dumps(value.column)}\n"
        f"value = {json.dumps(value.value)}\n"
        f"source = {json.dumps(value.source)}\n"
        f"retrieved_at = {to_time_text(value.retrieved_at)}\n"
        f"first_day = {value.first_day}\n"
        f"last_day = {value.last_day}\n"
        f"evidence_sha256 = {json.dumps(value.evidence_sha256)}\n"
        f"says = {json.dumps(value.says)}\n"
        f"cannot_say = {json.dumps(value.cannot_say)}\n"
        for value in values
    )
