"""The assessment: sheets and measurements made into the tables of a Virtual Access report, with what follows from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from streams.usage.audit.auditing import Finding, audit
from streams.usage.audit.document import FORMAT, Document, Row
from streams.usage.audit.printed import read_printed
from streams.usage.sheets.cells import (
    SURENESS,
    AssessedCell,
    Measurement,
    fill_cell,
    join_texts,
    to_range,
    to_range_text,
    unite_names,
)
from streams.usage.sheets.commentary import write_commentary
from streams.usage.sheets.progress import project
from streams.usage.sheets.sheet import TOTAL

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from streams.usage.sheets.sheet import MetricVersion, Provenance, Sheet

#: By installation, the figure's code and the period's name.
Measurements = Mapping[tuple[str, str, str], Measurement]


@dataclass(frozen=True, slots=True)
class AssessedRow:
    """A row of the table.

    Attributes
    ----------
    cells
        One for each period.
    total
        As it was declared, or else as it follows; absent for rates and where there is one period.
    follows
        What the total can only be by the cells: a sum for counts, the largest to the sum for distinct things, the union
        of names; empty where nothing follows.
    """

    metric: MetricVersion
    cells: tuple[AssessedCell, ...]
    total: AssessedCell | None
    follows: str


@dataclass(frozen=True, slots=True)
class AssessedSheet:
    """An installation: its description, table and commentary."""

    sheet: Sheet
    rows: tuple[AssessedRow, ...]
    breaks: tuple[MetricVersion, ...]
    commentary: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is handed in.

    Attributes
    ----------
    as_of
        What was known by this day; absent for everything.
    findings
        What the audit's rules find in these very tables.
    """

    periods: tuple[str, ...]
    sheets: tuple[AssessedSheet, ...]
    findings: tuple[Finding, ...]
    as_of: dt.date | None = None


def assess(
    sheets: Sequence[Sheet],
    periods: Sequence[str],
    measurements: Measurements | None = None,
    *,
    as_of: dt.date | None = None,
    progress_at: dt.datetime | None = None,
    remarks: Mapping[str, Sequence[str]] | None = None,
) -> Assessment:
    """Return the assessment of some installations.

    Parameters
    ----------
    periods
        Names, in their order; a sheet that does not report on one of them leaves its cells unmeasured.
    measurements
        Figures of ours. Under the period ``TOTAL`` stand the unions over all of the periods.
    progress_at
        Now, if the commentary shall say where open periods stand and would lead.
    remarks
        Sentences that the commentary of an installation ends with.
    """
    found = tuple(_assess_sheet(sheet, tuple(periods), measurements or {}, as_of) for sheet in sheets)
    if progress_at is not None:
        found = tuple(_add_progress(assessed, tuple(periods), progress_at) for assessed in found)
    for name, told in (remarks or {}).items():
        found = tuple(
            _add_remarks(assessed, told) if assessed.sheet.installation == name else assessed for assessed in found
        )
    return Assessment(tuple(periods), found, audit([to_document(found, tuple(periods))]), as_of)


def _assess_sheet(
    sheet: Sheet, periods: tuple[str, ...], measured: Measurements, as_of: dt.date | None
) -> AssessedSheet:
    rows = tuple(_assess_row(sheet, metric, periods, measured, as_of=as_of) for metric in sheet.list_metrics(as_of))
    in_force = {row.metric.name for row in rows}
    breaks = tuple(metric for metric in sheet.metrics if metric.version > 1 and metric.name in in_force)
    return AssessedSheet(sheet, rows, breaks, write_commentary(rows, periods, breaks))


def _add_remarks(assessed: AssessedSheet, told: Sequence[str]) -> AssessedSheet:
    return replace(assessed, commentary=(*assessed.commentary, *told))


def _add_progress(assessed: AssessedSheet, periods: tuple[str, ...], now_at: dt.datetime) -> AssessedSheet:
    told = project(assessed.sheet, assessed.rows, periods, now_at)
    return replace(assessed, commentary=(*told, *assessed.commentary))


def _assess_row(
    sheet: Sheet,
    metric: MetricVersion,
    periods: tuple[str, ...],
    measured: Measurements,
    *,
    as_of: dt.date | None,
) -> AssessedRow:
    def measure(column: str) -> Measurement | None:
        return measured.get((sheet.installation, metric.measured_by or "", column))

    cells = tuple(fill_cell(sheet, metric, period, measure(period), as_of=as_of) for period in periods)
    if len(periods) == 1:
        return AssessedRow(metric, cells, None, "")
    declared = fill_cell(sheet, metric, TOTAL, measure(TOTAL) if metric.kind != "count" else None, as_of=as_of)
    follows = _conclude(metric, cells)
    if declared.parts and declared.provenance == "measured":
        declared = _widen(metric, declared, cells)
    if declared.parts:
        return AssessedRow(metric, cells, declared, follows)
    if metric.per is not None or not follows:
        return AssessedRow(metric, cells, None, follows)
    # a total that says at least so much is as sure as the least sure of what it counts
    known = [cell.provenance for cell in cells if cell.provenance != "not measured"]
    provenance: Provenance = max(known, key=SURENESS.index) if known else "not measured"
    return AssessedRow(metric, cells, AssessedCell(follows, provenance), follows)


def _widen(metric: MetricVersion, union: AssessedCell, cells: Sequence[AssessedCell]) -> AssessedCell:
    """Return the union over our own facts, together with what others counted: with theirs only bounds are known."""
    others = [part for cell in cells for part in cell.parts if part.provenance != "measured"]
    if not others:
        return union
    text = join_texts([union.text, *(part.text for part in others)], metric.kind)
    known = [part.provenance for part in others if part.provenance != "not measured"]
    provenance: Provenance = max(known, key=SURENESS.index, default="measured")
    return replace(union, text=text, provenance=provenance, parts=(*union.parts, *others))


def _conclude(metric: MetricVersion, cells: Sequence[AssessedCell]) -> str:
    """Return what the total can only be; at least so much, where a cell is not known."""
    read = [read_printed(cell.text, of_names=metric.kind == "names") for cell in cells]
    if metric.kind == "names":
        return unite_names(read) if any(cell.names for cell in read) else ""
    known = [cell for cell in read if cell.is_number]
    if not known:
        return ""
    low, high = to_range(known, metric.kind)
    return to_range_text(low, high if len(known) == len(read) else math.inf)


def to_document(sheets: Sequence[AssessedSheet], periods: tuple[str, ...]) -> Document:
    """Return the assessment as an audit reads reports."""
    rows = [
        Row(
            installation=assessed.sheet.installation,
            metric=row.metric.metric,
            label=row.metric.label,
            kind=row.metric.kind,
            unit=row.metric.unit,
            per=row.metric.per,
            stage=row.metric.stage,
            names_of=row.metric.names_of,
            definition=row.metric.definition,
            methods=row.metric.methods,
            baseline=row.metric.baseline,
            arithmetic=row.metric.arithmetic,
            cells=tuple((period, cell.text) for period, cell in zip(periods, row.cells, strict=True)),
            total="" if row.total is None else row.total.text,
            united=row.total is not None and row.total.provenance == "measured",
            break_note=row.metric.change,
        )
        for assessed in sheets
        for row in assessed.rows
    ]
    starts = sheets[0].sheet.project_starts if sheets else None
    return Document(format=FORMAT, name="assessment", project_starts=starts, rows=tuple(rows))
