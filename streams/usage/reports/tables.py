"""A report written down: as tables for a screen, as Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from schemas.canonical import to_canonical
from schemas.noun import to_time_text
from schemas.usage import Bounded, Measured, Names
from streams.usage.countries import to_country_name
from streams.usage.reports.definitions import DEFINITIONS, SECTIONS
from streams.usage.reports.lines import Suppressed

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from schemas.usage import Period
    from streams.usage.periods import NamedPeriod
    from streams.usage.reports.lines import Cell, Line
    from streams.usage.reports.report import Report, Sheet
    from streams.usage.reports.spikes import Spike

_CSV_COLUMNS = (
    "installation", "metric", "detail", "label", "definition", "unit", "additive", "period", "from_at", "to_at",
    "state", "why", "value", "share", "method", "low", "high", "coverage", "profile", "as_of", "gaps", "broken", "flags",
)  # fmt: skip

#: Behind the name of a period that was not counted as a whole, or not at all.
PARTIAL, UNCOUNTED = " (partial)", " (not counted)"

#: Missing intervals that are spelled out in a table; all of them are in the notes and exports.
GAPS_SHOWN = 3

#: Before the label of a part.
_INDENT = "- "

_REASONS = {
    "no_login": "nobody can log in",
    "no_facts": "nothing was counted",
    "no_institution": "no use tells its institution",
}


@dataclass(frozen=True, slots=True)
class Table:
    """A table as a person reads it: texts only.

    Attributes
    ----------
    columns
        Headings: the figure, then one for each period.
    rows
        As long as ``columns`` each; parts of a figure begin with ``- ``.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def to_tables(report: Report) -> tuple[Table, ...]:
    """Return the tables of a report: one for each installation and section, and one of what could not be counted."""
    tables = [
        Table(
            f"{sheet.installation}: {SECTIONS[section]}",
            ("Figure", *_list_headings(report, sheet)),
            (*_list_missing(sheet), *(_to_row(report, sheet, line) for line in lines)),
        )
        for sheet in report.sheets
        for section, lines in groupby(sheet.lines, key=lambda line: line.definition.section)
    ]
    trouble = [("Different uses under one id", str(len(report.conflicts)))] if report.conflicts else []
    trouble += [(f"No use: {reason}", f"{count:,}") for reason, count in report.rejected]
    if trouble:
        tables.append(Table("Records that could not be counted as they came", ("What", "Records"), tuple(trouble)))
    return tuple(tables)


def _list_headings(report: Report, sheet: Sheet) -> Iterator[str]:
    for period, coverage in zip(report.periods, sheet.coverage, strict=True):
        yield f"{period.name}{to_mark(coverage.share, is_whole=not coverage.gaps)}"


def _list_missing(sheet: Sheet) -> Iterator[tuple[str, ...]]:
    """Yield a row that says what of each period was not counted, if anything was not."""
    if any(coverage.gaps for coverage in sheet.coverage):
        yield ("Not counted", *(to_gaps_text(coverage.gaps) or "-" for coverage in sheet.coverage))


def to_mark(share: float, *, is_whole: bool) -> str:
    """Return what stands behind the name of a period: nothing where all of it was counted."""
    return "" if is_whole else PARTIAL if share else UNCOUNTED


def to_gaps_text(gaps: Sequence[Period], *, most: int = GAPS_SHOWN) -> str:
    """Return the missing intervals as a person reads them, the first ones spelled out and the others as a number."""
    told = [f"{_to_minute(gap.from_at)} to {_to_minute(gap.to_at)}" for gap in gaps[:most]]
    more = [f"and {len(gaps) - most:,} more"] if len(gaps) > most else []
    return "; ".join([*told, *more])


def _to_minute(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}Z"


def _to_row(report: Report, sheet: Sheet, line: Line) -> tuple[str, ...]:
    cells = zip(report.periods, line.cells, strict=True)
    texts = (
        " ".join([to_text(cell), *sorted({spike.mark for spike in report.list_spikes(sheet, line, period)})])
        for period, cell in cells
    )
    return (_to_label(line), *texts)


def list_notes(report: Report) -> tuple[str, ...]:
    """Return what must be read with the tables: closed periods, partly covered periods and demonstration models."""
    notes = list(report.remarks)
    notes += [f"Partial: {key} could not be read; uses in it are missing from every figure." for key in report.broken]
    notes += [f"{name}: uses name it, but no such installation is declared." for name in report.strange]
    for sheet in report.sheets:
        for period, coverage in zip(report.periods, sheet.coverage, strict=True):
            if coverage.gaps:
                gaps = ", ".join(f"{to_time_text(gap.from_at)} to {to_time_text(gap.to_at)}" for gap in coverage.gaps)
                share = f"{100 * coverage.share:.2f} %" if coverage.share else "nothing"
                told = f"{share} of the period is covered; not {gaps}"
                notes.append(f"Partial: {sheet.installation}, {period.name}: {told}.")
        if sheet.demonstration:
            notes.append(f"{sheet.installation}: results of demonstration models are among the images processed.")
    notes += [spike.to_sentence() for spike in report.spikes]
    notes += _list_suppressed(report)
    return tuple(notes)


def _list_suppressed(report: Report) -> Iterator[str]:
    for sheet in report.sheets:
        if any(hiding.countries for hiding in sheet.hidden):
            yield (
                f"{sheet.installation}: uses by country of fewer than {report.least_persons} persons are suppressed, and with "
                "them so many others that none can be worked out; what is suppressed of a period is told together."
            )
        for period, hiding in zip(report.periods, sheet.hidden, strict=False):
            if hiding.exposed:
                names = ", ".join(to_country_name(code) or code for code in sorted(hiding.exposed))
                yield (
                    f"{sheet.installation}, {period.name}: there were so few uses that the totals and the names of countries, "
                    f"which are always told, give away what is suppressed of {names}."
                )


def to_text(cell: Cell) -> str:
    """Return a figure as a person reads it: ``1,150``, ``12 (34.30 %)``, ``suppressed``, ``not measured: nobody can log in``."""
    value = cell.value
    if isinstance(value, Measured):
        share = "" if cell.share is None else f" ({100 * cell.share:.2f} %)"
        bounds = "" if value.low is None or value.high is None else f" ({value.low:,.0f} to {value.high:,.0f})"
        return f"{value.value:,.0f}{bounds}{share}"
    if isinstance(value, Bounded):
        return f"between {value.low:,.0f} and {value.high:,.0f}"
    if isinstance(value, Names):
        return ", ".join(value.names) or "none"
    if isinstance(value, Suppressed):
        return "suppressed"
    return f"not measured: {_REASONS.get(value.why, value.why)}"


def to_markdown(report: Report) -> str:
    """Return the report as Markdown: tables, notes, definitions."""
    periods = ", ".join(
        f"{period.name} = {to_time_text(period.from_at)} to {to_time_text(period.to_at)}, the end not included"
        for period in report.periods
    )
    parts = ["# Usage report", f"Periods: {periods}. Rules of counting: `{report.profile}`."]
    for table in to_tables(report):
        ruler = "| :-- |" + " --: |" * (len(table.columns) - 1)
        rows = (f"| {' | '.join(row)} |" for row in (table.columns, *table.rows))
        head = next(rows)
        parts += [f"## {table.title}", "\n".join((head, ruler, *rows))]
    notes = list_notes(report)
    if notes:
        parts += ["## Notes", "\n".join(f"- {note}" for note in notes)]
    if report.conflicts:
        ids = ", ".join(f"`{conflict}`" for conflict in report.conflicts)
        parts += ["## Conflicts", f"Of each, the use with the smallest digest was counted: {ids}."]
    meanings = (f"- **{item.label}** (`{item.name}`): {item.meaning}" for item in DEFINITIONS.values())
    parts += ["## Definitions", "\n".join(meanings)]
    return "\n\n".join(parts) + "\n"


def to_csv(report: Report) -> str:
    """Return one row for each figure, part and period, with everything that is known about it."""
    return write_rows(_CSV_COLUMNS, (row for sheet in report.sheets for row in _iterate_rows(report, sheet)))


def write_rows(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Return flat objects as CSV, under a line of the columns' names; a value of several names stands in one cell."""
    target = io.StringIO()
    writer = csv.DictWriter(target, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        value = row.get("value")
        writer.writerow({**row, "value": "; ".join(value)} if isinstance(value, list) else row)
    return target.getvalue()


def to_json(report: Report) -> str:
    """Return the report as one JSON object in canonical form, ended by a line feed."""
    return to_canonical(to_plain(report)).decode() + "\n"


def to_plain(report: Report) -> dict[str, Any]:
    """Return the report as a JSON object."""
    return {
        "profile": report.profile,
        "periods": list_periods(report.periods),
        "installations": {sheet.installation: list(_iterate_rows(report, sheet)) for sheet in report.sheets},
        "notes": list(list_notes(report)),
        "conflicts": list(report.conflicts),
        "broken": list(report.broken),
        "rejected": dict(report.rejected),
        "definitions": {item.name: item.meaning for item in DEFINITIONS.values()},
    }


def list_periods(periods: Iterable[NamedPeriod]) -> list[dict[str, str]]:
    """Return periods as JSON objects: the name, the first moment, and the first that is not in it."""
    return [
        {"name": period.name, "from_at": to_time_text(period.from_at), "to_at": to_time_text(period.to_at)}
        for period in periods
    ]


def _iterate_rows(report: Report, sheet: Sheet) -> Iterator[dict[str, Any]]:
    """Yield one flat object for each line and period; what is absent is left out."""
    for line in sheet.lines:
        for place, period in enumerate(report.periods):
            row = {
                "installation": sheet.installation,
                "metric": line.definition.metric,
                "detail": line.detail,
                "label": line.label,
                "definition": line.definition.name,
                "unit": line.definition.unit,
                "additive": line.definition.additive,
                "period": period.name,
                "from_at": to_time_text(period.from_at),
                "to_at": to_time_text(period.to_at),
                **_to_state(line.cells[place]),
                "coverage": sheet.coverage[place].share,
                "profile": report.profile,
                "as_of": sheet.as_of[place],
                "gaps": _to_intervals(sheet.coverage[place].gaps),
                "broken": len(report.broken) or None,
                "flags": _to_flags(report.list_spikes(sheet, line, period)),
            }
            yield {name: value for name, value in row.items() if value is not None}


def _to_intervals(gaps: tuple[Period, ...]) -> str | None:
    """Return intervals after ISO 8601, such as ``2026-11-01T00:00:00.000Z/2026-11-20T10:00:00.000Z``."""
    return "; ".join(f"{to_time_text(gap.from_at)}/{to_time_text(gap.to_at)}" for gap in gaps) or None


def _to_flags(spikes: Sequence[Spike]) -> str | None:
    """Return flagged months, such as ``spike 2026-01; dip 2026-04``."""
    return "; ".join(f"{spike.flagged.kind} {spike.flagged.month}" for spike in spikes) or None


def _to_state(cell: Cell) -> dict[str, Any]:
    value = cell.value
    if isinstance(value, Measured):
        # bounds and method are there where the value is an estimate
        bounds = {"method": value.method, "low": int(value.low or 0), "high": int(value.high or 0)}
        return {
            "state": value.kind,
            "value": int(value.value),
            "share": cell.share,
            **(bounds if value.method != "exact" else {}),
        }
    if isinstance(value, Bounded):
        return {"state": value.kind, "low": int(value.low), "high": int(value.high), "why": value.why}
    if isinstance(value, Names):
        return {"state": value.kind, "value": list(value.names)}
    return {"state": value.kind, "why": value.why}


def _to_label(line: Line) -> str:
    return f"{_INDENT}{line.label}" if line.detail else line.label
