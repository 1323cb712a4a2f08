"""Retention and compaction: what a topic need not keep goes, in small steps, so that nobody who appends waits for long."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass

from streams.embedded.connection import OFFSET_BITS
from streams.embedded.log import Log, Retention

#: Kafka's ``delete.retention.ms``: how long the deletion of a key stays visible, so that every reader can learn of it.
TOMBSTONE_DELAY_MS = 24 * 60 * 60 * 1000

#: One transaction deletes at most this much; 16 MB of pictures take about 50 ms.
_STEP_BYTES = 16 * 1024 * 1024
_STEP_RECORDS = 2000

#: Free pages kept inside the file for the next records; what is beyond goes back to the disk.
_SPARE_PAGES = 4096
_VACUUM_PAGES = 1024

_SIZE = "coalesce(length(key), 0) + length(headers) + coalesce(length(value), 0)"


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What one run removed, in records."""

    expired: int
    superseded: int


def run_upkeep(
    log: Log,
    *,
    now_ms: int | None = None,
    tombstone_delay_ms: int = TOMBSTONE_DELAY_MS,
    go_on: Callable[[], bool] = lambda: True,
) -> Upkeep:
    """Apply each topic's retention and compaction once, then give free space back to the disk.

    Offsets of what goes are never used again. Several processes may do this at once.

    Parameters
    ----------
    go_on
        Asked between steps; after ``False`` the rest is left to the next run.

    Raises
    ------
    TransientFault, FatalFault
        As the log does; what was removed so far stays removed.
    """
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    expired = superseded = 0
    for first, retention in _list_partitions(log):
        expired += _expire(log, first, retention, now_ms=now, go_on=go_on)
        if retention.compacted:
            superseded += _compact(log, first, now - tombstone_delay_ms, go_on=go_on)
    if expired or superseded:
        _give_back(log, go_on)
    return Upkeep(expired, superseded)


def _list_partitions(log: Log) -> list[tuple[int, Retention]]:
    """Return the first position and the retention of each partition that has any."""
    query = (
        "SELECT partition.id, compacted, retention_ms, retention_bytes FROM partition JOIN topic ON topic.name = partition.topic "
        "WHERE compacted OR retention_ms IS NOT NULL OR retention_bytes IS NOT NULL"
    )
    with log.reading() as database:
        rows = database.execute(query).fetchall()
    return [(row << OFFSET_BITS, Retention(bool(compacted), age, size)) for row, compacted, age, size in rows]


def _expire(log: Log, first: int, retention: Retention, *, now_ms: int, go_on: Callable[[], bool]) -> int:
    """Delete what is older or more than the retention allows; always the oldest records, without a gap."""
    last = first + (1 << OFFSET_BITS) - 1
    keep_from = first
    with log.reading() as database:
        if retention.age_ms is not None:
            # The first record that is young enough, and with it all that follow: a clock set back must not make holes.
            found = database.execute(
                "SELECT position FROM record WHERE position BETWEEN ? AND ? AND appended_ms >= ? ORDER BY position LIMIT 1",
                (first, last, now_ms - retention.age_ms),
            ).fetchone()
            keep_from = found[0] if found else last + 1
        if retention.size_bytes is not None:
            found = database.execute(
                f"SELECT position FROM (SELECT position, sum({_SIZE}) OVER (ORDER BY position DESC) AS newer FROM record "  # noqa: S608
                "WHERE position BETWEEN ? AND ?) WHERE newer > ? ORDER BY position DESC LIMIT 1",
                (first, last, retention.size_bytes),
            ).fetchone()
            keep_from = max(keep_from, found[0] + 1 if found else first)
    removed = 0
    while keep_from > first and go_on():
        with log.writing() as database:
            reached = _find_step(database, first, keep_from)
            if reached is None:
                break
            removed += database.execute("DELETE FROM record WHERE position BETWEEN ? AND ?", (first, reached)).rowcount
    return removed


def _find_step(database: sqlite3.Connection, first: int, end: int) -> int | None:
    """Return the last position of the next step's records; ``None`` if none is left."""
    rows = database.execute(
        f"SELECT position, {_SIZE} FROM record WHERE position >= ? AND position < ? ORDER BY position LIMIT ?",  # noqa: S608
        (first, end, _STEP_RECORDS),
    )
    reached, size = None, 0
    for position, bytes_here in rows:
        reached, size = position, size + bytes_here
        if size > _STEP_BYTES:
            break
    rows.close()
    return reached


def _compact(log: Log, first: int, tombstones_before_ms: int, *, go_on: Callable[[], bool]) -> int:
    """Delete every record that a newer one with the same key has replaced, and deletions that everyone had time to learn of.

    The newest record of the partition stays in any case: it is what readers know the end of the log by.
    """
    last = first + (1 << OFFSET_BITS) - 1
    with log.writing() as database:
        database.execute("CREATE TEMP TABLE IF NOT EXISTS superseded(position INTEGER PRIMARY KEY)")
        database.execute("DELETE FROM superseded")
        database.execute(
            "WITH part AS (SELECT position, appended_ms, key, value IS NULL AS dead FROM record WHERE position BETWEEN ? AND ?), "
            "newest AS (SELECT max(position) AS position FROM part GROUP BY key) "
            "INSERT INTO superseded SELECT position FROM part WHERE key IS NOT NULL "
            "AND position < (SELECT max(position) FROM part) "
            "AND (position NOT IN newest OR (dead AND appended_ms < ?))",
            (first, last, tombstones_before_ms),
        )
    removed = 0
    while go_on():
        # Oldest first: a deletion never goes before the value that it deletes, even if this process ends half-way.
        with log.writing() as database:
            query = "SELECT position FROM superseded ORDER BY position LIMIT ?"
            step = database.execute(query, (_STEP_RECORDS,)).fetchall()
            if not step:
                return removed
            database.executemany("DELETE FROM record WHERE position = ?", step)
            database.executemany("DELETE FROM superseded WHERE position = ?", step)
            removed += len(step)
    return removed


def _give_back(log: Log, go_on: Callable[[], bool]) -> None:
    while go_on():
        with log.writing() as database:
            (free,) = database.execute("PRAGMA freelist_count").fetchone()
            pages = min(_VACUUM_PAGES, free - _SPARE_PAGES)
            for _ in range(pages):  # Python's driver ends this statement after its first page
                database.execute("PRAGMA incremental_vacuum(1)")
        if pages <= 0:
            return
