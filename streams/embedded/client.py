"""The embedded log as a broker: its part of the client promise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from schemas.errors import FatalFault
from streams.brokers.address import read_log_address
from streams.brokers.partitions import make_chooser
from streams.brokers.records import Cleanup, Partition, Record, Stored, TopicState, check_record
from streams.embedded.log import Entry, Kept, Log, Retention
from streams.embedded.upkeep import Upkeep, run_upkeep

if TYPE_CHECKING:
    from schemas.topics import Topic
    from streams.brokers.credentials import Credentials

_MS = 1000


class EmbeddedClient:
    """A broker over a log; it owns the log and closes it. Several threads may share it."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._choose = make_chooser()

    def append(self, records: Sequence[Record]) -> None:
        """Append all records in one durable transaction, or none."""
        entries = []
        for record in records:
            check_record(record)
            partition = self._choose(record.key, self._find(record.topic).partitions)
            entries.append(Entry(record.topic, partition, record.key, record.value, record.headers))
        self._log.append(entries)

    def _find(self, name: str) -> Kept:
        topic = self._log.find_topic(name)
        if topic is None:
            sentence = f"Topic {name} does not exist."
            raise FatalFault(sentence)
        return topic

    def read(self, topic: str, start: Mapping[int, int] | None = None) -> Iterator[Stored]:
        """Return the topic's records up to the end as it is now."""
        ends = self.end_offsets([topic])
        return self._read({part: (start or {}).get(part[1], 0) for part in ends}, ends)

    def _read(self, places: dict[Partition, int], ends: dict[Partition, int]) -> Iterator[Stored]:
        for partition, end in ends.items():
            place = places[partition]
            while place < end and (found := self._log.read(partition, place)):
                for stored in found:
                    if stored.offset < end:
                        yield stored
                place = found[-1].offset + 1

    def keep_up(self) -> Upkeep:
        """Apply retention and compaction once, as a running worker does now and then; beyond the promise."""
        return run_upkeep(self._log)

    def close(self) -> None:
        """Close the log."""
        self._log.close()

    def describe(self) -> tuple[TopicState, ...]:
        """Return every topic, by name."""
        return tuple(self._to_state(topic) for topic in self._log.describe())

    def _to_state(self, topic: Kept) -> TopicState:
        keep = topic.retention
        limited = keep.age_ms is not None or keep.size_bytes is not None
        cleanup: Cleanup = "delete" if not keep.compacted else "compact,delete" if limited else "compact"
        age_s = None if keep.age_ms is None else keep.age_ms / _MS
        return TopicState(topic.name, topic.partitions, cleanup, age_s, keep.size_bytes, self._log.uuid)

    def create(self, topics: Iterable[Topic]) -> tuple[str, ...]:
        """Make the topics that are missing."""
        kept = [
            Kept(topic.name, topic.partitions, Retention(topic.cleanup == "compact", _to_ms(topic.retention_s)))
            for topic in topics
        ]
        return tuple(topic.name for topic in kept if self._log.create(topic))

    def committed(self, group: str) -> dict[Partition, int]:
        """Return what the group's worker has committed."""
        return self._log.find_committed(group)

    def begin_offsets(self, topics: Iterable[str]) -> dict[Partition, int]:
        """Return the offset of the earliest record of each partition."""
        return self._log.find_begins(self._list_partitions(topics))

    def end_offsets(self, topics: Iterable[str]) -> dict[Partition, int]:
        """Return the end of each partition."""
        ends = self._log.find_ends()
        return {partition: ends[partition] for partition in self._list_partitions(topics)}

    def _list_partitions(self, topics: Iterable[str]) -> list[Partition]:
        return [(topic, number) for topic in topics for number in range(self._find(topic).partitions)]


def _to_ms(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds * _MS)


def open_embedded(url: str, _credentials: Credentials | None = None) -> EmbeddedClient:
    """Open the log at an ``embedded:`` address, making it where there is none.

    Raises
    ------
    FatalFault
        If the address is wrong, the place is on a network drive, or the file is no log of this version.
    """
    address = read_log_address(url)
    return EmbeddedClient(Log(address.path, address.durability))
