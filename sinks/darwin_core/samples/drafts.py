"""Drafts of samples: the rows of one sample and of its runs, ready but for what the whole data set decides."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from schemas.canonical import to_digest
from sinks.composition.volumes import UnknownVolume
from sinks.darwin_core.deployments import DeploymentShare
from sinks.darwin_core.drafts import Draft
from sinks.darwin_core.samples.identification import name_sample_observers
from sinks.darwin_core.samples.published import Incomplete, SampleScene, place_sample
from sinks.darwin_core.samples.rows import make_occurrences, make_sample_measurements, make_sample_row
from sinks.darwin_core.samples.runs import make_run_measurements, make_run_row

if TYPE_CHECKING:
    from sinks.darwin_core.plan import DatasetPlan
    from sinks.darwin_core.rows import Row
    from sinks.darwin_core.samples.published import PublishedSample

#: Group of a composition -> what the report calls labels that became no occurrence.
_ASIDE = {"unmapped": "unmapped", "without_id": "without_id", "not_a_taxon": "not_taxa", "trace": "traces"}


def make_sample_drafts(item: PublishedSample, plan: DatasetPlan) -> tuple[Draft, ...] | Incomplete:
    """Return the drafts of a sample and then of its runs, or what its sheet lacks."""
    scene = place_sample(item, plan)
    if isinstance(scene, Incomplete):
        return scene
    occurrences, measured = make_occurrences(scene, item, plan)
    measurements = make_sample_measurements(scene, item) + measured
    event = make_sample_row(scene, item)
    runs = [(make_run_row(scene, item, run), make_run_measurements(scene, run)) for run in item.runs]
    whole = Draft(
        event_id=scene.event_id,
        unit_id=scene.sample.sample_id,
        result_id=to_digest([event, *occurrences, *measurements, *(row for row, _ in runs)]),
        rank=0,
        observer=name_sample_observers(item),
        demonstration=item.is_demonstration,
        share=_make_share(scene).to_plain(),
        event=event,
        occurrences=sorted(occurrences, key=lambda row: row["occurrenceID"]),
        measurements=sorted(measurements, key=lambda row: (row["occurrenceID"], row["measurementID"])),
        aside=_set_aside(item),
        remarks=_remark(item),
    )
    return (whole, *(_draft_run(whole, row, measured) for row, measured in runs))


def _draft_run(whole: Draft, event: Row, measurements: list[Row]) -> Draft:
    """Return the draft of a run, which has its sample's part in all that is above both."""
    return replace(
        whole,
        event_id=event["eventID"],
        unit_id=event["eventID"].rpartition(":")[2],
        result_id=to_digest([event, *measurements]),
        event=event,
        occurrences=[],
        measurements=sorted(measurements, key=lambda row: row["measurementID"]),
        aside={},
        remarks={},
    )


def _make_share(scene: SampleScene) -> DeploymentShare:
    """Return what a sample adds to its visit, or to what the archive covers where it has none."""
    place = scene.place
    depths = [value for value in (place.depth_min_m, place.depth_max_m) if value is not None]
    return DeploymentShare(
        parent_id=scene.parent_id or scene.event_id,
        start_at=scene.start_at,
        end_at=scene.end_at,
        lat_deg=(place.lat_deg, place.lat_deg),
        lon_deg=(place.lon_deg, place.lon_deg),
        depths_m=(min(depths), max(depths)) if depths else None,
        uncertainty_m=place.uncertainty_m,
        cameras=dict(scene.instruments.values()),
        kind="stationVisit" if scene.parent_id else "none",
    )


def _set_aside(item: PublishedSample) -> dict[str, dict[str, int]]:
    aside: dict[str, dict[str, int]] = {name: {} for name in _ASIDE.values()}
    for line in item.composition.lines:
        if line.group.kind in _ASIDE and line.estimate.particles:
            aside[_ASIDE[line.group.kind]][line.group.name] = line.estimate.particles
    return aside


def _remark(item: PublishedSample) -> dict[str, int]:
    """Return what the report says of samples."""
    composition = item.composition
    told = Counter({"unidentified": composition.unidentified.particles, "flagged": composition.flagged.particles})
    if isinstance(composition.volume, UnknownVolume):
        told["volume_unknown"] = 1
    elif composition.volume.sea_ml is None:
        told["not_per_sea"] = 1
    told["validated"] = sum(
        any(status == "validated" and part.particles for status, part in line.parts)
        for line in composition.lines
        if line.group.taxon is not None
    )
    return {name: count for name, count in sorted(told.items()) if count}
