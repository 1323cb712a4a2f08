"""The dataset report of COUNTER's Code of Practice for Research Data (DSR, RD1) as JSON, made from frozen facts.

COUNTER knows datasets. As an extension, declared in the report's header, the item of a service is the model that gave the
result, a delivered result is a request, and a submission that was taken in is an investigation.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from schemas.canonical import to_canonical
from schemas.noun import to_time_text
from streams.usage.closing.freezing import LOOK_AHEAD
from streams.usage.counting.ground import open_uses
from streams.usage.counting.judged import Judged, count_judged
from streams.usage.counting.tally import VISITS, count_removed
from streams.usage.periods import NamedPeriod, read_period

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from schemas.usage import Period
    from streams.usage.closing.inputs import Inputs
    from streams.usage.counting.profiles import Profile
    from streams.usage.meter import FactStore

_NOTES = (
    "Items are models, results and datasets of services: an extension of the code, which knows datasets only.",
    "Counts by country are left out: by item, month and access method they would be of single users.",
)


#: COUNTER's code for a report that has not all of its data.
_PARTIAL = {"code": 3040, "severity": "warning", "message": "Partial Data Returned"}

#: The edge asks the list of the day on which somebody came.
_OTHER_LIST = "The list of robots that is kept beside was asked of no use of this period."

#: What is counted of an item in a month, as COUNTER calls it.
_METRICS = (
    "total-dataset-investigations", "total-dataset-requests", "unique-dataset-investigations", "unique-dataset-requests",
)  # fmt: skip

_ITEMS = f"""
    SELECT installation, resource, method, sum(n), sum(requests), count(*), count(*) FILTER (requests > 0)
    FROM ({VISITS}) GROUP BY ALL ORDER BY installation, resource, method
"""  # noqa: S608 - put together from constants

#: By platform and item: by month: by access method: the metrics.
_Items = dict[tuple[str, str], dict[str, dict[str, list[tuple[str, int]]]]]


def make_dataset_report(
    store: FactStore, inputs: Inputs, profile: Profile, gaps: Mapping[str, Sequence[Period]] | None = None
) -> bytes:
    """Return the report as canonical JSON, ended by a line feed.

    Parameters
    ----------
    store
        With the frozen facts: those of the period, and of somewhat after it.
    gaps
        When nobody counted, by installation, where there is anything; each becomes an exception of the header.

    Raises
    ------
    RejectedInput
        ``broken_facts``.
    TransientFault
        If memory is short.
    """
    items: _Items = defaultdict(lambda: defaultdict(dict))
    months, period = list_months(inputs), NamedPeriod(inputs.period, inputs.from_at, inputs.to_at)
    within = NamedPeriod(inputs.period, inputs.from_at, inputs.to_at + LOOK_AHEAD)
    with open_uses(store, profile, within) as ground:
        for month in months:
            for installation, item, method, *counts in ground.select(_ITEMS, month):
                found = zip(_METRICS, map(int, counts), strict=True)
                items[installation, item][month.name][method] = list(found)
        removed = {rule.name: 0 for rule in profile.rules}
        for by_rule in count_removed(ground, period).values():
            for rule, number in by_rule.items():
                removed[rule] += number
        judged = count_judged(ground, period)
    report = {
        "report-header": _to_header(inputs, profile, removed, judged)
        | {"exceptions": [*_list_notes(inputs, judged), *_list_gaps(gaps or {})]},
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


def _to_header(inputs: Inputs, profile: Profile, removed: dict[str, int], judged: Judged) -> dict[str, Any]:
    plain = profile.to_plain()
    attributes = [("counting-profile", f"{plain['name']} {plain['sha256']}")]
    attributes += [(f"removed-by-{name.partition('@')[0]}", str(count)) for name, count in removed.items()]
    attributes += [
        ("robots-list", f"{used.version or 'no version'} {used.sha256} asked of {used.uses}")
        for used in judged.list_lists()
    ]
    attributes += [(f"robots-{why.replace('_', '-')}", str(number)) for why, number in judged.count_unjudged().items()]
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
    }


def _list_notes(inputs: Inputs, judged: Judged) -> Iterator[dict[str, Any]]:
    asked = {used.sha256 for used in judged.list_lists()}
    other = [_OTHER_LIST] if inputs.robots is not None and inputs.robots.sha256 not in asked else []
    yield from ({"code": 0, "severity": "info", "message": note} for note in (*_NOTES, *other))


def _list_gaps(gaps: Mapping[str, Sequence[Period]]) -> Iterator[dict[str, Any]]:
    for installation, missing in sorted(gaps.items()):
        told = "; ".join(f"{to_time_text(gap.from_at)}/{to_time_text(gap.to_at)}" for gap in missing)
        yield _PARTIAL | {"data": f"{installation} was not counted in {told}"}


def _to_dates(from_at: dt.datetime, to_at: dt.datetime) -> dict[str, str]:
    """Return the first and the last day, as COUNTER has them; ours end at the first moment after."""
    last = to_at - dt.timedelta(milliseconds=1)
    return {"begin-date": f"{from_at:%Y-%m-%d}", "end-date": f"{last:%Y-%m-%d}"}


def _to_item(
    name: tuple[str, str],
    counts: dict[str, dict[str, list[tuple[str, int]]]],
    months: list[NamedPeriod],
    publisher: str,
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
                    for metric, count in counts[month.name][method]
                    if count
                ],
            }
            for month in months
            if month.name in counts
        ],
    }
