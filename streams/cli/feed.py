"""Commands that announce pictures to the configured broker: ``push`` and ``watch``."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.options import Json, Out, Settings, Verbose, read_given
from streams.cli.output import Exit, open_output
from streams.cli.run import (
    announce_files,
    check_paths,
    finish_interrupted,
    heed_interrupts,
    list_files,
    show_ledger,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.errors import RejectedInput
    from streams.brokers.records import Record
    from streams.cli.output import Output
    from streams.feeds.folder import Found
    from streams.feeds.watch import Poll, Watch
    from streams.feeds.watched import Watched
    from streams.settings.model import Deployment
    from streams.settings.read import ReadSettings
    from streams.submission import Submission
    from streams.usage.presence.watch_door import WatchDoor

Feed = Annotated[
    str | None, typer.Option(help="Feed they belong to; default: the only one there is, or the built-in camera.")
]


def push(
    paths: Annotated[list[Path], typer.Argument(help="Pictures, videos, or folders of them.")],
    *,
    feed: Feed = None,
    wait: Annotated[bool, typer.Option(help="Wait until a worker has ended each of them.")] = False,
    settings: Settings = None,
    out: Out = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Announce files to the broker; workers elsewhere look at them."""
    from streams.gathering import gather_for

    with open_output(as_json=as_json, verbose=verbose) as output, ExitStack() as stack:
        read = read_given(settings, out)
        deployment, feed = read.deployment, prefer_camera(read, feed)
        check_paths(paths)
        submission = open_submission(deployment, feed, stack)
        asked = stack.enter_context(heed_interrupts(output))
        gathered = gather_for(deployment, submission.sender.feed, paths)
        announce_files(submission, list_files(output, submission, gathered), asked=asked, wait=wait)
        ledger = submission.to_ledger()
        output.say(f"Announced {ledger.total.submitted:,} files of feed {submission.sender.feed}.")
        if asked.is_set():
            finish_interrupted(output, ledger)
        if wait:
            show_ledger(output, ledger)
        output.add(ledger.to_plain())
        if ledger.total.rejected:
            raise typer.Exit(Exit.SOME_SET_ASIDE)


def prefer_camera(read: ReadSettings, feed: str | None) -> str | None:
    """Return the feed that was named, and the camera's where none was and the settings are the built-in ones."""
    from streams.settings.builtin import CAMERA

    return CAMERA if feed is None and read.source is None else feed


def open_submission(deployment: Deployment, feed: str | None, stack: ExitStack) -> Submission:
    """Return a submission of a feed, its topics made."""
    from schemas.topics import Topics
    from streams.feeds.announce import Sender
    from streams.gathering import choose_feed
    from streams.places import open_broker, open_objects, plan_topics
    from streams.submission import Submission

    sender = Sender(
        feed=choose_feed(deployment, feed),
        inline_limit=deployment.inline_limit,
        renews=deployment.store.keep_originals_days is not None,
    )
    client = open_broker(deployment)
    stack.callback(client.close)
    client.create(plan_topics(deployment))
    return Submission(client, Topics(deployment.broker.topic_prefix), open_objects(deployment), sender)


def watch(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Folder that fills; without one, the collection that the feed's settings name."),
    ] = None,
    *,
    feed: Feed = None,
    once: Annotated[bool, typer.Option(help="End when everything that is there now is announced.")] = False,
    settings: Settings = None,
    out: Out = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Announce what appears in a folder, each file when it is complete, or what a collection lists, until interrupted."""
    from schemas.errors import TransientFault
    from streams.cli.watching.collection import find_collection, follow_collection
    from streams.feeds.watched import open_watched
    from streams.gathering import choose_feed
    from streams.places import to_watched_path

    with open_output(as_json=as_json, verbose=verbose) as output, ExitStack() as stack:
        read = read_given(settings, out)
        deployment, feed = read.deployment, prefer_camera(read, feed)
        if folder is None:
            find_collection(deployment, choose_feed(deployment, feed))
        elif once and (away := find_away(folder)) is not None:
            raise TransientFault(away)
        submission = open_submission(deployment, feed, stack)
        name = submission.sender.feed
        memory = to_watched_path(deployment)
        memory.parent.mkdir(parents=True, exist_ok=True)
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        door = make_watch_door(submission, deployment, once=once)
        if folder is None:
            tally = follow_collection(output, submission, deployment, stop=stop, once=once, door=door)
        else:
            watched = stack.enter_context(open_watched(memory, name))
            tally = _watch(output, submission, deployment, folder, watched=watched, stop=stop, once=once, door=door)
        door.close()
        output.say(f"Announced {tally['announced']:,}, refused {tally['refused']:,}.")
        output.add({name: tally[name] for name in ("announced", "refused", "unreadable")})
        if once and tally["unreadable"]:
            output.say(f"{tally['unreadable']:,} files or folders could not be read and are left for the next time.")
            raise typer.Exit(Exit.SOME_SET_ASIDE)


def make_watch_door(submission: Submission, deployment: Deployment, *, once: bool) -> WatchDoor:
    """Return what says when the feed's watcher looked."""
    from streams.usage.presence.watch_door import WatchDoor

    feed = submission.sender.feed
    topic, installation = submission.topics.usage_recorded, deployment.feeds[feed].installation
    return WatchDoor(submission.client.append, topic, feed, installation, speaks=not once)


def find_away(folder: Path) -> str | None:
    """Return why a folder cannot be watched now, or ``None`` when it can.

    Raises
    ------
    FatalFault
        If it is a file.
    """
    from schemas.errors import FatalFault

    if folder.is_file():
        message = f"{folder} is a file; observatory push announces files, watch takes a folder."
        raise FatalFault(message)
    try:
        with os.scandir(folder):
            return None
    except OSError as error:
        return f"The folder {folder} is away ({error.strerror}): nothing of it can be announced."


def tell_away(output: Output, folder: Path, *, before: str | None) -> str | None:
    """Say when a folder went away or came back, and return why it is away, if it is."""
    away = find_away(folder)
    if away is not None and away != before:
        output.note(f"{away} Watching goes on, and takes up its files when it is there.")
    if away is None and before is not None:
        output.note(f"The folder {folder} is there.")
    return away


def _watch(
    output: Output,
    submission: Submission,
    deployment: Deployment,
    folder: Path,
    *,
    watched: Watched,
    stop: threading.Event,
    once: bool,
    door: WatchDoor,
) -> Counter[str]:
    import datetime as dt

    from schemas.errors import TransientFault
    from streams.faults import Patience, StoppingError
    from streams.feeds.watch import watch_until

    looking = make_watch(output, submission, deployment, folder, watched=watched)
    tally: Counter[str] = Counter()
    patience = Patience(give_up_after_s=deployment.worker.outage_after_s)
    output.note(f"Watching {folder} for feed {submission.sender.feed}; interrupt to end.")
    away: str | None = None
    with suppress(StoppingError):
        began_at = dt.datetime.now(dt.UTC)
        for poll in watch_until(looking, stop, look=lambda work: patience.call(note_outages(output, work, door), stop)):
            tally.update(announced=poll.announced, refused=poll.refused)
            away = tell_away(output, folder, before=away)
            ended_at = dt.datetime.now(dt.UTC)
            if away is None and not poll.away:
                door.note_look(began_at, ended_at)
            began_at = ended_at
            if once and away is not None:
                raise TransientFault(away)
            tally["unreadable"] = poll.away + poll.retried
            if poll.announced or poll.refused:
                output.note(f"announced {poll.announced:,}, refused {poll.refused:,}, waiting {poll.waiting:,}")
            if once and not poll.waiting:
                break
    return tally


def make_watch(
    output: Output, submission: Submission, deployment: Deployment, folder: Path, *, watched: Watched
) -> Watch:
    """Return what looks at a folder: for files, or for runs where the feed reads those."""
    from schemas.errors import RejectedInput
    from streams.feeds.folder import list_media
    from streams.feeds.runs.local.announcing import INCOMPLETE
    from streams.feeds.runs.local.watching import Share, announce_found_run
    from streams.feeds.watch import Watch

    settings = deployment.feeds[submission.sender.feed]
    waited_for: dict[str, str] = {}

    def announce(found: Found) -> None:
        submission.client.append([announce_found(submission, found)])

    def announce_run(found: Found) -> None:
        try:
            announced = announce_found_run(found, submission.sender, submission.store)
        except RejectedInput as fault:
            if waited_for.get(found.subject) != fault.sentence:
                waited_for[found.subject] = fault.sentence
                output.note(f"{found.subject}: {fault.sentence}")
            raise
        waited_for.pop(found.subject, None)
        submission.client.append([announced.to_record(submission.topics.media_arrived)])

    def refuse(name: str, fault: RejectedInput) -> None:
        submission.client.append(submission.refuse(name, fault))

    reads_runs = settings.reads == "runs"
    share = Share(folder, [deployment.folder])
    return Watch(
        list_files=share.list_files
        if reads_runs
        else lambda: list_media([folder], settings.folder, exclude=[deployment.folder]),
        announce=announce_run if reads_runs else announce,
        refuse=refuse,
        watched=watched,
        rule=settings.watch,
        unfinished=INCOMPLETE if reads_runs else frozenset(),
    )


def note_outages(output: Output, work: Callable[[], Poll], door: WatchDoor) -> Callable[[], Poll]:
    """Return the same work, which says each time why it will be tried again, and tells the door."""
    from schemas.errors import TransientFault

    def try_once() -> Poll:
        try:
            return work()
        except TransientFault as fault:
            output.note(f"waiting: {fault.sentence}")
            door.note_trouble()
            raise

    return try_once


def announce_found(submission: Submission, found: Found) -> Record:
    """Return the record that announces a file.

    Raises
    ------
    RejectedInput
        What is wrong with the file.
    """
    import datetime as dt

    from streams.feeds.announce import Claimed, announce_file

    modified_at = dt.datetime.fromtimestamp(found.modified_ns // 1_000_000_000, dt.UTC)
    claimed = Claimed(found.subject, modified_at=modified_at)
    announced = announce_file(found.path, claimed, submission.sender, submission.store)
    return announced.to_record(submission.topics.media_arrived)
