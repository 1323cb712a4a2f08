"""The state of a deployment as its topics tell it: for whoever asks from outside a worker."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from schemas.noun import to_time_text
from schemas.result import ResultStored
from schemas.topics import LANES
from schemas.unit import to_moment_text
from schemas.wire import read_rejection
from streams.account.ledger import UNREADABLE, find_feed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from schemas.media import Rejection
    from schemas.topics import Topics
    from streams.brokers.client import Client
    from streams.brokers.records import Stored


@dataclass
class FeedStatus:
    """One feed."""

    last_result_at: dt.datetime | None = None
    last_captured: str = ""
    dead_letters: Counter[str] = field(default_factory=Counter)


@dataclass
class Status:
    """All feeds that are expected or were heard of, and how many records wait in each topic."""

    asked_at: dt.datetime
    feeds: dict[str, FeedStatus] = field(default_factory=dict)
    lag: Counter[str] = field(default_factory=Counter)

    def to_plain(self, fresh_s: float) -> dict[str, Any]:
        """Return one JSON object; a feed without a result within ``fresh_s`` seconds is stale."""
        feeds = {name: self._to_plain(feed, fresh_s) for name, feed in sorted(self.feeds.items())}
        return {
            "asked_at": to_time_text(self.asked_at),
            "fresh": all(feed["state"] == "fresh" for name, feed in feeds.items() if name != UNREADABLE),
            "lag": dict(sorted(self.lag.items())),
            "feeds": feeds,
        }

    def _to_plain(self, feed: FeedStatus, fresh_s: float) -> dict[str, Any]:
        last = feed.last_result_at
        age_s = (self.asked_at - last).total_seconds() if last else None
        return {
            "state": "fresh" if age_s is not None and age_s <= fresh_s else "stale",
            "age_s": round(age_s, 1) if age_s is not None else None,
            "last_result_at": to_time_text(last) if last else None,
            "last_captured": feed.last_captured or None,
            "dead_letters": dict(sorted(feed.dead_letters.items())),
        }


def read_status(
    client: Client,
    topics: Topics,
    *,
    group: str,
    installations: tuple[str, ...],
    tail: int,
    feeds: tuple[str, ...] = (),
) -> Status:
    """Read the newest records of each topic and how far the workers have come.

    Parameters
    ----------
    group
        Name of the group of workers.
    tail
        Records read from the end of each partition.
    feeds
        Feeds that are expected: one that was never heard of is told too, for it is what somebody must look after.
    """
    status = Status(dt.datetime.now(dt.UTC), {name: FeedStatus() for name in feeds})
    made = {state.name for state in client.describe()}
    for record in _read_tail(client, topics.result_stored, tail, made):
        try:
            result = ResultStored.from_json(record.value or b"")
        except ValidationError:
            continue  # whatever else somebody wrote there
        feed = status.feeds.setdefault(result.unit.feed, FeedStatus())
        if feed.last_result_at is None or record.appended_at > feed.last_result_at:
            feed.last_result_at, feed.last_captured = record.appended_at, to_moment_text(result.unit.captured)
    for record in _read_tail(client, topics.media_rejected, tail, made):
        rejection = read_rejection(record.headers)
        if rejection is not None:
            status.feeds.setdefault(_find_feed(record, rejection), FeedStatus()).dead_letters[rejection.reason] += 1
    works = [topics.work(name, lane) for name in installations for lane in LANES]
    names = [topics.media_arrived, *works, topics.usage_recorded]
    _measure_lag(status, client, group, [name for name in names if name in made])
    return status


def _find_feed(record: Stored, rejection: Rejection) -> str:
    """Return whose dead letter it is: an arrival says so itself, an order's key is its unit's id, which begins with the feed."""
    if rejection.step == "work" and record.key:
        return record.key.decode("utf-8", "replace").partition(".")[0]
    return find_feed(record)


def _read_tail(client: Client, topic: str, tail: int, made: Collection[str]) -> Iterator[Stored]:
    if topic not in made:
        return iter(())
    ends = client.end_offsets([topic])
    return client.read(topic, {partition: max(0, end - tail) for (_, partition), end in ends.items()})


def _measure_lag(status: Status, client: Client, group: str, names: list[str]) -> None:
    ends, begins, committed = client.end_offsets(names), client.begin_offsets(names), client.committed(group)
    for partition, end in ends.items():
        status.lag[partition[0]] += max(0, end - committed.get(partition, begins.get(partition, 0)))
