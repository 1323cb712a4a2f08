"""Lag: how many records wait in each topic, and for which feeds."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from schemas.topics import LANES
from streams.account.ledger import UNREADABLE, find_feed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from schemas.topics import Topics
    from streams.brokers.client import Client
    from streams.brokers.records import Partition, Stored

#: Records looked at in one partition to say whose they are. Arrivals may carry their pictures, and are up to 1 MB each.
ARRIVALS_LIMIT, ORDERS_LIMIT = 200, 20_000

#: A unit's id, which is its order's message key, begins with its feed.
_UNIT_ID = re.compile(r"(?P<feed>[a-z0-9][a-z0-9-]{0,62})\.[^.]+\.[0-9a-f]+")


@dataclass
class Lag:
    """Records that no worker has acknowledged yet.

    Attributes
    ----------
    topics
        Records by topic; exact.
    feeds
        Arrivals that are not routed and units that are not done, by feed.
    is_whole
        Whether all of them were looked at; else more wait than ``feeds`` says.
    """

    topics: Counter[str] = field(default_factory=Counter)
    feeds: Counter[str] = field(default_factory=Counter)
    is_whole: bool = True


def measure_lag(
    client: Client, topics: Topics, *, group: str, installations: Collection[str], made: Collection[str]
) -> Lag:
    """Count what waits behind the workers' last commit, which may be a second old.

    What is acknowledged is asked for first: what moves on meanwhile is seen once too often, and nothing is missed.

    Parameters
    ----------
    group
        Name of the group of workers.
    made
        The topics there are; others have nothing waiting.

    Raises
    ------
    TransientFault
        If the broker is away.
    """
    works = [topics.work(name, lane) for name in installations for lane in LANES]
    names = [name for name in (topics.media_arrived, *works, topics.usage_recorded) if name in made]
    committed = client.committed(group)
    begins, ends = client.begin_offsets(names), client.end_offsets(names)
    lag = Lag(topics=Counter(dict.fromkeys(names, 0)))
    for partition, end in ends.items():
        start = max(committed.get(partition, 0), begins.get(partition, 0))
        waiting = max(0, end - start)
        lag.topics[partition[0]] += waiting
        if not waiting or partition[0] == topics.usage_recorded:
            continue
        is_arrival = partition[0] == topics.media_arrived
        limit, find = (ARRIVALS_LIMIT, find_feed) if is_arrival else (ORDERS_LIMIT, find_order_feed)
        records = islice(_read_partition(client, partition, start, ends), min(waiting, limit))
        lag.feeds.update(find(record) for record in records)
        lag.is_whole &= waiting <= limit
    return lag


def _read_partition(
    client: Client, partition: Partition, start: int, ends: Mapping[Partition, int]
) -> Iterator[Stored]:
    """Yield the records of one partition from an offset on."""
    topic, number = partition
    places = {other: end for (name, other), end in ends.items() if name == topic} | {number: start}
    return (record for record in client.read(topic, places) if record.partition == number)


def find_order_feed(record: Stored) -> str:
    """Return the feed of a work order by its message key, or :data:`UNREADABLE` where that is no unit's id."""
    match = _UNIT_ID.fullmatch((record.key or b"").decode("utf-8", "replace"))
    return match["feed"] if match else UNREADABLE
