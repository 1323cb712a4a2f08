"""An assessment as a Word document: the door to python-docx."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt

from streams.usage.sheets.charts.charting import list_charts
from streams.usage.sheets.charts.drawing import to_png
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
    from collections.abc import Sequence

    from docx.document import Document as WordDocument
    from docx.shared import Length
    from docx.table import _Cell, _Row

    from streams.usage.sheets.assessment import AssessedSheet, Assessment

#: Of every part in the file: the clock has no part in the bytes.
_DATE = (1980, 1, 1, 0, 0, 0)

_SMALL = Pt(8)

_A4_LONG, _A4_SHORT, _MARGIN = Mm(297), Mm(210), Mm(15)

#: How wide columns are beside each other: those of the description, and of the table before, of and behind its numbers.
_DESCRIPTION, _BEFORE, _CELL, _BEHIND = (1, 5), (2.0, 1.1), 1.2, (2.4, 1.8)

_SHADE = "EAF0F5"

#: Charts are as large on paper as on a page of 96 pixels an inch, a little smaller.
_MM_PER_PX = 0.22


def to_docx(assessment: Assessment) -> bytes:
    """Return the assessment as a ``.docx`` file, in the layout of the deliverables; equal inputs give equal bytes."""
    document = Document()
    section = document.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = _A4_LONG, _A4_SHORT
    section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = _MARGIN
    document.core_properties.title = TITLE
    document.core_properties.author = ""
    document.add_heading(TITLE, level=0)
    for name, text in assessment.about:
        document.add_paragraph(_to_word_text(f"{name}: {text}"))
    for number, assessed in enumerate(assessment.sheets, start=1):
        _add_sheet(document, assessment, assessed, number)
    document.add_heading(FINDINGS, level=1)
    for heading, lines in list_findings(assessment):
        document.add_heading(heading, level=2)
        _add_list(document, lines)
    if not assessment.findings:
        document.add_paragraph(NO_FINDINGS)
    return _save(document)


def _add_sheet(document: WordDocument, assessment: Assessment, assessed: AssessedSheet, number: int) -> None:
    document.add_heading(_to_word_text(f"{number} {assessed.sheet.title}"), level=1)
    if assessed.sheet.description:
        _add_table(document, assessed.sheet.description, _share(_DESCRIPTION))
    document.add_heading(f"{number}.1 Metrics", level=2)
    columns = len(list_headings(assessment)) - len(_BEFORE) - len(_BEHIND)
    widths = _share((*_BEFORE, *[_CELL] * columns, *_BEHIND))
    _add_table(document, [list_headings(assessment), *map(list_texts, assessed.rows)], widths, is_headed=True)
    document.add_paragraph(f"Marks: {LEGEND}.").runs[0].font.size = _SMALL
    for chart in list_charts(assessed, assessment.periods):
        paragraph = document.add_paragraph()
        paragraph.paragraph_format.keep_with_next = True
        run = paragraph.add_run(_to_word_text(chart.heading))
        run.font.size, run.bold = _SMALL, True
        width = Mm(min(lay_out(chart).width * _MM_PER_PX, _A4_LONG.mm - 2 * _MARGIN.mm))
        shape = document.add_picture(io.BytesIO(to_png(chart)), width=width)
        shape._inline.docPr.set("descr", _to_word_text(chart.told))  # noqa: SLF001 - python-docx has no way to say it
        if chart.note:
            document.add_paragraph(_to_word_text(chart.note)).runs[0].font.size = _SMALL
    document.add_heading(f"{number}.2 Assessment", level=2)
    for topic in assessed.commentary:
        document.add_heading(topic.name, level=3)
        _add_list(document, topic.sentences)


def _share(weights: Sequence[float]) -> list[Length]:
    """Return the widths of columns that share the page."""
    room = _A4_LONG.mm - 2 * _MARGIN.mm
    return [Mm(room * weight / sum(weights)) for weight in weights]


def _add_table(
    document: WordDocument, rows: Sequence[Sequence[str]], widths: Sequence[Length], *, is_headed: bool = False
) -> None:
    table = document.add_table(rows=0, cols=len(rows[0]), style="Table Grid")
    table.autofit = False
    for column, width in zip(table.columns, widths, strict=True):
        column.width = width
    for number, texts in enumerate(rows):
        row = table.add_row()
        is_head = is_headed and number == 0
        _set_row(row, "w:tblHeader" if is_head else "w:cantSplit")
        # once a row: each look at the cells goes through the whole table
        for place, (cell, text) in enumerate(zip(row.cells, texts, strict=True)):
            cell.width = widths[place]
            run = cell.paragraphs[0].add_run(_to_word_text(text))
            run.font.size = _SMALL
            if is_head or (place == 0 and not is_headed):
                run.bold = True
                _shade(cell)


def _set_row(row: _Row, name: str) -> None:
    """Let a row not be split over pages, or be repeated on each."""
    row._tr.get_or_add_trPr().append(OxmlElement(name))  # noqa: SLF001 - python-docx has no way to say it


def _shade(cell: _Cell) -> None:
    shading = OxmlElement("w:shd")
    for name, value in (("w:val", "clear"), ("w:color", "auto"), ("w:fill", _SHADE)):
        shading.set(qn(name), value)
    cell._tc.get_or_add_tcPr().append(shading)  # noqa: SLF001 - python-docx has no way to say it


def _add_list(document: WordDocument, lines: Sequence[str]) -> None:
    for line in lines:
        paragraph = document.add_paragraph(_to_word_text(line), style="List Bullet")
        paragraph.paragraph_format.space_after = Pt(2)


def _to_word_text(text: str) -> str:
    """Return the text without the control characters that XML has no room for."""
    return "".join(letter for letter in text if letter >= " " or letter in "\t\n")


def _save(document: WordDocument) -> bytes:
    saved = io.BytesIO()
    document.save(saved)
    target = io.BytesIO()
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as kept:
        for name in source.namelist():
            entry = zipfile.ZipInfo(name, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # the same bytes on every system
            kept.writestr(entry, source.read(name))
    return target.getvalue()
