"""An assessment as a page: one HTML file with its tables and charts, that needs no network."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from streams.usage.sheets.charts.charting import list_charts
from streams.usage.sheets.charts.drawing import to_svg
from streams.usage.sheets.charts.layout import lay_out
from streams.usage.sheets.writing import (
    FINDINGS,
    LEGEND,
    NO_FINDINGS,
    TITLE,
    list_findings,
    list_headings,
    list_texts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.usage.sheets.assessment import AssessedRow, AssessedSheet, Assessment

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; color: #1b2733; }
table { border-collapse: collapse; margin: 1rem 0; width: 100%; }
th, td { border: 1px solid #b8c4cf; padding: .35rem .5rem; text-align: left; vertical-align: top; }
th { background: #eaf0f5; }
tr, figure, h2, h3, h4 { break-inside: avoid; } h2, h3, h4 { break-after: avoid; } thead { display: table-header-group; }
table.description th { width: 14rem; }
table.metrics th:first-child { width: 15%; } table.metrics th:nth-last-child(2) { width: 18%; }
td.estimated, td.not-measured { background: #fbf3e4; }
td.partial { background: repeating-linear-gradient(135deg, #fff, #fff 6px, #eef2f5 6px, #eef2f5 12px); }
h4 { margin: 1rem 0 .2rem; } h4 + ul { margin-top: .2rem; }
figure { display: inline-block; margin: .7rem 1rem .3rem 0; vertical-align: top; max-width: 100%; }
figure p { margin: .2rem 0 0; max-width: 34rem; } figcaption { font-size: .85em; margin-bottom: .3rem; font-weight: 600; }
svg { max-width: 100%; height: auto; }
.legend { font-size: .9em; color: #46525e; }
@media screen { .table { overflow-x: auto; } }
"""


def to_html(assessment: Assessment) -> str:
    """Return the page; everything in it that comes from a sheet is escaped."""
    return "".join(_iterate_parts(assessment))


def _iterate_parts(assessment: Assessment) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{TITLE}</title>\n'
    yield f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{TITLE}</h1>\n"
    yield _write_list([f"{name}: {text}" for name, text in assessment.about])
    for number, assessed in enumerate(assessment.sheets, start=1):
        yield f"<h2>{number} {escape(assessed.sheet.title)}</h2>\n"
        yield from _iterate_sheet(assessment, assessed, number)
    yield f"<h2>{FINDINGS}</h2>\n"
    for heading, lines in list_findings(assessment):
        yield f"<h3>{escape(heading)}</h3>\n{_write_list(lines)}"
    yield "" if assessment.findings else f"<p>{NO_FINDINGS}</p>\n"
    yield "</body>\n</html>\n"


def _iterate_sheet(assessment: Assessment, assessed: AssessedSheet, number: int) -> Iterator[str]:
    if assessed.sheet.description:
        rows = (
            f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>\n" for name, text in assessed.sheet.description
        )
        yield f'<table class="description">\n{"".join(rows)}</table>\n'
    yield f'<h3>{number}.1 Metrics</h3>\n<div class="table"><table class="metrics">\n<thead><tr>'
    yield "".join(f"<th>{escape(heading)}</th>" for heading in list_headings(assessment))
    yield "</tr></thead>\n<tbody>\n"
    for row in assessed.rows:
        yield f"<tr>{''.join(_iterate_cells(row))}</tr>\n"
    yield f'</tbody></table></div>\n<p class="legend">Marks: {escape(LEGEND)}.</p>\n'
    for chart in list_charts(assessed, assessment.periods):
        note = f'<p class="legend">{escape(chart.note)}</p>' if chart.note else ""
        # printers give a block of unknown width the whole line
        width = f' style="width: {lay_out(chart).width}px"'
        yield f"<figure{width}><figcaption>{escape(chart.heading)}</figcaption>{to_svg(chart)}{note}</figure>\n"
    yield f"<h3>{number}.2 Assessment</h3>\n"
    for topic in assessed.commentary:
        yield f"<h4>{escape(topic.name)}</h4>\n{_write_list(topic.sentences)}"


def _iterate_cells(row: AssessedRow) -> Iterator[str]:
    # label and baseline come first, then a cell for each period
    marks = ["", row.metric.baseline_provenance.replace(" ", "-") if row.metric.baseline else ""]
    marks += [f"{cell.provenance.replace(' ', '-')}{' partial' if cell.is_partial else ''}" for cell in row.cells]
    for place, text in enumerate(list_texts(row)):
        mark = f' class="{marks[place]}"' if place < len(marks) and marks[place] else ""
        yield f"<td{mark}>{escape(text)}</td>"


def _write_list(lines: Sequence[str]) -> str:
    return f"<ul>\n{''.join(f'<li>{escape(line)}</li>' + chr(10) for line in lines)}</ul>\n" if lines else ""
