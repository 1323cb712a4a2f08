"""One sample as it is published: its composition joined with what the sample sheet says, or what is missing there."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING
from urllib.parse import quote

from schemas.errors import FatalFault
from schemas.geometry import At
from schemas.unit import Instant, Span
from sinks.composition.volumes import UnknownVolume
from sinks.darwin_core.terms import RUN_EVENT, SAMPLE_EVENT
from sinks.darwin_core.units import CLOCK_TOLERANCE, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.result import Observer
    from schemas.sample import Sample
    from sinks.composition.composition import Composition
    from sinks.composition.volumes import RunVolumes, Volume
    from sinks.darwin_core.plan import DatasetPlan

#: Samples whose missing cells a refusal names in full; the rest are counted.
_NAMED = 20


@dataclass(frozen=True, slots=True)
class PublishedRun:
    """One run of an instrument over a part of the sample: an event below it, which carries what was done and no taxa.

    Attributes
    ----------
    feed, run
        Of which source, and its name.
    instrument
        Id of the instrument; the data set's ``cameras`` give its name and its entry in collection L22.
    volumes
        What its files say.
    volume
        What its particles were in, with what the sample sheet says of the run.
    particles
        All that were imaged.
    """

    feed: str
    run: str
    instrument: str
    volumes: RunVolumes
    volume: Volume | UnknownVolume
    particles: int


@dataclass(frozen=True, slots=True)
class PublishedSample:
    """The composition of a sample with what the world said of its water.

    Attributes
    ----------
    composition
        Of all runs over the sample.
    sample
        Its rows of the sample sheet; absent when no row names its runs, and then nothing can be published.
    runs
        Those that were pooled.
    observers
        The models that named its particles; none where people or the instrument's filter did it alone.
    media
        Keys of contact sheets; an occurrence links those of its own labels.
    stored_at
        When the newest of its results was stored, aware UTC. Absent when not known.
    """

    composition: Composition
    sample: Sample | None
    runs: tuple[PublishedRun, ...]
    observers: tuple[Observer, ...] = ()
    media: tuple[str, ...] = ()
    stored_at: dt.datetime | None = None

    @property
    def is_demonstration(self) -> bool:
        """Whether a demonstration model named particles."""
        return self.composition.demonstration or any(observer.is_demonstration for observer in self.observers)


@dataclass(frozen=True, slots=True)
class SampleScene:
    """A sample, placed: everything its event says that does not depend on taxa.

    Attributes
    ----------
    event_id, parent_id
        Functions of data set, visit and sample id alone; ``parent_id`` is empty without a visit.
    instruments
        Name -> entry in collection L22 or nothing, by the id of the instrument.
    """

    event_id: str
    parent_id: str
    sample: Sample
    start_at: dt.datetime
    end_at: dt.datetime
    place: Place
    instruments: dict[str, tuple[str, str]]

    @property
    def instrument(self) -> str:
        """The names of the instruments, for people."""
        return ", ".join(sorted({name for name, _ in self.instruments.values()}))


@dataclass(frozen=True, slots=True)
class Incomplete:
    """The sample sheet does not say enough of a sample; ``sentence`` says what to fill in."""

    sentence: str


class SampleSheetNeededError(FatalFault):
    """Samples were to be published of which the sample sheet does not say when or where they were taken.

    Parameters
    ----------
    missing
        Sentences, one per sample: what to fill in.
    """

    def __init__(self, missing: tuple[str, ...]) -> None:
        shown = [f"  {sentence}" for sentence in missing[:_NAMED]]
        if len(missing) > _NAMED:
            shown.append(f"  and {len(missing) - _NAMED} more")
        super().__init__(
            "Time, position and depth of sampling come from the sample sheet, never from the run's clock. Fill in:\n"
            + "\n".join(shown)
        )
        self.missing = missing


def make_visit_id(dataset_id: str, visit: str) -> str:
    """Return the id of the event of a station visit."""
    return f"{dataset_id}:{visit}"


def make_sample_id(dataset_id: str, sample: Sample) -> str:
    """Return ``<parent>:sample_<id>``, the pattern of the OBIS manual; without a visit the data set is the parent."""
    parent = dataset_id if sample.visit is None else make_visit_id(dataset_id, sample.visit)
    return f"{parent}:{SAMPLE_EVENT}_{sample.sample_id}"


def make_run_id(sample_event_id: str, run: PublishedRun) -> str:
    """Return the id of a run's event; the name of a run may hold anything, so it is percent-encoded (a feed's holds no dot)."""
    return f"{sample_event_id}:{RUN_EVENT}_{run.feed}.{quote(run.run, safe='')}"


def place_sample(item: PublishedSample, plan: DatasetPlan) -> SampleScene | Incomplete:
    """Return the scene of a sample, or what must be filled in before it can be published."""
    sample = item.sample
    if sample is None:
        runs = ", ".join(item.composition.runs) or item.composition.name
        return Incomplete(f"{runs}: a row of the sample sheet with this name under run (there is none)")
    wrong = "; ".join(_find_wrong(item, sample))
    bounds = _to_bounds(sample)
    if wrong or bounds is None or not isinstance(sample.where, At):
        return Incomplete(f"sample {sample.sample_id}: {wrong}")
    where = sample.where
    known = {camera.instrument: (camera.name, camera.uri or "") for camera in plan.cameras}
    return SampleScene(
        event_id=make_sample_id(plan.dataset_id, sample),
        parent_id="" if sample.visit is None else make_visit_id(plan.dataset_id, sample.visit),
        sample=sample,
        start_at=bounds[0],
        end_at=bounds[1],
        place=Place(where.lat_deg, where.lon_deg, where.depth_min_m, where.depth_max_m, where.uncertainty_m),
        instruments={run.instrument: known.get(run.instrument, (run.instrument, "")) for run in item.runs},
    )


def find_sub_sampling(item: PublishedSample) -> tuple[Fraction, Fraction] | None:
    """Return the volume sampled, in litres of sea, and the share of the sample that was looked at.

    Absent unless both are known: readers would divide the count by the volume alone.
    """
    volume, sample = item.composition.volume, item.sample
    if isinstance(volume, UnknownVolume) or volume.sea_ml is None or sample is None:
        return None
    if sample.water == "whole":
        return volume.sea_ml / 1000, Fraction(1)
    said = dict(sample.quantities)
    share = volume.sample_ml / Fraction(repr(said["volume_concentrate_ml"]))
    return Fraction(repr(said["volume_filtered_l"])), share


def _find_wrong(item: PublishedSample, sample: Sample) -> Iterator[str]:
    missing = [] if _to_bounds(sample) else ["taken_at"]
    if not isinstance(sample.where, At):
        missing += ["lat_deg", "lon_deg", "depth_min_m"]
    elif sample.where.depth_min_m is None and sample.where.depth_max_m is None:
        missing.append("depth_min_m")
    if missing:
        yield ", ".join(missing)
    bounds = _to_bounds(sample)
    if bounds is not None and item.stored_at is not None and bounds[1] > item.stored_at + CLOCK_TOLERANCE:
        yield "taken_at (the water would have been taken after its runs were stored)"
    coefficient = find_sub_sampling(item)
    if coefficient is not None and coefficient[1] > 1:
        yield "volume_concentrate_ml (more of the sample was imaged than there was)"


def _to_bounds(sample: Sample) -> tuple[dt.datetime, dt.datetime] | None:
    match sample.taken:
        case Instant(at=moment):
            return moment, moment
        case Span(start_at=start_at, end_at=end_at):
            return start_at, end_at
        case _:
            return None
