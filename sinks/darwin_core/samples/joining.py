"""From the stored counts of runs and the rows of a sample sheet to samples: which results speak, and what is one sample."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from schemas.errors import FatalFault
from schemas.sample import Sample, SampleRun
from sinks.composition.composition import compose
from sinks.composition.revisions import Revision, choose_revisions
from sinks.composition.run_counts import map_labels
from sinks.composition.tally import pool_tallies
from sinks.composition.volumes import find_volume, pool_volumes
from sinks.darwin_core.identification import rank_observer
from sinks.darwin_core.samples.published import PublishedRun, PublishedSample
from sinks.darwin_core.units import TRIALS, LeftOut

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from schemas.forms.taxa import Meaning
    from schemas.media import Purpose
    from schemas.result import Observer
    from sinks.composition.run_counts import RunCounts

#: From feed and name of a run to its sample and its row of the sheet; nothing where the sheet does not have it.
FindSample = Callable[[str, str], "tuple[Sample, SampleRun] | None"]


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A stored result of a run: what decides whether it speaks, and where its counts are.

    Attributes
    ----------
    feed, run
        Of which source, and its name (the ``group`` of its unit).
    unit_id, result_id
        Of a run saved again the newest unit counts.
    arrived_at, stored_at
        When the unit was there, and when this result of it was stored; aware UTC.
    observer
        Who speaks; a detector without a model passes on what the instrument's filter and people say.
    open_counts
        Reads the counts: only those that speak are read, sample by sample, so memory does not grow with runs.
    media
        Keys of contact sheets.
    purpose
        What the run was sent for; what was sent to try the program out is left out.
    superseded
        Another result took its place.
    started_at
        When the instrument began, where that is known: runs of one name that began at different times are different runs.
    """

    feed: str
    run: str
    unit_id: str
    result_id: str
    arrived_at: dt.datetime
    stored_at: dt.datetime
    observer: Observer
    open_counts: Callable[[], RunCounts]
    media: tuple[str, ...] = ()
    purpose: Purpose = "user"
    superseded: bool = False
    started_at: dt.datetime | None = None


class SameNameError(FatalFault):
    """Two runs have one name, so nobody can say which of them a row of the sample sheet means."""


def to_same_name_fault(run: str) -> SameNameError:
    """Return the fault of two runs of one name that a sample sheet names."""
    message = (
        f"Two runs of the instrument are called {run}, and they began at different times: nobody can say which of them the "
        "sample sheet means. Save one of them under another name, and process it again."
    )
    return SameNameError(message)


class DifferentRulesError(FatalFault):
    """Runs of one sample were counted by different rules, so they cannot be added up."""


def join_samples(
    runs: Iterable[StoredRun],
    find: FindSample,
    meanings: Mapping[str, Meaning],
    *,
    preferred: tuple[str, ...] = (),
) -> Iterator[PublishedSample | LeftOut]:
    """Yield the samples of stored runs, and the results that are in none with the reason.

    Each run counts once: of a run that was saved again the newest one, of its results that of the preferred observer. A
    run that the sheet does not have comes as a sample without a sheet row, which the publisher refuses.

    Parameters
    ----------
    find
        The sample sheet (:meth:`streams.feeds.sample_sheet.sheet.SampleSheet.find`).
    meanings
        Of the data set's label map.
    preferred
        The data set's ``observers``, best first.

    Raises
    ------
    SameNameError
        If the sheet names a run of which there are two.
    DifferentRulesError
        If runs of one sample were counted by different rules.
    sinks.composition.revisions.SeveralModelsError
        If two models named the particles of a run and none is preferred.
    """
    kept: dict[tuple[str, str], StoredRun] = {}
    for item in runs:
        reason = _find_reason(item)
        if reason is None:
            kept[item.unit_id, item.result_id] = item
        else:
            yield LeftOut(item.unit_id, item.result_id, reason)
    arrived = _date_units(kept.values())
    choice = choose_revisions(_to_revision(item, arrived[item.unit_id], preferred) for item in kept.values())
    yield from (LeftOut(item.unit_id, item.result_id, reason) for item, reason in choice.left_out)
    chosen = [kept[run.unit_id, run.model.result_id] for run in choice.runs if run.model is not None]
    for sample, members in _group(chosen, find):
        yield _pool(sample, members, meanings)


#: A run with its row of the sheet, if it has one.
_Member = tuple[StoredRun, SampleRun | None]


def _find_reason(item: StoredRun) -> str | None:
    if item.superseded:
        return "superseded"
    return "not_for_publication" if item.purpose in TRIALS else None


def _date_units(runs: Iterable[StoredRun]) -> dict[str, dt.datetime]:
    """Return when each unit was there first: one that is done again is not a newer run."""
    arrived: dict[str, dt.datetime] = {}
    for item in runs:
        arrived[item.unit_id] = min(arrived.get(item.unit_id, item.arrived_at), item.arrived_at)
    return arrived


def _to_revision(item: StoredRun, closed_at: dt.datetime, preferred: tuple[str, ...]) -> Revision:
    observer = item.observer
    return Revision(
        feed=item.feed,
        group=item.run,
        unit_id=item.unit_id,
        closed_at=closed_at,
        result_id=item.result_id,
        stored_at=item.stored_at,
        speaker="detector" if observer.models else "instrument",
        name=f"{observer.name} {observer.version} ({item.result_id.rpartition('.')[2]})",
        rank=rank_observer(observer, item.result_id, preferred),
        started_at=item.started_at,
    )


def _group(runs: list[StoredRun], find: FindSample) -> Iterator[tuple[Sample | None, list[_Member]]]:
    """Yield samples with their runs, in the order of their ids; runs without a row come one by one."""
    found: list[tuple[Sample, _Member]] = []
    seen: set[tuple[str, str]] = set()
    for item in sorted(runs, key=lambda run: (run.feed, run.run)):
        row = find(item.feed, item.run)
        if row is None:
            yield None, [(item, None)]
        else:
            found.append((row[0], (item, row[1])))
        if row is not None and (item.feed, item.run) in seen:
            raise to_same_name_fault(item.run)
        seen.add((item.feed, item.run))
    found.sort(key=lambda pair: pair[0].sample_id)
    for _, members in groupby(found, key=lambda pair: pair[0].sample_id):
        of_sample = list(members)
        yield of_sample[0][0], [member for _, member in of_sample]


def _pool(sample: Sample | None, members: list[_Member], meanings: Mapping[str, Meaning]) -> PublishedSample:
    counted = [(item, row, item.open_counts()) for item, row in members]
    runs = tuple(_place_run(item, counts, sample, row) for item, row, counts in counted)
    rules = counted[0][2].tally.rules
    if any(counts.tally.rules != rules for _, _, counts in counted):
        names = ", ".join(run.run for run in runs)
        message = (
            f"The runs {names} of one sample were counted by different rules (least scores, size classes, biovolume): "
            "process them again with the same settings."
        )
        raise DifferentRulesError(message)
    observers = {item.observer.to_digest(): item.observer for item, _ in members if item.observer.models}
    return PublishedSample(
        composition=compose(
            runs[0].run if sample is None else sample.sample_id,
            map_labels(pool_tallies((counts.tally for _, _, counts in counted), rules), meanings),
            pool_volumes(run.volume for run in runs),
            runs=(run.run for run in runs),
            demonstration=any(observer.is_demonstration for observer in observers.values()),
        ),
        sample=sample,
        runs=runs,
        observers=tuple(observer for _, observer in sorted(observers.items())),
        media=tuple(key for item, _ in members for key in item.media),
        stored_at=max(item.stored_at for item, _ in members),
    )


def _place_run(item: StoredRun, counts: RunCounts, sample: Sample | None, row: SampleRun | None) -> PublishedRun:
    return PublishedRun(
        feed=item.feed,
        run=item.run,
        instrument=counts.instrument,
        volumes=counts.volumes,
        volume=find_volume(counts.volumes, sample, row),
        particles=counts.tally.particles,
    )
