from __future__ import annotations

import io
import zipfile
from pathlib import Path

from docx import Document

from streams.usage.sheets.assessment import assess
from streams.usage.sheets.reading import read_sheets
from streams.usage.sheets.word import to_docx
from streams.usage.sheets.writing import list_headings, list_texts
from tests.streams.usage.sheets.sheets import STEPS, declare, read

_SEEDS = Path(__file__).parent / "seeds"
_PERIODS = ("M13-24", "M25-36")


def test_every_cell_of_the_assessment_stands_in_the_document():
    assessment = assess(read_sheets([_SEEDS]), _PERIODS)
    document = Document(io.BytesIO(to_docx(assessment)))
    tables = [[[cell.text for cell in row.cells] for row in table.rows] for table in document.tables]
    assert tables[1::2] == [[list_headings(assessment), *map(list_texts, sheet.rows)] for sheet in assessment.sheets]
    text = "\n".join(paragraph.text for paragraph in document.paragraphs)
    assert "the total is stated as 700; by the periods it can only be 70" in text
    assert "Findings of the audit" in text


def test_equal_inputs_give_equal_bytes_whenever_they_are_written():
    assessment = assess([read(STEPS, declare("steps", "M13-24", "3"))], _PERIODS)
    written = to_docx(assessment)
    assert written == to_docx(assessment)
    with zipfile.ZipFile(io.BytesIO(written)) as file:
        assert {entry.date_time[0] for entry in file.infolist()} == {1980}


def test_a_sheet_with_odd_letters_can_be_written():
    sheet = read(STEPS.replace("Steps climbed", "Steps \\u0007 <b> & \\U0001F41F"), declare("steps", "M13-24", "3"))
    document = Document(io.BytesIO(to_docx(assess([sheet], _PERIODS))))
    assert document.tables[1].rows[1].cells[0].text == "Steps  <b> & \U0001f41f"
