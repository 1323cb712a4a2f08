"""Commands that look at pictures now: ``run`` and ``demo``."""

from __future__ import annotations

import signal
import time
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.options import Json, Out, Settings, Verbose, read_given
from streams.cli.output import Exit, open_output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress, TaskID

    from schemas.errors import RejectedInput
    from sinks.composition.outputs.telling import Told
    from streams.account.ledger import Ledger
    from streams.cli.output import Output
    from streams.feeds.announce import Sender
    from streams.gathering import Gathered
    from streams.settings.model import Deployment
    from streams.settings.read import ReadSettings
    from streams.submission import Medium, Submission
    from streams.working import Working

#: Missing files that are named; more are counted.
_NAMED_PATHS = 5

#: Runs shown in the terminal; all are on the page and in the JSON object.
_SHOWN_RUNS = 10


def run(
    paths: Annotated[list[Path], typer.Argument(help="Pictures, videos, runs of an instrument, or folders of them.")],
    *,
    feed: Annotated[str | None, typer.Option(help="Feed they belong to; default: the only one there is.")] = None,
    settings: Settings = None,
    out: Out = None,
    page: Annotated[bool, typer.Option(help="Write the summary page.")] = True,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Look at files, store what was seen, and exit; needs no settings file."""
    with open_output(as_json=as_json, verbose=verbose) as output:
        with heed_interrupts(output) as asked:
            read = read_given(settings, out)
            check_paths(paths)
            gathered = gather_given(output, read, paths, feed=feed)
            ledger = run_files(output, gathered, asked=asked)
        if asked.is_set():
            finish_interrupted(output, ledger)
        if not ledger.total.submitted:
            output.say("There was nothing to look at: no file was found in what you named.")
        show_runs(output, read.deployment, ledger)
        if page:
            write_summary(output, read.deployment)
        finish(output, read.deployment, ledger)


def check_paths(paths: list[Path]) -> None:
    """Refuse names of files and folders that are not there, before anything is done: they are slips of the keyboard.

    Raises
    ------
    FatalFault
        Naming the first of them.
    """
    from schemas.errors import FatalFault

    missing = [str(path) for path in paths if not _is_there(path)]
    if not missing:
        return
    more = f" and {len(missing) - _NAMED_PATHS:,} more" if len(missing) > _NAMED_PATHS else ""
    others = len(paths) - len(missing)
    left = f", and the {others:,} other path{'s' if others > 1 else ''} left alone" if others else ""
    message = f"There is no file or folder {', '.join(missing[:_NAMED_PATHS])}{more}. Nothing was done{left}."
    raise FatalFault(message)


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except PermissionError:
        return True  # there, and set aside with that reason
    except OSError:
        return False
    return True


@contextmanager
def heed_interrupts(output: Output) -> Iterator[Event]:
    """Lend an event that a person sets with Ctrl-C, so that what is on its way is accounted for; the second ends at once."""
    asked = Event()

    def note(_number: int, _frame: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        output.note("Stopping: what is at work is finished first. Interrupt again to end at once.")

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def demo(
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for everything that is made.")] = Path("demo-data"),
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Generate an underwater camera, look at its pictures, and show where the results are."""
    from streams.demo.show import show_demo

    with open_output(as_json=as_json, verbose=verbose) as output:
        show_demo(output, out, show_ledger=show_ledger)


class _AskedToStop(Exception):  # noqa: N818 - no error: somebody asked
    """A person ended the waiting."""


def gather_given(output: Output, read: ReadSettings, paths: list[Path], *, feed: str | None) -> Gathered:
    """Return what is to be announced, and say what it was taken for where nobody said it."""
    from streams.gathering import gather

    gathered = gather(read, paths, feed=feed)
    if read.source is None and feed is None and gathered.runs:
        runs = f"{len(gathered.runs)} run{'s' if len(gathered.runs) > 1 else ''}"
        output.note(f"Taken for {runs} of an instrument: {_name_some([run.subject for run in gathered.runs])}.")
    return gathered


def _name_some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED_PATHS:,} more" if len(names) > _NAMED_PATHS else ""
    return f"{', '.join(names[:_NAMED_PATHS])}{more}"


def run_files(output: Output, gathered: Gathered, *, asked: Event) -> Ledger:
    """Announce files, wait until each has ended or somebody asks to stop, and return the ledger of what was announced."""
    from streams.account.ledger import Ledger
    from streams.submission import Submission
    from streams.working import open_working

    deployment, feeds = gathered.deployment, gathered.feeds
    submission: Submission | None = None
    try:
        _look(asked, lambda: None)
        waited = feeds[0] if len(feeds) == 1 else None
        with open_working(deployment, feed=waited) as working, _open_progress(output) as progress:
            bar = progress.add_task("looking", total=None)
            sender = gathered.make_sender(feeds[0])
            submission = Submission(working.client, working.parts.topics, working.parts.store, sender)
            submission.look = lambda: _look(asked, lambda: _move(progress, bar, submission, working))
            submission.begin()
            submission.submit(_until(asked, list_files(output, submission, gathered)))
            progress.update(bar, total=len(submission.arrived))
            submission.wait()
    except _AskedToStop:
        if submission is not None:
            take_last_ends(deployment, submission)
    return Ledger() if submission is None else submission.to_ledger()


def _look(asked: Event, look: Callable[[], None]) -> None:
    if asked.is_set():
        raise _AskedToStop
    look()


def _until(asked: Event, media: Iterator[Medium]) -> Iterator[Medium]:
    """Yield media until somebody asks to stop: what was yielded is still announced."""
    for medium in media:
        if asked.is_set():
            return
        yield medium


def announce_files(submission: Submission, media: Iterator[Medium], *, asked: Event, wait: bool) -> None:
    """Announce files whose units are done elsewhere, and wait for their ends if that is wanted and nobody asks to stop."""
    submission.look = lambda: _look(asked, lambda: None)
    submission.begin()
    with suppress(_AskedToStop):
        submission.submit(_until(asked, media), keep_pace=wait)
        if wait:
            submission.wait()
    submission.look = lambda: None
    submission.take_ends()


def take_last_ends(deployment: Deployment, submission: Submission) -> None:
    """Take in what ended while the agents stopped; where the broker cannot tell any more, what is known counts."""
    from schemas.errors import ObservatoryError
    from streams.places import open_broker

    with suppress(ObservatoryError), closing(open_broker(deployment)) as client:
        submission.client, submission.look = client, lambda: None
        submission.take_ends()


def list_files(output: Output, submission: Submission, gathered: Gathered) -> Iterator[Medium]:
    """Yield what is to be announced; what cannot be is set aside, and what is passed over is counted."""

    def refuse(sender: Sender, name: str, fault: RejectedInput) -> None:
        submission.client.append(submission.refuse(name, fault, sender))

    yield from gathered.walk(refuse)
    passed_over = gathered.passed_over
    if passed_over:
        told = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in sorted(passed_over.items()))
        output.note(f"Passed over: {told}.")
    output.add({"passed_over": dict(passed_over)})


def _open_progress(output: Output) -> Progress:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=output.errors,
        transient=True,
        disable=output.as_json or not output.errors.is_terminal,
    )


def _move(progress: Progress, bar: TaskID, submission: Submission, working: Working) -> None:
    working.look()
    elapsed_s = progress.tasks[0].elapsed or 0.0
    rate = f"{len(submission.ends) / elapsed_s:.1f}/s" if elapsed_s > 1 else ""
    progress.update(bar, completed=len(submission.ends), rate=rate)


def write_summary(output: Output, deployment: Deployment) -> None:
    """Write the summary page of a deployment, and say where it is."""
    from streams.account.summary import write_summary_page

    began = time.monotonic()
    page = write_summary_page(deployment, deployment.folder / "summary")
    output.say(f"Summary page: {page}")
    output.add({"summary": str(page), "summary_s": round(time.monotonic() - began, 3)})


def show_runs(output: Output, deployment: Deployment, ledger: Ledger) -> None:
    """Show what each run is made of that was stored now: counts with their interval, what is flagged, what is not known."""
    if not any(deployment.feeds[name].reads == "runs" for name in ledger.feeds if name in deployment.feeds):
        return
    from schemas.topics import Topics
    from streams.account.runs import read_runs
    from streams.account.summary import find_samples
    from streams.places import open_broker, open_objects

    topics = Topics(deployment.broker.topic_prefix)
    with closing(open_broker(deployment)) as client:
        read = open_objects(deployment).read
        every = read_runs(client, topics, read)
    runs = [run for run in every if run.announced.unit.unit_id in ledger.stored_units]
    place = f"{deployment.folder / 'store'}/" if deployment.store.url == "file:" else f"{deployment.store.url}/"
    for run in runs[:_SHOWN_RUNS]:
        show_told(output, run.told)
        output.say(f"  files: {place}{run.folder}\n")
    if len(runs) > _SHOWN_RUNS:
        output.say(f"{len(runs) - _SHOWN_RUNS:,} more runs are on the summary page.")
    mine = {run.told.name for run in runs}
    told = [item.told for item in find_samples(deployment, every, read) if mine & set(item.runs)]
    for sample in told[:_SHOWN_RUNS]:
        show_told(output, sample)
    output.add({"runs": [run.to_plain() for run in runs], "samples": [sample.to_plain() for sample in told]})


def show_told(output: Output, told: Told) -> None:
    """Show what a run or sample is made of."""
    from sinks.composition.outputs.telling import COLUMNS

    output.show_table(told.name, COLUMNS, told.rows)
    for name, value in told.facts:
        output.say(f"  {name:<22}{value}")
    for note in told.notes:
        output.say(f"  note: {note}")


def finish(output: Output, deployment: Deployment, ledger: Ledger) -> None:
    """Show the ledger and end with the exit code that sums it up.

    Raises
    ------
    typer.Exit
        With 1 when some inputs were set aside.
    """
    show_ledger(output, ledger)
    output.say(f"Results: {deployment.folder if deployment.store.url == 'file:' else deployment.store.url}")
    output.add(ledger.to_plain())
    if ledger.total.rejected:
        output.say("Some inputs were set aside; see: observatory dead-letters list")
        raise typer.Exit(Exit.SOME_SET_ASIDE)


def finish_interrupted(output: Output, ledger: Ledger) -> None:
    """Show what came of the files that were announced before somebody asked to stop.

    Raises
    ------
    KeyboardInterrupt
        Always.
    """
    show_ledger(output, ledger)
    output.add(ledger.to_plain())
    waiting = ledger.total.in_flight
    if waiting:
        output.say(f"{waiting:,} of these wait; the same command again, or a worker, goes on with them.")
    raise KeyboardInterrupt


def show_ledger(output: Output, ledger: Ledger) -> None:
    """Show every state of every feed, and why inputs were set aside or skipped."""
    names = ("submitted", "stored", "duplicates", "rejected", "skipped", "in_flight")
    rows = [(feed, *(getattr(part, name) for name in names)) for feed, part in sorted(ledger.feeds.items())]
    if len(rows) > 1:
        rows.append(("all", *(getattr(ledger.total, name) for name in names)))
    output.show_table("Ledger", ("feed", *(name.replace("_", " ") for name in names)), rows)
    output.say(f"{ledger.images:,} images looked at, {ledger.findings:,} findings.")
    for title, counted in (("Set aside", ledger.reasons), ("Skipped", ledger.policies)):
        if counted:
            told = ", ".join(f"{count} {reason}" for reason, count in sorted(counted.items()))
            output.say(f"{title}: {told}.")
