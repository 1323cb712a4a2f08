"""What a watcher has announced before: remembered in a small SQLite file, so that a restart announces nothing again.

Losing the last entries does no harm, because an event announced again has the same id; so commits do not wait for the disk.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.errors import FatalFault, TransientFault

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from schemas.errors import RejectedInput
    from streams.feeds.folder import Found

#: Raised when the table's form changes; a file of a newer version is refused.
FORM = 1

#: Another process may be writing for this long before the file counts as not available.
_BUSY_S = 10.0

_TABLE = """
CREATE TABLE IF NOT EXISTS seen (
    feed TEXT NOT NULL, name BLOB NOT NULL, size_bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL, outcome TEXT NOT NULL,
    PRIMARY KEY (feed, name)
) WITHOUT ROWID
"""


#: What is not whole yet: it was looked into, and something that it needs may still come.
_WAITING = """
CREATE TABLE IF NOT EXISTS waiting (
    feed TEXT NOT NULL, name BLOB NOT NULL, reason TEXT NOT NULL, sentence TEXT NOT NULL, PRIMARY KEY (feed, name)
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something in a watched folder that is not announced, because something of it is not there yet.

    Attributes
    ----------
    reason, sentence
        What is missing.
    """

    feed: str
    name: str
    reason: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Memory:
    """What a feed remembers of its source, in a small SQLite file that feeds may share.

    Attributes
    ----------
    what
        How sentences call it.
    form
        Of its tables; a file of another form is refused.
    tables
        Statements that make them where they are missing.
    """

    what: str
    form: int
    tables: tuple[str, ...]

    @contextmanager
    def translate_faults(self, path: Path) -> Iterator[None]:
        """Turn SQLite's errors into ours: what may pass (a lock, a full disk) from what will not (not a database)."""
        try:
            yield
        except sqlite3.OperationalError as error:
            message = f"{self.what} {path.name} is not available for now: {error}."
            raise TransientFault(message) from error
        except sqlite3.Error as error:
            message = f"{self.what} {path.name} cannot be used: {error}."
            raise FatalFault(message) from error

    @contextmanager
    def open(self, path: Path) -> Iterator[sqlite3.Connection]:
        """Open the file, and make it where there is none.

        Raises
        ------
        FatalFault
            If it is no such memory, or one of a newer version.
        TransientFault
            If it is locked, or its folder is away or full.
        """
        with self.translate_faults(path):
            connection = sqlite3.connect(path, timeout=_BUSY_S)
        with closing(connection):
            with self.translate_faults(path):
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                (form,) = connection.execute("PRAGMA user_version").fetchone()
                if form not in {0, self.form}:
                    message = f"{self.what} {path.name} has form {form}; this version knows form {self.form}."
                    raise FatalFault(message)
                for table in self.tables:
                    connection.execute(table)
                connection.execute(f"PRAGMA user_version = {self.form}")
                connection.commit()
            yield connection


_MEMORY = Memory("The watcher's memory", FORM, (_TABLE, _WAITING))


@dataclass
class Watched:
    """The files of one feed that were announced or refused, by name, size and modification time.

    Not for use by several threads at once.
    """

    path: Path
    feed: str
    connection: sqlite3.Connection

    def find_known(self, files: Sequence[Found]) -> set[str]:
        """Return the subjects of those files that were seen before with the same size and modification time."""
        if not files:
            return set()
        names = {file.subject.encode(): file for file in files}
        query = (
            f"SELECT name, size_bytes, modified_ns FROM seen WHERE feed = ? AND name IN ({','.join('?' * len(names))})"  # noqa: S608 - question marks only
        )
        with _MEMORY.translate_faults(self.path):
            rows = self.connection.execute(query, (self.feed, *names)).fetchall()
        return {
            names[name].subject
            for name, size_bytes, modified_ns in rows
            if (names[name].size_bytes, names[name].modified_ns) == (size_bytes, modified_ns)
        }

    def remember(self, file: Found, outcome: str) -> None:
        """Note how a file ended: ``announced``, or the reason why it was refused."""
        row = (self.feed, file.subject.encode(), file.size_bytes, file.modified_ns, outcome)
        with _MEMORY.translate_faults(self.path):
            self.connection.execute("INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?)", row)
        self.stop_waiting(file.subject)

    def wait_for(self, name: str, rejection: RejectedInput) -> None:
        """Note what is missing of something that may still become whole."""
        row = (self.feed, name.encode(), rejection.reason, rejection.sentence)
        with _MEMORY.translate_faults(self.path):
            self.connection.execute("INSERT OR REPLACE INTO waiting VALUES (?, ?, ?, ?)", row)

    def stop_waiting(self, name: str) -> None:
        """Note that nothing is waited for any more: it is whole, given up, or gone."""
        with _MEMORY.translate_faults(self.path):
            self.connection.execute("DELETE FROM waiting WHERE feed = ? AND name = ?", (self.feed, name.encode()))

    def refuse_once(self, name: str, reason: str) -> bool:
        """Note a name that cannot be announced whatever it holds; return whether it is new."""
        row = (self.feed, name.encode(), -1, -1, reason)
        with _MEMORY.translate_faults(self.path):
            cursor = self.connection.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, ?, ?, ?)", row)
        return cursor.rowcount == 1

    def forget_refusal(self, name: str) -> None:
        """Take back that a name was refused."""
        with _MEMORY.translate_faults(self.path):
            self.connection.execute(
                "DELETE FROM seen WHERE feed = ? AND name = ? AND size_bytes = -1", (self.feed, name.encode())
            )

    def commit(self) -> None:
        """Keep what was noted."""
        with _MEMORY.translate_faults(self.path):
            self.connection.commit()


@contextmanager
def open_watched(path: Path, feed: str) -> Iterator[Watched]:
    """Open the memory of one feed, and make it where there is none; feeds may share a file.

    Raises
    ------
    FatalFault
        If the file is no such memory, or one of a newer version.
    TransientFault
        If it is locked, or its folder is away or full.
    """
    with _MEMORY.open(path) as connection:
        with _MEMORY.translate_faults(path):
            connection.execute("DELETE FROM waiting WHERE feed = ?", (feed,))  # it is looked into anew
            connection.commit()
        watched = Watched(path, feed, connection)
        yield watched
        watched.commit()


def read_waiting(path: Path) -> tuple[Waiting, ...]:
    """Return what the watchers of a deployment wait for, in the order of feeds and names; nothing where none ever watched.

    Raises
    ------
    FatalFault
        If the file is no such memory.
    TransientFault
        If it is locked, or its folder is away.
    """
    if not path.exists():
        return ()
    with _MEMORY.translate_faults(path), closing(sqlite3.connect(path, timeout=_BUSY_S)) as connection:
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'waiting'").fetchone() is None:
            return ()
        rows = connection.execute("SELECT feed, name, reason, sentence FROM waiting ORDER BY feed, name").fetchall()
    return tuple(
        Waiting(feed, name.decode(errors="replace"), reason, sentence) for feed, name, reason, sentence in rows
    )
