"""An assessment as a Word document: the door to python-docx."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

from docx import Document
from docx.enum.section import WD_ORIENT
from docx.shared import Pt

from streams.usage.audit.auditing import to_line
from streams.usage.sheets.writing import LEGEND, list_headings, list_texts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from docx.document import Document as WordDocument

    from streams.usage.sheets.assessment import AssessedSheet, Assessment

#: Of every part in the file: the clock has no part in the bytes.
_DATE = (1980, 1, 1, 0, 0, 0)

_SMALL = Pt(8)


def to_docx(assessment: Assessment) -> bytes:
    """Return the assessment as a ``.docx`` file, in the layout of the deliverables; equal inputs give equal bytes."""
    document = Document()
    section = document.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = section.page_height, section.page_width
    document.core_properties.title = "Virtual Access assessment"
    document.core_properties.author = ""
    document.add_heading("Virtual Access assessment", level=0)
    document.add_paragraph(f"Periods: {', '.join(assessment.periods)}.")
    if assessment.as_of:
        document.add_paragraph(f"As it was known on {assessment.as_of}.")
    for number, assessed in enumerate(assessment.sheets, start=1):
        _add_sheet(document, assessment, assessed, number)
    document.add_heading("Findings of the audit", level=1)
    _add_list(document, [to_line(finding) for finding in assessment.findings], "None.")
    return _save(document)


def _add_sheet(document: WordDocument, assessment: Assessment, assessed: AssessedSheet, number: int) -> None:
    document.add_heading(f"{number} {assessed.sheet.title}", level=1)
    if assessed.sheet.description:
        _add_table(document, assessed.sheet.description)
    document.add_heading(f"{number}.1 Metrics", level=2)
    _add_table(document, [list_headings(assessment), *map(list_texts, assessed.rows)])
    document.add_paragraph(f"Marks: {LEGEND}.")
    document.add_heading(f"{number}.2 Assessment", level=2)
    _add_list(document, assessed.commentary, "Nothing to add.")


def _add_table(document: WordDocument, rows: Sequence[Sequence[str]]) -> None:
    table = document.add_table(rows=0, cols=len(rows[0]), style="Table Grid")
    for texts in rows:
        cells = table.add_row().cells  # once a row: each look at it goes through the whole table
        for cell, text in zip(cells, texts, strict=True):
            run = cell.paragraphs[0].add_run(_to_word_text(text))
            run.font.size = _SMALL


def _add_list(document: WordDocument, lines: Sequence[str], otherwise: str) -> None:
    for line in lines or [otherwise]:
        document.add_paragraph(_to_word_text(line), style="List Bullet" if lines else None)


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
