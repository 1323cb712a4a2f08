"""The usage report: every installation's figures in some periods, and what could not be counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.usage.periods import read_period
from streams.usage.reports.definitions import PROFILE
from streams.usage.reports.figures import Figures, list_installations, read_figures
from streams.usage.reports.lines import Line, list_lines
from streams.usage.reports.scope import Coverage, Scope, to_coverage
from streams.usage.reports.spikes import Spike, find_spikes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.usage.periods import NamedPeriod
    from streams.usage.reports.facts import Facts


@dataclass(frozen=True, slots=True)
class Sheet:
    """The lines of one installation.

    Attributes
    ----------
    coverage, as_of
        For each period: how much of it was counted, and which facts stand behind it.
    demonstration
        Whether results of demonstration models are among the images processed of any period.
    """

    installation: str
    lines: tuple[Line, ...]
    coverage: tuple[Coverage, ...]
    as_of: tuple[str, ...]
    demonstration: bool


@dataclass(frozen=True, slots=True)
class Report:
    """Everything there is to say; renderers only write it down.

    Attributes
    ----------
    conflicts
        Ids under which different uses were recorded, in the whole of the facts.
    rejected
        Records that are no use, by reason, in the whole of the facts: they name no installation and no period.
    remarks
        What must be said of it and does not follow from the facts, such as that a period is closed.
    broken
        Objects of facts that could not be read: every figure may miss uses.
    spikes
        Months of the periods that COUNTER's rule flags, by installation and figure.
    strange
        Installations that facts name and nobody declared, where any are declared.
    """

    profile: str
    periods: tuple[NamedPeriod, ...]
    sheets: tuple[Sheet, ...]
    conflicts: tuple[str, ...]
    rejected: tuple[tuple[str, int], ...]
    remarks: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    spikes: tuple[Spike, ...] = ()
    strange: tuple[str, ...] = ()

    def list_spikes(self, sheet: Sheet, line: Line, period: NamedPeriod) -> tuple[Spike, ...]:
        """Return the flagged months of a period that stand behind the value of a line; parts of figures have none."""
        return tuple(
            spike
            for spike in self.spikes
            if (spike.installation, spike.metric) == (sheet.installation, line.definition.metric)
            and not line.detail
            and period.from_at <= read_period(spike.flagged.month).from_at < period.to_at
        )


def make_report(facts: Facts, periods: Sequence[NamedPeriod], scope: Scope | None = None) -> Report:
    """Return the report on some periods: the same facts give the same report, in whatever order they came.

    Raises
    ------
    TransientFault
        If memory is short.
    """
    scope = scope or Scope()
    names = {scope.only} if scope.only else {*scope.installations, *list_installations(facts)}
    counted = [read_figures(facts, period, names) for period in periods]
    sheets = tuple(_make_sheet([figures[name] for figures in counted], scope) for name in sorted(names))
    return Report(
        PROFILE,
        tuple(periods),
        sheets,
        facts.conflicts,
        facts.rejected,
        broken=facts.broken,
        spikes=find_spikes(facts, periods, names, as_of_at=scope.as_of_at),
        strange=tuple(sorted(names - {*scope.installations})) if scope.installations and not scope.only else (),
    )


def _make_sheet(columns: list[Figures], scope: Scope) -> Sheet:
    coverage = tuple(to_coverage(figures, scope) for figures in columns)
    return Sheet(
        installation=columns[0].installation,
        lines=list_lines(columns, coverage, scope),
        coverage=coverage,
        as_of=tuple(figures.as_of for figures in columns),
        demonstration=any(figures.sum_images("processed").demonstration for figures in columns),
    )
