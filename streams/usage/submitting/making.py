"""Making a submission: the figures of a report, and when they were counted."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from schemas.errors import FatalFault
from schemas.usage import NotMeasured, Period
from streams.usage.submitting.submission import Submission, SubmittedFigure, SubmittedPeriod

if TYPE_CHECKING:
    import datetime as dt

    from streams.usage.periods import NamedPeriod
    from streams.usage.reports.report import Report, Sheet


def make_submission(
    report: Report, station: str, made_at: dt.datetime, *, program: str, pseudonym_key: str | None = None
) -> Submission:
    """Return what a report on one installation says, without its parts: these may be of single users.

    Raises
    ------
    FatalFault
        If nothing was counted in any of its periods, facts are missing, or the station's name is none.
    """
    (sheet,) = report.sheets
    if report.broken:
        message = f"Facts are missing ({', '.join(report.broken)}); what is submitted is whole."
        raise FatalFault(message)
    periods = [_to_period(sheet, place, period) for place, period in enumerate(report.periods)]
    kept = tuple(period for period in periods if period is not None)
    if not kept:
        names = ", ".join(period.name for period in report.periods)
        message = f"Nothing was counted of {sheet.installation} in {names}: there is nothing to submit."
        raise FatalFault(message)
    try:
        return Submission(
            installation=sheet.installation,
            station=station,
            made_at=made_at,
            profile=report.profile,
            program=program,
            pseudonym_key=pseudonym_key,
            periods=kept,
        )
    except ValueError as error:
        message = f"{station[:60]!r} is no name of a station; write small letters, digits and _, such as laptop_azores."
        raise FatalFault(message) from error


def _to_period(sheet: Sheet, place: int, period: NamedPeriod) -> SubmittedPeriod | None:
    coverage = sheet.coverage[place]
    if not coverage.share:
        return None
    edges = [period.from_at, *(at for gap in coverage.gaps for at in (gap.from_at, gap.to_at)), period.to_at]
    figures = [
        SubmittedFigure(metric=line.definition.metric, definition=line.definition.name, value=value)
        for line in sheet.lines
        if not line.detail and not isinstance(value := line.cells[place].value, NotMeasured)
    ]
    return SubmittedPeriod(
        name=period.name,
        period=period.to_noun(),
        # between the gaps: every second stretch between two edges
        counted=tuple(Period(from_at=first, to_at=last) for first, last in list(pairwise(edges))[::2] if first < last),
        as_of=sheet.as_of[place],
        figures=tuple(figures),
    )
