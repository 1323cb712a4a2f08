"""From the store to a Darwin Core archive: results joined with their claims, as they stand when they are published."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from schemas.errors import FatalFault
from schemas.geometry import At
from schemas.noun import to_time_text
from schemas.result import Result, ResultStored, TableContent
from schemas.unit import Claim, find_start, to_unit_key
from sinks.composition.run_counts import COUNTS, read_run_counts
from sinks.darwin_core.labels import list_shipped_maps, load_shipped_map, read_label_map
from sinks.darwin_core.plan import PublishedDeployment, read_plan
from sinks.darwin_core.publish import NothingToPublishError, publish_archive
from sinks.darwin_core.samples.joining import StoredRun, join_samples
from sinks.darwin_core.samples.published import SampleSheetNeededError
from sinks.darwin_core.units import POSITION_UNKNOWN, PublishedUnit
from sinks.result_tables import read_entries
from sinks.results import ANNOUNCEMENT, DOCUMENT
from streams.feeds.deployment_table import load_feed_deployments
from streams.feeds.sample_sheet.sheet import SampleSheet, load_sample_sheet, load_sample_sheets
from streams.places import find_objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from schemas.finding import Entry
    from schemas.forms.taxa import Meaning
    from sinks.composition.run_counts import RunCounts
    from sinks.darwin_core.labels import LabelMap
    from sinks.darwin_core.plan import DatasetPlan
    from sinks.darwin_core.report import PublishReport
    from sinks.object_store.store import ObjectInfo, ObjectStore
    from streams.feeds.deployments import Deployment as DatedDeployment
    from streams.settings.model import Deployment

SUPERSEDED = "superseded.json"

_RESULT_KEY = re.compile(r"(?P<folder>results/[^/]+/[^/]+/(?:undated|\d{4}/\d\d/\d\d)/[^/]+/[0-9a-f]{16})/(?P<name>.+)")


#: Role of a page of a contact sheet among the products of a run.
_SHEET = "sheet"

#: Entries of the sample sheet without a stored run that a note names; the rest are counted.
_NAMED = 5


def publish_deployment(
    deployment: Deployment,
    *,
    to: Path,
    feeds: tuple[str, ...] = (),
    samples: Path | None = None,
    allow_demonstration: bool = False,
) -> PublishReport:
    """Publish the stored results of feeds (none named: all of them) as one archive.

    Parameters
    ----------
    samples
        The sample sheet: when and where the water of runs was taken; absent, those that the feeds' settings name. Runs are not
        published without it.

    Raises
    ------
    FatalFault
        If the data set is not described, its description, label map or sample sheet is wrong, a run is not in the sample
        sheet, or the archive fails its checks.
    """
    plan, labels = load_plan(deployment), load_labels(deployment)
    sheet = load_sheet(deployment) if samples is None else load_sample_sheet(samples)
    store = find_objects(deployment)
    if store is None:
        message = "There is nothing to publish yet: no result was ever stored with these settings."
        raise FatalFault(message)
    runs: list[StoredRun] = []
    try:
        report = publish_archive(
            read_published(store, feeds, set_aside=runs),
            plan,
            labels=labels,
            to=to,
            deployments=list(to_published_deployments(deployment)),
            # a generator, so that the runs are asked for when the units have been read and set them aside
            samples=join_samples(runs, sheet.find, labels.to_meanings(), preferred=plan.observers),
            allow_demonstration=allow_demonstration,
        )
    except SampleSheetNeededError as fault:
        is_named = samples is not None or bool(sheet.samples)
        hint = "Then publish again." if is_named else "Name the sample sheet with --samples."
        message = f"{fault.sentence}\n{hint}"
        raise FatalFault(message) from fault
    except NothingToPublishError as fault:
        hints = explain_positions(deployment, fault.units.get(POSITION_UNKNOWN, ()))
        raise FatalFault(" ".join((fault.sentence, *hints))) from fault
    # the sheet may have runs of feeds that were not asked for
    return report if feeds else replace(report, notes=(*report.notes, *_explain_unused(sheet, runs)))


def load_sheet(deployment: Deployment) -> SampleSheet:
    """Return the samples of the sheets that the feeds' settings name.

    Raises
    ------
    FatalFault
        If a sheet cannot be read or has mistakes.
    """
    return load_sample_sheets(feed.samples for feed in deployment.feeds.values())


def _explain_unused(sheet: SampleSheet, runs: list[StoredRun]) -> Iterator[str]:
    """Yield a note when the sample sheet has runs of which no result is stored: misspelt, or not looked at yet."""
    unused = sheet.list_unused((run.feed, run.run) for run in runs)
    if unused:
        more = f" and {len(unused) - _NAMED} more" if len(unused) > _NAMED else ""
        yield f"The sample sheet has runs without a stored result: {', '.join(unused[:_NAMED])}{more}."


def explain_positions(deployment: Deployment, unit_ids: Iterable[str]) -> tuple[str, ...]:
    """Return what is to be filled in so that units are published whose position is not known: a sentence for each feed."""
    names = sorted({unit_id.partition(".")[0] for unit_id in unit_ids} & set(deployment.feeds))
    dated = load_feed_deployments(deployment.feeds)
    return tuple(_explain_feed(name, deployment.feeds[name].deployments, dated.get(name, ())) for name in names)


def _explain_feed(feed: str, table: Path | None, dated: tuple[DatedDeployment, ...]) -> str:
    fill_in = (
        "since when the camera hung there (valid_from_at), its lat_deg and lon_deg, and its depth_min_m and depth_max_m"
    )
    if table is None:
        return (
            f"It is not known where feed {feed} is: its settings name no table of deployments. Take the # off the line "
            f'deployments = "deployments.csv" in [feeds.{feed}] (or add it), and fill in that table for {feed}: {fill_in}.'
        )
    if not dated:
        return f"It is not known where feed {feed} is: {table.name} has no row for it. Add one: {fill_in}."
    if not any(isinstance(item.where, At) for item in dated):
        return f"It is not known where feed {feed} is: in {table.name} its rows lack lat_deg and lon_deg."
    first = to_time_text(dated[0].valid_from_at)
    return (
        f"Where feed {feed} was is known only in part: in {table.name} its first row begins at {first}, and a row without "
        "lat_deg and lon_deg says nothing. Add what is missing."
    )


def load_plan(deployment: Deployment) -> DatasetPlan:
    """Return what the settings say of the data set."""
    path = deployment.dataset.plan
    if path is None:
        message = (
            "The settings describe no data set: name its file as plan in the table [dataset] (see observatory init)."
        )
        raise FatalFault(message)
    return read_plan(_read_text(path), of=path.name)


def load_labels(deployment: Deployment) -> LabelMap:
    """Return the label map that the settings name: a file, or one of those that come with the program."""
    named = deployment.dataset.label_map
    if named in list_shipped_maps():
        return load_shipped_map(named)
    path = deployment.dataset.label_map_file
    if path is None:
        message = f"The settings name no label map; shipped ones are {', '.join(list_shipped_maps())}."
        raise FatalFault(message)
    return read_label_map(_read_text(path), of=path.name)


def find_meanings(deployment: Deployment) -> Mapping[str, Meaning]:
    """Return what labels stand for, by the label map that the settings name; nothing where they name none.

    Raises
    ------
    FatalFault
        If the label map is wrong.
    """
    dataset = deployment.dataset
    return load_labels(deployment).to_meanings() if dataset.label_map or dataset.label_map_file else {}


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        message = f"The file {path.name} cannot be read ({error.strerror})."
        raise FatalFault(message) from error


def read_published(
    store: ObjectStore, feeds: tuple[str, ...] = (), *, set_aside: list[StoredRun]
) -> Iterator[PublishedUnit]:
    """Yield the stored results of feeds, each joined with its claim; bounded memory.

    Parameters
    ----------
    set_aside
        Takes the results of runs, which have their counts beside them: samples are made of them, not units.

    Raises
    ------
    TransientFault, FatalFault
        From the store.
    """
    found = ((info, _RESULT_KEY.fullmatch(info.key)) for info in store.list("results/"))
    for folder, members in groupby(
        ((info, match) for info, match in found if match), key=lambda pair: pair[1]["folder"]
    ):
        names = {match["name"]: info for info, match in members}
        if DOCUMENT not in names or (feeds and folder.split("/")[2] not in feeds):
            continue
        if COUNTS in names:
            set_aside.append(_read_run(store, folder, names))
        else:
            yield _read_unit(store, folder, names)


def _read_run(store: ObjectStore, folder: str, names: dict[str, ObjectInfo]) -> StoredRun:
    result = Result.from_json(store.read(f"{folder}/{DOCUMENT}"))
    claim = Claim.from_json(store.read(to_unit_key(result.unit)))
    announced = ResultStored.from_json(store.read(f"{folder}/{ANNOUNCEMENT}"))
    return StoredRun(
        feed=result.unit.feed,
        run=claim.unit.group,
        unit_id=result.unit.unit_id,
        result_id=result.result_id,
        arrived_at=announced.processing.arrived_at,
        stored_at=announced.processing.finished_at,
        observer=result.observer,
        open_counts=partial(_open_counts, store, f"{folder}/{COUNTS}"),
        media=tuple(asset.key for asset in announced.products if asset.role == _SHEET),
        purpose=announced.purpose,
        superseded=SUPERSEDED in names,
        started_at=find_start(result.unit.captured),
    )


def _open_counts(store: ObjectStore, key: str) -> RunCounts:
    return read_run_counts(store.read(key), of=key)


def _read_unit(store: ObjectStore, folder: str, names: dict[str, ObjectInfo]) -> PublishedUnit:
    result = Result.from_json(store.read(f"{folder}/{DOCUMENT}"))
    claim = Claim.from_json(store.read(to_unit_key(result.unit)))
    announced = ResultStored.from_json(store.read(f"{folder}/{ANNOUNCEMENT}"))
    pictures = [asset.key for asset in announced.products if asset.role == "picture"]
    originals = [part.at for part in claim.unit.parts]
    content = result.outcome.content
    return PublishedUnit(
        result=result,
        unit=claim.unit,
        media=(*originals, *pictures),
        stored_at=announced.processing.finished_at,
        purpose=announced.purpose,
        superseded=SUPERSEDED in names,
        entries=_read_tables(store, announced, content) if isinstance(content, TableContent) else None,
    )


def _read_tables(store: ObjectStore, announced: ResultStored, content: TableContent) -> Iterator[Entry]:
    keys = {asset.role: asset.key for asset in announced.products}
    yield from read_entries(content, store.read(keys["images_table"]), store.read(keys["findings_table"]))


def to_published_deployments(deployment: Deployment) -> Iterator[PublishedDeployment]:
    """Yield the dated deployments as the archive takes them."""
    for dated in (item for items in load_feed_deployments(deployment.feeds).values() for item in items):
        yield PublishedDeployment(
            feed=dated.feed, valid_from_at=dated.valid_from_at, instrument=dated.instrument, where=dated.where
        )
