"""What the charts of an installation show: each metric by period, growth against the baseline, users by country."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from streams.usage.audit.printed import read_printed
from streams.usage.reports.tables import to_gaps_text
from streams.usage.sheets.writing import MARKS, to_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.usage.audit.printed import Printed
    from streams.usage.sheets.assessment import AssessedRow, AssessedSheet
    from streams.usage.sheets.remarks.countries import UsersByCountry

#: How a bar is coloured: by how sure its number is, or as the baseline that the others are held against.
Tone = Literal["baseline", "measured", "imported", "declared", "estimated", "not measured"]

#: What stands between bars of two definitions.
BREAK = "the definition changed here"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar.

    Attributes
    ----------
    low, high
        What the number may be; absent where nothing can be drawn, and then the text says why.
    is_after_break
        Whether the definition is another one than that of the bar before.
    missing
        When nobody counted, in the words of a table; a bar with anything missing is striped.
    """

    label: str
    text: str
    tone: Tone
    low: float | None = None
    high: float | None = None
    is_after_break: bool = False
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart of bars.

    Attributes
    ----------
    unit
        Of every bar.
    ruler
        A value that all bars are held against; absent where there is none.
    """

    title: str
    unit: str
    bars: tuple[Bar, ...]
    ruler: float | None = None

    @property
    def heading(self) -> str:
        """The title with the unit."""
        return f"{self.title} [{self.unit}]"

    @property
    def note(self) -> str:
        """What was not counted of its bars; empty where all of it was."""
        bars: dict[str, list[str]] = {}
        for bar in self.bars:
            if bar.missing:
                bars.setdefault(bar.missing, []).append(bar.label)
        told = "; ".join(f"{', '.join(labels)} without {missing}" for missing, labels in bars.items())
        return f"Striped: partial. {told}." if told else ""

    @property
    def told(self) -> str:
        """All of it in words, for those who do not see it."""
        return f"{self.heading}: {'; '.join(f'{bar.label} {bar.text}' for bar in self.bars)}"


def list_charts(assessed: AssessedSheet, periods: Sequence[str]) -> tuple[Chart, ...]:
    """Return the charts of an installation: of each metric that has numbers, of growth, and of countries."""
    rows = [row for row in assessed.rows if row.metric.kind != "names"]
    found = [chart for row in rows if (chart := _chart_metric(row, periods)) is not None]
    growth = _chart_growth(rows, periods)
    return (*found, *([growth] if growth is not None else []), *map(_chart_countries, assessed.countries))


def _chart_metric(row: AssessedRow, periods: Sequence[str]) -> Chart | None:
    metric = row.metric
    baseline = read_printed(metric.baseline)
    bars = []
    if metric.baseline:
        text = f"{metric.baseline} {MARKS[metric.baseline_provenance]}"
        bars.append(Bar("baseline", text, "baseline", *_to_ends(baseline)))
    was_earlier = False
    for period, cell in zip(periods, row.cells, strict=True):
        ends = _to_ends(read_printed(cell.text))
        is_after_break, missing = was_earlier and not cell.is_earlier, to_gaps_text(cell.gaps)
        bars.append(Bar(period, to_text(cell), cell.provenance, *ends, is_after_break=is_after_break, missing=missing))
        was_earlier = cell.is_earlier
    if not any(bar.high for bar in bars):
        return None
    unit = f"{metric.unit.replace('_', ' ')}{' per year' if metric.per else ''}"
    return Chart(metric.label, unit, tuple(bars))


def _to_ends(cell: Printed) -> tuple[float | None, float | None]:
    """Return from where to where a bar may end; what is open above is drawn to what is known."""
    if not cell.is_number:
        return None, None
    if cell.is_exact or cell.number is not None:
        return cell.number, cell.number
    return cell.low, cell.low if math.isinf(cell.high) else cell.high


def _chart_growth(rows: Sequence[AssessedRow], periods: Sequence[str]) -> Chart | None:
    bars = tuple(bar for row in rows for bar in _iterate_growth(row, periods))
    return Chart("Growth against the baseline", "% of the baseline, which is 100", bars, ruler=100.0) if bars else None


def _iterate_growth(row: AssessedRow, periods: Sequence[str]) -> Iterator[Bar]:
    baseline = read_printed(row.metric.baseline)
    if not baseline.is_exact or not baseline.number:
        return
    for period, cell in zip(periods, row.cells, strict=True):
        now = read_printed(cell.text)
        if now.is_exact and now.number is not None:
            share = 100 * now.number / baseline.number
            marks = to_text(cell).removeprefix(cell.text)
            label, text = f"{row.metric.label}, {period}", f"{share:,.0f} %{marks}"
            yield Bar(label, text, cell.provenance, share, share, missing=to_gaps_text(cell.gaps))


def _chart_countries(column: UsersByCountry) -> Chart:
    bars = tuple(
        Bar(name, "suppressed", "not measured")
        if count is None
        else Bar(name, f"{count:,} {MARKS['measured']}", "measured", count, count)
        for name, count in column.counts
    )
    if column.together is not None:
        told = f"{column.together:,} {MARKS['measured']}"
        bars += (Bar("these together", told, "measured", column.together, column.together),)
    hides = any(count is None for _, count in column.counts)
    why = f", numbers suppressed since some are below {column.least}" if hides else ""
    return Chart(f"Users by country, {column.period}{why}", "person with a login", bars)
