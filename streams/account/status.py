"""The state of a deployment as its topics tell it: for whoever asks from outside a worker, and for its health page."""

from __future__ import annotations

import datetime as dt
from collections import Counter, OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from schemas.media import MediaSettled, SetAside
from schemas.noun import to_time_text
from schemas.result import ResultStored
from schemas.unit import to_moment_text
from schemas.wire import read_rejection
from streams.account.dead_letters import identify
from streams.account.lag import Lag, find_order_feed, measure_lag
from streams.account.ledger import NAMELESS, UNREADABLE, to_feed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from schemas.media import Rejection
    from schemas.topics import Topics
    from streams.brokers.client import Client
    from streams.brokers.records import Stored

#: Results and dead letters read from the end of each partition at the first look: enough for the newest of every feed.
TAIL_RECORDS = 500

#: Dead letters followed; of more, the oldest are forgotten.
LETTERS_LIMIT = 100_000

#: Feeds told apart, for a sender may invent names without end; further ones stand with those that cannot be read.
FEEDS_LIMIT = 1_000

_MINUTE_S, _HOUR_S, _DAY_S = 60.0, 3_600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class LastResult:
    """The newest result of a feed, and when the broker took it in."""

    stored_at: dt.datetime
    stored: ResultStored

    def to_plain(self) -> dict[str, Any]:
        """Return one JSON object."""
        stored = self.stored
        return {
            "unit_id": stored.unit.unit_id,
            "captured": to_moment_text(stored.unit.captured),
            "images": stored.counts.looked,
            "findings": stored.counts.findings,
            "labels": dict(stored.labels),
            "document": stored.document.key,
        }


@dataclass
class FeedStatus:
    """One feed.

    Attributes
    ----------
    dead_letters
        Those that are still set aside, by reason.
    lag
        Arrivals not yet routed and units not yet done.
    """

    last: LastResult | None = None
    dead_letters: Counter[str] = field(default_factory=Counter)
    lag: int = 0


@dataclass
class Status:
    """All feeds that are expected or were heard of, and how many records wait."""

    asked_at: dt.datetime
    feeds: dict[str, FeedStatus] = field(default_factory=dict)
    lag: Lag = field(default_factory=Lag)

    @classmethod
    def make_empty(cls, feeds: Iterable[str]) -> Status:
        """Return the state of a deployment of which nothing was ever heard."""
        return cls(dt.datetime.now(dt.UTC), {name: FeedStatus() for name in feeds})

    def to_plain(self, fresh_s: float) -> dict[str, Any]:
        """Return one JSON object; a feed without a result within ``fresh_s`` seconds is stale."""
        feeds = {name: self._to_plain(feed, fresh_s) for name, feed in sorted(self.feeds.items())}
        return {
            "asked_at": to_time_text(self.asked_at),
            "fresh": all(feed["state"] == "fresh" for name, feed in feeds.items() if name != UNREADABLE),
            "lag": dict(sorted(self.lag.topics.items())),
            "feed_lag_is_whole": self.lag.is_whole,
            "feeds": feeds,
        }

    def _to_plain(self, feed: FeedStatus, fresh_s: float) -> dict[str, Any]:
        age = to_age(feed.last.stored_at if feed.last else None, self.asked_at)
        is_fresh = age["age_s"] is not None and age["age_s"] <= fresh_s
        return {"state": "fresh" if is_fresh else "stale", **age, **to_feed_plain(feed)}


def to_feed_plain(feed: FeedStatus | None) -> dict[str, Any]:
    """Return what is known of a feed besides its age, as one JSON object; what was not read yet is absent."""
    last = feed.last if feed else None
    return {
        "lag": feed.lag if feed else None,
        "last_result_at": to_time_text(last.stored_at) if last else None,
        "last_captured": to_moment_text(last.stored.unit.captured) if last else None,
        "last_result": last.to_plain() if last else None,
        "dead_letters": dict(sorted(feed.dead_letters.items())) if feed else None,
    }


def to_age(moment: dt.datetime | None, asked_at: dt.datetime) -> dict[str, Any]:
    """Return how long ago something was: ``age_s`` in seconds, absent for never, and ``freshness`` in words."""
    if moment is None:
        return {"age_s": None, "freshness": "never"}
    age_s = max(0.0, (asked_at - moment).total_seconds())
    return {"age_s": round(age_s, 1), "freshness": to_age_text(age_s)}


def to_age_text(age_s: float) -> str:
    """Return an age as a person says it, in the largest unit of which there are two: ``90 seconds ago``, ``3 hours ago``."""
    for unit_s, unit in ((_DAY_S, "days"), (_HOUR_S, "hours"), (_MINUTE_S, "minutes"), (1.0, "seconds")):
        if age_s >= 2 * unit_s:
            return f"{int(age_s / unit_s)} {unit} ago"
    return "just now"


@dataclass
class _Letter:
    """The newest dead letter of an arrival: whose it is, and whether the arrival still ends in it."""

    feed: str
    reason: str
    rejection_id: str
    is_open: bool = True


@dataclass
class StatusReader:
    """Reads the state of a deployment; asked again, it reads only what is new.

    Parameters
    ----------
    group
        Name of the group of workers.
    feeds
        Feeds that are expected: one that was never heard of is told too, for it is what somebody must look after.
    tail
        Records read from the end of each partition at the first look.
    """

    client: Client
    topics: Topics
    group: str
    installations: tuple[str, ...]
    feeds: tuple[str, ...] = ()
    tail: int = TAIL_RECORDS
    _places: dict[str, dict[int, int]] = field(default_factory=dict)
    _newest: dict[str, LastResult] = field(default_factory=dict)
    _letters: OrderedDict[bytes, _Letter] = field(default_factory=OrderedDict)

    def read(self) -> Status:
        """Read what is new, and return the state as a whole.

        Raises
        ------
        TransientFault
            If the broker is away; the next look goes on from there.
        """
        made = {state.name for state in self.client.describe()}
        status = Status.make_empty(self.feeds)
        self._take_results(made)
        self._take_letters(made)
        status.lag = measure_lag(
            self.client, self.topics, group=self.group, installations=self.installations, made=made
        )
        for feed, last in self._newest.items():
            _find(status, feed).last = last
        for letter in self._letters.values():
            if letter.is_open:
                _find(status, letter.feed).dead_letters[letter.reason] += 1
        for feed, waiting in status.lag.feeds.items():
            _find(status, feed).lag += waiting
        return status

    def _take_results(self, made: Collection[str]) -> None:
        for record in self._read_new(self.topics.result_stored, made, tail=self.tail):
            try:
                stored = ResultStored.from_json(record.value or b"")
            except ValidationError:
                continue  # whatever else somebody wrote there
            newest = self._newest.get(stored.unit.feed)
            if newest is None or record.appended_at > newest.stored_at:
                self._newest[stored.unit.feed] = LastResult(record.appended_at, stored)

    def _take_letters(self, made: Collection[str]) -> None:
        """Follow new dead letters, and judge all of them by how their arrivals ended since."""
        settled = self.topics.media_settled
        before = self.client.end_offsets([settled]) if settled in made else {}
        for record in self._read_new(self.topics.media_rejected, made, tail=self.tail):
            rejection = read_rejection(record.headers)
            if rejection is not None:
                self._follow(record, rejection)
        if not self._letters:  # then nothing that was settled before can matter
            self._places[settled] = {partition: end for (_, partition), end in before.items()}
            return
        for record in self._read_new(settled, made):
            letter = self._letters.get(record.key or b"")
            if letter is not None:
                with suppress(ValidationError):
                    end = MediaSettled.from_json(record.value or b"").end
                    letter.is_open = isinstance(end, SetAside) and end.rejection_id == letter.rejection_id

    def _follow(self, record: Stored, rejection: Rejection) -> None:
        key, _ = identify(record, rejection)
        feed = find_order_feed(record) if rejection.step == "work" and key.source == NAMELESS else to_feed(key)
        place = f"{key.source}#{key.event}".encode()
        self._letters[place] = _Letter(feed, rejection.reason, rejection.rejection_id)
        if len(self._letters) > LETTERS_LIMIT:
            self._letters.popitem(last=False)

    def _read_new(self, topic: str, made: Collection[str], *, tail: int | None = None) -> Iterator[Stored]:
        """Yield what a topic got since the last look; at the first, its tail or all of it."""
        if topic not in made:
            return
        places = self._places.get(topic)
        if places is None:
            ends = self.client.end_offsets([topic]) if tail is not None else {}
            places = {partition: max(0, end - (tail or 0)) for (_, partition), end in ends.items()}
            self._places[topic] = places
        for record in self.client.read(topic, dict(places)):
            places[record.partition] = record.offset + 1
            yield record


def _find(status: Status, feed: str) -> FeedStatus:
    name = feed if feed in status.feeds or len(status.feeds) < FEEDS_LIMIT else UNREADABLE
    return status.feeds.setdefault(name, FeedStatus())
