"""The summary page of a deployment: filled from its topics and its store, and written beside its results."""

from __future__ import annotations

import datetime as dt
import os
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import quote

from schemas.media import Duplicate, Skipped, Stored
from schemas.result import Result, ResultStored
from schemas.topics import Topics
from schemas.unit import Instant, Span
from schemas.wire import FEED_SOURCE
from sinks.composition.outputs.telling import COLUMNS
from sinks.object_store.local import LocalStore
from sinks.object_store.paths import to_path
from sinks.pages.page import write_page
from sinks.pages.summary import Aside, Balance, Entry, Link, Metric, ModelUsed, Passed, RunPart, Summary
from streams.account.dead_letters import read_dead_letters
from streams.account.ledger import read_ends, read_ledger
from streams.account.runs import PICTURES, StoredRun, list_runs
from streams.account.samples import PooledSample, pool_samples
from streams.places import open_broker, open_objects, plan_topics, to_app_id
from streams.publishing import find_meanings, load_sheet
from streams.reporting import make_usage_report
from streams.usage.reports.tables import to_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from schemas.media import MediaSettled
    from schemas.unit import Captured
    from sinks.object_store.store import ObjectStore
    from streams.account.ledger import ArrivalKey, Ledger
    from streams.brokers.client import Client
    from streams.settings.model import Deployment

#: Rows of each list on the page; more are counted.
LIST_LIMIT = 100

#: Runs told in full.
RUNS_LIMIT = 50

#: Roles of products that are pictures.
_PICTURES = ("picture", *PICTURES)

#: Files of a run that a person opens -> what they are called on the page.
_FILES = {
    "composition_table": "classes (CSV)",
    "sizes_table": "sizes (CSV)",
    "particles": "particles (CSV)",
    "particles_table": "particles (Parquet)",
    "composition": "composition (JSON)",
    "cutouts": "pictures (zip)",
    "plot": "plot",
}

#: Units shown with their pictures.
GALLERY_LIMIT = 200


def write_summary_page(deployment: Deployment, folder: Path, *, links: tuple[Link, ...] = (), title: str = "") -> Path:
    """Write the page into ``folder`` and return its path.

    Raises
    ------
    TransientFault, FatalFault
        If broker or store cannot be read, or the page cannot be written.
    """
    client = open_broker(deployment)
    try:
        client.create(plan_topics(deployment))
        store = open_objects(deployment)
        return write_page(_fill(deployment, client, store, folder, links=links, title=title), folder, store.read)
    finally:
        client.close()


def _fill(
    deployment: Deployment,
    client: Client,
    store: ObjectStore,
    folder: Path,
    *,
    links: tuple[Link, ...],
    title: str,
) -> Summary:
    topics = Topics(deployment.broker.topic_prefix)
    ledger, ends = (
        read_ledger(client, topics, group=to_app_id(deployment)),
        read_ends(client.read(topics.media_settled)),
    )
    aside = _list_aside(client, topics)
    runs = list_runs(_read_results(client, topics), store.read)
    duplicates, skipped = list(_list_duplicates(ends)), list(_list_skipped(ends))
    return Summary(
        title=title or deployment.name,
        made_at=dt.datetime.now(dt.UTC),
        ran=_describe_run(deployment),
        balance=_to_balance(ledger),
        entries=_list_entries(client, topics, _name_units(ends), lambda key: _to_href(store, key, folder)),
        aside=tuple(aside[:LIST_LIMIT]),
        aside_left_out=max(0, len(aside) - LIST_LIMIT),
        duplicates=tuple(duplicates[:LIST_LIMIT]),
        duplicates_left_out=max(0, len(duplicates) - LIST_LIMIT),
        skipped=tuple(skipped[:LIST_LIMIT]),
        skipped_left_out=max(0, len(skipped) - LIST_LIMIT),
        metrics=tuple(_list_metrics(deployment)),
        models=_list_models(client, topics, store),
        links=links,
        newest=GALLERY_LIMIT,
        runs=(
            *map(_to_sample_part, find_samples(deployment, runs, store.read)),
            *(_to_part(run, lambda key: _to_href(store, key, folder)) for run in runs[:RUNS_LIMIT]),
        ),
        runs_left_out=max(0, len(runs) - RUNS_LIMIT),
    )


def find_samples(
    deployment: Deployment, runs: tuple[StoredRun, ...], read: Callable[[str], bytes]
) -> tuple[PooledSample, ...]:
    """Return the samples of the sheets that the feeds' settings name, as far as their runs are stored.

    Raises
    ------
    FatalFault
        If a sheet or the label map is wrong, or runs of one sample were counted by different rules.
    """
    sheet = load_sheet(deployment)
    return pool_samples(runs, sheet, find_meanings(deployment), read) if sheet.samples else ()


def _to_sample_part(item: PooledSample) -> RunPart:
    told = item.told
    return RunPart(told.name, told.facts, COLUMNS, told.rows, told.notes)


def _to_part(run: StoredRun, to_href: Callable[[str], str | None]) -> RunPart:
    keys = {asset.role: asset.key for asset in run.announced.products}
    files = [Link(title, to_href(keys[role]) or "") for role, title in _FILES.items() if role in keys]
    document = Link("result document (JSON)", to_href(run.announced.document.key) or "")
    told = run.told
    return RunPart(told.name, told.facts, COLUMNS, told.rows, told.notes, (*files, document))


def _describe_run(deployment: Deployment) -> tuple[tuple[str, str], ...]:
    detectors = ", ".join(sorted({item.detector for item in deployment.installations.values()}))
    broker = "embedded log" if deployment.broker.url.startswith("embedded") else "Kafka"
    store = "local folder" if deployment.store.url.startswith("file") else "S3 object store"
    return (
        ("program", f"observatory-streams {version('observatory-streams')}"),
        ("broker", broker),
        ("store", store),
        ("detectors", detectors),
    )


def _to_balance(ledger: Ledger) -> Balance:
    total = ledger.total
    return Balance(
        submitted=total.submitted,
        stored=total.stored,
        duplicates=total.duplicates,
        rejected=total.rejected,
        skipped=total.skipped,
        in_flight=total.in_flight,
    )


def _list_entries(
    client: Client, topics: Topics, names: dict[str, str], to_href: Callable[[str], str | None]
) -> Iterator[Entry]:
    """Yield each announced result once, however often it was announced; superseded ones are left out.

    A correction may be taken back: what had been superseded then stands again, so the topic's order decides.
    """
    standing: set[str] = set()
    for result in _read_results(client, topics):
        standing.discard(result.supersedes or "")
        standing.add(result.result_id)
    for result in _read_results(client, topics):
        if result.result_id not in standing:
            continue
        standing.discard(result.result_id)
        yield Entry(
            unit_id=result.unit.unit_id,
            feed=result.unit.feed,
            kind=result.unit.kind,
            name=names.get(result.unit.unit_id, ""),
            captured_at=to_moment(result.unit.captured),
            labels=result.labels,
            looked=result.counts.looked,
            empty=result.counts.empty,
            unread=result.counts.unread,
            pictures=tuple(asset.key for role in _PICTURES for asset in result.products if asset.role == role),
            document_key=result.document.key,
            document_href=to_href(result.document.key),
            is_demonstration=result.demonstration,
            is_broken=result.coverage == "broken",
        )


def _read_results(client: Client, topics: Topics) -> Iterator[ResultStored]:
    return (ResultStored.from_json(record.value) for record in client.read(topics.result_stored) if record.value)


def _name_units(ends: dict[ArrivalKey, MediaSettled]) -> dict[str, str]:
    """Return the names that senders gave to units, by unit id."""
    return {
        unit_id: settled.subject or ""
        for settled in ends.values()
        if isinstance(settled.end, Stored)
        for unit_id in settled.end.unit_ids
    }


def _to_href(store: ObjectStore, key: str, folder: Path) -> str | None:
    """Return a link to a local store's file from the page's folder; objects elsewhere have none."""
    if not isinstance(store, LocalStore):
        return None
    return quote(os.path.relpath(store.root / to_path(key), folder.resolve()).replace(os.sep, "/"))


def to_moment(captured: Captured) -> dt.datetime | None:
    """Return when a capture began, or ``None`` when it is undated."""
    match captured:
        case Instant(at=moment) | Span(start_at=moment):
            return moment
        case _:
            return None


def _list_aside(client: Client, topics: Topics) -> list[Aside]:
    letters = [
        Aside(
            name=letter.subject,
            feed=letter.feed,
            reason=letter.rejection.reason,
            sentence=letter.rejection.sentence,
            retry=f"observatory dead-letters retry {letter.number}" if letter.can_be_sent_again else "",
            set_aside_at=letter.rejection.rejected_at,
        )
        for letter in read_dead_letters(client, topics)
    ]
    return sorted(letters, key=lambda item: item.set_aside_at or dt.datetime.min.replace(tzinfo=dt.UTC), reverse=True)


def _list_duplicates(ends: dict[ArrivalKey, MediaSettled]) -> Iterator[Passed]:
    for key, settled in ends.items():
        if isinstance(settled.end, Duplicate):
            yield Passed(
                name=settled.subject or key.event, feed=key.source.removeprefix(FEED_SOURCE), why=settled.end.of_unit_id
            )


def _list_skipped(ends: dict[ArrivalKey, MediaSettled]) -> Iterator[Passed]:
    for key, settled in ends.items():
        if isinstance(settled.end, Skipped):
            yield Passed(
                name=settled.subject or key.event, feed=key.source.removeprefix(FEED_SOURCE), why=settled.end.policy
            )


def _list_metrics(deployment: Deployment) -> Iterator[Metric]:
    for table in to_tables(make_usage_report(deployment, ())):
        installation = table.title.partition(":")[0]
        for row in table.rows:
            for period, value in zip(table.columns[1:], row[1:], strict=True):
                yield Metric(installation, row[0].removeprefix("- "), period, value)


def _list_models(client: Client, topics: Topics, store: ObjectStore) -> tuple[ModelUsed, ...]:
    """Return the models that took part, each once: from one document of each observer."""
    documents: dict[str, str] = {}
    for result in _read_results(client, topics):
        documents.setdefault(result.result_id.rpartition(".")[2], result.document.key)
    models = {
        model.sha256: ModelUsed(model.name, model.version, model.task, model.sha256, model.provenance)
        for key in documents.values()
        for model in Result.from_json(store.read(key)).observer.models
    }
    return tuple(models[digest] for digest in sorted(models))
