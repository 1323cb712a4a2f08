"""One unit as it is published: its result joined with its claim, its place and its camera, or why it is left out."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.geometry import At
from schemas.noun import to_compact_time
from schemas.result import Broken, TableContent
from schemas.unit import Instant, Span

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.finding import Entry
    from schemas.geometry import Where
    from schemas.media import Purpose
    from schemas.result import Result
    from schemas.unit import Captured, Unit
    from sinks.darwin_core.plan import DatasetPlan, DeploymentBook

#: Unit kind -> eventType. Other kinds are samples and scenes, which have shapes of their own.
EVENT_TYPES = {"still": "still", "clip": "videoClip"}

#: The reason for which a unit is left out when neither a deployment nor its claim says where it was taken.
POSITION_UNKNOWN = "position_unknown"

#: Purposes of units that say nothing of the sea.
TRIALS = frozenset({"canary", "test"})

#: A camera's clock may run this far ahead of the store's before its pictures count as taken in the future: those who
#: check archives compare whole days.
CLOCK_TOLERANCE = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PublishedUnit:
    """A stored result with what the world said of its unit.

    Attributes
    ----------
    result
        The canonical document.
    unit
        The unit of its claim: where it was taken, and by which instrument.
    media
        Keys of the objects to link: the original, then pictures made from it.
    stored_at
        When the result was stored, aware UTC: a capture time after it is a wrong clock. Absent when not known.
    purpose
        What the unit was sent for; what was sent to try the program out is left out.
    superseded
        Another result took its place; it is counted and left out.
    entries
        The images of a result whose content stands in tables, read once; absent otherwise.
    """

    result: Result
    unit: Unit
    media: tuple[str, ...] = ()
    stored_at: dt.datetime | None = None
    purpose: Purpose = "user"
    superseded: bool = False
    entries: Iterable[Entry] | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a camera was: degrees of WGS 84, metres below the surface; ``None`` is unknown."""

    lat_deg: float
    lon_deg: float
    depth_min_m: float | None = None
    depth_max_m: float | None = None
    uncertainty_m: float | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """A still or a clip, placed: everything its event says that does not depend on findings.

    Attributes
    ----------
    event_id, parent_id
        Functions of data set, feed, kind and capture time alone.
    start_at, end_at
        Equal for a still, and for a clip of unknown length.
    duration_s
        Time span of the images looked at; ``None`` when not known.
    """

    event_id: str
    parent_id: str
    event_type: str
    feed: str
    start_at: dt.datetime
    end_at: dt.datetime
    place: Place
    camera: str
    camera_uri: str | None
    duration_s: float | None
    media: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A result that is not in the archive, and why (a snake_case code)."""

    unit_id: str
    result_id: str
    reason: str


def make_parent_id(dataset_id: str, feed: str, year: int) -> str:
    """Return the id of the deployment event of one feed and year."""
    return f"{dataset_id}:{feed}:{year:04d}"


def make_event_id(parent_id: str, event_type: str, start_at: dt.datetime) -> str:
    """Return ``<parent>:<type>_<time>``, the pattern of the OBIS manual, with UTC to the millisecond."""
    return f"{parent_id}:{event_type}_{to_compact_time(start_at)}"


def place_unit(item: PublishedUnit, plan: DatasetPlan, book: DeploymentBook) -> Scene | str:
    """Return the scene of a unit, or the reason why it cannot be published.

    Returns
    -------
    Scene or str
        The reasons are ``not_for_publication``, ``kind_not_published``, ``claim_of_another_unit``, ``undated``,
        ``tables_not_read``, ``nothing_looked_at``, ``captured_after_stored`` and ``position_unknown``.
    """
    reason = _find_reason(item)
    if reason is not None:
        return reason
    stamp, effort = item.result.unit, item.result.outcome.effort
    duration_s = dict(effort.quantities).get("duration_s")
    bounds = _to_bounds(stamp.captured, duration_s)
    if bounds is None:
        return "undated"
    start_at, end_at = bounds
    if item.stored_at is not None and end_at > item.stored_at + CLOCK_TOLERANCE:
        return "captured_after_stored"
    deployment = book.find(stamp.feed, start_at)
    place = _to_place(deployment.where if deployment else None) or _to_place(item.unit.where)
    if place is None:
        return POSITION_UNKNOWN
    camera, camera_uri = _name_camera((deployment.instrument if deployment else None) or item.unit.instrument, plan)
    parent_id = make_parent_id(plan.dataset_id, stamp.feed, start_at.year)
    event_type = EVENT_TYPES[stamp.kind]
    return Scene(
        event_id=make_event_id(parent_id, event_type, start_at),
        parent_id=parent_id,
        event_type=event_type,
        feed=stamp.feed,
        start_at=start_at,
        end_at=end_at,
        place=place,
        camera=camera,
        camera_uri=camera_uri,
        duration_s=duration_s,
        media=item.media,
    )


def _find_reason(item: PublishedUnit) -> str | None:
    outcome = item.result.outcome
    if item.purpose in TRIALS:
        return "not_for_publication"
    if item.result.unit.kind not in EVENT_TYPES:
        return "kind_not_published"
    if item.unit.stamp != item.result.unit:
        return "claim_of_another_unit"
    if isinstance(outcome.content, TableContent) and item.entries is None:
        return "tables_not_read"
    return None if outcome.effort.images_looked else "nothing_looked_at"


def _to_bounds(captured: Captured, duration_s: float | None) -> tuple[dt.datetime, dt.datetime] | None:
    match captured:
        case Instant(at=moment):
            return moment, moment + dt.timedelta(seconds=duration_s or 0)
        case Span(start_at=start_at, end_at=end_at):
            return start_at, end_at
        case _:
            return None


def _to_place(where: Where | None) -> Place | None:
    if not isinstance(where, At):
        return None
    return Place(where.lat_deg, where.lon_deg, where.depth_min_m, where.depth_max_m, where.uncertainty_m)


def _name_camera(instrument: str, plan: DatasetPlan) -> tuple[str, str | None]:
    named = next((camera for camera in plan.cameras if camera.instrument == instrument), None)
    return (named.name, named.uri) if named else (instrument, None)


def to_breakage(result: Result) -> str | None:
    """Return a sentence on where the content broke off, or ``None`` when all of it was readable."""
    coverage = result.outcome.coverage
    if not isinstance(coverage, Broken):
        return None
    until = "" if coverage.looked_until_s is None else f" after {coverage.looked_until_s:g} s"
    return f"the recording broke off{until} ({coverage.reason})"
