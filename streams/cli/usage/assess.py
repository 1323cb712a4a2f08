"""The assessment of ``report --sheets``: metric sheets and stored facts, in the layout of the deliverables."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from streams.cli.output import Output
    from streams.settings.model import Deployment
    from streams.usage.sheets.assessment import Assessment

FORMS = ("md", "html", "docx", "pdf", "csv", "json")

#: These are no text, and are written into files only.
_FILES = frozenset({"docx", "pdf"})


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command was asked for.

    Attributes
    ----------
    sheets
        Metric sheets, or folders of them.
    periods
        Names; none for all of the sheets, or the open one where progress is asked for.
    """

    sheets: tuple[Path, ...]
    periods: tuple[str, ...] = ()
    installation: str | None = None
    form: str = "md"
    to: Path | None = None
    as_of: str | None = None
    progress: bool = False


def write_assessment(output: Output, deployment: Deployment, asked: Asked) -> None:
    """Write the assessment of some sheets where it is asked for, and tell what the audit found in it.

    Raises
    ------
    FatalFault
        If a sheet, a period, the day or the form is wrong.
    """
    from schemas.errors import FatalFault
    from streams.cli.output import open_place
    from streams.usage.sheets.writing import to_plain

    form = "md" if asked.form == "table" else asked.form
    if form not in FORMS:
        message = f"An assessment is {', '.join(FORMS)}; not {form!r}."
        raise FatalFault(message)
    assessment = _make(deployment, asked)
    if form in _FILES and asked.to is None:
        message = f"A report as {form} is written into a file: name it with --to."
        raise FatalFault(message)
    written = _render(assessment, form)
    if asked.to is not None:
        with open_place(asked.to) as to:
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(written)
        output.say(f"Wrote {to}. The audit found {len(assessment.findings)} things in it.")
    elif not output.as_json:
        typer.echo(written.decode("utf-8"), nl=False)
    output.add(to_plain(assessment))


def _make(deployment: Deployment, asked: Asked) -> Assessment:
    from schemas.errors import FatalFault
    from sinks.object_store.memory import MemoryStore
    from streams.places import find_objects
    from streams.usage.closing.shelf import tell_assessed, to_shelf
    from streams.usage.reports.definitions import DEFINITIONS
    from streams.usage.reports.facts import open_facts
    from streams.usage.reports.scope import Scope
    from streams.usage.sheets.assessment import assess
    from streams.usage.sheets.measuring import check_figures, measure, read_periods
    from streams.usage.sheets.progress import find_open_period
    from streams.usage.sheets.reading import read_sheets
    from streams.usage.sheets.remarks.remarking import make_remarks

    as_of, now_at = _to_day(asked.as_of), dt.datetime.now(dt.UTC)
    sheets = read_sheets(asked.sheets)
    check_figures(sheets, DEFINITIONS)
    names = asked.periods or ((find_open_period(sheets, now_at),) if asked.progress else ())
    periods = read_periods(sheets, names)
    if asked.installation is not None:
        sheets = tuple(sheet for sheet in sheets if sheet.installation == asked.installation)
        if not sheets:
            message = f"There is no metric sheet of the installation {asked.installation!r}."
            raise FatalFault(message)
    scope = Scope(as_of_at=now_at)
    with open_facts(find_objects(deployment) or MemoryStore()) as facts:
        measured = measure(facts, sheets, periods, scope)
        closed = tell_assessed(to_shelf(deployment), facts, periods, sheets=asked.sheets, scope=scope)
        remarks = {name: [*own, *closed] for name, own in make_remarks(facts, sheets, periods, now_at).items()}
    named = [period.name for period in periods]
    return assess(sheets, named, measured, as_of=as_of, progress_at=now_at if asked.progress else None, remarks=remarks)


def _to_day(text: str | None) -> dt.date | None:
    from schemas.errors import FatalFault

    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is not a day; write 2025-09-30."
        raise FatalFault(message) from error


def _render(assessment: Assessment, form: str) -> bytes:
    if form == "docx":
        from streams.usage.sheets.word import to_docx

        return to_docx(assessment)
    if form == "pdf":
        from streams.usage.sheets.pdf import to_pdf

        return to_pdf(assessment)
    from streams.usage.sheets.page import to_html
    from streams.usage.sheets.writing import to_csv, to_json, to_markdown

    return {"md": to_markdown, "html": to_html, "csv": to_csv, "json": to_json}[form](assessment).encode("utf-8")
