"""The assessment: sheets and measurements made into the tables of a Virtual Access report, with what follows from them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from streams.usage.audit.auditing import Finding, audit
from streams.usage.audit.document import FORMAT, Document, Row
from streams.usage.audit.printed import read_printed
from streams.usage.periods import read_period
from streams.usage.sheets.cells import (
    SURENESS,
    AssessedCell,
    Measurement,
    count_names,
    fill_cell,
    join_texts,
    to_range,
    to_range_text,
    unite_names,
)
from streams.usage.sheets.commentary import to_topics, write_commentary
from streams.usage.sheets.progress import PROJECTION, project
from streams.usage.sheets.sheet import TOTAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.usage.sheets.commentary import Topic
    from streams.usage.sheets.remarks.countries import UsersByCountry
    from streams.usage.sheets.remarks.remarking import Remarks
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
    earlier
        The definitions before, of cells that were counted under one.
    """

    metric: MetricVersion
    cells: tuple[AssessedCell, ...]
    total: AssessedCell | None
    follows: str
    earlier: tuple[MetricVersion, ...] = ()


@dataclass(frozen=True, slots=True)
class AssessedSheet:
    """An installation: its description, table and commentary.

    Attributes
    ----------
    commentary
        Sentences by topic.
    countries
        Its users by country, for each period that had any.
    """

    sheet: Sheet
    rows: tuple[AssessedRow, ...]
    breaks: tuple[MetricVersion, ...]
    commentary: tuple[Topic, ...]
    countries: tuple[UsersByCountry, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """The whole commentary, without the names of its topics."""
        return tuple(sentence for topic in self.commentary for sentence in topic.sentences)


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is handed in.

    Attributes
    ----------
    as_of
        What was known by this day; absent for everything.
    findings
        What the audit's rules find in these very tables.
    about
        What is told at its beginning, by name: the project, the days of its periods, by which rules it was counted.
    """

    periods: tuple[str, ...]
    sheets: tuple[AssessedSheet, ...]
    findings: tuple[Finding, ...]
    as_of: dt.date | None = None
    about: tuple[tuple[str, str], ...] = ()


def assess(
    sheets: Sequence[Sheet],
    periods: Sequence[str],
    measurements: Measurements | None = None,
    *,
    as_of: dt.date | None = None,
    progress_at: dt.datetime | None = None,
    remarks: Mapping[str, Remarks] | None = None,
    about: Sequence[tuple[str, str]] = (),
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
        What the commentary of an installation ends with, and its users by country.
    about
        What is told first of all, beside the days of the periods.
    """
    found = tuple(_assess_sheet(sheet, tuple(periods), measurements or {}, as_of) for sheet in sheets)
    if progress_at is not None:
        found = tuple(_add_progress(one, tuple(periods), progress_at, measurements or {}) for one in found)
    found = tuple(_add_remarks(assessed, (remarks or {}).get(assessed.sheet.installation)) for assessed in found)
    return Assessment(
        tuple(periods),
        found,
        audit([to_document(found, tuple(periods))]),
        as_of,
        (*about, *_tell_days(sheets, periods), *((("As it was known on", str(as_of)),) if as_of else ())),
    )


def _tell_days(sheets: Sequence[Sheet], periods: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return the first and the last day of each period."""
    named = [read_period(period, project_start=sheets[0].start) for period in periods] if sheets else []
    days = (
        f"{period.name}: {period.from_at:%Y-%m-%d} to {period.to_at - dt.timedelta(days=1):%Y-%m-%d}"
        for period in named
    )
    return (("Periods", f"{'; '.join(days)} (UTC, both days included)"),) if named else ()


def _assess_sheet(
    sheet: Sheet, periods: tuple[str, ...], measured: Measurements, as_of: dt.date | None
) -> AssessedSheet:
    rows = tuple(
        _add_earlier(_assess_row(sheet, metric, periods, measured, as_of=as_of), sheet, periods)
        for metric in sheet.list_metrics(as_of)
    )
    named = {row.metric.names_of: row for row in rows if row.metric.names_of}
    rows = tuple(_count_by_names(row, named.get(row.metric.metric)) for row in rows)
    in_force = {row.metric.name for row in rows}
    breaks = tuple(metric for metric in sheet.metrics if metric.version > 1 and metric.name in in_force)
    return AssessedSheet(sheet, rows, breaks, write_commentary(rows, periods, breaks))


def _add_remarks(assessed: AssessedSheet, told: Remarks | None) -> AssessedSheet:
    if told is None:
        return assessed
    return replace(assessed, commentary=(*assessed.commentary, *told.topics), countries=told.countries)


def _add_progress(
    assessed: AssessedSheet, periods: tuple[str, ...], now_at: dt.datetime, measured: Measurements
) -> AssessedSheet:
    told = project(assessed.sheet, assessed.rows, periods, now_at, measured=measured)
    topics = to_topics((PROJECTION, told))
    return replace(assessed, commentary=(*topics, *assessed.commentary))


def _assess_row(
    sheet: Sheet,
    metric: MetricVersion,
    periods: tuple[str, ...],
    measured: Measurements,
    *,
    as_of: dt.date | None,
) -> AssessedRow:
    # a cell is filled as its period's own definition has it, so that a new one never changes what was counted before
    own = [sheet.find_version(metric, _find_last_day(sheet, period)) for period in periods]

    def measure(column: str, version: MetricVersion) -> Measurement | None:
        return measured.get((sheet.installation, version.measured_by or "", column))

    cells = tuple(
        _mark_earlier(
            fill_cell(sheet, version, period, measure(period, version), as_of=as_of), (metric, version), sheet, period
        )
        for period, version in zip(periods, own, strict=True)
    )
    if len(periods) == 1:
        return AssessedRow(metric, cells, None, "")
    # of what was counted in several ways nothing follows
    is_one = len({(version.measured_by, version.kind, version.unit) for version in (*own, metric)}) == 1
    union = measure(TOTAL, metric) if metric.kind != "count" and is_one else None
    declared = fill_cell(sheet, metric, TOTAL, union, as_of=as_of)
    follows = _conclude(metric, cells) if is_one else ""
    if declared.parts and declared.provenance == "measured":
        declared = _widen(metric, declared, cells)
    if declared.parts:
        return AssessedRow(metric, cells, declared, follows)
    if metric.per is not None or not follows:
        return AssessedRow(metric, cells, None, follows)
    # a total that says at least so much is as sure as the least sure of what it counts
    known = [cell.provenance for cell in cells if cell.provenance != "not measured"]
    provenance: Provenance = max(known, key=SURENESS.index) if known else "not measured"
    gaps = tuple(gap for cell in cells for gap in cell.gaps)
    is_earlier = any(cell.is_earlier for cell in cells)
    return AssessedRow(metric, cells, AssessedCell(follows, provenance, gaps=gaps, is_earlier=is_earlier), follows)


def _count_by_names(row: AssessedRow, named: AssessedRow | None) -> AssessedRow:
    """Return a row that counts the names of another, exact where these names are known of each source."""
    if named is None or (row.metric.measured_by, named.metric.measured_by) != ("country_count", "countries"):
        return row
    cells = tuple(count_names(cell, names) for cell, names in zip(row.cells, named.cells, strict=True))
    total = row.total if row.total is None or named.total is None else count_names(row.total, named.total)
    return replace(row, cells=cells, total=total)


def _add_earlier(row: AssessedRow, sheet: Sheet, periods: Sequence[str]) -> AssessedRow:
    marked = [period for period, cell in zip(periods, row.cells, strict=True) if cell.is_earlier]
    found = (sheet.find_version(row.metric, _find_last_day(sheet, period)) for period in marked)
    return replace(row, earlier=tuple(dict.fromkeys(found)))


def _find_last_day(sheet: Sheet, period: str) -> dt.date:
    return read_period(period, project_start=sheet.start).to_at.date() - dt.timedelta(days=1)


def _mark_earlier(
    cell: AssessedCell, versions: tuple[MetricVersion, MetricVersion], sheet: Sheet, period: str
) -> AssessedCell:
    """Return the cell, marked if it was counted under an earlier definition than the row's, unless stated anew since."""
    newest, own = versions
    if own.version == newest.version or cell.provenance == "not measured":
        return cell
    stated = [
        value.stated_on
        for value in sheet.declared
        if (value.metric, value.column) == (newest.metric, period) and value.stated_on is not None
    ]
    is_ours = any(part.provenance in {"measured", "imported"} for part in cell.parts)
    if stated and newest.since is not None and max(stated) >= newest.since and not is_ours:
        return cell
    return replace(cell, is_earlier=True)


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
            # our own count of what came in has no frames of clips in it, which are known only when one is opened
            stage=None if row.metric.measured_by == "images_ingested" else row.metric.stage,
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
