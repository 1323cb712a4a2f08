"""Scope: what is known beside the facts, and how much of a period they cover."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.usage import Period

if TYPE_CHECKING:
    from streams.usage.reports.figures import Figures

_Interval = tuple[dt.datetime, dt.datetime]

#: Gaps begin and end at whole minutes; where only a use shows that counting had begun, at a whole hour, so that none tells
#: the moment of somebody's use. What is not whole is taken as not counted.
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MINUTE, _HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)

#: Coverage is told in four decimals; what is more than nothing is never told as 0.
_DECIMALS, _LEAST = 4, 0.0001


@dataclass(frozen=True, slots=True)
class Scope:
    """What is known beside the facts.

    Attributes
    ----------
    installations
        Those that exist: they are reported on beside those that facts name, even where there are no facts.
    only
        The one installation to report on; absent for all.
    counted_since
        Since when an installation's uses are recorded. Without it the first fact is taken, since nothing shows that
        anybody counted before.
    with_login
        Installations that people can log in to: no user in a period is then a measured 0.
    as_of_at
        When the report is made; a period that is not over by then is marked as partly covered.
    """

    installations: tuple[str, ...] = ()
    only: str | None = None
    counted_since: Mapping[str, dt.datetime] = field(default_factory=dict)
    with_login: frozenset[str] = frozenset()
    as_of_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a period was counted; 0 where nothing shows that anybody did."""

    share: float
    gaps: tuple[Period, ...]


def to_coverage(figures: Figures, scope: Scope) -> Coverage:
    """Return how much of the period was counted, and what was not: nothing, where no fact is in it and no door was there."""
    start, end = figures.period.from_at, figures.period.to_at
    begun = _find_beginning(figures, scope)
    if begun is None or begun >= end:
        return Coverage(0.0, (Period(from_at=start, to_at=end),))
    # some fact shows that somebody counted, whatever the clock of the report says
    first = max(start, min(begun, end - _MINUTE))
    last = end if scope.as_of_at is None else min(end, max(_floor(scope.as_of_at, _MINUTE), first + _MINUTE))
    missing = [(start, first), (last, end)]
    for stretches in figures.beats.values():
        missing += _find_missing(stretches, first, last)
    gaps = _join(missing)
    counted = (end - start) - sum((to_at - from_at for from_at, to_at in gaps), dt.timedelta())
    least = _LEAST if counted or not figures.is_empty else 0.0
    return Coverage(
        max(round(counted / (end - start), _DECIMALS), least),
        tuple(Period(from_at=from_at, to_at=to_at) for from_at, to_at in gaps),
    )


def _find_beginning(figures: Figures, scope: Scope) -> dt.datetime | None:
    """Return since when somebody counted: as it is declared, since a door opened, or since some hour that has a use."""
    known = [_ceil(stretches[0][0], _MINUTE) for stretches in figures.beats.values()]
    if (declared := scope.counted_since.get(figures.installation)) is not None:
        known.append(declared)
    if figures.since is not None:
        hour = _ceil(figures.since, _HOUR)
        if scope.as_of_at is not None:
            # the hour of the first use may not be over yet
            hour = min(hour, max(_floor(scope.as_of_at, _MINUTE), _floor(figures.since, _HOUR)))
        known.append(hour)
    return min(known, default=None)


def _find_missing(
    stretches: list[tuple[dt.datetime, dt.datetime, bool]], first: dt.datetime, last: dt.datetime
) -> list[_Interval]:
    """Return when a door was not there between two moments, since it was there first and until it was closed on purpose."""
    missing = []
    _, seen, is_closed = stretches[0]
    for since, until, last_one in stretches[1:]:
        # a door that was closed on purpose and opened again was not missing in between
        if not is_closed:
            missing.append((seen, since))
        seen, is_closed = until, last_one
    if not is_closed:
        missing.append((seen, last))
    return [(max(_floor(from_at, _MINUTE), first), min(_ceil(to_at, _MINUTE), last)) for from_at, to_at in missing]


def _floor(moment: dt.datetime, step: dt.timedelta) -> dt.datetime:
    return moment - (moment - _EPOCH) % step


def _ceil(moment: dt.datetime, step: dt.timedelta) -> dt.datetime:
    return moment + (_EPOCH - moment) % step


def _join(intervals: list[_Interval]) -> list[_Interval]:
    """Return intervals in order, those that touch or overlap as one, empty ones left out."""
    joined: list[_Interval] = []
    for from_at, to_at in sorted(interval for interval in intervals if interval[0] < interval[1]):
        if joined and from_at <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], to_at))
        else:
            joined.append((from_at, to_at))
    return joined
