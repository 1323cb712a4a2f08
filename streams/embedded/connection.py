"""The door to SQLite: open a log's file in the form that this version knows, and turn SQLite's errors into our faults."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import FatalFault, ObservatoryError, TransientFault

if TYPE_CHECKING:
    from streams.brokers.address import Durability

SCHEMA_VERSION = 1

#: Marks the file as ours in its header (``file`` shows it); the letters "obsl".
APPLICATION_ID = 0x6F62736C

#: How long a writer waits for another process's transaction. One takes milliseconds; a slow disk under load, seconds.
BUSY_S = 15.0

#: A commit copies the write-ahead log back when it exceeds 4 MB; what one long burst left beyond this is given back to the disk.
_WAL_LIMIT_BYTES = 32 * 1024 * 1024

_RETRY_S = 0.02

#: Bits of a record's position that hold its offset; the others hold the row of its partition. One integer key keeps each
#: partition's records together and in order, and leaves room for 10^12 records in each of 8 million partitions.
OFFSET_BITS = 40

_SCHEMA = """
CREATE TABLE log(uuid TEXT NOT NULL, created_ms INTEGER NOT NULL);
CREATE TABLE topic(
  name TEXT PRIMARY KEY, partitions INTEGER NOT NULL, compacted INTEGER NOT NULL,
  retention_ms INTEGER, retention_bytes INTEGER
) WITHOUT ROWID;
CREATE TABLE partition(
  id INTEGER PRIMARY KEY, topic TEXT NOT NULL, number INTEGER NOT NULL, next_offset INTEGER NOT NULL DEFAULT 0,
  UNIQUE(topic, number)
);
CREATE TABLE record(position INTEGER PRIMARY KEY, appended_ms INTEGER NOT NULL, key BLOB, headers BLOB NOT NULL, value BLOB);
CREATE TABLE consumed(
  consumers TEXT NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL, PRIMARY KEY(consumers, partition)
) WITHOUT ROWID;
"""

#: Primary result codes after which the same call may succeed: busy, full disk, failed read or write, out of memory.
_TRANSIENT_CODES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_PROTOCOL,
    }
)

_SENTENCES = {
    sqlite3.SQLITE_BUSY: "another process has held it for too long",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk failed to read or write",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_NOTADB: "the file is not a log",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
    sqlite3.SQLITE_READONLY: "the file may not be written",
}

#: Every class of SQLite's errors. ``None``: its result code decides; otherwise it is a mistake of ours, which no retry mends.
FAULTS: dict[type[Exception], type[ObservatoryError] | None] = {
    sqlite3.Error: None,
    sqlite3.DatabaseError: None,
    sqlite3.OperationalError: None,
    sqlite3.InternalError: FatalFault,
    sqlite3.DataError: FatalFault,
    sqlite3.IntegrityError: FatalFault,
    sqlite3.InterfaceError: FatalFault,
    sqlite3.NotSupportedError: FatalFault,
    sqlite3.ProgrammingError: FatalFault,
}

_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EAGAIN, errno.ENOMEM})


def to_fault(error: sqlite3.Error | OSError, path: Path) -> ObservatoryError:
    """Return the fault that an error of SQLite or of the disk means."""
    if isinstance(error, OSError):
        kind = TransientFault if error.errno in _FULL_ERRNOS else FatalFault
        return kind(f"The log {path} cannot be used: {error.strerror}.")
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the low byte is the primary code
    why = _SENTENCES.get(code, str(error).rstrip("."))
    fault = FAULTS.get(type(error)) or (TransientFault if code in _TRANSIENT_CODES else FatalFault)
    return fault(f"The log {path} cannot be used: {why}.")


@contextlib.contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Turn the errors of SQLite and of the disk into ours.

    Raises
    ------
    TransientFault
        Disk full, file busy, read or write failed.
    FatalFault
        Everything else.
    """
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise to_fault(error, path) from error


def open_connection(path: Path, durability: Durability) -> sqlite3.Connection:
    """Open a log's file, making it where there is none; any thread may use the connection, one at a time.

    Raises
    ------
    FatalFault
        If the file is something else, or of a newer version; it is left as it was.
    TransientFault
        If other processes hold it for longer than :data:`BUSY_S`.
    """
    with translate_errors(path):
        database = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            _prepare_file(database, path)
            # Acknowledged means durable: FULL waits for the disk at each commit, NORMAL only where the log is copied back.
            database.execute(f"PRAGMA synchronous={durability}")
            database.execute("PRAGMA fullfsync=1")  # macOS: fsync alone leaves the data in the drive's cache
            database.execute("PRAGMA checkpoint_fullfsync=1")
            database.execute(f"PRAGMA journal_size_limit={_WAL_LIMIT_BYTES}")
        except BaseException:
            database.close()
            raise
    return database


def _prepare_file(database: sqlite3.Connection, path: Path) -> None:
    # Turning a new file to write-ahead logging needs it alone, and SQLite does not wait for that by itself.
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            return _prepare_once(database, path)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)


def _prepare_once(database: sqlite3.Connection, path: Path) -> None:
    if _read_version(database, path) == SCHEMA_VERSION:
        return
    # Both need to come before the first table. Incremental: what retention frees can be given back to the disk.
    database.execute("PRAGMA auto_vacuum=INCREMENTAL")
    (mode,) = database.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        sentence = f"The log {path} cannot be used: its disk does not allow a write-ahead log."
        raise FatalFault(sentence)
    database.execute("BEGIN IMMEDIATE")
    try:
        if _read_version(database, path) != SCHEMA_VERSION:  # nobody was faster
            for statement in _SCHEMA.split(";"):
                database.execute(statement)
            database.execute("INSERT INTO log VALUES(?, ?)", (str(uuid.uuid4()), time.time_ns() // 1_000_000))
            database.execute(f"PRAGMA application_id={APPLICATION_ID}")
            database.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:  # after some errors SQLite has already rolled back by itself
            database.execute("ROLLBACK")
        raise


def _read_version(database: sqlite3.Connection, path: Path) -> int:
    """Return the file's schema version, 0 for a new file; refuse what is not ours or newer than us."""
    (version,) = database.execute("PRAGMA user_version").fetchone()
    (application,) = database.execute("PRAGMA application_id").fetchone()
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != APPLICATION_ID:
        sentence = f"The file {path} is a database of another program, not a log; choose another name for the log."
        raise FatalFault(sentence)
    if version > SCHEMA_VERSION:
        sentence = (
            f"The log {path} was written by a newer version of this program (its form is {version}, this one knows "
            f"{SCHEMA_VERSION}): update the program, or choose another log."
        )
        raise FatalFault(sentence)
    return int(version)
