"""A submission: files announced on the topic, and their ends awaited; nothing is believed but what the topics say."""

from __future__ import annotations

import datetime as dt
import re
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from schemas.canonical import to_sha256
from schemas.errors import RejectedInput
from schemas.media import InlineBody, MediaArrived, MediaSettled, SetAside, Subject, make_event_id
from schemas.unit import SUBJECT_LIMIT
from schemas.wire import to_headers
from streams.account.ledger import ArrivalKey, Ledger, count_ledger, read_ends, read_tallies
from streams.brokers.records import Record
from streams.faults import make_rejection, to_dead_letter
from streams.feeds.announce import Claimed, announce_file
from streams.feeds.runs.local.announcing import announce_run
from streams.units.routing import to_settled_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from schemas.topics import Topics
    from sinks.object_store.store import ObjectStore
    from streams.brokers.client import Client
    from streams.brokers.records import Stored
    from streams.feeds.announce import Sender
    from streams.feeds.runs.local.finding import FoundRun

#: Arrivals on their way at once: enough to keep every worker busy, few enough that a log does not fill a disk.
OUTSTANDING_LIMIT = 256

#: Records announced in one durable append.
_BATCH_RECORDS = 16

#: Between two looks at the ends.
_LOOK_EVERY_S = 0.05

#: What a name becomes of which nothing can be kept.
_UNNAMED = "unnamed"

_SUBJECT: TypeAdapter[str] = TypeAdapter(Subject)

#: Characters that no name may hold, though a file's may.
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\\:]")


@dataclass(frozen=True, slots=True)
class Medium:
    """A file or run to be announced, under the name its feed knows it by.

    Attributes
    ----------
    sender
        Whose it is, where it is not the submission's own sender's.
    run
        The run that is announced as a whole; absent for a file.
    """

    path: Path
    claimed: Claimed
    sender: Sender | None = None
    run: FoundRun | None = None


@dataclass
class Submission:
    """What one command announces, and what became of it.

    Parameters
    ----------
    look
        Called after each look at the ends; may raise to give up (a worker died).
    """

    client: Client
    topics: Topics
    store: ObjectStore
    sender: Sender
    look: Callable[[], None] = lambda: None
    arrived: set[ArrivalKey] = field(default_factory=set)
    ends: dict[ArrivalKey, MediaSettled] = field(default_factory=dict)
    tallies: dict[str, tuple[int, int]] = field(default_factory=dict)
    _places: dict[str, dict[int, int]] = field(default_factory=dict)

    def begin(self) -> None:
        """Remember where the topics end now: only ends that come later are ours."""
        for topic in (self.topics.media_settled, self.topics.result_stored):
            ends = self.client.end_offsets([topic])
            self._places[topic] = {partition: offset for (_, partition), offset in ends.items()}

    def submit(self, media: Iterable[Medium], *, keep_pace: bool = True) -> None:
        """Announce files, keeping pace with the workers where there are some to wait for."""
        batch: list[Record] = []
        for medium in media:
            batch.extend(self._announce(medium))
            if len(batch) >= _BATCH_RECORDS:
                self.client.append(batch)
                batch = []
                if keep_pace:
                    self._keep_pace()
        if batch:
            self.client.append(batch)

    def _announce(self, medium: Medium) -> tuple[Record, ...]:
        sender = medium.sender or self.sender
        try:
            if medium.run is not None:
                announced = announce_run(medium.run, medium.claimed, sender, self.store)
            else:
                announced = announce_file(medium.path, medium.claimed, sender, self.store)
        except RejectedInput as fault:
            return self.refuse(medium.claimed.subject, fault, sender)
        self.arrived.add(ArrivalKey(announced.media.source, announced.media.event))
        return (announced.to_record(self.topics.media_arrived),)

    def refuse(self, subject: str, fault: RejectedInput, sender: Sender | None = None) -> tuple[Record, ...]:
        """Return the dead letter and the end of a file that could not even be announced: it is submitted and set aside."""
        feed = (sender or self.sender).feed
        shown = subject.encode("utf-8", "backslashreplace").decode()
        media = MediaArrived(
            event=make_event_id(feed, shown, to_sha256(fault.reason.encode())),
            feed=feed,
            subject=to_telling_subject(shown),
            body=InlineBody(),
        )
        record = Record(self.topics.media_arrived, feed.encode(), b"", to_headers(media))
        rejection = make_rejection(record, fault, step="announce", rejected_at=dt.datetime.now(dt.UTC))
        end = SetAside(rejection_id=rejection.rejection_id, reason=fault.reason)
        settled = MediaSettled(source=media.source, event=media.event, subject=media.subject, end=end)
        self.arrived.add(ArrivalKey(media.source, media.event))
        letter = to_dead_letter(record, rejection, self.topics.media_rejected)
        return (letter, to_settled_record(self.topics, settled))

    def _keep_pace(self) -> None:
        while len(self.arrived) - len(self.ends) > OUTSTANDING_LIMIT:
            self.take_ends()
            time.sleep(_LOOK_EVERY_S)

    def wait(self) -> None:
        """Return when everything announced has ended."""
        while len(self.ends) < len(self.arrived):
            self.take_ends()
            if len(self.ends) < len(self.arrived):
                time.sleep(_LOOK_EVERY_S)
        self.take_ends()

    def take_ends(self) -> None:
        """Read what ended since the last look."""
        for key, settled in read_ends(self._read(self.topics.media_settled)).items():
            if key in self.arrived and settled.has_ended:
                self.ends[key] = settled
        self.tallies.update(read_tallies(self._read(self.topics.result_stored)))
        self.look()

    def _read(self, topic: str) -> list[Stored]:
        places = self._places.setdefault(topic, {})
        records = list(self.client.read(topic, places))
        for record in records:
            places[record.partition] = record.offset + 1
        return records

    def to_ledger(self) -> Ledger:
        """Return the ledger of what this command announced."""
        return count_ledger(self.arrived, self.ends, self.tallies)


def to_telling_subject(name: str) -> str:
    """Return a name that an envelope takes for a file whose own it may not: as like it as can be."""
    for candidate in (name, _FORBIDDEN.sub("_", name)[-SUBJECT_LIMIT:].strip("/")):
        with suppress(ValidationError):
            return _SUBJECT.validate_python(candidate)
    return _UNNAMED
