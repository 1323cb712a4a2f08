"""The assessment of ``report --sheets``: metric sheets and stored facts, in the layout of the deliverables."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from streams.cli.output import Output
    from streams.settings.model import Deployment
    from streams.usage.sheets.assessment import Assessment

FORMS = ("md", "html", "csv", "json")


def write_assessment(
    output: Output,
    deployment: Deployment,
    sheets: Sequence[Path],
    periods: Sequence[str],
    *,
    installation: str | None = None,
    form: str = "md",
    to: Path | None = None,
    as_of: str | None = None,
) -> None:
    """Write the assessment of some sheets where it is asked for, and tell what the audit found in it.

    Raises
    ------
    FatalFault
        If a sheet, a period, the day or the form is wrong.
    """
    from schemas.errors import FatalFault
    from streams.cli.output import open_place
    from streams.usage.sheets.writing import to_plain

    form = "md" if form == "table" else form
    if form not in FORMS:
        message = f"An assessment is {', '.join(FORMS)}; not {form!r}."
        raise FatalFault(message)
    assessment = _make(deployment, sheets, periods, only=installation, as_of=_to_day(as_of))
    text = _render(assessment, form)
    if to is not None:
        with open_place(to):
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_text(text, encoding="utf-8")
        output.say(f"Wrote {to}. The audit found {len(assessment.findings)} things in it.")
    elif not output.as_json:
        typer.echo(text, nl=False)
    output.add(to_plain(assessment))


def _make(
    deployment: Deployment, paths: Sequence[Path], names: Sequence[str], *, only: str | None, as_of: dt.date | None
) -> Assessment:
    from schemas.errors import FatalFault
    from sinks.object_store.memory import MemoryStore
    from streams.places import find_objects
    from streams.usage.reports.definitions import DEFINITIONS
    from streams.usage.reports.facts import open_facts
    from streams.usage.reports.scope import Scope
    from streams.usage.sheets.assessment import assess
    from streams.usage.sheets.measuring import check_figures, measure, read_periods
    from streams.usage.sheets.reading import read_sheets

    sheets = read_sheets(paths)
    check_figures(sheets, DEFINITIONS)
    periods = read_periods(sheets, names)
    if only is not None:
        sheets = tuple(sheet for sheet in sheets if sheet.installation == only)
        if not sheets:
            message = f"There is no metric sheet of the installation {only!r}."
            raise FatalFault(message)
    scope = Scope(as_of_at=dt.datetime.now(dt.UTC))
    with open_facts(find_objects(deployment) or MemoryStore()) as facts:
        measured = measure(facts, sheets, periods, scope)
    return assess(sheets, [period.name for period in periods], measured, as_of=as_of)


def _to_day(text: str | None) -> dt.date | None:
    from schemas.errors import FatalFault

    try:
        return None if text is None else dt.date.fromisoformat(text)
    except ValueError as error:
        message = f"{text!r} is not a day; write 2025-09-30."
        raise FatalFault(message) from error


def _render(assessment: Assessment, form: str) -> str:
    from streams.usage.sheets.page import to_html
    from streams.usage.sheets.writing import to_csv, to_json, to_markdown

    return {"md": to_markdown, "html": to_html, "csv": to_csv, "json": to_json}[form](assessment)
