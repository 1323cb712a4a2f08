"""Rendering: what a closed folder says, made from what is frozen in it and from nothing else."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from schemas.errors import FatalFault
from streams.usage.closing.changes import CHANGES_FILE, list_changes
from streams.usage.closing.counter import make_dataset_report
from streams.usage.closing.inputs import SHEETS_FOLDER, FolderFacts, Inputs
from streams.usage.counting.profiles import make_profile
from streams.usage.periods import NamedPeriod
from streams.usage.reports.definitions import DEFINITIONS
from streams.usage.reports.facts import open_facts
from streams.usage.reports.report import make_report
from streams.usage.reports.scope import Scope
from streams.usage.reports.tables import to_csv, to_json, to_markdown
from streams.usage.sheets import writing
from streams.usage.sheets.assessment import assess
from streams.usage.sheets.measuring import check_figures, measure, read_periods
from streams.usage.sheets.page import to_html
from streams.usage.sheets.pdf import to_pdf
from streams.usage.sheets.reading import read_sheets
from streams.usage.sheets.remarks.about import tell_about
from streams.usage.sheets.remarks.remarking import make_remarks
from streams.usage.sheets.word import to_docx

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from streams.usage.reports.facts import Facts
    from streams.usage.reports.report import Report
    from streams.usage.sheets.assessment import Assessment

REPORT_FOLDER = "report"

#: The COUNTER report, as files are called that carry it.
DATASET_REPORT_FILE = f"{REPORT_FOLDER}/counter-dsr.json"

#: Every text form that there is of each report: these are made again, byte for byte, whenever a folder is verified.
_REPORT_FORMS: Mapping[str, Callable[[Report], str]] = {"csv": to_csv, "json": to_json, "md": to_markdown}
_ASSESSMENT_FORMS: Mapping[str, Callable[[Assessment], str]] = {
    "csv": writing.to_csv,
    "html": to_html,
    "json": writing.to_json,
    "md": writing.to_markdown,
}

#: Forms that are no text: made once, at the closing, and held to their digest afterwards.
_BINARY_FORMS: Mapping[str, Callable[[Assessment], bytes]] = {"docx": to_docx, "pdf": to_pdf}


def render_texts(folder: Path, inputs: Inputs) -> dict[str, bytes]:
    """Return every file that follows from the frozen ones and is text, by its path: equal folders give equal bytes.

    Raises
    ------
    RejectedInput
        If the frozen facts cannot be read.
    FatalFault
        If the sheets or the list of robots cannot.
    """
    with open_facts(FolderFacts(folder)) as facts:
        report = make_report(facts, [_to_period(inputs)], _to_scope(inputs))
        gaps = {sheet.installation: sheet.coverage[0].gaps for sheet in report.sheets if sheet.coverage[0].gaps}
        texts = {f"usage.{form}": render(report) for form, render in _REPORT_FORMS.items()}
        assessment = _assess(folder, inputs, facts)
    if assessment is not None:
        texts |= {f"assessment.{form}": render(assessment) for form, render in _ASSESSMENT_FORMS.items()}
    found = {f"{REPORT_FOLDER}/{name}": text.encode() for name, text in texts.items()}
    if inputs.counter_profile is not None:
        profile = make_profile(inputs.counter_profile, asked_at_edge=True)
        found[DATASET_REPORT_FILE] = make_dataset_report(FolderFacts(folder), inputs, profile, gaps)
    if inputs.restatement:
        found[CHANGES_FILE] = list_changes(folder, inputs, found).encode()
    return found


def render_others(folder: Path, inputs: Inputs) -> dict[str, bytes]:
    """Return the files that are no text, by their path; a PDF only where what writes one is installed."""
    with open_facts(FolderFacts(folder)) as facts:
        assessment = _assess(folder, inputs, facts)
    if assessment is None:
        return {}
    found = {}
    for form, render in _BINARY_FORMS.items():
        with suppress(FatalFault):
            found[f"{REPORT_FOLDER}/assessment.{form}"] = render(assessment)
    return found


def _to_period(inputs: Inputs) -> NamedPeriod:
    return NamedPeriod(inputs.period, inputs.from_at, inputs.to_at)


def _to_scope(inputs: Inputs) -> Scope:
    # the day of the closing changes nothing: by its end, all of a period has been
    return Scope(installations=inputs.installations, as_of_at=inputs.to_at, least_persons=inputs.least_persons)


def _assess(folder: Path, inputs: Inputs, facts: Facts) -> Assessment | None:
    if not inputs.sheets:
        return None
    sheets = read_sheets([folder / SHEETS_FOLDER])
    check_figures(sheets, DEFINITIONS)
    periods = read_periods(sheets, inputs.periods)
    measured = measure(facts, sheets, periods, _to_scope(inputs))
    remarks = make_remarks(facts, sheets, periods, measured=measured, now_at=inputs.to_at, least=inputs.least_persons)
    named = [period.name for period in periods]
    return assess(sheets, named, measured, remarks=remarks, about=tell_about(facts, inputs.project, inputs.custody))


def choose_periods(sheet_paths: list[Path], period: NamedPeriod) -> tuple[str, ...]:
    """Return the periods of the sheets up to the one that is closed, which must be among them.

    Raises
    ------
    FatalFault
        If the sheets are wrong, or do not report on the period.
    """
    sheets = read_sheets(sheet_paths)
    check_figures(sheets, DEFINITIONS)
    periods = read_periods(sheets)
    own = [other for other in periods if (other.from_at, other.to_at) == (period.from_at, period.to_at)]
    if not own:
        message = f"The sheets have no period {period.name}; they have {', '.join(other.name for other in periods)}."
        raise FatalFault(message)
    return tuple(other.name for other in periods if other.to_at <= period.to_at)


def is_text(path: str) -> bool:
    """Return whether a file is one that is made again when a folder is verified."""
    return path == CHANGES_FILE or (
        path.startswith(f"{REPORT_FOLDER}/") and path.rpartition(".")[2] not in _BINARY_FORMS
    )
