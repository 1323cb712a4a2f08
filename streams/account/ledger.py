"""The ledger: every arrival and the one state it ended in, recomputed from the topics alone."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import ValidationError
from pydantic_core import from_json

from schemas.media import Duplicate, MediaSettled, SetAside, Skipped, Stored
from schemas.unit import SUBJECT_LIMIT
from schemas.wire import FEED_SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.topics import Topics
    from streams.brokers.client import Client
    from streams.brokers.records import Stored as StoredRecord

#: Arrivals named in a ledger that lists what is missing; more are only counted.
NAMED_LIMIT = 100

#: The source of an arrival whose envelope names none: its event is its place in the log.
NAMELESS = "/unreadable"

#: Where arrivals stand whose envelope names no feed.
UNREADABLE = "(unreadable)"


@dataclass(frozen=True, slots=True, order=True)
class ArrivalKey:
    """Which arrival: the CloudEvents source and id, or the place in the log of a record that has neither."""

    source: str
    event: str


def to_arrival_key(record: StoredRecord) -> ArrivalKey:
    """Return the key under which this arrival's end is reported."""
    texts = {name.lower(): value for name, value in record.headers if value is not None}
    source, event = texts.get("ce_source"), texts.get("ce_id")
    if source and event:
        return ArrivalKey(source.decode("utf-8", "replace")[:200], event.decode("utf-8", "replace")[:200])
    return ArrivalKey(NAMELESS, f"{record.partition}-{record.offset}")


@dataclass
class FeedLedger:
    """The states of one feed's arrivals."""

    submitted: int = 0
    stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    skipped: int = 0

    @property
    def in_flight(self) -> int:
        """Arrivals that have not ended: still ours."""
        return self.submitted - self.stored - self.duplicates - self.rejected - self.skipped


@dataclass
class Ledger:
    """All arrivals, and how each ended.

    Attributes
    ----------
    feeds
        By feed name; arrivals without a readable source stand under ``(unreadable)``.
    reasons
        Dead letters still set aside, by reason; ``policies`` likewise for what was skipped.
    images, findings
        Images looked at and findings in the results announced for the arrivals that are stored, each unit once.
    in_flight
        The first hundred arrivals that have not ended.
    stored_units
        The units of those that are stored.
    """

    feeds: dict[str, FeedLedger] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    policies: Counter[str] = field(default_factory=Counter)
    images: int = 0
    findings: int = 0
    in_flight: list[ArrivalKey] = field(default_factory=list)
    stored_units: set[str] = field(default_factory=set)

    @property
    def total(self) -> FeedLedger:
        """The sum over feeds."""
        parts = self.feeds.values()
        return FeedLedger(
            submitted=sum(part.submitted for part in parts),
            stored=sum(part.stored for part in parts),
            duplicates=sum(part.duplicates for part in parts),
            rejected=sum(part.rejected for part in parts),
            skipped=sum(part.skipped for part in parts),
        )

    def to_plain(self) -> dict[str, object]:
        """Return the ledger as one JSON object; ``submitted`` equals the sum of the five states."""
        total = self.total
        return {
            "submitted": total.submitted,
            "stored": total.stored,
            "duplicates": total.duplicates,
            "rejected": total.rejected,
            "skipped": total.skipped,
            "in_flight": total.in_flight,
            "images": self.images,
            "findings": self.findings,
            "reasons": dict(sorted(self.reasons.items())),
            "policies": dict(sorted(self.policies.items())),
            "feeds": {name: {**vars(feed), "in_flight": feed.in_flight} for name, feed in sorted(self.feeds.items())},
            "named_in_flight": [f"{key.source}#{key.event}" for key in self.in_flight],
        }


def find_feed(record: StoredRecord) -> str:
    """Return the feed that an arrival's envelope names, or :data:`UNREADABLE`."""
    return to_feed(to_arrival_key(record))


def to_feed(key: ArrivalKey) -> str:
    """Return the feed whose arrival it was, or :data:`UNREADABLE`."""
    return key.source.removeprefix(FEED_SOURCE) if key.source.startswith(FEED_SOURCE) else UNREADABLE


def find_subject(record: StoredRecord) -> str | None:
    """Return the sender's name for an arrival, where its envelope tells one."""
    texts = {name.lower(): value for name, value in record.headers if value is not None}
    subject = texts.get("ce_subject", b"").decode("utf-8", "replace")[:SUBJECT_LIMIT]
    return subject or None


def read_ends(records: Iterable[StoredRecord]) -> dict[ArrivalKey, MediaSettled]:
    """Return the newest state of each arrival that was taken up; what is no such record is passed over."""
    ends: dict[ArrivalKey, MediaSettled] = {}
    for record in records:
        try:
            settled = MediaSettled.from_json(record.value or b"")
        except ValidationError:
            continue
        ends[ArrivalKey(settled.source, settled.event)] = settled
    return ends


def read_tallies(records: Iterable[StoredRecord]) -> dict[str, tuple[int, int]]:
    """Return images looked at and findings of each unit, by its newest result; only that, so that millions fit in memory."""
    tallies: dict[str, tuple[int, int]] = {}
    for record in records:
        with suppress(ValueError, LookupError, TypeError, OverflowError):  # whatever else somebody wrote there
            plain = from_json(record.value or b"")
            tallies[plain["unit"]["unit_id"]] = (int(plain["counts"]["looked"]), int(plain["counts"]["findings"]))
    return tallies


def count_ledger(
    arrived: Iterable[ArrivalKey],
    ends: dict[ArrivalKey, MediaSettled],
    tallies: dict[str, tuple[int, int]],
) -> Ledger:
    """Return the ledger of these arrivals; an arrival that came twice (a redelivery) is one.

    An end without an arrival is one too: of a file that could not be announced, or of an arrival that retention took.
    """
    ledger = Ledger()
    stored_units = ledger.stored_units
    for key in sorted({*arrived, *ends}):
        row = ledger.feeds.setdefault(to_feed(key), FeedLedger())
        row.submitted += 1
        settled = ends.get(key)
        match settled.end if settled else None:
            case Stored(unit_ids=unit_ids):
                row.stored += 1
                stored_units.update(unit_ids)
            case Duplicate():
                row.duplicates += 1
            case SetAside(reason=reason):
                row.rejected += 1
                ledger.reasons[reason] += 1
            case Skipped(policy=policy):
                row.skipped += 1
                ledger.policies[policy] += 1
            case _:
                if len(ledger.in_flight) < NAMED_LIMIT:
                    ledger.in_flight.append(key)
    kept = [tallies[unit_id] for unit_id in stored_units if unit_id in tallies]
    ledger.images = sum(images for images, _ in kept)
    ledger.findings = sum(findings for _, findings in kept)
    return ledger


def read_ledger(client: Client, topics: Topics, *, group: str) -> Ledger:
    """Read what became of every arrival, and the arrivals that nobody has taken up yet.

    Of ``media.arrived`` only what lies behind the router's committed place is read: everything before it has its state on
    ``media.settled``. That place is asked for **first**, so that an arrival which is taken up meanwhile is seen twice, and
    counted once, and never missed.

    Parameters
    ----------
    group
        Name of the group of workers.

    Raises
    ------
    TransientFault
        If the broker is away.
    """
    made = {state.name for state in client.describe()}
    committed = client.committed(group)
    places = {partition: place for (topic, partition), place in committed.items() if topic == topics.media_arrived}

    def read(topic: str, start: dict[int, int] | None = None) -> Iterator[StoredRecord]:
        return client.read(topic, start) if topic in made else iter(())

    waiting = [to_arrival_key(record) for record in read(topics.media_arrived, places)]
    ends = read_ends(read(topics.media_settled))
    return count_ledger(waiting, ends, read_tallies(read(topics.result_stored)))
