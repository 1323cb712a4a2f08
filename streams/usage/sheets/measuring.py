"""Measuring: the figures of ours that sheets ask for, from the facts."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from schemas.errors import FatalFault, RejectedInput
from schemas.usage import Bounded, Measured, Names
from streams.usage.periods import NamedPeriod, read_period
from streams.usage.reports.figures import list_installations
from streams.usage.reports.report import make_report
from streams.usage.reports.scope import Scope
from streams.usage.sheets.cells import Measurement, to_range_text
from streams.usage.sheets.sheet import TOTAL

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.usage.reports.facts import Facts
    from streams.usage.reports.lines import Value
    from streams.usage.reports.scope import Coverage
    from streams.usage.sheets.sheet import Sheet


#: The figure that is always measured, since the commentary tells what was not counted twice.
REPROCESSED = "images_reprocessed"


def read_periods(sheets: Sequence[Sheet], names: Iterable[str] = ()) -> tuple[NamedPeriod, ...]:
    """Return periods of the project; none named: those of the sheets.

    Raises
    ------
    FatalFault
        If the sheets are of several projects, a period is none of theirs, or they do not follow one another.
    """
    starts = {sheet.project_starts for sheet in sheets}
    if len(starts) > 1:
        message = f"The sheets name several first months of the project: {', '.join(sorted(starts))}."
        raise FatalFault(message)
    known = tuple(dict.fromkeys(period for sheet in sheets for period in sheet.periods))
    try:
        periods = [read_period(name, project_start=sheets[0].start) for name in (tuple(names) or known)]
    except RejectedInput as fault:
        raise FatalFault(fault.sentence) from fault
    strange = [period.name for period in periods if period.name not in known]
    if strange:
        message = f"The sheets have no period {', '.join(strange)}; they have {', '.join(known)}."
        raise FatalFault(message)
    ordered = sorted(periods, key=lambda period: period.from_at)
    if any(before.to_at > after.from_at for before, after in pairwise(ordered)):
        message = "The periods overlap: what is in two of them would count twice."
        raise FatalFault(message)
    return tuple(ordered)


def read_reported(sheets: Sequence[Sheet], names: Sequence[str] = ()) -> tuple[NamedPeriod, ...]:
    """Return the periods that a report shows: if one is named, those of the sheets up to it, as reports that are handed in do.

    Raises
    ------
    FatalFault
        As :func:`read_periods`.
    """
    named = read_periods(sheets, names)
    if len(tuple(names)) != 1:
        return named
    return tuple(period for period in read_periods(sheets) if period.to_at <= named[0].to_at)


def measure(
    facts: Facts,
    sheets: Sequence[Sheet],
    periods: Sequence[NamedPeriod],
    scope: Scope | None = None,
    *,
    total: bool = True,
) -> dict[tuple[str, str, str], Measurement]:
    """Return the figures of the sheets' installations, by installation, figure and period; ``TOTAL`` over all of them.

    Parameters
    ----------
    periods
        In their order.
    total
        Whether to measure the time from the first to the last as well, if they leave no gap.
    """
    scope = replace(scope or Scope(), installations=tuple(sheet.installation for sheet in sheets), only=None)
    asked = list(periods)
    follow = all(before.to_at == after.from_at for before, after in pairwise(asked))
    if total and len(asked) > 1 and follow:
        asked.append(NamedPeriod(TOTAL, asked[0].from_at, asked[-1].to_at))
    wanted = {(sheet.installation, metric.measured_by) for sheet in sheets for metric in sheet.metrics}
    wanted |= {(sheet.installation, REPROCESSED) for sheet in sheets}
    found = {}
    report = make_report(facts, asked, scope)
    for sheet in report.sheets:
        for line in sheet.lines:
            if line.detail or (sheet.installation, line.definition.metric) not in wanted:
                continue
            for period, cell, coverage in zip(asked, line.cells, sheet.coverage, strict=True):
                made = _to_measurement(cell.value, coverage)
                flags = tuple(spike.flagged for spike in report.list_spikes(sheet, line, period))
                found[sheet.installation, line.definition.metric, period.name] = replace(made, flags=flags)
    return found


def _to_measurement(value: Value, coverage: Coverage) -> Measurement:
    note = ""
    text: str | None = None
    if isinstance(value, Names):
        text = join_names(value.names)
    elif isinstance(value, Bounded):
        text = to_range_text(value.low, value.high)
        note = "only bounds are known: who is in several parts cannot be told"
    elif isinstance(value, Measured):
        text = f"{value.value:,.0f}"
        if value.low is not None and value.high is not None:
            note = f"by a sketch, between {value.low:,.0f} and {value.high:,.0f}"
    return Measurement(None) if text is None else Measurement(text, note, coverage.share, coverage.gaps)


def join_names(names: Sequence[str]) -> str:
    """Return names as a list that can be read back: with semicolons where a name has a comma or *and* in it."""
    if not names:
        return "none"
    return "; ".join(names) + ";" if any("," in name or " and " in name for name in names) else ", ".join(names)


def tell_absent(facts: Facts, sheets: Sequence[Sheet]) -> dict[str, tuple[str, ...]]:
    """Return a sentence for each sheet that asks for figures of ours where there are no facts of its installation at all."""
    known = list_installations(facts)
    there = f"there are facts of {', '.join(known)}" if known else "there are no facts at all"
    return {
        sheet.installation: (f"No use of an installation {sheet.installation!r} was ever recorded; {there}.",)
        for sheet in sheets
        if sheet.installation not in known and any(metric.measured_by for metric in sheet.metrics)
    }


def check_figures(sheets: Sequence[Sheet], figures: Iterable[str]) -> None:
    """Refuse sheets that ask for figures that there are not.

    Raises
    ------
    FatalFault
        Naming every such metric, and what there is.
    """
    known = sorted(figures)
    wrong = [
        f"{sheet.installation}: {metric.name} is measured_by {metric.measured_by!r}"
        for sheet in sheets
        for metric in sheet.metrics
        if metric.measured_by is not None and metric.measured_by not in known
    ]
    if wrong:
        message = f"{'; '.join(wrong)}; there are {', '.join(known)}."
        raise FatalFault(message)
