"""An assessment as a page: one HTML file with the tables and a chart of each metric, that needs no network."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from streams.usage.audit.auditing import to_line
from streams.usage.audit.printed import read_printed
from streams.usage.sheets.writing import LEGEND, list_headings, list_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.usage.sheets.assessment import AssessedRow, AssessedSheet, Assessment

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1b2733; }
table { border-collapse: collapse; margin: 1rem 0; width: 100%; }
th, td { border: 1px solid #b8c4cf; padding: .35rem .5rem; text-align: left; vertical-align: top; }
th { background: #eaf0f5; }
td.estimated, td.not-measured { background: #fbf3e4; }
figure { margin: 1rem 0; } figcaption { font-size: .9em; }
svg text { font: 12px system-ui, sans-serif; }
.legend { font-size: .9em; color: #46525e; }
"""

_BAR_HEIGHT, _BAR_ROOM, _LABEL_WIDTH, _BAR_WIDTH, _TEXT_RAISE = 18, 24, 110, 420, 13


def to_html(assessment: Assessment) -> str:
    """Return the page; everything in it that comes from a sheet is escaped."""
    return "".join(_iterate_parts(assessment))


def _iterate_parts(assessment: Assessment) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Virtual Access assessment</title>\n'
    yield f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>Virtual Access assessment</h1>\n"
    yield f"<p>Periods: {escape(', '.join(assessment.periods))}.</p>\n"
    if assessment.as_of:
        yield f"<p>As it was known on {assessment.as_of}.</p>\n"
    for number, assessed in enumerate(assessment.sheets, start=1):
        yield f"<h2>{number} {escape(assessed.sheet.title)}</h2>\n"
        yield from _iterate_sheet(assessment, assessed, number)
    yield "<h2>Findings of the audit</h2>\n"
    yield _write_list([to_line(finding) for finding in assessment.findings], "None.")
    yield "</body>\n</html>\n"


def _iterate_sheet(assessment: Assessment, assessed: AssessedSheet, number: int) -> Iterator[str]:
    if assessed.sheet.description:
        rows = (
            f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>\n" for name, text in assessed.sheet.description
        )
        yield f"<table>\n{''.join(rows)}</table>\n"
    yield f"<h3>{number}.1 Metrics</h3>\n<table>\n<tr>"
    yield "".join(f"<th>{escape(heading)}</th>" for heading in list_headings(assessment))
    yield "</tr>\n"
    for row in assessed.rows:
        yield f"<tr>{''.join(_iterate_cells(row))}</tr>\n"
    yield f'</table>\n<p class="legend">Marks: {escape(LEGEND)}.</p>\n'
    for row in assessed.rows:
        yield _draw(assessment, row)
    yield f"<h3>{number}.2 Assessment</h3>\n{_write_list(assessed.commentary, 'Nothing to add.')}"


def _iterate_cells(row: AssessedRow) -> Iterator[str]:
    texts = list_texts(row)
    first = len(texts) - len(row.cells) - (2 if len(row.cells) > 1 else 0)
    for place, text in enumerate(texts):
        is_cell = first <= place < first + len(row.cells)
        mark = f' class="{row.cells[place - first].provenance.replace(" ", "-")}"' if is_cell else ""
        yield f"<td{mark}>{escape(text)}</td>"


def _draw(assessment: Assessment, row: AssessedRow) -> str:
    """Return a bar for the baseline and each period of a metric that has numbers; nothing for others."""
    told = [("baseline", row.metric.baseline)]
    told += [(period, cell.text) for period, cell in zip(assessment.periods, row.cells, strict=True)]
    read = [(name, text, read_printed(text)) for name, text in told]
    most = max((cell.number or 0 for _, _, cell in read), default=0)
    if row.metric.kind == "names" or not most:
        return ""
    bars = []
    for place, (name, text, cell) in enumerate(read):
        top = place * _BAR_ROOM
        width = round(_BAR_WIDTH * (cell.number or 0) / most, 1)
        bars.append(
            f'<text fill="#1b2733" x="0" y="{top + _TEXT_RAISE}">{escape(name)}</text>'
            f'<rect x="{_LABEL_WIDTH}" y="{top}" width="{width}" height="{_BAR_HEIGHT}" fill="#2b6c99"/>'
            f'<text fill="#1b2733" x="{_LABEL_WIDTH + width + 6}" y="{top + _TEXT_RAISE}">{escape(text or "none told")}</text>'
        )
    size = f'width="{_LABEL_WIDTH + _BAR_WIDTH + 200}" height="{len(read) * _BAR_ROOM}"'
    caption = f"<figcaption>{escape(row.metric.label)}</figcaption>"
    return f'<figure>{caption}<svg {size} role="img">{"".join(bars)}</svg></figure>\n'


def _write_list(lines: Sequence[str], otherwise: str) -> str:
    if not lines:
        return f"<p>{escape(otherwise)}</p>\n"
    return f"<ul>\n{''.join(f'<li>{escape(line)}</li>' + chr(10) for line in lines)}</ul>\n"
