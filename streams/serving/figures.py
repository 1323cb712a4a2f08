"""Figures as they are served: flat, and nothing in them that is about one person, picture or use."""

from __future__ import annotations

import datetime as dt
import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from schemas.errors import RejectedInput
from schemas.noun import Code, Name, Noun, Time
from schemas.usage import Bounded, FlaggedMonth, Measured, Names, Period
from streams.usage.periods import read_period
from streams.usage.reports.definitions import DEFINITIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.usage import MetricValue

#: Hex digits of the digest that stands for the facts behind a figure.
_DIGITS = 32

_MONTHS = 12

#: Names of periods are found by trying, and there are few periods.
_NAMES_KEPT = 4_096

#: Figures that have parts by kind of thing, each a metric of its own: ``images_processed_still``.
_BY_KIND = ("images_processed_", "units_processed_", "units_ingested_")


class Figure(Noun):
    """One figure of one installation in one period.

    Attributes
    ----------
    state
        ``measured`` has a ``value``, ``bounded`` only ``low`` and ``high``, ``names`` has ``names``, and ``not_measured``
        has ``why``: it is not 0.
    low, high
        Bounds, where the value is an estimate or there are only bounds.
    coverage, gaps
        Share of the period that was counted, and what of it was not.
    flags
        Months of the period that stand out, for a person to look at.
    facts
        Equal for equal facts; a digest, from which nothing can be read back.
    """

    installation: Name
    metric: Code
    definition: str
    unit: str
    additive: bool
    period: str
    from_at: Time
    to_at: Time
    state: Literal["measured", "bounded", "names", "not_measured"]
    value: int | float | None = None
    names: tuple[str, ...] | None = None
    method: str | None = None
    low: int | float | None = None
    high: int | float | None = None
    why: Code | None = None
    coverage: Annotated[float, Field(ge=0, le=1)]
    gaps: tuple[Period, ...] = ()
    flags: tuple[FlaggedMonth, ...] = ()
    profile: str
    facts: str


class NamedInterval(Noun):
    """A period of which there are figures, and the installations that have them; the end is not in it."""

    name: str
    from_at: Time
    to_at: Time
    installations: tuple[Name, ...]


def is_served(metric: str) -> bool:
    """Return whether a metric is one of ours; whatever else somebody wrote on the topic is not handed on."""
    return metric in DEFINITIONS or metric.startswith(_BY_KIND)


def to_figure(value: MetricValue, start: dt.date | None) -> Figure:
    """Return a figure as it is served.

    Parameters
    ----------
    start
        First day of the project, for the names of its periods.
    """
    told = value.value
    state: dict[str, object] = {"state": told.kind}
    if isinstance(told, Measured):
        state |= {"value": _to_number(told.value), "method": told.method}
        if told.low is not None and told.high is not None:
            state |= {"low": _to_number(told.low), "high": _to_number(told.high)}
    elif isinstance(told, Bounded):
        state |= {"low": _to_number(told.low), "high": _to_number(told.high), "why": told.why}
    elif isinstance(told, Names):
        state["names"] = told.names
    else:
        state["why"] = told.why
    return Figure.model_validate(
        {
            "installation": value.installation,
            "metric": value.metric,
            "definition": value.definition,
            "unit": value.unit,
            "additive": value.additive,
            "period": name_period(value.period, start),
            "from_at": value.period.from_at,
            "to_at": value.period.to_at,
            "coverage": value.coverage,
            "gaps": value.gaps,
            "flags": value.flags,
            "profile": value.profile,
            "facts": hashlib.sha256(value.as_of.encode()).hexdigest()[:_DIGITS],
        }
        | state
    )


@lru_cache(_NAMES_KEPT)
def name_period(period: Period, start: dt.date | None = None) -> str:
    """Return the name that :func:`streams.usage.periods.read_period` reads back as this period.

    Calendar years, months and days first, then months of the project; else both days, and for what does not begin and end
    at midnight both moments, which is no name that can be asked for.
    """
    begins, ends = period.from_at.date(), period.to_at.date()
    names = [f"{begins:%Y}", f"{begins:%Y-%m}", f"{begins:%Y-%m-%d}"]
    if start is not None:
        first, last = _count_months(start, begins) + 1, _count_months(start, ends)
        names.append(f"M{first}-{last}" if first != last else f"M{first}")
    names.append(f"{begins.isoformat()}..{ends.isoformat()}")
    return next(
        (name for name in names if is_named(period, name, start)),
        f"{period.from_at:%Y-%m-%dT%H:%M:%SZ}..{period.to_at:%Y-%m-%dT%H:%M:%SZ}",
    )


@lru_cache(_NAMES_KEPT)
def is_named(period: Period, name: str, start: dt.date | None = None) -> bool:
    """Return whether a name is this period's."""
    try:
        named = read_period(name, project_start=start)
    except RejectedInput:
        return False
    return (named.from_at, named.to_at) == (period.from_at, period.to_at)


def list_intervals(values: Iterable[MetricValue], start: dt.date | None) -> tuple[NamedInterval, ...]:
    """Return the periods of which there are figures, in the order of their ends and beginnings."""
    found: dict[Period, set[str]] = {}
    for value in values:
        found.setdefault(value.period, set()).add(value.installation)
    return tuple(
        NamedInterval(
            name=name_period(period, start),
            from_at=period.from_at,
            to_at=period.to_at,
            installations=tuple(sorted(names)),
        )
        for period, names in sorted(found.items(), key=lambda pair: (pair[0].from_at, pair[0].to_at))
    )


def _count_months(first: dt.date, last: dt.date) -> int:
    return (last.year - first.year) * _MONTHS + last.month - first.month


def _to_number(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value
