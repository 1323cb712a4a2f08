"""Drafts: one unit's rows, ready but for what the whole data set decides, and small enough to set down on disk."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from schemas.result import InlineContent
from sinks.darwin_core.deployments import DeploymentShare, make_share
from sinks.darwin_core.identification import rank_observer, to_observer_names
from sinks.darwin_core.rows import (
    make_clip_measurements,
    make_count_measurements,
    make_event_row,
    make_occurrence_row,
)
from sinks.darwin_core.tally import count_sightings
from sinks.darwin_core.units import place_unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.result import Result
    from sinks.darwin_core.labels import LabelRow
    from sinks.darwin_core.plan import DatasetPlan, DeploymentBook
    from sinks.darwin_core.rows import Row
    from sinks.darwin_core.tally import Tally
    from sinks.darwin_core.units import PublishedUnit, Scene


@dataclass(frozen=True, slots=True)
class Desk:
    """What drafts are made with: the plan, the label map's rows by label, and where the cameras were."""

    plan: DatasetPlan
    rows: Mapping[str, LabelRow]
    book: DeploymentBook


@dataclass(frozen=True, slots=True)
class Draft:
    """One unit as one observer saw it.

    Attributes
    ----------
    rank
        Place of the observer among those the plan prefers; 0 is best.
    observer
        Its name for people, with the digest that tells versions apart.
    share
        What the unit adds to its deployment event, as JSON values.
    aside
        What became of findings that are in no occurrence -> label -> how many.
    remarks
        Codes of what the report says of the unit, -> how often it is so.
    """

    event_id: str
    unit_id: str
    result_id: str
    rank: int
    observer: str
    demonstration: bool
    share: dict[str, Any]
    event: Row
    occurrences: list[Row]
    measurements: list[Row]
    aside: dict[str, dict[str, int]]
    remarks: dict[str, int] = field(default_factory=dict)

    def to_text(self) -> str:
        """Return JSON text with sorted keys: equal drafts have equal texts."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps(plain, sort_keys=True, separators=(",", ":"))

    @property
    def deployment(self) -> DeploymentShare:
        """The share this draft has in its deployment event."""
        return DeploymentShare.from_plain(self.share)


def from_text(text: str) -> Draft:
    """Return the draft that was set down as text."""
    return Draft(**json.loads(text))


def make_draft(item: PublishedUnit, desk: Desk) -> Draft | str:
    """Return the draft of one result, or the reason (a snake_case code) why it is left out.

    Returns
    -------
    Draft or str
        The reasons are ``superseded``, ``observer_not_chosen``, and those of
        :func:`sinks.darwin_core.units.place_unit`.
    """
    result = item.result
    if item.superseded:
        return "superseded"
    rank = rank_observer(result.observer, result.result_id, desk.plan.observers)
    if rank is None:
        return "observer_not_chosen"
    scene = place_unit(item, desk.plan, desk.book)
    if isinstance(scene, str):
        return scene
    content = result.outcome.content
    entries = content.images if isinstance(content, InlineContent) else item.entries or ()
    return _write_draft(scene, result, count_sightings(entries, desk.rows), rank=rank, plan=desk.plan)


def name_observer(result: Result) -> str:
    """Return the name of a result's observer for people, with the first digits of its digest."""
    named, _, digest, *_ = to_observer_names(result.observer, result.result_id)
    return f"{named} ({digest})"


def _write_draft(scene: Scene, result: Result, tally: Tally, *, rank: int, plan: DatasetPlan) -> Draft:
    occurrences = [make_occurrence_row(scene, result, sighting, plan) for sighting in tally.sightings]
    measurements = make_clip_measurements(scene)
    for occurrence in occurrences:
        measurements += make_count_measurements(scene, occurrence)
    return Draft(
        event_id=scene.event_id,
        unit_id=result.unit.unit_id,
        result_id=result.result_id,
        rank=rank,
        observer=name_observer(result),
        demonstration=result.observer.is_demonstration,
        share=make_share(scene).to_plain(),
        event=make_event_row(scene, result),
        occurrences=sorted(occurrences, key=lambda row: row["occurrenceID"]),
        measurements=sorted(measurements, key=lambda row: (row["occurrenceID"], row["measurementID"])),
        aside={
            "unmapped": dict(tally.unmapped),
            "without_id": dict(tally.without_id),
            "not_taxa": dict(tally.not_taxa),
            "traces": dict(tally.traces),
        },
    )
