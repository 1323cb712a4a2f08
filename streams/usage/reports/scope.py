"""Scope: what is known beside the facts, and how much of a period they cover."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.usage import Period

if TYPE_CHECKING:
    from streams.usage.reports.figures import Figures

_MOMENT = dt.timedelta(milliseconds=1)

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
    """Return how much of the period was counted, and what was not."""
    start, end = figures.period.from_at, figures.period.to_at
    known = [at for at in (scope.counted_since.get(figures.installation), figures.since) if at is not None]
    first = max(start, min(known, default=end))
    if first >= end:
        return Coverage(0.0, (Period(from_at=start, to_at=end),))
    # a fact shows that somebody counted at its moment, whatever the clock of the report says
    last = end if scope.as_of_at is None else min(end, max(scope.as_of_at, first + _MOMENT))
    gaps = tuple(Period(from_at=begins, to_at=ends) for begins, ends in ((start, first), (last, end)) if begins < ends)
    return Coverage(max(round((last - first) / (end - start), _DECIMALS), _LEAST), gaps)
