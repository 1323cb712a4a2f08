"""The durable log: topics, partitions, records and committed offsets in one SQLite file that several processes share."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import FatalFault
from streams.brokers.records import Headers, Offsets, Partition, Stored
from streams.embedded.bell import find_bell
from streams.embedded.connection import OFFSET_BITS, open_connection, translate_errors
from streams.embedded.headers import from_column, to_column
from streams.embedded.location import ReadFileSystem, check_location, read_file_system

if TYPE_CHECKING:
    from streams.brokers.address import Durability

#: One read returns at most this much, but always one record: a few pictures or some thousand messages.
READ_LIMIT_BYTES = 8 * 1024 * 1024
READ_LIMIT_RECORDS = 1000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSETS = 1 << OFFSET_BITS


#: Columns of a record, and the values of one INSERT: each statement gives way to the other threads once, however much it
#: writes, so few large ones are cheaper. SQLite takes at least 999 values.
_COLUMNS = 5
_INSERTED_VALUES = 150 * _COLUMNS


@cache
def _make_insert(rows: int) -> str:
    return "INSERT INTO record VALUES" + ",".join(["(?,?,?,?,?)"] * rows)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a topic's records are kept.

    Attributes
    ----------
    compacted
        The newest record of each message key survives, older ones go.
    age_ms, size_bytes
        Limits per partition; ``None`` keeps everything.
    """

    compacted: bool = False
    age_ms: int | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A topic of the log."""

    name: str
    partitions: int
    retention: Retention


@dataclass(frozen=True, slots=True)
class Entry:
    """A record whose partition is chosen."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an entry went."""

    offset: int
    appended_ms: int


class Log:
    """A log in a file; every method may be called from any thread, and the file may be open in several processes.

    Raises
    ------
    FatalFault
        From every method: the file is no log, is damaged, may not be written, or is of a newer version.
    TransientFault
        From every method: the disk is full or failing, or another process holds the file for too long. Nothing that was
        acknowledged is lost, and nothing of the failed call is kept.
    """

    def __init__(
        self, path: Path, durability: Durability = "full", *, probe: ReadFileSystem = read_file_system
    ) -> None:
        check_location(path, probe)
        self.path = path.resolve()
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._writer = open_connection(self.path, durability)
        self._reader = open_connection(self.path, durability)
        self._bell = find_bell(self.path)
        self._topics: dict[str, Kept] = {}
        self._firsts: dict[Partition, int] = {}
        with self.reading() as database:
            (self.uuid,) = database.execute("SELECT uuid FROM log").fetchone()

    def close(self) -> None:
        """Let go of the file; a second call does nothing."""
        with self._write_lock, self._read_lock:
            self._reader.close()
            self._writer.close()

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Run one transaction: all of it is durable afterwards, or nothing of it happened."""
        with self._write_lock, translate_errors(self.path):
            database = self._writer
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:  # after a full disk SQLite has already rolled back by itself
                    database.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Read without waiting for writers."""
        with self._read_lock, translate_errors(self.path):
            yield self._reader

    # -- topics

    def create(self, topic: Kept) -> bool:
        """Make a topic; return whether it was missing. One that exists is left as it is."""
        if topic.partitions < 1:
            message = f"a topic needs a partition: {topic.name}"
            raise ValueError(message)
        if self.find_topic(topic.name):
            return False
        keep = topic.retention
        with self.writing() as database:
            made = database.execute(
                "INSERT OR IGNORE INTO topic VALUES(?, ?, ?, ?, ?)",
                (topic.name, topic.partitions, keep.compacted, keep.age_ms, keep.size_bytes),
            ).rowcount
            if made:
                numbers = [(topic.name, number) for number in range(topic.partitions)]
                database.executemany("INSERT INTO partition(topic, number) VALUES(?, ?)", numbers)
        return bool(made)

    def describe(self) -> tuple[Kept, ...]:
        """Return every topic, by name."""
        with self.reading() as database:
            rows = database.execute("SELECT * FROM topic ORDER BY name").fetchall()
        return tuple(Kept(name, count, Retention(bool(flag), age, size)) for name, count, flag, age, size in rows)

    def find_topic(self, name: str) -> Kept | None:
        """Return a topic, also one that another process has made meanwhile; ``None`` if there is none."""
        if name not in self._topics:  # topics are never deleted or changed, so that what is known stays true
            self._topics = {topic.name: topic for topic in self.describe()}
        return self._topics.get(name)

    def _locate(self, topic: str, partition: int) -> int:
        """Return the first position of a partition."""
        first = self._firsts.get((topic, partition))
        if first is None:
            with self.reading() as database:
                rows = database.execute("SELECT topic, number, id FROM partition").fetchall()
            self._firsts = {(name, number): row << OFFSET_BITS for name, number, row in rows}
            first = self._firsts.get((topic, partition))
        if first is None:
            sentence = f"The log {self.path} has no partition {partition} of a topic {topic}."
            raise FatalFault(sentence)
        return first

    # -- records

    def check(self, entry: Entry) -> int:
        """Return the first position of an entry's partition; refuse an entry that could never be appended.

        Raises
        ------
        FatalFault
            If its topic or partition does not exist, or a compacted topic would get a record without a key.
        """
        first = self._locate(entry.topic, entry.partition)
        topic = self.find_topic(entry.topic) if entry.key is None else None
        if topic and topic.retention.compacted:
            sentence = f"Topic {entry.topic} is compacted, so each of its records needs a key."
            raise FatalFault(sentence)
        return first

    def append(self, entries: Sequence[Entry]) -> list[Placed]:
        """Append entries in one durable transaction and return their places; offsets are given out inside it."""
        if not entries:
            return []
        firsts = [self.check(entry) for entry in entries]
        columns = [to_column(entry.headers) for entry in entries]
        with self.writing() as database:
            ends = {
                first: first + database.execute(
                    "SELECT next_offset FROM partition WHERE id = ?", (first >> OFFSET_BITS,)
                ).fetchone()[0]
                for first in set(firsts)
            }  # fmt: skip
            now_ms = time.time_ns() // 1_000_000
            values: list[object] = []
            placed: list[Placed] = []
            for entry, first, column in zip(entries, firsts, columns, strict=True):
                position = ends[first]
                ends[first] = position + 1
                values += (position, now_ms, entry.key, column, entry.value)
                placed.append(Placed(position - first, now_ms))
            for first_value in range(0, len(values), _INSERTED_VALUES):
                part = values[first_value : first_value + _INSERTED_VALUES]
                database.execute(_make_insert(len(part) // _COLUMNS), part)
            moved = [(end - first, first >> OFFSET_BITS) for first, end in ends.items()]
            database.executemany("UPDATE partition SET next_offset = ? WHERE id = ?", moved)
        self._bell.ring()
        return placed

    def read(
        self,
        partition: Partition,
        offset: int,
        *,
        max_records: int = READ_LIMIT_RECORDS,
        max_bytes: int = READ_LIMIT_BYTES,
    ) -> list[Stored]:
        """Return records from an offset on, in order; empty at the end of the partition.

        At least one record is returned where there is one, however large it is.
        """
        topic, number = partition
        first = self._locate(topic, number)
        found: list[Stored] = []
        size = 0
        with self.reading() as database, contextlib.closing(
            database.execute(
                "SELECT * FROM record WHERE position >= ? AND position < ? ORDER BY position LIMIT ?",
                (first + max(0, offset), first + _OFFSETS, max_records),
            )
        ) as rows:  # fmt: skip
            for position, appended_ms, key, headers, value in rows:
                size += len(key or b"") + len(headers) + len(value or b"")
                if found and size > max_bytes:
                    break
                appended_at = _EPOCH + timedelta(milliseconds=appended_ms)
                found.append(Stored(topic, number, position - first, appended_at, key, from_column(headers), value))
        return found

    # -- offsets

    def find_ends(self) -> dict[Partition, int]:
        """Return the offset that the next record of each partition will get."""
        with self.reading() as database:
            rows = database.execute("SELECT topic, number, next_offset FROM partition").fetchall()
        return {(topic, number): end for topic, number, end in rows}

    def find_begins(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Return the offset of the earliest record kept in each partition; of an empty one its end."""
        ends = self.find_ends()
        begins: dict[Partition, int] = {}
        for partition in partitions:
            first = self._locate(*partition)
            with self.reading() as database:
                (position,) = database.execute(
                    "SELECT min(position) FROM record WHERE position >= ? AND position < ?", (first, first + _OFFSETS)
                ).fetchone()
            begins[partition] = ends[partition] if position is None else position - first
        return begins

    def commit(self, consumers: str, offsets: Offsets) -> None:
        """Keep the next offsets that a group of consumers would read."""
        rows = [(consumers, self._locate(*partition) >> OFFSET_BITS, offset) for partition, offset in offsets.items()]
        with self.writing() as database:
            database.executemany("INSERT OR REPLACE INTO consumed VALUES(?, ?, ?)", rows)

    def find_committed(self, consumers: str) -> dict[Partition, int]:
        """Return what was committed for a group of consumers."""
        query = (
            "SELECT topic, number, consumed.next_offset FROM consumed JOIN partition ON partition.id = consumed.partition "
            "WHERE consumers = ?"
        )
        with self.reading() as database:
            rows = database.execute(query, (consumers,)).fetchall()
        return {(topic, number): offset for topic, number, offset in rows}

    # -- news

    def read_version(self) -> int:
        """Return a number that differs from the last one if anybody, in any process, has written to the log in between."""
        with self.reading() as database:
            (version,) = database.execute("PRAGMA data_version").fetchone()
        return int(version)

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after each append by this process; the function returned ends that."""
        return self._bell.listen(listener)
