"""What follows for a unit and its findings from a corrected table of deployments. Pure.

================ ==========================================================================================
capture time from what can be derived again
================ ==========================================================================================
file name        everything: the name is kept, so pattern, zone and offset are applied anew
EXIF, container  the offset; the zone only where the file names its own, since what is kept is UTC after the old zone.
                 A wrong zone is mended by an offset of the same size, or by processing the originals again
sender, mtime    nothing: it was not the camera's clock
nothing          what a file-name pattern added since can read
================ ==========================================================================================
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput
from schemas.finding import Entry, LookedImage
from schemas.geometry import At, Nowhere
from schemas.result import Observer
from schemas.unit import Span, make_stamp
from streams.feeds.capture import Claims, Reading, find_reading, read_claims
from streams.feeds.deployments import Placed, place_reading
from streams.feeds.masks import flag_masked, to_mask_parameters

if TYPE_CHECKING:
    from schemas.geometry import Polygon, Where
    from schemas.unit import Undated, Unit
    from streams.feeds.capture import CaptureRule
    from streams.feeds.deployments import Deployment


def read_again(unit: Unit, rule: CaptureRule) -> Reading | Undated:
    """Return what the source of a unit's capture time said, from what its claim kept of it.

    Raises
    ------
    RejectedInput
        ``bad_time`` if the name, read by the rule as it is now, names an impossible time; ``no_time``.
    """
    if unit.captured_from == "sender" and unit.claimed_at is not None:
        return Reading(unit.claimed_at, "sender")
    kept = Reading(unit.claimed_at, unit.captured_from) if unit.claimed_at is not None else None
    if kept is None:
        return read_claims(Claims(unit.name), rule)
    named = find_reading(Claims(unit.name), rule)
    return named if isinstance(named, Reading) else kept


def find_deployment(unit: Unit, rule: CaptureRule, deployments: tuple[Deployment, ...]) -> Deployment | None:
    """Return the deployment that a unit was taken in by the table as it is now, whatever the table said when it arrived.

    Detecting and deriving again both ask this, so that they agree on the mask also where a unit is delivered again after
    a correction.
    """
    try:
        return place_reading(read_again(unit, rule), rule, deployments).deployment
    except RejectedInput:  # then nothing is derived again either, and what the unit named still holds
        return next((item for item in deployments if item.to_digest() == unit.deployment), None)


def correct_unit(unit: Unit, rule: CaptureRule, deployments: tuple[Deployment, ...]) -> tuple[Unit, Deployment | None]:
    """Return a unit as the deployments now say it is, and the one it was taken in.

    A unit with a span (its end is known without decoding) stays as it is: no camera makes one.

    Raises
    ------
    RejectedInput
        ``bad_time``, ``naive_time`` or ``no_time``, where the capture time can no longer be told.
    """
    placed = place_reading(read_again(unit, rule), rule, deployments)
    if isinstance(unit.stamp.captured, Span):
        return unit, placed.deployment
    stamp = make_stamp(
        installation=unit.stamp.installation,
        feed=unit.stamp.feed,
        kind=unit.stamp.kind,
        captured=placed.dated.captured,
        content=unit.stamp.content,
    )
    deployment = placed.deployment
    corrected = unit.model_copy(
        update={
            "stamp": stamp,
            "captured_from": placed.dated.captured_from,
            "claimed_at": placed.dated.claimed_at,
            "where": _correct_where(unit.where, placed),
            "instrument": deployment.instrument if deployment else unit.instrument,
            "deployment": deployment.to_digest() if deployment else None,
        }
    )
    return corrected, deployment


def _correct_where(where: Where, placed: Placed) -> Where:
    """Return the deployment's position; without one, a position that another source gave stays."""
    if placed.deployment is not None and isinstance(placed.deployment.where, At):
        return placed.deployment.where
    is_own = isinstance(where, At) and where.source != "deployment"
    return where if is_own else Nowhere(why="not_declared")


def correct_observer(observer: Observer, mask: Polygon | None) -> Observer:
    """Return an observer with the mask now in force among its parameters."""
    parameters = {name: value for name, value in json.loads(observer.parameters).items() if name != "mask"}
    plain = observer.to_plain() | {"parameters": parameters | to_mask_parameters(mask)}
    return Observer.model_validate(plain)


def correct_entry(entry: Entry, mask: Polygon | None) -> Entry:
    """Return an entry with the flags of its findings set by the mask now in force."""
    if not isinstance(entry, LookedImage):
        return entry
    return LookedImage(image=entry.image, findings=flag_masked(entry.findings, mask))
