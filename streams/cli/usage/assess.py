"""The assessment of ``report --sheets``: metric sheets and stored facts, in the layout of the deliverables."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        Names; one for all of the sheets up to it, none for all, or up to the open one where progress is asked for.
    """

    sheets: tuple[Path, ...]
    periods: tuple[str, ...] = ()
    installation: str | None = None
    form: str = "md"
    to: Path | None = None
    as_of: str | None = None
    progress: bool = False
    allow_missing: bool = False


def write_assessment(output: Output, deployment: Deployment, asked: Asked) -> None:
    """Write the assessment of some sheets where it is asked for, and tell what the audit found in it.

    Raises
    ------
    FatalFault
        If a sheet, a period, the day or the form is wrong.
    """
    from schemas.errors import FatalFault
    from streams.assessing import Question, make_assessment
    from streams.cli.output import open_place
    from streams.usage.sheets.writing import to_plain

    form = "md" if asked.form == "table" else asked.form
    if form not in FORMS:
        message = f"An assessment is {', '.join(FORMS)}; not {form!r}."
        raise FatalFault(message)
    if form in _FILES and asked.to is None:
        message = f"A report as {form} is written into a file: name it with --to."
        raise FatalFault(message)
    question = Question(
        asked.sheets, asked.periods, asked.installation, _to_day(asked.as_of), asked.progress, asked.allow_missing
    )
    assessment = make_assessment(deployment, question, dt.datetime.now(dt.UTC))
    written = _render(assessment, form)
    if asked.to is not None:
        with open_place(asked.to) as to:
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(written)
        output.say(f"Wrote {to}. The audit found {len(assessment.findings)} things in it.")
    elif not output.as_json:
        typer.echo(written.decode("utf-8"), nl=False)
    output.add(to_plain(assessment))


def to_form(form: str, to: Path | None) -> str:
    """Return the form that is asked for; if none is, the one that the file to write is called after."""
    suffix = "" if to is None else to.suffix.removeprefix(".").lower()
    return suffix if form == "table" and suffix in FORMS else form


def check_plain(form: str, *, is_progress: bool, is_as_of: bool) -> None:
    """Refuse what our figures alone cannot be shown as.

    Raises
    ------
    FatalFault
        If metric sheets are needed for it, or there is no such form.
    """
    from schemas.errors import FatalFault
    from streams.reporting import check_form

    asked = [f"--format {form}"] if form in {*_FILES, "html"} else []
    asked += ["--progress"] if is_progress else []
    asked += ["--as-of"] if is_as_of else []
    if asked:
        message = (
            f"{' and '.join(asked)} needs metric sheets: name them with --sheets, or their folder in the settings "
            "(project.sheets_folder); docs/assessment.md shows one."
        )
        raise FatalFault(message)
    check_form(form)


def to_sheet_paths(deployment: Deployment, given: Sequence[Path]) -> tuple[Path, ...]:
    """Return the metric sheets that are given, or else the folder of them that the settings name."""
    folder = deployment.project.sheets_folder
    return tuple(given) or ((folder,) if folder is not None else ())


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
