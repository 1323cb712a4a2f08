"""The dataset report of COUNTER's Code of Practice for Research Data (DSR, RD1) as JSON, made from frozen facts.

COUNTER knows datasets. As an extension, declared in the report's header, the item of a service is the model that gave the
result, a delivered result is a request, and a submission that was taken in is an investigation.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.canonical import to_canonical
from schemas.usage import Processed, Served
from streams.usage.closing.freezing import LOOK_AHEAD
from streams.usage.counting.access import to_access
from streams.usage.counting.tally import to_session
from streams.usage.periods import NamedPeriod, read_period
from streams.usage.rows import from_fact, to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.usage import UsageEvent
    from streams.usage.closing.inputs import Inputs
    from streams.usage.counting.access import Access
    from streams.usage.counting.profiles import Profile

#: What a door says of itself is no access.
_HEARTBEAT = "heartbeat"

_NOTES = (
    "Items are models, results and datasets of services: an extension of the code, which knows datasets only.",
    "Counts by country are left out: by item, month and access method they would be of single users.",
)


class _Kept(NamedTuple):
    """An access, and the item that it belongs to: what was sent tells double-clicks apart, and no items."""

    access: Access
    item: str


class _Counts:
    def __init__(self) -> None:
        self.investigations = self.requests = 0
        self.investigated: set[str] = set()
        self.requested: set[str] = set()

    def add(self, access: Access) -> None:
        session = to_session(access)
        self.investigations += 1
        self.investigated.add(session)
        if access.action == "request":
            self.requests += 1
            self.requested.add(session)

    def to_pairs(self) -> list[tuple[str, int]]:
        return [
            ("total-dataset-investigations", self.investigations),
            ("total-dataset-requests", self.requests),
            ("unique-dataset-investigations", len(self.investigated)),
            ("unique-dataset-requests", len(self.requested)),
        ]


#: By platform and item: by month: by access method.
_Items = dict[tuple[str, str], dict[str, dict[str, _Counts]]]


def make_dataset_report(events: Iterable[UsageEvent], inputs: Inputs, profile: Profile) -> bytes:
    """Return the report as canonical JSON, ended by a line feed.

    Parameters
    ----------
    events
        Merged uses in the order of their times; one month of them is in memory at once.
    """
    items: _Items = defaultdict(lambda: defaultdict(lambda: defaultdict(_Counts)))
    months = list_months(inputs)
    removed: dict[str, int] = dict.fromkeys((rule.name for rule in profile.rules), 0)
    for month, accesses in _iterate_months(events, months):
        left = accesses
        for rule in profile.rules:
            gone = rule.remove([kept.access for kept in left])
            removed[rule.name] += sum(kept.access.event_id in gone and _is_in(kept.access, month) for kept in left)
            left = [kept for kept in left if kept.access.event_id not in gone]
        for access, item in left:
            if _is_in(access, month):
                items[access.installation, item][month.name][access.access_method].add(access)
    report = {
        "report-header": _to_header(inputs, profile, removed),
        "report-datasets": [_to_item(name, items[name], months, inputs.project) for name in sorted(items)],
    }
    return to_canonical(report) + b"\n"


def list_months(inputs: Inputs) -> list[NamedPeriod]:
    """Return the calendar months of a period; the first and the last one as far as they are in it."""
    found, at = [], inputs.from_at
    while at < inputs.to_at:
        month = read_period(f"{at:%Y-%m}")
        found.append(NamedPeriod(month.name, at, min(month.to_at, inputs.to_at)))
        at = month.to_at
    return found


def iterate_events(tables: Iterable[Any], winners: dict[str, str], inputs: Inputs) -> Iterator[UsageEvent]:
    """Yield the uses that a period's report looks at, merged.

    Parameters
    ----------
    tables
        Frozen facts, in the order of their times.
    winners
        Of each id under which different uses were recorded, the beginning of the digest of the one that counts.
    """
    from_ms, to_ms = to_milliseconds(inputs.from_at), to_milliseconds(inputs.to_at + LOOK_AHEAD)
    for table in tables:
        # in the order of times: what ends before the period, or begins after it, need not be looked into
        first, last = (to_milliseconds(at.replace(tzinfo=dt.UTC)) for at in table.read_ends("requested_at"))
        if last < from_ms or first >= to_ms:
            continue
        columns = table.to_columns()
        for place, event_id in enumerate(columns["event_id"]):
            is_told = columns["event_sha256"][place].startswith(winners.get(event_id, ""))
            is_near = from_ms <= columns["requested_at"][place] < to_ms
            if is_told and is_near and columns["act"][place] != _HEARTBEAT:
                yield from_fact({name: values[place] for name, values in columns.items()})


def _iterate_months(
    events: Iterable[UsageEvent], months: list[NamedPeriod]
) -> Iterator[tuple[NamedPeriod, list[_Kept]]]:
    """Yield each month with its accesses and those soon after it, in the order of time."""
    source = iter(events)
    held: list[_Kept] = []
    ahead = next(source, None)
    for month in months:
        while ahead is not None and ahead.requested_at < month.to_at + LOOK_AHEAD:
            held.append(_Kept(to_access(ahead), to_item(ahead)))
            ahead = next(source, None)
        held.sort(key=lambda kept: (kept.access.requested_at, kept.access.event_id))
        yield month, held
        held = [kept for kept in held if kept.access.requested_at >= month.to_at]


def to_item(event: UsageEvent) -> str:
    """Return what was used, as COUNTER's item: a model with its version, an object that was handed out, an operation."""
    act = event.act
    if isinstance(act, Processed):
        return f"{act.observer_name}/{act.observer_version}"
    return act.resource if isinstance(act, Served) else event.operation


def _is_in(access: Access, month: NamedPeriod) -> bool:
    return month.from_at <= access.requested_at < month.to_at


def _to_header(inputs: Inputs, profile: Profile, removed: dict[str, int]) -> dict[str, Any]:
    plain = profile.to_plain()
    attributes = [("counting-profile", f"{plain['name']} {plain['sha256']}")]
    attributes += [(f"removed-by-{name.partition('@')[0]}", str(count)) for name, count in removed.items()]
    return {
        "report-name": "dataset report",
        "report-id": "dsr",
        "release": "rd1",
        # the day from which the report could be made: the day it was is no part of what it says
        "created": f"{inputs.to_at:%Y-%m-%d}",
        "created-by": inputs.project,
        "reporting-period": _to_dates(inputs.from_at, inputs.to_at),
        "report-filters": [],
        "report-attributes": [{"name": name, "value": value} for name, value in attributes],
        "exceptions": [{"code": 0, "severity": "info", "message": note} for note in _NOTES],
    }


def _to_dates(from_at: dt.datetime, to_at: dt.datetime) -> dict[str, str]:
    """Return the first and the last day, as COUNTER has them; ours end at the first moment after."""
    last = to_at - dt.timedelta(milliseconds=1)
    return {"begin-date": f"{from_at:%Y-%m-%d}", "end-date": f"{last:%Y-%m-%d}"}


def _to_item(
    name: tuple[str, str], counts: dict[str, dict[str, _Counts]], months: list[NamedPeriod], publisher: str
) -> dict[str, Any]:
    platform, item = name
    return {
        "dataset-title": item,
        "dataset-id": [{"type": "other-id", "value": item}],
        "platform": platform,
        "publisher": publisher,
        "publisher-id": [],
        "data-type": "dataset",
        "yop": "0001",
        "performance": [
            {
                "period": _to_dates(month.from_at, month.to_at),
                "instance": [
                    # COUNTER: an instance of a count of zero is left out
                    {"metric-type": metric, "access-method": method.lower(), "count": count}
                    for method in sorted(counts[month.name])
                    for metric, count in counts[month.name][method].to_pairs()
                    if count
                ],
            }
            for month in months
            if month.name in counts
        ],
    }
