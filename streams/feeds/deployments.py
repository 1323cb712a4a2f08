"""Deployments: where a feed's camera hung, how its clock went and what hid its view, from when on.

A deployment is in force from ``valid_from_at`` until the next one of its feed. Which one a unit belongs to depends on its
capture time, and its capture time on the deployment (zone and clock offset), so every deployment is asked in turn: the
unit belongs to the one whose *own* reading of the clock falls into its own time.

- Where two do (a clock was set back when the camera was moved), the later deployment counts.
- Where none does (a clock was set forward), the unit belongs to the last deployment that had begun by its own reading:
  the pictures of the seconds before the change, not those after.
- Where none does and some deployment cannot read the time at all (no zone, an hour left out), neither can we.
- Before the first deployment there is none, and the feed's own rule alone dates the unit. An undated unit has none either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from schemas.errors import RejectedInput
from schemas.geometry import Nowhere, Polygon, Where
from schemas.noun import Name, Noun, Seconds, Time
from schemas.unit import Undated
from streams.feeds.capture import check_zone, read_claims, to_dated

if TYPE_CHECKING:
    import datetime as dt

    from streams.feeds.capture import CaptureRule, Claims, Dated, Reading

#: A clock that fell back to 1904 and is corrected from this century needs some 120 years; more is a mistake.
OFFSET_LIMIT_S = 200 * 366 * 86_400.0


class Deployment(Noun):
    """A feed's camera at one place, with one clock and one view; its digest stands in the units taken then.

    Attributes
    ----------
    valid_from_at
        First moment in force; the next deployment ends it.
    time_zone
        IANA zone of naive times; absent where the feed's rule names it.
    clock_offset_s
        Seconds to **add** to the camera's clock: +31536000 for one that stands a year behind.
    mask
        Regions whose findings are not counted, in pixels of the upright picture.
    """

    feed: Name
    valid_from_at: Time
    instrument: Name
    where: Where = Nowhere(why="not_declared")
    time_zone: Annotated[str, AfterValidator(check_zone)] | None = None
    clock_offset_s: Annotated[Seconds, Field(ge=-OFFSET_LIMIT_S, le=OFFSET_LIMIT_S)] = 0.0
    mask: Polygon | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """A unit's capture time, and the deployment it was taken in, if any."""

    dated: Dated
    deployment: Deployment | None


def place_claims(claims: Claims, rule: CaptureRule, deployments: tuple[Deployment, ...]) -> Placed:
    """Return when, and in which deployment of its feed, a unit was taken.

    Parameters
    ----------
    deployments
        All of the feed, in the order of ``valid_from_at``; may be empty.

    Raises
    ------
    RejectedInput
        ``bad_time``, ``naive_time`` or ``no_time``.
    """
    return place_reading(read_claims(claims, rule), rule, deployments)


def place_reading(reading: Reading | Undated, rule: CaptureRule, deployments: tuple[Deployment, ...]) -> Placed:
    """Return when, and in which deployment, a unit was taken whose claims were read before.

    Raises
    ------
    RejectedInput
        ``bad_time`` or ``naive_time``.
    """
    own: Placed | None = None
    begun: Placed | None = None
    unread: Placed | None = None
    refusal: RejectedInput | None = None
    for number, deployment in enumerate(deployments):
        try:
            dated = to_dated(reading, rule, time_zone=deployment.time_zone, clock_offset_s=deployment.clock_offset_s)
        except RejectedInput as error:
            refusal = refusal or error
            continue
        moment = _to_moment(dated)
        if moment is None:
            unread = Placed(dated, None)
        elif moment >= deployment.valid_from_at:
            begun = Placed(dated, deployment)
            if number + 1 == len(deployments) or moment < deployments[number + 1].valid_from_at:
                own = begun
    if own is None and refusal is not None:
        raise refusal
    return own or unread or begun or Placed(to_dated(reading, rule), None)


def find_in_force(deployments: tuple[Deployment, ...], moment: dt.datetime) -> Deployment | None:
    """Return the deployment in force at a true moment, one that a clock offset was added to already."""
    begun = [deployment for deployment in deployments if deployment.valid_from_at <= moment]
    return begun[-1] if begun else None


def _to_moment(dated: Dated) -> dt.datetime | None:
    return None if isinstance(dated.captured, Undated) else dated.captured.at
