"""Metrics: a report's figures as messages, one for each installation, figure and period."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from schemas.noun import to_time_text
from schemas.usage import MetricValue
from streams.usage.periods import make_current
from streams.usage.reports.report import make_report
from streams.usage.reports.scope import Scope

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from streams.usage.periods import NamedPeriod
    from streams.usage.reports.facts import Facts
    from streams.usage.reports.lines import Line
    from streams.usage.reports.report import Report

#: Figures whose parts are figures of their own: those by kind of thing.
_BY_KIND = ("images_processed", "units_processed", "units_ingested")

_CODE_LENGTH = 48


def to_metric_values(report: Report) -> tuple[MetricValue, ...]:
    """Return the report's figures as ``metric.period.v1`` carries them; of the parts, those by kind."""
    return tuple(
        MetricValue(
            installation=sheet.installation,
            metric=code,
            definition=line.definition.name,
            period=period.to_noun(),
            unit=line.definition.unit,
            additive=line.definition.additive,
            value=cell.value,
            coverage=coverage.share,
            gaps=coverage.gaps,
            flags=tuple(spike.flagged for spike in report.list_spikes(sheet, line, period)),
            profile=report.profile,
            as_of=as_of,
        )
        for sheet in report.sheets
        for line in sheet.lines
        if (code := _to_code(line))
        for period, cell, coverage, as_of in zip(report.periods, line.cells, sheet.coverage, sheet.as_of, strict=True)
    )


def to_metric_key(value: MetricValue) -> bytes:
    """Return the message key under which the newest value of a figure survives compaction.

    Both ends of the period are in it: a January and its year begin at the same moment.
    """
    period = value.period
    return f"{value.installation}/{value.metric}/{to_time_text(period.from_at)}/{to_time_text(period.to_at)}".encode()


def make_current_values(
    facts: Facts, now_at: dt.datetime, *, scope: Scope | None = None, periods: Iterable[NamedPeriod] = ()
) -> tuple[MetricValue, ...]:
    """Return every figure of the calendar month and year that ``now_at`` lies in, in UTC, and of further periods.

    Equal to what a report on these periods at ``now_at`` says.

    Raises
    ------
    TransientFault
        If memory is short.
    """
    scope = replace(scope or Scope(), as_of_at=now_at)
    return to_metric_values(make_report(facts, (*make_current(now_at), *periods), scope))


def _to_code(line: Line) -> str:
    metric = line.definition.metric
    if not line.detail:
        return metric
    code = f"{metric}_{line.detail}"
    return code if metric in _BY_KIND and len(code) <= _CODE_LENGTH else ""
