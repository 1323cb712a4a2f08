"""An assessment written down: Markdown, CSV and JSON; equal inputs give equal bytes."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from schemas.canonical import to_canonical
from streams.usage.audit.auditing import to_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.usage.sheets.assessment import AssessedRow, AssessedSheet, Assessment
    from streams.usage.sheets.cells import AssessedCell

#: What stands behind a cell's text, for how sure it is; explained below every report.
MARKS = {
    "measured": "",
    "imported": " \u2071",
    "declared": " \u1d48",
    "estimated": " \u1d49",
    "not measured": " \u207f",
}

LEGEND = (
    "without a mark: measured, counted from our own facts; \u2071 imported from another system's counters; \u1d48 declared by a "
    "named role on a day, with evidence; \u1d49 estimated: stated without one of these; \u207f not measured, which is not 0"
)

_CSV_COLUMNS = (
    "installation", "metric", "label", "definition", "unit", "column", "value", "provenance", "follows", "target", "notes",
)  # fmt: skip


def list_headings(assessment: Assessment) -> list[str]:
    """Return the headings of the table, as the deliverables have them; a total only where there are several periods."""
    several = ["TOTAL", "TOTAL can be"] if len(assessment.periods) > 1 else []
    return ["Metric name", "Baseline", "Definition", "How measured", *assessment.periods, *several]


def list_texts(row: AssessedRow) -> list[str]:
    """Return the texts of a row, one under each heading."""
    metric = row.metric
    how = metric.how or ", ".join(metric.methods).replace("_", " ")
    texts = [metric.label, metric.baseline, metric.definition, how, *map(to_text, row.cells)]
    if len(row.cells) > 1:
        texts += [to_text(row.total) if row.total else "", row.follows]
    return texts


def to_text(cell: AssessedCell) -> str:
    """Return a cell with its mark."""
    return f"{cell.text}{MARKS[cell.provenance]}"


def to_markdown(assessment: Assessment) -> str:
    """Return the assessment as Markdown, in the layout of the deliverables."""
    parts = ["# Virtual Access assessment", f"Periods: {', '.join(assessment.periods)}."]
    if assessment.as_of:
        parts.append(f"As it was known on {assessment.as_of}.")
    for number, assessed in enumerate(assessment.sheets, start=1):
        parts += [f"## {number} {assessed.sheet.title}", *_write_sheet(assessment, assessed, number)]
    parts += ["## Findings of the audit", _write_list([to_line(finding) for finding in assessment.findings], "None.")]
    return "\n\n".join(part for part in parts if part) + "\n"


def _write_sheet(assessment: Assessment, assessed: AssessedSheet, number: int) -> Iterator[str]:
    if assessed.sheet.description:
        yield _write_table(["", ""], [[f"**{name}**", text] for name, text in assessed.sheet.description])
    yield f"### {number}.1 Metrics"
    yield _write_table(list_headings(assessment), [list_texts(row) for row in assessed.rows])
    yield f"Marks: {LEGEND}."
    yield f"### {number}.2 Assessment"
    yield _write_list(assessed.commentary, "Nothing to add.")


def _write_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, [":--"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(map(_to_markdown_text, line))} |" for line in lines)


def _to_markdown_text(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _write_list(lines: Sequence[str], otherwise: str) -> str:
    return "\n".join(f"- {_to_markdown_text(line)}" for line in lines) or otherwise


def to_csv(assessment: Assessment) -> str:
    """Return one row for each cell, with everything that is known about it."""
    target = io.StringIO()
    writer = csv.DictWriter(target, _CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for assessed in assessment.sheets:
        for row in assessed.rows:
            for column, cell in _iterate_cells(assessment, row):
                writer.writerow(
                    {
                        "installation": assessed.sheet.installation,
                        "metric": row.metric.metric,
                        "label": row.metric.label,
                        "definition": row.metric.name,
                        "unit": row.metric.unit,
                        "column": column,
                        "value": cell.text,
                        "provenance": cell.provenance,
                        "follows": row.follows if column == "TOTAL" else "",
                        "target": row.metric.target,
                        "notes": "; ".join(cell.notes),
                    }
                )
    return target.getvalue()


def _iterate_cells(assessment: Assessment, row: AssessedRow) -> Iterator[tuple[str, AssessedCell]]:
    yield from zip(assessment.periods, row.cells, strict=True)
    if row.total is not None:
        yield "TOTAL", row.total


def to_json(assessment: Assessment) -> str:
    """Return the assessment as one JSON object in canonical form, ended by a line feed."""
    return to_canonical(to_plain(assessment)).decode() + "\n"


def to_plain(assessment: Assessment) -> dict[str, Any]:
    """Return the assessment as a JSON object."""
    plain: dict[str, Any] = {
        "periods": list(assessment.periods),
        "installations": [_to_plain_sheet(assessment, assessed) for assessed in assessment.sheets],
        "findings": [finding.to_plain() for finding in assessment.findings],
    }
    return plain | ({"as_of": assessment.as_of.isoformat()} if assessment.as_of else {})


def _to_plain_sheet(assessment: Assessment, assessed: AssessedSheet) -> dict[str, Any]:
    return {
        "installation": assessed.sheet.installation,
        "title": assessed.sheet.title,
        "description": [list(pair) for pair in assessed.sheet.description],
        "rows": [
            row.metric.model_dump(mode="json", exclude_none=True, exclude={"line"})
            | {
                "cells": {
                    column: {
                        "value": cell.text,
                        "provenance": cell.provenance,
                        "parts": [[part.text, part.provenance] for part in cell.parts],
                        "notes": list(cell.notes),
                    }
                    for column, cell in _iterate_cells(assessment, row)
                },
                "total_can_be": row.follows,
            }
            for row in assessed.rows
        ],
        "breaks": [{"metric": item.name, "since": str(item.since), "change": item.change} for item in assessed.breaks],
        "commentary": list(assessed.commentary),
    }
