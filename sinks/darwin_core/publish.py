"""Publish a Darwin Core archive: results of cameras and samples in, one checked zip out, and a report of what is not in it."""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from schemas.errors import FatalFault, TransientFault
from sinks.darwin_core.documents.eml import write_eml
from sinks.darwin_core.documents.meta import EML_NAME, META_NAME, write_meta
from sinks.darwin_core.documents.pack import pack_folder
from sinks.darwin_core.documents.tables import Census, to_constants, to_newest, to_totals, write_tables
from sinks.darwin_core.drafts import Desk, make_draft, name_observer
from sinks.darwin_core.gate.check import Charter, check_archive
from sinks.darwin_core.identification import to_count, to_method
from sinks.darwin_core.plan import DeploymentBook
from sinks.darwin_core.report import PublishReport
from sinks.darwin_core.samples.drafts import make_sample_drafts
from sinks.darwin_core.samples.identification import describe_methods
from sinks.darwin_core.samples.published import Incomplete, PublishedSample, SampleSheetNeededError
from sinks.darwin_core.shelf import Shelf
from sinks.darwin_core.terms import RUN_EVENT, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sinks.darwin_core.gate.complaints import Complaints
    from sinks.darwin_core.labels import LabelMap
    from sinks.darwin_core.plan import DatasetPlan, PublishedDeployment
    from sinks.darwin_core.units import LeftOut, PublishedUnit


class NothingToPublishError(FatalFault):
    """No unit can stand in the archive.

    Parameters
    ----------
    reasons
        Reason -> how many results were left out for it.
    units
        Reason -> ids of the first few units.
    """

    def __init__(self, reasons: Mapping[str, int], units: Mapping[str, tuple[str, ...]]) -> None:
        told = ", ".join(f"{reason}: {count}" for reason, count in reasons.items())
        super().__init__(f"No unit can be published ({told or 'none was given'}).")
        self.units = units


class DemonstrationRefusedError(FatalFault):
    """Results of a demonstration model were to be published, and nobody allowed it."""


class SampleTwiceError(FatalFault):
    """A sample was given twice with different numbers: its runs were pooled in two ways."""


class ArchiveRefusedError(FatalFault):
    """The archive failed its own checks, so there is none.

    Parameters
    ----------
    complaints
        What the gate found.
    """

    def __init__(self, complaints: Complaints) -> None:
        shown = "\n".join(f"  {complaint}" for complaint in complaints.kept)
        super().__init__(f"The archive failed {complaints.total} checks and was not written:\n{shown}")
        self.complaints = complaints


def publish_archive(
    units: Iterable[PublishedUnit],
    plan: DatasetPlan,
    *,
    labels: LabelMap,
    to: Path,
    deployments: Iterable[PublishedDeployment] = (),
    samples: Iterable[PublishedSample | LeftOut] = (),
    allow_demonstration: bool = False,
) -> PublishReport:
    """Write a Darwin Core archive in the shape that OBIS reads.

    Parameters
    ----------
    units
        Results with their claims, in any order, read once; memory does not grow with their number.
    labels
        What the observers' labels mean; a label that is not in it makes no occurrence.
    to
        The zip. It appears when the archive has passed its checks; an older one is replaced.
    deployments
        Where the cameras were; the newest one that covers a unit's time wins over the unit's own place.
    samples
        Compositions of water samples with their rows of the sample sheet, and runs that are in none, in any order
        (:func:`sinks.darwin_core.samples.joining.join_samples` makes both).
    allow_demonstration
        Publish results of demonstration models too; the archive then says so in title, abstract and each row.

    Raises
    ------
    NothingToPublishError, DemonstrationRefusedError, SeveralObserversError, SampleSheetNeededError, SampleTwiceError,
    ArchiveRefusedError
        Fatal faults: there is no archive.
    TransientFault
        If the disk does not take the files.
    """
    desk = Desk(plan, labels.to_index(), DeploymentBook(deployments))
    with _writing():
        to.parent.mkdir(parents=True, exist_ok=True)
        place = TemporaryDirectory(prefix=".archive-", dir=to.parent, ignore_cleanup_errors=True)
    with place as folder:
        shelf = Shelf(Path(folder) / "drafts.sqlite")
        try:
            intake = _Intake(shelf, desk).take_in(units).take_samples(samples)
            return _publish(intake, labels, to, allow_demonstration=allow_demonstration)
        finally:
            shelf.close()


class _Intake:
    """Sets drafts down on the shelf and keeps the little that must stay in memory."""

    def __init__(self, shelf: Shelf, desk: Desk) -> None:
        self.shelf, self.desk = shelf, desk
        self.given = 0
        self.newest_at: dt.datetime | None = None
        self.methods: dict[str, str] = {}

    def take_in(self, units: Iterable[PublishedUnit]) -> _Intake:
        for item in units:
            self.given += 1
            result = item.result
            self.newest_at = to_newest(self.newest_at, item.stored_at)
            draft = make_draft(item, self.desk)
            if isinstance(draft, str):
                self.shelf.leave_out(result.unit.unit_id, result.result_id, draft)
                continue
            self.shelf.add(draft)
            if draft.observer not in self.methods:
                self.methods[name_observer(result)] = to_method(result.observer)
        return self

    def take_samples(self, samples: Iterable[PublishedSample | LeftOut]) -> _Intake:
        missing: list[str] = []
        known: dict[str, str] = {}
        # samples of one observer may be counted by different rules: each is said once, in an order of its own
        said: dict[str, set[str]] = {}
        for item in samples:
            if not isinstance(item, PublishedSample):
                self.given += 1
                self.shelf.leave_out(item.unit_id, item.result_id, item.reason)
                continue
            self.newest_at = to_newest(self.newest_at, item.stored_at)
            drafts = make_sample_drafts(item, self.desk.plan)
            if isinstance(drafts, Incomplete):
                missing.append(drafts.sentence)
                continue
            whole, *_ = drafts
            if known.setdefault(whole.event_id, whole.result_id) != whole.result_id:
                message = f"The sample {whole.unit_id} was given twice with different numbers."
                raise SampleTwiceError(message)
            said.setdefault(whole.observer, set()).add(describe_methods(item))
            for draft in drafts:
                self.given += 1
                self.shelf.add(draft)
        if missing:
            raise SampleSheetNeededError(tuple(sorted(set(missing))))
        self.methods.update({observer: " ".join(sorted(sentences)) for observer, sentences in said.items()})
        return self


def _publish(intake: _Intake, labels: LabelMap, to: Path, *, allow_demonstration: bool) -> PublishReport:
    shelf, plan = intake.shelf, intake.desk.plan
    results = shelf.count()
    census = Census()
    for draft in shelf.choose():
        census.add(draft)
    _check_contents(census, shelf, allow_demonstration=allow_demonstration)
    with _writing(), TemporaryDirectory(prefix=".archive-", dir=to.parent) as made:
        folder = Path(made)
        constants = to_constants(plan, demonstration=census.demonstration)
        content = write_tables(folder, shelf.read_chosen(), census, constants)
        coverage = census.to_coverage(labels.to_taxa().values(), intake.methods, content)
        (folder / META_NAME).write_bytes(write_meta(TABLES))
        (folder / EML_NAME).write_bytes(write_eml(plan, coverage))
        events, _ = to_totals(census)
        complaints = check_archive(folder, Charter(labels, plan.target, intake.newest_at, events))
        if complaints.total:
            raise ArchiveRefusedError(complaints)
        whole, parts = pack_folder(folder, to)
    return _make_report(intake, census, to, results=results, digests=(whole, parts))


def _check_contents(census: Census, shelf: Shelf, *, allow_demonstration: bool) -> None:
    if not census.deployments:
        raise NothingToPublishError(shelf.count_left_out(), shelf.name_left_out())
    if census.demonstration and not allow_demonstration:
        message = (
            f"Results of a demonstration model are not published unless that is allowed: {_join(census.observers)}."
        )
        raise DemonstrationRefusedError(message)


def _make_report(intake: _Intake, census: Census, to: Path, *, results: int, digests: tuple[str, str]) -> PublishReport:
    _, measurements = to_totals(census)
    aside = {kind: dict(sorted(labels.items())) for kind, labels in census.aside.items()}
    return PublishReport(
        archive=to,
        results=results,
        repeated=intake.given - results,
        deployments=census.count_parents("deployment"),
        stills=census.events["still"],
        clips=census.events["videoClip"],
        empty=census.empty,
        occurrences=census.occurrences,
        measurements=measurements,
        left_out=intake.shelf.count_left_out(),
        left_out_units=intake.shelf.name_left_out(),
        unmapped=aside["unmapped"],
        without_id=aside["without_id"],
        not_taxa=aside["not_taxa"],
        traces=aside["traces"],
        observers=tuple(sorted(census.observers)),
        demonstration=census.demonstration,
        sha256=digests[0],
        content_sha256=digests[1],
        notes=tuple(_make_notes(intake, census)),
        samples=census.events["sample"],
        runs=census.events[RUN_EVENT],
        visits=census.count_parents("stationVisit"),
    )


def _make_notes(intake: _Intake, census: Census) -> Iterator[str]:
    if census.demonstration:
        yield "The archive was made with a demonstration model and says so; it is not fit for scientific use."
    if intake.desk.plan.media_url is None:
        yield "No media address is given, so associatedMedia is empty, which OBIS asks imaging data to fill."
    if census.without_depth:
        yield f"{to_count(census.without_depth, 'event')} without a depth, which OBIS strongly recommends."
    if not any(share.cameras and any(share.cameras.values()) for share in census.deployments.values()):
        which = "instrument" if census.events["sample"] else "camera"
        yield f"No {which} has an entry of the NERC collection L22, so the instrument is named but not linked."
    yield from _note_samples(census)
    if intake.newest_at is None:
        yield "It is not known when the results were stored, so dates in the future could not be told."


def _note_samples(census: Census) -> Iterator[str]:
    told = census.remarks
    if told["volume_unknown"]:
        yield f"{to_count(told['volume_unknown'], 'sample')} without a known volume: counts are published, no abundance."
    if told["not_per_sea"]:
        yield (
            f"{to_count(told['not_per_sea'], 'sample')} with abundance per volume of analysed sample, not of the sea: the "
            "sample sheet does not say how the sample was made (water)."
        )
    if told["unidentified"]:
        yield f"{to_count(told['unidentified'], 'particle')} not identified and in no occurrence."
    if told["flagged"]:
        yield f"{to_count(told['flagged'], 'particle')} flagged (seen before, bubbles, beads) and in no occurrence."


def _join(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"The archive could not be written: {error.strerror or type(error).__name__}."
        raise TransientFault(message) from error
