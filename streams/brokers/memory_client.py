"""The shipped fake: a broker that lives in this process and is gone with it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from schemas.errors import FatalFault
from streams.brokers.partitions import make_chooser
from streams.brokers.records import Offsets, Partition, Record, Stored, TopicState, check_record

if TYPE_CHECKING:
    from schemas.topics import Topic
    from streams.brokers.credentials import Credentials


class MemoryClient:
    """A broker in a dictionary; several threads may share it."""

    def __init__(self) -> None:
        self._id = str(uuid.uuid4())
        self._lock = threading.Lock()
        self._choose = make_chooser()
        self._topics: dict[str, TopicState] = {}
        self._records: dict[Partition, list[Stored]] = {}
        self._committed: dict[str, dict[Partition, int]] = {}

    def append(self, records: Sequence[Record]) -> None:
        """Append all of the records, or none where one cannot be taken."""
        with self._lock:
            for record in records:
                self._check(record)
            for record in records:
                partition = self._choose(record.key, self._topics[record.topic].partitions)
                log = self._records[record.topic, partition]
                now = datetime.now(UTC)
                log.append(Stored(record.topic, partition, len(log), now, record.key, record.headers, record.value))

    def _check(self, record: Record) -> None:
        check_record(record)
        state = self._find(record.topic)
        if record.key is None and "compact" in state.cleanup:
            sentence = f"Topic {record.topic} is compacted, so each of its records needs a key."
            raise FatalFault(sentence)

    def _find(self, topic: str) -> TopicState:
        if topic not in self._topics:
            sentence = f"Topic {topic} does not exist."
            raise FatalFault(sentence)
        return self._topics[topic]

    def read(self, topic: str, start: Mapping[int, int] | None = None) -> Iterator[Stored]:
        """Return the topic's records as they are now."""
        starts = start or {}
        with self._lock:
            count = self._find(topic).partitions
            return iter([one for n in range(count) for one in self._records[topic, n][max(0, starts.get(n, 0)) :]])

    def close(self) -> None:
        """Do nothing: what is in memory stays until the object goes."""

    def describe(self) -> tuple[TopicState, ...]:
        """Return every topic, by name."""
        with self._lock:
            return tuple(self._topics[name] for name in sorted(self._topics))

    def create(self, topics: Iterable[Topic]) -> tuple[str, ...]:
        """Make the topics that are missing."""
        with self._lock:
            made = [topic for topic in topics if topic.name not in self._topics]
            for topic in made:
                state = TopicState(topic.name, topic.partitions, topic.cleanup, topic.retention_s, None, self._id)
                self._topics[topic.name] = state
                self._records.update({(topic.name, number): [] for number in range(topic.partitions)})
            return tuple(topic.name for topic in made)

    def commit(self, group: str, offsets: Offsets) -> None:
        """Set what a group of workers has acknowledged, as its worker would; the fake's own addition to the promise."""
        with self._lock:
            self._committed.setdefault(group, {}).update(offsets)

    def committed(self, group: str) -> dict[Partition, int]:
        """Return what was committed for the group."""
        with self._lock:
            return dict(self._committed.get(group, {}))

    def begin_offsets(self, topics: Iterable[str]) -> dict[Partition, int]:
        """Return zero for each partition: nothing is ever deleted here."""
        with self._lock:
            return {(topic, number): 0 for topic in topics for number in range(self._find(topic).partitions)}

    def end_offsets(self, topics: Iterable[str]) -> dict[Partition, int]:
        """Return how many records each partition has."""
        with self._lock:
            counts = {topic: self._find(topic).partitions for topic in topics}
            return {(topic, n): len(self._records[topic, n]) for topic, count in counts.items() for n in range(count)}


def open_memory(_url: str, _credentials: Credentials | None = None) -> MemoryClient:
    """Return a new, empty fake."""
    return MemoryClient()
