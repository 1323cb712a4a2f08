"""OSCAR: calls of services, from its metrics interface (JSON or CSV) or from the tables of its dashboard.

``/system/metrics/breakdown?group_by=service`` as JSON: ``{"start", "end", "group_by": "service", "items": [{"key",
"requests_count_total", "requests_count_sync", "requests_count_async", "requests_count_exposed", "unique_users_count"}]}``; with
``format=csv`` the same columns without the days. ``/system/metrics/{service}``: ``{"service_name", "start", "end", "metrics":
[{"metric": "requests-sync-per-service", "value", "sources": [{"name", "status"}]}]}``. Both ends of its range belong to it.

``services_inference_metrics.csv`` of the dashboard: ``service_name,exec_type,status_code,inference_count,start_metric_date,
end_metric_date``; one row for each kind of call and status, each with the days of its own log.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from streams.usage.imports.counter import Export, Source, Window
from streams.usage.imports.parsing import (
    Parse,
    find_heading,
    find_items,
    read_each,
    read_fields,
    read_object,
    read_table,
    refuse,
    to_count,
    to_day,
    to_moment,
    to_text,
)
from streams.usage.imports.tables import choose

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DONE = range(200, 300)
_MOMENT = dt.timedelta(seconds=1)

#: Our counters: the column of the interface's breakdown, and the metrics of one service that add up to it.
_COUNTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "inference_count": ("requests_count_total", ("requests-sync-per-service", "requests-async-per-service")),
    "sync": ("requests_count_sync", ("requests-sync-per-service",)),
    "async": ("requests_count_async", ("requests-async-per-service",)),
    "exposed": ("requests_count_exposed", ("requests-exposed-per-service",)),
    "users": ("unique_users_count", ("users-per-service",)),
}

#: Kinds of calls in the dashboard's tables, for the counters that they tell.
_KINDS = {"inference_count": frozenset({"/run", "/job", "sync", "async"}), "sync": frozenset({"/run", "sync"})}
_KINDS["async"] = _KINDS["inference_count"] - _KINDS["sync"]

#: Older and newer names of the dashboard's columns.
_SERVICE, _START, _END = ("service_name", "service"), ("start_metric_date", "start"), ("end_metric_date", "end")

#: What the numbers of its interface cannot say, as its code shows.
_FAILED_TOO = "calls that failed are among them, and an answer may leave out logs beyond 5,000 lines without saying so"
_NOBODY_TOO = "; callers without a name count as one or two users"


def _read(exports: Sequence[Export], counter: str, subject: str) -> list[Window]:
    read = read_each(exports, lambda export: _read_one(export, counter, subject))
    return [window for windows in read for window in windows]


def _read_one(export: Export, counter: str, subject: str) -> list[Window]:
    if export.data.lstrip()[:1] == b"{":
        plain = read_object(export)
        if "metrics" in plain:
            return [_read_service(export, plain, counter, subject)]
        return [_read_breakdown(export, plain, counter, subject)]
    if "inference_count" in find_heading(export):
        return _read_dashboard(export, counter, subject)
    column, _ = _COUNTERS[counter]
    rows = choose(export, read_table(export, {"key": to_text, column: to_count}), "key", subject)
    if export.days is None:
        refuse(export, "the table does not tell which days it counts: say so (--days), or export JSON.")
    return [Window(*export.days, sum(row[column] for row in rows), export, caveat=_tell_caveat(counter))]


def _tell_caveat(counter: str) -> str:
    return _FAILED_TOO + (_NOBODY_TOO if counter == "users" else "")


def _read_breakdown(export: Export, plain: Mapping[str, Any], counter: str, subject: str) -> Window:
    if plain.get("group_by") != "service":
        refuse(export, "metrics grouped by service are expected (group_by=service).")
    column, _ = _COUNTERS[counter]
    rows = read_fields(export, find_items(export, plain, "items"), {"key": to_text, column: to_count})
    value = sum(row[column] for row in choose(export, rows, "key", subject))
    return Window(*_read_range(export, plain), value, export, caveat=_tell_caveat(counter))


def _read_service(export: Export, plain: Mapping[str, Any], counter: str, subject: str) -> Window:
    if subject and plain.get("service_name") != subject:
        refuse(export, f"it is of {str(plain.get('service_name'))[:60]}, not of {subject}.")
    _, names = _COUNTERS[counter]
    chosen = [item for item in find_items(export, plain, "metrics") if item[1].get("metric") in names]
    missing = sorted(set(names) - {str(item["metric"]) for _, item in chosen})
    if missing or len(chosen) != len(names):
        refuse(export, f"it does not tell {', '.join(missing or names)} once.")
    value = sum(fields["value"] for fields in read_fields(export, chosen, {"value": to_count}))
    states = [source for _, item in chosen for source in (item.get("sources") or ()) if isinstance(source, dict)]
    away = sorted({str(source.get("name"))[:60] for source in states if source.get("status") == "missing"})
    if away:
        refuse(export, f"{', '.join(away)} was missing when it was asked: nobody counted, which is not 0.")
    in_part = sorted({str(source.get("name"))[:60] for source in states if source.get("status") != "ok"})
    caveat = _tell_caveat(counter)
    if in_part:
        caveat += f"; OSCAR had {', '.join(in_part)} in part, so it is a lower bound"
    return Window(*_read_range(export, plain), value, export, caveat=caveat)


def _read_range(export: Export, plain: Mapping[str, Any]) -> tuple[dt.date, dt.date]:
    """Return the whole days of a range; its last moment may be the first of the day after."""
    (told,) = read_fields(export, [("", plain)], {"start": to_moment, "end": to_moment})
    start, end = told["start"], told["end"]
    if export.days is not None:
        refuse(export, "it tells itself which days it counts.")
    if end > export.retrieved_at:
        refuse(export, f"its range ends at {end.isoformat()}, after it was retrieved: its end was not counted.")
    is_whole = start.time() == dt.time() and (end.time() == dt.time() or (end + _MOMENT).date() > end.date())
    if not is_whole or end <= start:
        refuse(
            export,
            f"its range, {start.isoformat()} to {end.isoformat()}, is not made of whole days in UTC: ask with "
            "start=2025-01-01T00:00:00Z&end=2025-01-31T23:59:59Z.",
        )
    return start.date(), (end - _MOMENT).date()


def _read_dashboard(export: Export, counter: str, subject: str) -> list[Window]:
    if export.days is not None:
        refuse(export, "it tells itself which days it counts.")
    if counter not in _KINDS:
        refuse(export, f"the tables of the dashboard do not tell {counter}.")
    heading = find_heading(export)
    service, start, end = (
        next((name for name in names if name in heading), names[0]) for names in (_SERVICE, _START, _END)
    )
    parses: dict[str, Parse] = {
        service: to_text, "exec_type": _to_kind, "status_code": to_count, "inference_count": to_count, start: to_day, end: to_day
    }  # fmt: skip
    rows = choose(export, read_table(export, parses), service, subject)
    windows: dict[tuple[str, int, dt.date, dt.date], int] = {}
    for row in rows:
        if row["status_code"] in _DONE and row["exec_type"] in _KINDS[counter]:
            key = (row["exec_type"], row["status_code"], row[start], row[end])
            windows[key] = windows.get(key, 0) + row["inference_count"]
    return _join_kinds(export, windows)


def _to_kind(value: object) -> str:
    kind = to_text(value)
    if kind not in _KINDS["inference_count"]:
        message = "neither /run nor /job"
        raise ValueError(message)
    return kind


def _join_kinds(export: Export, windows: Mapping[tuple[str, int, dt.date, dt.date], int]) -> list[Window]:
    """Return windows with those put together that overlap but are of different calls, and so count nothing twice.

    The days of a row are those of the first and last call of its kind, so that rows of one log seldom have the same.
    """
    joined: list[tuple[Window, dict[tuple[str, int], dt.date]]] = []
    for (kind, status, first, last), value in sorted(windows.items(), key=lambda item: item[0][2:]):
        window, ends = joined[-1] if joined else (None, {})
        if window is None or first > window.last_day:
            joined.append((Window(first, last, value, export), {(kind, status): last}))
            continue
        if ends.get((kind, status), dt.date.min) >= first:
            refuse(
                export,
                f"its windows of {kind} to {ends[kind, status]} and from {first} overlap, and would count twice.",
            )
        whole = Window(window.first_day, max(last, window.last_day), window.value + value, export)
        joined[-1] = (whole, ends | {(kind, status): last})
    return [window for window, _ in joined]


OSCAR = Source(
    "oscar",
    tuple(_COUNTERS),
    "calls of a service as OSCAR counts them (its own and the exposed ones apart), or the callers whose names it knows",
    "a call is no image (an archive of many is one call), local use is not seen, and tests and staff are among them",
    _read,
    takes_days=True,
)
