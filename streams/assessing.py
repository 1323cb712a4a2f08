"""The assessment of a project: from a deployment's metric sheets and stored facts to the report that is handed in."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.errors import FatalFault
from schemas.noun import to_time_text
from sinks.object_store.memory import MemoryStore
from streams.places import find_objects
from streams.usage.closing.shelf import tell_assessed, tell_key, to_shelf
from streams.usage.reports.definitions import DEFINITIONS
from streams.usage.reports.facts import open_facts
from streams.usage.reports.scope import Scope
from streams.usage.sheets.assessment import Assessment, assess
from streams.usage.sheets.commentary import Topic
from streams.usage.sheets.measuring import check_figures, measure, read_reported
from streams.usage.sheets.progress import find_open_period, list_months
from streams.usage.sheets.reading import read_sheets
from streams.usage.sheets.remarks.about import tell_about
from streams.usage.sheets.remarks.remarking import make_remarks

if TYPE_CHECKING:
    from pathlib import Path

    from streams.settings.model import Deployment
    from streams.usage.periods import NamedPeriod
    from streams.usage.sheets.sheet import Sheet


@dataclass(frozen=True, slots=True)
class Question:
    """What an assessment is asked for.

    Attributes
    ----------
    sheets
        Files of metric sheets, or folders of them.
    periods
        Names; one for all of the sheets up to it, none for all, or up to the open one where progress is asked for.
    installation
        The only one; absent for all.
    as_of
        What was known by this day; absent for everything.
    progress
        Whether to tell where the open period stands and would lead.
    allow_missing
        Leave out facts that cannot be read.
    """

    sheets: tuple[Path, ...]
    periods: tuple[str, ...] = ()
    installation: str | None = None
    as_of: dt.date | None = None
    progress: bool = False
    allow_missing: bool = False


def make_assessment(deployment: Deployment, question: Question, now_at: dt.datetime) -> Assessment:
    """Return the assessment of a deployment's project, with all that is to be told beside its tables.

    Raises
    ------
    FatalFault
        If a sheet is wrong, or there is no such period or installation, or none is open where progress is asked for.
    RejectedInput
        ``broken_facts``.
    TransientFault
        If the store is away, or memory is short.
    """
    sheets = read_sheets(question.sheets)
    check_figures(sheets, DEFINITIONS)
    names = question.periods or ((find_open_period(sheets, now_at),) if question.progress else ())
    periods = read_reported(sheets, names)
    last = periods[-1]
    is_open = last.from_at <= now_at < last.to_at
    if question.progress and not is_open:
        message = f"{last.name} is not open now, so there is no progress to tell of; leave --progress out."
        raise FatalFault(message)
    if question.installation is not None:
        sheets = _choose(sheets, question.installation)
    least = deployment.project.least_persons_by_country
    scope = Scope(as_of_at=now_at, least_persons=least)
    with open_facts(find_objects(deployment) or MemoryStore(), allow_missing=question.allow_missing) as facts:
        measured = measure(facts, sheets, periods, scope)
        remarks = make_remarks(facts, sheets, periods, measured=measured, now_at=now_at, least=least)
        closed = tell_assessed(to_shelf(deployment), facts, periods, sheets=question.sheets, scope=scope)
        if question.progress and (months := list_months(last, now_at)):
            measured |= measure(facts, sheets, months, scope, total=False)
        about = tell_about(facts, deployment.project.name, tell_key(deployment))
    return assess(
        sheets,
        [period.name for period in periods],
        measured,
        as_of=question.as_of,
        progress_at=now_at if question.progress else None,
        remarks={name: own.add(Topic("Closed periods", closed)) for name, own in remarks.items()},
        about=(*about, *_tell_open(last, now_at)) if is_open else about,
    )


def _tell_open(period: NamedPeriod, now_at: dt.datetime) -> tuple[tuple[str, str], ...]:
    return ((f"{period.name} is open", f"as it stood on {to_time_text(now_at)[:16].replace('T', ' ')} (UTC)"),)


def _choose(sheets: tuple[Sheet, ...], installation: str) -> tuple[Sheet, ...]:
    chosen = tuple(sheet for sheet in sheets if sheet.installation == installation)
    if not chosen:
        names = ", ".join(sheet.installation for sheet in sheets)
        message = f"There is no metric sheet of the installation {installation!r}; there are sheets of {names}."
        raise FatalFault(message)
    return chosen
