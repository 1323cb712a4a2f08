"""An assessment written down: Markdown, CSV and JSON; equal inputs give equal bytes."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from schemas.canonical import to_canonical
from schemas.noun import to_time_text
from streams.usage.audit.auditing import HEADINGS, to_line
from streams.usage.reports.definitions import DEFINITIONS
from streams.usage.sheets.sheet import BASELINE, TOTAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.usage.sheets.assessment import AssessedRow, AssessedSheet, Assessment
    from streams.usage.sheets.cells import AssessedCell, Part
    from streams.usage.sheets.sheet import MetricVersion, Provenance

TITLE = "Virtual Access assessment"

FINDINGS, NO_FINDINGS = "Findings of the audit", "The rules of the audit find nothing wrong in these tables."

#: What stands behind a cell's text, for how sure it is; explained below every table.
MARKS: dict[Provenance, str] = {
    "measured": "[M]",
    "imported": "[I]",
    "declared": "[D]",
    "estimated": "[E]",
    "not measured": "[N]",
}

#: Behind a cell that our own counting did not cover wholly, and behind one of an earlier definition.
PARTIAL, EARLIER = "partial", "\u2021"

LEGEND = (
    "[M] measured, counted from our own facts; [I] imported from another system's counters; [D] declared by a named role on a "
    "day, with evidence; [E] estimated: stated without one of these; [N] not measured, which is not 0; n of m days: an "
    "imported counter covers only these, and is not extrapolated; partial: our own "
    "counting did not cover the whole period, see Coverage; \u2021 counted under an earlier definition, see Definitions; spike, "
    "dip: a month of the period is far above or below the year before, by COUNTER's rule"
)

_CSV_COLUMNS = (
    "installation", "metric", "label", "definition", "unit", "column", "value", "provenance", "follows", "target", "notes",
    "coverage", "gaps", "earlier_definition", "kind", "per", "names_of", "flags",
)  # fmt: skip


def list_headings(assessment: Assessment) -> list[str]:
    """Return the headings of the table, as the deliverables have them; a total only where there are several periods."""
    several = ["TOTAL", "TOTAL can only be"] if len(assessment.periods) > 1 else []
    return ["Metric name", "Baseline", *assessment.periods, *several, "Definition", "How measured"]


def list_texts(row: AssessedRow) -> list[str]:
    """Return the texts of a row, one under each heading."""
    metric = row.metric
    how = to_how_text(metric)
    baseline = f"{metric.baseline} {MARKS[metric.baseline_provenance]}" if metric.baseline else ""
    texts = [metric.label, baseline, *map(to_text, row.cells)]
    if len(row.cells) > 1:
        texts += [to_total_text(row), row.follows]
    return [*texts, to_definition_text(row), how]


def to_how_text(metric: MetricVersion) -> str:
    """Return how a metric is measured, with the name and version of the figure of ours that fills it."""
    told = metric.how or ", ".join(metric.methods).replace("_", " ")
    if metric.measured_by is None:
        return told
    known = DEFINITIONS.get(metric.measured_by)
    figure = f"figure {known.name if known else metric.measured_by}"
    return f"{told} ({figure})" if told else figure


def to_text(cell: AssessedCell) -> str:
    """Return a cell with its marks."""
    days = [f"{cell.days[0]} of {cell.days[1]} days"] if cell.days else []
    marks = [
        MARKS[cell.provenance],
        *days,
        *([PARTIAL] if cell.is_partial else []),
        *([EARLIER] if cell.is_earlier else []),
    ]
    marks += sorted({flag.kind for flag in cell.flags})
    return f"{cell.text} {' '.join(marks)}"


def to_total_text(row: AssessedRow) -> str:
    """Return the total with its marks, or why there is none."""
    if row.total is not None:
        return to_text(row.total)
    return "none: a yearly rate" if row.metric.per and row.follows else "none"


def to_definition_text(row: AssessedRow) -> str:
    """Return the definition, and since when it is so where it was another one before."""
    metric = row.metric
    if metric.version == 1:
        return metric.definition
    told = f"{metric.definition} (version {metric.version}, since {metric.since}: {metric.change})"
    others = [item for item in row.earlier if (item.definition, item.unit) != (metric.definition, metric.unit)]
    return " ".join(
        (told, *(f"{EARLIER} version {item.version} was: {item.definition} [{item.unit}]" for item in others))
    )


def to_markdown(assessment: Assessment) -> str:
    """Return the assessment as Markdown, in the layout of the deliverables."""
    parts = [f"# {TITLE}", "\n".join(f"- {name}: {text}" for name, text in assessment.about)]
    for number, assessed in enumerate(assessment.sheets, start=1):
        parts += [f"## {number} {assessed.sheet.title}", *_write_sheet(assessment, assessed, number)]
    parts.append(f"## {FINDINGS}")
    for heading, lines in list_findings(assessment):
        parts += [f"### {heading}", _write_list(lines)]
    parts += [] if assessment.findings else [NO_FINDINGS]
    return "\n\n".join(part for part in parts if part) + "\n"


def _write_sheet(assessment: Assessment, assessed: AssessedSheet, number: int) -> Iterator[str]:
    if assessed.sheet.description:
        yield _write_table(["", ""], [[f"**{name}**", text] for name, text in assessed.sheet.description])
    yield f"### {number}.1 Metrics"
    yield _write_table(list_headings(assessment), [list_texts(row) for row in assessed.rows])
    yield f"Marks: {LEGEND}."
    yield f"### {number}.2 Assessment"
    for topic in assessed.commentary:
        yield f"**{topic.name}**"
        yield _write_list(topic.sentences)


def _write_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, [":--"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(map(_to_markdown_text, line))} |" for line in lines)


def _to_markdown_text(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _write_list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {_to_markdown_text(line)}" for line in lines)


def list_findings(assessment: Assessment) -> list[tuple[str, list[str]]]:
    """Return what the audit found, the heavier first, each with its rule."""
    found = []
    for weight, heading in HEADINGS.items():
        lines = [f"{to_line(finding)} [{finding.rule}]" for finding in assessment.findings if finding.weight == weight]
        found += [(heading, lines)] if lines else []
    return found


def to_csv(assessment: Assessment) -> str:
    """Return one row for each cell, with everything that is known about it."""
    target = io.StringIO()
    writer = csv.DictWriter(target, _CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for assessed in assessment.sheets:
        for row in assessed.rows:
            told = {
                "installation": assessed.sheet.installation,
                "metric": row.metric.metric,
                "label": row.metric.label,
                "unit": row.metric.unit,
                "target": row.metric.target,
                "kind": row.metric.kind,
                "per": row.metric.per or "",
                "names_of": row.metric.names_of or "",
            }
            if row.metric.baseline:
                sure = row.metric.baseline_provenance
                named = {"definition": row.metric.name, "column": BASELINE, "value": row.metric.baseline}
                writer.writerow(told | named | {"provenance": sure})
            for column, cell in _iterate_cells(assessment, row):
                writer.writerow(told | _to_csv_cell(row, column, cell))
    return target.getvalue()


def _to_csv_cell(row: AssessedRow, column: str, cell: AssessedCell) -> dict[str, object]:
    return {
        "definition": row.metric.name,
        "column": column,
        "value": cell.text,
        "provenance": cell.provenance,
        "follows": row.follows if column == TOTAL else "",
        "notes": "; ".join(cell.notes),
        "coverage": "" if cell.covered is None else cell.covered,
        "gaps": "; ".join(_list_gaps(cell)),
        "earlier_definition": "yes" if cell.is_earlier else "",
        "flags": "; ".join(f"{flag.kind} {flag.month}" for flag in cell.flags),
    }


def _list_gaps(cell: AssessedCell) -> list[str]:
    """Return intervals after ISO 8601."""
    return [f"{to_time_text(gap.from_at)}/{to_time_text(gap.to_at)}" for gap in cell.gaps]


def _iterate_cells(assessment: Assessment, row: AssessedRow) -> Iterator[tuple[str, AssessedCell]]:
    yield from zip(assessment.periods, row.cells, strict=True)
    if row.total is not None:
        yield TOTAL, row.total


def to_json(assessment: Assessment) -> str:
    """Return the assessment as one JSON object in canonical form, ended by a line feed."""
    return to_canonical(to_plain(assessment)).decode() + "\n"


def to_plain(assessment: Assessment) -> dict[str, Any]:
    """Return the assessment as a JSON object."""
    plain: dict[str, Any] = {
        "format": "observatory-assessment/1",
        "periods": list(assessment.periods),
        "about": dict(assessment.about),
        "installations": [_to_plain_sheet(assessment, assessed) for assessed in assessment.sheets],
        "findings": [finding.to_plain() for finding in assessment.findings],
    }
    return plain | ({"as_of": assessment.as_of.isoformat()} if assessment.as_of else {})


def _to_plain_sheet(assessment: Assessment, assessed: AssessedSheet) -> dict[str, Any]:
    return {
        "installation": assessed.sheet.installation,
        "title": assessed.sheet.title,
        "project_starts": assessed.sheet.project_starts,
        "description": [list(pair) for pair in assessed.sheet.description],
        "rows": [
            row.metric.model_dump(mode="json", exclude_none=True, exclude={"line"})
            | {
                "baseline_provenance": row.metric.baseline_provenance,
                "cells": {column: _to_plain_cell(cell) for column, cell in _iterate_cells(assessment, row)},
                "total_can_be": row.follows,
                "earlier": [item.model_dump(mode="json", exclude_none=True, exclude={"line"}) for item in row.earlier],
            }
            for row in assessed.rows
        ],
        "breaks": [{"metric": item.name, "since": str(item.since), "change": item.change} for item in assessed.breaks],
        "commentary": [{"about": topic.name, "sentences": list(topic.sentences)} for topic in assessed.commentary],
        "users_by_country": {
            column.period: {
                "countries": [{"country": name, "users": count} for name, count in column.counts],
                "suppressed_below": column.least,
                **({} if column.together is None else {"suppressed_together": column.together}),
            }
            for column in assessed.countries
        },
    }


def _to_plain_part(part: Part) -> dict[str, Any]:
    told = {} if part.origin is None else part.origin.model_dump(mode="json", exclude_none=True, exclude={"line"})
    return {**told, "value": part.text, "provenance": part.provenance}


def _to_plain_cell(cell: AssessedCell) -> dict[str, Any]:
    return {
        "value": cell.text,
        "provenance": cell.provenance,
        "parts": [_to_plain_part(part) for part in cell.parts],
        "notes": list(cell.notes),
        "is_partial": cell.is_partial,
        "gaps": _list_gaps(cell),
        "is_earlier_definition": cell.is_earlier,
        **({} if cell.days is None else {"days_covered": cell.days[0], "days": cell.days[1]}),
        "flags": [flag.to_plain() for flag in cell.flags],
        **({} if cell.covered is None else {"coverage": cell.covered}),
    }
