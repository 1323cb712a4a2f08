"""Reports on counted use: from a deployment's stored facts to tables, and to the metric topic."""

from __future__ import annotations

import datetime as dt
from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import ValidationError

from schemas.errors import FatalFault, RejectedInput
from schemas.topics import LANES, Topics
from schemas.usage import MetricValue
from sinks.object_store.memory import MemoryStore
from streams.brokers.address import read_scheme
from streams.brokers.records import Record
from streams.places import (
    find_broker,
    find_objects,
    open_broker,
    open_objects,
    plan_topics,
    to_app_id,
    to_broker_url,
)
from streams.usage.closing.shelf import tell_closed, to_shelf
from streams.usage.counting.profiles import make_profile
from streams.usage.counting.report import make_profile_report
from streams.usage.live.late import AT_ONCE, Told, list_late
from streams.usage.periods import make_current, read_period
from streams.usage.reports.facts import open_facts
from streams.usage.reports.metrics import to_metric_key, to_metric_values
from streams.usage.reports.report import make_report
from streams.usage.reports.scope import Scope
from streams.usage.reports.tables import list_notes, to_csv, to_json, to_markdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sinks.object_store.store import ObjectStore
    from streams.brokers.client import Client
    from streams.settings.model import Deployment
    from streams.usage.counting.report import ProfileReport
    from streams.usage.periods import NamedPeriod
    from streams.usage.reports.report import Report
    from streams.usage.reports.standing import Standing

_RENDERERS = {"md": to_markdown, "csv": to_csv, "json": to_json}


def make_usage_report(
    deployment: Deployment, periods: tuple[str, ...], installation: str | None = None, *, allow_missing: bool = False
) -> Report:
    """Return the report on some periods; none named: the calendar month and year that are running. Makes nothing.

    Parameters
    ----------
    allow_missing
        Leave out facts that cannot be read; the report says which.

    Raises
    ------
    FatalFault
        If a period cannot be read, or there is no such installation.
    """
    now_at = dt.datetime.now(dt.UTC)
    start = _to_start(deployment)
    named = _read_periods(periods, start) or make_current(now_at)
    if installation is not None and installation not in deployment.installations:
        message = f"There is no installation {installation!r}; there are {', '.join(sorted(deployment.installations))}."
        raise FatalFault(message)
    scope = replace(to_scope(deployment), only=installation, as_of_at=now_at)
    with open_facts(find_objects(deployment) or MemoryStore(), allow_missing=allow_missing) as facts:
        report = make_report(facts, named, scope)
    return replace(report, remarks=(*_tell_waiting(deployment), *tell_closed(to_shelf(deployment), report)))


def _tell_waiting(deployment: Deployment) -> tuple[str, ...]:
    """Return whether something waits in the log of this machine, where the end of a worker or command closes the door.

    At a broker the door stays open, and the time since the last heartbeat is missing from the report.
    """
    if read_scheme(to_broker_url(deployment)) != "embedded" or (client := find_broker(deployment)) is None:
        return ()
    with closing(client):
        topics, made = Topics(deployment.broker.topic_prefix), {state.name for state in client.describe()}
        names = [
            topics.media_arrived,
            *(topics.work(name, lane) for name in deployment.installations for lane in LANES),
        ]
        committed = client.committed(to_app_id(deployment))
        there = [name for name in names if name in made]
        begins, ends = client.begin_offsets(there), client.end_offsets(there)
    waiting = sum(end - max(committed.get(partition, 0), begins.get(partition, 0)) for partition, end in ends.items())
    if not waiting:
        return ()
    return (f"Partial: {waiting:,} arrivals and units wait for a worker, and are in no figure yet.",)


def make_counted_report(
    deployment: Deployment,
    periods: tuple[str, ...],
    installation: str | None = None,
    *,
    profile: str,
    allow_missing: bool = False,
) -> ProfileReport:
    """Return the report on some periods by the rules of a profile; else as :func:`make_usage_report`.

    Raises
    ------
    FatalFault
        If there is no such profile, too.
    """
    rules = make_profile(profile, asked_at_edge=True)
    plain = make_usage_report(deployment, periods, installation, allow_missing=allow_missing)
    store = find_objects(deployment) or MemoryStore()
    return make_profile_report(store, rules, plain, _list_coverage(plain), allow_missing=allow_missing)


def _list_coverage(plain: Report) -> tuple[str, ...]:
    """Return what must be said beside figures that are counted by other rules than those of the house."""
    sheets = tuple(replace(sheet, demonstration=False, hidden=()) for sheet in plain.sheets)
    return list_notes(replace(plain, sheets=sheets, spikes=(), remarks=()))


def to_scope(deployment: Deployment) -> Scope:
    """Return what a deployment's reports know beside the facts."""
    return Scope(
        installations=tuple(deployment.installations), least_persons=deployment.project.least_persons_by_country
    )


def _read_periods(texts: tuple[str, ...], start: dt.date | None) -> tuple[NamedPeriod, ...]:
    try:
        return tuple(read_period(text, project_start=start) for text in texts)
    except RejectedInput as fault:
        raise FatalFault(fault.sentence) from fault


def _to_start(deployment: Deployment) -> dt.date | None:
    starts = deployment.project.starts
    return dt.date.fromisoformat(f"{starts}-01") if starts else None


def check_form(form: str) -> None:
    """Refuse a form that a report cannot be shown in.

    Raises
    ------
    FatalFault
        If there is no such form.
    """
    if form not in {"table", *_RENDERERS}:
        message = f"A report is table, {', '.join(_RENDERERS)}; not {form!r}."
        raise FatalFault(message)


def render_report(report: Report, form: str) -> str:
    """Return a report as ``md``, ``csv`` or ``json``; a table is written as ``md``."""
    return _RENDERERS["md" if form == "table" else form](report)


def publish_metrics(deployment: Deployment) -> int:
    """Publish the current figures on ``metric.period.v1`` and return how many there are."""
    client = open_broker(deployment)
    try:
        client.create(plan_topics(deployment))
        return send_metrics(deployment, client, open_objects(deployment))
    finally:
        client.close()


def read_told(deployment: Deployment, client: Client, told: Told) -> None:
    """Note what the metric topic says; what is no figure of ours is passed over."""
    topic = Topics(deployment.broker.topic_prefix).metric_period
    newest = {record.key: record.value or b"" for record in client.read(topic)}
    for value in newest.values():
        with suppress(ValidationError):
            told.note([MetricValue.from_json(value)])
    told.is_read = True


def send_metrics(
    deployment: Deployment,
    client: Client,
    store: ObjectStore,
    *,
    standing: Standing | None = None,
    told: Told | None = None,
    now_at: dt.datetime | None = None,
) -> int:
    """Send every figure of the running calendar month and year, and of those over that are told otherwise; return how many.

    The topic keeps the newest of each. What came late, or ended while no worker ran, is told again: some periods at once, the
    others with the next calls.

    Parameters
    ----------
    standing
        Where facts stand that were read before, for who sends again and again.
    told
        What the topic says, in which is noted what is sent; it is read from the topic once.
    """
    told = told or Told()
    now_at = now_at or dt.datetime.now(dt.UTC)
    scope = replace(to_scope(deployment), as_of_at=now_at)
    topic = Topics(deployment.broker.topic_prefix).metric_period
    sent = 0
    with open_facts(store, standing=standing) as facts:
        # what is current first: it is waited for
        sent += _send(client, topic, to_metric_values(make_report(facts, make_current(now_at), scope)))
        if not told.is_read:
            read_told(deployment, client, told)
        late = list_late(facts, told, now_at)[:AT_ONCE]
        values = to_metric_values(make_report(facts, late, scope)) if late else ()
        sent += _send(client, topic, values)
        told.note(values, now_at=now_at)
    return sent


def _send(client: Client, topic: str, values: Sequence[MetricValue]) -> int:
    client.append([Record(topic, to_metric_key(value), value.to_canonical()) for value in values])
    return len(values)
