"""Answers: figures and periods, page by page, as JSON or CSV; the same figures give the same bytes."""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import io
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from schemas.errors import RejectedInput
from schemas.noun import Name, Noun, to_time_text
from streams.serving.figures import Figure, NamedInterval, is_named, list_intervals, to_figure
from streams.serving.problems import ProblemError, to_problem
from streams.usage.periods import read_period

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schemas.usage import MetricValue
    from streams.serving.board import View
    from streams.serving.negotiation import Form

#: Entries of a page, if nothing else is asked for, and at most.
LIMIT, LIMIT_MOST = 100, 1_000

_CURSOR_LIMIT = 600

Entry = TypeVar("Entry")

_FIGURE_COLUMNS = (
    "installation", "metric", "definition", "unit", "additive", "period", "from_at", "to_at", "state", "value", "names",
    "method", "low", "high", "why", "coverage", "gaps", "profile", "facts",
    "flags",
)  # fmt: skip

_PERIOD_COLUMNS = ("name", "from_at", "to_at", "installations")


class FigurePage(Noun):
    """Figures of one installation, and where the next page begins, if there is one."""

    installation: Name
    figures: tuple[Figure, ...]
    next: str | None = None


class PeriodPage(Noun):
    """Periods, and where the next page begins, if there is one."""

    periods: tuple[NamedInterval, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for; absent means all.

    Attributes
    ----------
    cursor
        What the page before gave as ``next``.
    """

    installation: str | None = None
    period: str | None = None
    metric: str | None = None
    limit: int = LIMIT
    cursor: str | None = None

    def to_digest(self) -> str:
        """Return what tells this question from others, whatever the page."""
        asked = json.dumps([self.installation, self.period, self.metric])
        return hashlib.sha256(asked.encode()).hexdigest()[:16]


def list_figures(view: View, query: Query) -> FigurePage:
    """Return a page of one installation's figures, in the order of periods and metrics.

    Raises
    ------
    ProblemError
        404 ``unknown_installation``, ``unknown_period``, ``unknown_metric``; 400 ``bad_period``, ``bad_cursor``.
    """
    if query.installation not in view.installations:
        known = ", ".join(view.installations) or "none"
        sentence = f"There is no installation of this name; there are: {known}."
        raise ProblemError(HTTPStatus.NOT_FOUND, "unknown_installation", sentence)
    values = [value for value in view.values if value.installation == query.installation]
    if query.period is not None:
        values = _select_period(values, query.period, view)
    if query.metric is not None:
        values = [value for value in values if value.metric == query.metric]
        if not values:
            sentence = (
                f"There is no figure of this code for {query.installation}; ask without metric to see which there are."
            )
            raise ProblemError(HTTPStatus.NOT_FOUND, "unknown_metric", sentence)
    chosen, after = _cut(values, query, lambda value: [*_to_place(value), value.metric])
    return FigurePage(
        installation=query.installation, figures=tuple(to_figure(value, view.start) for value in chosen), next=after
    )


def list_periods(view: View, query: Query) -> PeriodPage:
    """Return a page of the periods of which there are figures, in the order in which they begin.

    Raises
    ------
    ProblemError
        400 ``bad_cursor``.
    """
    intervals = list_intervals(view.values, view.start)
    chosen, after = _cut(intervals, query, lambda one: [to_time_text(one.from_at), to_time_text(one.to_at)])
    return PeriodPage(periods=tuple(chosen), next=after)


def _select_period(values: Sequence[MetricValue], name: str, view: View) -> list[MetricValue]:
    try:
        read_period(name, project_start=view.start)
    except RejectedInput as fault:
        raise to_problem(fault) from fault
    found = [value for value in values if is_named(value.period, name, view.start)]
    if not found:
        sentence = "There are no figures of this period; /metrics/periods lists those there are."
        raise ProblemError(HTTPStatus.NOT_FOUND, "unknown_period", sentence)
    return found


def _to_place(value: MetricValue) -> tuple[str, str]:
    return to_time_text(value.period.from_at), to_time_text(value.period.to_at)


def _cut(entries: Sequence[Entry], query: Query, place: Callable[[Entry], list[str]]) -> tuple[list[Entry], str | None]:
    """Return the page that the cursor names, and the cursor of the next.

    A cursor names the last entry before its page: what is added or changed meanwhile moves nothing from page to page.
    """
    after = _read_cursor(query) if query.cursor is not None else []
    rest = [entry for entry in entries if place(entry) > after]
    page = rest[: query.limit]
    return page, _write_cursor(query, place(page[-1])) if len(rest) > len(page) else None


def _write_cursor(query: Query, place: list[str]) -> str:
    return base64.urlsafe_b64encode(json.dumps([query.to_digest(), *place]).encode()).decode().rstrip("=")


def _read_cursor(query: Query) -> list[str]:
    text = query.cursor or ""
    sentence = "This cursor is of another question, or none; begin again without it."
    problem = ProblemError(HTTPStatus.BAD_REQUEST, "bad_cursor", sentence)
    try:
        if len(text) > _CURSOR_LIMIT:
            raise problem
        read = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise problem from error
    if not isinstance(read, list) or not all(isinstance(part, str) for part in read) or read[:1] != [query.to_digest()]:
        raise problem
    return read[1:]


def render(page: FigurePage | PeriodPage, form: Form) -> bytes:
    """Return a page as canonical JSON, or as CSV with a heading; CSV tells the next page in a header only."""
    if form == "json":
        return page.to_canonical() + b"\n"
    entries: Sequence[Noun] = page.figures if isinstance(page, FigurePage) else page.periods
    columns = _FIGURE_COLUMNS if isinstance(page, FigurePage) else _PERIOD_COLUMNS
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(columns)
    for entry in entries:
        plain = entry.to_plain()
        writer.writerow([_to_cell(plain.get(column)) for column in columns])
    return target.getvalue().encode()


def _to_part(value: Any) -> str:  # noqa: ANN401 - any JSON
    if not isinstance(value, dict):
        return str(value)
    return f"{value['kind']} {value['month']}" if "month" in value else f"{value['from_at']}..{value['to_at']}"


def _to_cell(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Return a cell: lists with semicolons, intervals as ``from..to``, what is absent as nothing."""
    if value is None:
        return ""
    if isinstance(value, list):
        return "; ".join(_to_part(one) for one in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
