"""From settings to what is served: the board of a deployment, its static page, and its assessment."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from schemas.errors import FatalFault, RejectedInput
from schemas.topics import Topics
from sinks.object_store.memory import MemoryStore
from streams.account.status import StatusReader
from streams.assessing import Question, make_assessment
from streams.places import find_broker, find_objects, to_app_id
from streams.serving.answers import LIMIT_MOST, Query, list_figures, list_periods, render
from streams.serving.board import Board
from streams.serving.page import Links, to_html
from streams.usage.periods import read_period
from streams.usage.reports.facts import open_facts
from streams.usage.reports.metrics import to_metric_values
from streams.usage.reports.report import make_report
from streams.usage.reports.scope import Scope
from streams.usage.sheets.page import to_html as to_assessment_html

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from schemas.usage import MetricValue
    from streams.brokers.client import Client
    from streams.serving.answers import FigurePage, PeriodPage
    from streams.serving.board import View
    from streams.settings.model import Deployment


#: Where the figures of each installation are, beside the page.
FIGURES_FOLDER = "metrics"

#: What stands in the place of an installation in ``/metrics/periods``.
_TAKEN = "periods"


def make_board(deployment: Deployment, periods: Sequence[str] = (), *, every_s: float = 5.0) -> Board:
    """Return the board of a deployment; it makes neither folder nor topic.

    Parameters
    ----------
    periods
        Further periods, whose figures are counted from the facts every ten minutes; those that are running are on the topic.

    Raises
    ------
    FatalFault
        If a period cannot be read, or an installation is called as nothing can be that is served.
    """
    if _TAKEN in deployment.installations:
        message = f"An installation called {_TAKEN!r} cannot be served: /metrics/{_TAKEN} lists periods."
        raise FatalFault(message)
    starts = deployment.project.starts
    start = dt.date.fromisoformat(f"{starts}-01") if starts else None
    try:
        named = tuple(read_period(text, project_start=start) for text in periods)
    except RejectedInput as fault:
        raise FatalFault(fault.sentence) from fault
    topics = Topics(deployment.broker.topic_prefix)
    installations = tuple(sorted(deployment.installations))

    def make_reader(client: Client) -> StatusReader:
        return StatusReader(
            client,
            topics,
            group=to_app_id(deployment),
            installations=installations,
            feeds=tuple(deployment.feeds),
        )

    def count() -> tuple[MetricValue, ...]:
        scope = Scope(
            installations=installations,
            as_of_at=dt.datetime.now(dt.UTC),
            least_persons=deployment.project.least_persons_by_country,
        )
        with open_facts(find_objects(deployment) or MemoryStore()) as facts:
            return to_metric_values(make_report(facts, named, scope))

    return Board(
        find_client=lambda: find_broker(deployment),
        topic=topics.metric_period,
        make_reader=make_reader,
        measure=count if named else None,
        installations=installations,
        start=start,
        every_s=every_s,
    )


def make_assessment_page(deployment: Deployment, sheets: Sequence[Path]) -> str:
    """Return the assessment of some metric sheets as a page, as ``observatory report --sheets --format html`` writes it.

    Raises
    ------
    FatalFault
        If a sheet is wrong.
    TransientFault
        If the store is away.
    """
    return to_assessment_html(make_assessment(deployment, Question(tuple(sheets)), dt.datetime.now(dt.UTC)))


def write_static(view: View, folder: Path, *, more: tuple[tuple[str, str], ...] = ()) -> tuple[str, ...]:
    """Write the page and all figures as CSV and JSON into a folder, and return the names of the files.

    Parameters
    ----------
    more
        What else the page links to: text and name of a file.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    (folder / FIGURES_FOLDER).mkdir(parents=True, exist_ok=True)
    links = Links(f"{FIGURES_FOLDER}/{{installation}}.{{form}}", more)
    files = {"index.html": to_html(view, links).encode()}
    files |= {f"periods.{form}": render(_read_all_periods(view), form) for form in ("json", "csv")}
    for installation in view.installations:
        page = _read_all_figures(view, installation)
        files |= {f"{FIGURES_FOLDER}/{installation}.{form}": render(page, form) for form in ("json", "csv")}
    for name, data in files.items():
        path = folder / name
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_bytes(data)
        fresh.replace(path)
    return tuple(sorted(files))


def _read_all_figures(view: View, installation: str) -> FigurePage:
    page = list_figures(view, Query(installation, limit=LIMIT_MOST))
    while page.next is not None:
        more = list_figures(view, Query(installation, limit=LIMIT_MOST, cursor=page.next))
        page = more.model_copy(update={"figures": page.figures + more.figures})
    return page


def _read_all_periods(view: View) -> PeriodPage:
    return list_periods(view, Query(limit=max(LIMIT_MOST, len(view.values))))
