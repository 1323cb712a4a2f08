"""Accepting submissions: signed counts become values of a metric sheet, imported, each once."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from schemas.errors import FatalFault
from schemas.noun import to_time_text
from schemas.usage import Bounded, Measured
from streams.usage.periods import read_period
from streams.usage.reports.definitions import DEFINITIONS, PROFILE
from streams.usage.sheets.cells import to_range_text
from streams.usage.sheets.measuring import join_names
from streams.usage.sheets.sheet import Imported

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.usage.sheets.sheet import MetricVersion, Sheet
    from streams.usage.submitting.submission import Submission, SubmittedFigure, SubmittedPeriod

#: Distinct things of a submission and those of anybody else: who is in both is not known.
_BOUNDS = "distinct within this submission only: with others it gives bounds, never a union"
_NO_VIEW = "the uses themselves are not here and cannot be counted again; what was recorded here too is in both"

_MOMENT = dt.timedelta(milliseconds=1)
_SHOWN_GAPS = 3


def to_imported(submission: Submission, evidence_sha256: str, sheet: Sheet) -> tuple[Imported, ...]:
    """Return the values that a submission has for a sheet: for each metric that says which figure of ours measures it.

    A submission whose values the sheet holds already has none: the same file counts once.

    Raises
    ------
    FatalFault
        If it is of another installation, was counted by other definitions, has no period of the sheet, overlaps with
        another submission of its station that the sheet holds, or has none of the figures that the sheet asks for.
    """
    if submission.installation != sheet.installation:
        message = f"The submission is of {submission.installation!r}, and the sheet of {sheet.installation!r}."
        raise FatalFault(message)
    if any(value.evidence_sha256 == evidence_sha256 for value in sheet.imported):
        return ()
    placed = list(_place(submission, sheet))
    if not placed:
        told = ", ".join(period.name for period in submission.periods)
        message = f"The submission is on {told}, and the sheet has none of these; it has {', '.join(sheet.periods)}."
        raise FatalFault(message)
    found = [
        _to_value(metric, column, (period, figure), submission=submission, evidence_sha256=evidence_sha256)
        for column, period in placed
        for metric in sheet.list_metrics()
        for figure in period.figures
        if figure.metric == metric.measured_by
    ]
    if not found:
        message = "No metric of the sheet is measured_by a figure of the submission; nothing of it has a place."
        raise FatalFault(message)
    _check_overlap(found, sheet)
    return tuple(found)


def _place(submission: Submission, sheet: Sheet) -> Iterator[tuple[str, SubmittedPeriod]]:
    """Yield the periods that are the sheet's too, by their ends, under the names that the sheet has for them."""
    for column in sheet.periods:
        own = read_period(column, project_start=sheet.start)
        for period in submission.periods:
            if (period.period.from_at, period.period.to_at) == (own.from_at, own.to_at):
                yield column, period


def _to_value(
    metric: MetricVersion,
    column: str,
    counted: tuple[SubmittedPeriod, SubmittedFigure],
    *,
    submission: Submission,
    evidence_sha256: str,
) -> Imported:
    period, figure = counted
    ours = DEFINITIONS.get(figure.metric)
    if ours is None or ours.name != figure.definition or submission.profile != PROFILE:
        message = (
            f"{figure.metric} was counted by {figure.definition} of {submission.profile}, which is not the definition here: "
            "the two must not be put into one table."
        )
        raise FatalFault(message)
    last_at = min(period.counted[-1].to_at, submission.made_at) - _MOMENT
    return Imported(
        metric=metric.metric,
        column=column,
        value=_to_text(figure),
        source=submission.station,
        retrieved_at=submission.made_at,
        first_day=period.counted[0].from_at.date(),
        last_day=max(last_at.date(), period.counted[0].from_at.date()),
        evidence_sha256=evidence_sha256,
        says=f"Signed submission of {submission.station}: {_tell_coverage(period)}",
        cannot_say=_NO_VIEW if metric.kind == "count" else f"{_BOUNDS}; {_NO_VIEW}",
    )


def _to_text(figure: SubmittedFigure) -> str:
    value = figure.value
    if isinstance(value, Bounded):
        return to_range_text(value.low, value.high)
    if isinstance(value, Measured):
        if value.low is not None and value.high is not None:
            return to_range_text(value.low, value.high)
        return f"{value.value:,.0f}"
    return join_names(value.names)


def _tell_coverage(period: SubmittedPeriod) -> str:
    counted = sum((part.to_at - part.from_at for part in period.counted), dt.timedelta())
    share = counted / (period.period.to_at - period.period.from_at)
    stretches = [f"{to_time_text(part.from_at)} to {to_time_text(part.to_at)}" for part in period.counted]
    more = f" and {len(stretches) - _SHOWN_GAPS} more stretches" if len(stretches) > _SHOWN_GAPS else ""
    return f"{100 * share:.2f} % of the period was counted, {', '.join(stretches[:_SHOWN_GAPS])}{more}"


def _check_overlap(values: Sequence[Imported], sheet: Sheet) -> None:
    for value in values:
        for kept in sheet.imported:
            same = (kept.metric, kept.source) == (value.metric, value.source)
            if same and kept.first_day <= value.last_day and value.first_day <= kept.last_day:
                holder = f"line {kept.line} of the sheet holds" if kept.line else "a file given before is"
                message = (
                    f"{value.metric}, {value.column}: {holder} another submission of {value.source} on {kept.first_day} to "
                    f"{kept.last_day}; the same uses would count twice. Where the new file replaces the old one, leave the "
                    "old values out."
                )
                raise FatalFault(message)
