"""The demonstration: a generated camera goes the whole way, and everything it leaves is shown."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import FatalFault
from sinks.pages.summary import Link
from streams.account.ledger import count_ledger
from streams.account.summary import write_summary_page
from streams.backgrounds import build_background_file
from streams.demo.recording import make_camera
from streams.demo.site import DATASET, DEPLOYMENTS, SETTINGS
from streams.feeds.announce import Claimed, Sender
from streams.feeds.folder import Found, list_media
from streams.publishing import publish_deployment
from streams.reporting import make_usage_report, publish_metrics, render_report
from streams.settings.read import DEFAULT_FILE, read_settings
from streams.submission import Medium, Submission
from streams.usage.reports.tables import to_tables
from streams.working import open_working

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sinks.darwin_core.report import PublishReport
    from streams.account.ledger import Ledger
    from streams.cli.output import Output
    from streams.demo.truth import Truth
    from streams.settings.model import Deployment
    from streams.working import Working

#: A folder with this file in it was made by an earlier demonstration, and may be made anew.
MARK = "truth.json"


def show_demo(output: Output, out: Path, *, show_ledger: Callable[[Output, Ledger], None]) -> None:
    """Generate a camera under ``out``, look at its pictures twice, publish, report, and say where everything is.

    Parameters
    ----------
    show_ledger
        How the command line shows one.

    Raises
    ------
    FatalFault
        If ``out`` holds something else.
    """
    began = time.monotonic()
    _clear(out)
    output.say(
        "[bold]1[/] A generated underwater camera records one day: stills, one clip, a broken file, a duplicate.",
        markup=True,
    )
    truth = _make_site(out)
    deployment = read_settings(out / DEFAULT_FILE, {}).deployment
    told = f"{len(truth.stills)} stills, a clip of {len(truth.frames)} frames, {len(truth.oddities)} odd files"
    output.say(f"  {told}; the background of the motion detector is their median.")
    output.say(
        "[bold]2[/] Each file goes from topic to detector to store, once to each of two installations.", markup=True
    )
    ledger = _look(deployment, out / "camera")
    show_ledger(output, ledger)
    output.say("[bold]3[/] What was stored is published, counted and shown.", markup=True)
    published = publish_deployment(deployment, to=out / "darwin-core.zip", allow_demonstration=True)
    report = make_usage_report(deployment, ())
    (out / "usage-report.md").write_text(render_report(report, "md"), encoding="utf-8")
    publish_metrics(deployment)
    page = write_summary_page(deployment, out / "summary", links=_make_links(out), title="A day of the reef camera")
    for table in to_tables(report)[:1]:
        output.show_table(table.title, table.columns, table.rows)
    _show_places(output, out, page, published)
    output.say(f"Done in {time.monotonic() - began:.0f} s.")
    output.add({**ledger.to_plain(), "page": str(page), "seconds": round(time.monotonic() - began, 1)})


def _clear(out: Path) -> None:
    if out.exists() and any(out.iterdir()):
        if not (out / MARK).is_file():
            message = f"{out} holds something that is no demonstration; give another folder with --out."
            raise FatalFault(message)
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)


def _make_site(out: Path) -> Truth:
    """Write pictures, truth, background and the settings of the demonstration."""
    truth = make_camera(out / "camera")
    (out / MARK).write_bytes(truth.to_json())
    build_background_file([out / "camera"], out / "models" / "reef-background.png")
    for name, text in ((DEFAULT_FILE, SETTINGS), ("deployments.csv", DEPLOYMENTS), ("dataset.toml", DATASET)):
        (out / name).write_text(text, encoding="utf-8")
    return truth


def _look(deployment: Deployment, folder: Path) -> Ledger:
    """Announce the folder to every feed, wait for all ends, and return the ledger of both together."""
    with open_working(deployment) as working:
        submissions = [_submit(working, deployment, feed, folder) for feed in sorted(deployment.feeds)]
        for submission in submissions:
            submission.wait()
    arrived = set().union(*(submission.arrived for submission in submissions))
    ends = {key: end for submission in submissions for key, end in submission.ends.items()}
    tallies = {unit: tally for submission in submissions for unit, tally in submission.tallies.items()}
    return count_ledger(arrived, ends, tallies)


def _submit(working: Working, deployment: Deployment, feed: str, folder: Path) -> Submission:
    sender = Sender(feed=feed, inline_limit=deployment.inline_limit)
    submission = Submission(working.client, working.parts.topics, working.parts.store, sender, working.look)
    submission.begin()
    submission.submit(_to_media(folder))
    return submission


def _to_media(folder: Path) -> Iterator[Medium]:
    return (Medium(item.path, Claimed(item.subject)) for item in list_media([folder]) if isinstance(item, Found))


def _make_links(out: Path) -> tuple[Link, ...]:
    return (
        Link(
            "Darwin Core archive",
            "../darwin-core.zip",
            "Events, occurrences and measurements, in the shape OBIS reads.",
        ),
        Link("Usage report", "../usage-report.md", "Images processed, users and countries, with definitions."),
        Link("Settings", f"../{DEFAULT_FILE}", "What this demonstration was run with."),
        Link("Truth", f"../{MARK}", f"What is really in the {len(list((out / 'camera').iterdir()))} generated files."),
    )


def _show_places(output: Output, out: Path, page: Path, published: PublishReport) -> None:
    events = published.stills + published.clips
    places = (
        ("summary page", page, "open it in a browser: pictures with boxes, counts over time, what was set aside"),
        (
            "Darwin Core",
            published.archive,
            f"{events} events, {published.occurrences} occurrences, marked as a demonstration",
        ),
        ("usage report", out / "usage-report.md", "images processed, users, countries, with their definitions"),
        ("results", out / "data" / "store" / "results", "one JSON document per unit, pictures beside it"),
        ("settings", out / DEFAULT_FILE, f"try: .venv/bin/observatory ledger --settings {out / DEFAULT_FILE}"),
    )
    output.say("[bold]Where to look[/]", markup=True)
    for what, where, sentence in places:
        output.say(f"  {what:<13} {where}\n  {'':<13} {sentence}")
