"""Watching a collection of MongoDB that lists a feed's images: ``observatory watch`` without a folder."""

from __future__ import annotations

from collections import Counter
from contextlib import closing, suppress
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from schemas.errors import RejectedInput
    from streams.cli.output import Output
    from streams.feeds.mongo.listing import Document
    from streams.feeds.mongo.poll import CollectionPoll
    from streams.feeds.mongo.rule import CollectionRule
    from streams.settings.model import Deployment
    from streams.submission import Submission
    from streams.usage.presence.watch_door import WatchDoor


def find_collection(deployment: Deployment, feed: str) -> CollectionRule:
    """Return the collection of a feed.

    Raises
    ------
    FatalFault
        If the settings name none.
    """
    from schemas.errors import FatalFault

    rule = deployment.feeds[feed].collection
    if rule is None:
        message = (
            f"Name a folder to watch, or the collection that lists the images of {feed}: [feeds.{feed}.collection]."
        )
        raise FatalFault(message)
    return rule


def follow_collection(
    output: Output,
    submission: Submission,
    deployment: Deployment,
    *,
    stop: threading.Event,
    once: bool,
    door: WatchDoor,
) -> Counter[str]:
    """Announce what the feed's collection lists, until asked to stop, and return how many were announced and refused.

    Raises
    ------
    FatalFault, TransientFault
        From the collection, the broker or the store.
    """
    import datetime as dt

    from schemas.errors import TransientFault
    from streams.faults import Patience, StoppingError
    from streams.feeds.mongo.announcing import announce_document
    from streams.feeds.mongo.bookmark import open_bookmark
    from streams.feeds.mongo.opening import open_collection
    from streams.feeds.mongo.poll import CollectionWatch
    from streams.feeds.watch import watch_until
    from streams.settings.secrets import read_secret

    feed = submission.sender.feed
    rule = find_collection(deployment, feed)

    def announce(document: Document) -> None:
        announced = announce_document(document, rule, submission.sender, submission.store)
        submission.client.append([announced.to_record(submission.topics.media_arrived)])

    def refuse(name: str, fault: RejectedInput) -> None:
        submission.client.append(submission.refuse(name, fault))

    def look(work: Callable[[], CollectionPoll]) -> CollectionPoll:
        try:
            return work()
        except TransientFault as fault:
            output.note(f"waiting: {fault.sentence}")
            door.note_trouble()
            raise

    password = read_secret(rule.password, rule.password_file)
    state = deployment.folder / "state"
    state.mkdir(parents=True, exist_ok=True)
    tally: Counter[str] = Counter()
    patience = Patience(give_up_after_s=deployment.worker.outage_after_s)
    output.note(f"Watching the collection {rule.source} for feed {feed}; interrupt to end.")
    with (
        closing(open_collection(rule, password)) as collection,
        open_bookmark(state / "collections.db", feed, rule.source) as bookmark,
        suppress(StoppingError),
    ):
        watch = CollectionWatch(collection, announce, refuse, bookmark, rule)
        began_at = dt.datetime.now(dt.UTC)
        for poll in watch_until(watch, stop, look=lambda work: patience.call(partial(look, work), stop)):
            tally.update(announced=poll.announced, refused=poll.refused)
            tally["unreadable"] = poll.waiting
            ended_at = dt.datetime.now(dt.UTC)
            door.note_look(began_at, ended_at)
            began_at = ended_at
            if poll.announced or poll.refused:
                output.note(f"announced {poll.announced:,}, refused {poll.refused:,}, waiting {poll.waiting:,}")
            if once:
                break
    return tally
