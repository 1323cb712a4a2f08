"""How far a collection was read: a bookmark, and the documents behind it that are done, in a small SQLite file."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.feeds.watched import Memory

if TYPE_CHECKING:
    import datetime as dt
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

#: Raised when the tables' form changes.
FORM = 1

_BOOKMARK = """
CREATE TABLE IF NOT EXISTS bookmark (
    feed TEXT, source TEXT, ident TEXT NOT NULL, made_s REAL, PRIMARY KEY (feed, source)
) WITHOUT ROWID
"""

_DONE = """
CREATE TABLE IF NOT EXISTS done (
    feed TEXT, source TEXT, ident TEXT, made_s REAL, PRIMARY KEY (feed, source, ident)
) WITHOUT ROWID
"""

_MEMORY = Memory("The memory of collections", FORM, (_BOOKMARK, _DONE))


@dataclass
class Bookmark:
    """How far one feed has read one collection. Not for use by several threads at once.

    Losing the last entries does no harm: an image announced again has the same event id.
    """

    path: Path
    feed: str
    source: str
    connection: sqlite3.Connection

    def read(self) -> str | None:
        """Return the id up to which every document is done."""
        query = "SELECT ident FROM bookmark WHERE feed = ? AND source = ?"
        with _MEMORY.translate_faults(self.path):
            row = self.connection.execute(query, (self.feed, self.source)).fetchone()
        return None if row is None else row[0]

    def is_done(self, ident: str) -> bool:
        """Return whether a document was announced or refused."""
        query = "SELECT 1 FROM done WHERE feed = ? AND source = ? AND ident = ?"
        with _MEMORY.translate_faults(self.path):
            return self.connection.execute(query, (self.feed, self.source, ident)).fetchone() is not None

    def mark_done(self, ident: str, made_at: dt.datetime | None) -> None:
        """Note that a document was announced or refused."""
        row = (self.feed, self.source, ident, None if made_at is None else made_at.timestamp())
        with _MEMORY.translate_faults(self.path):
            self.connection.execute("INSERT OR IGNORE INTO done VALUES (?, ?, ?, ?)", row)

    def move(self, ident: str, made_at: dt.datetime | None) -> None:
        """Set the bookmark; it never goes back to a document that was made earlier, of which all may be forgotten."""
        made_s = None if made_at is None else made_at.timestamp()
        command = (
            "INSERT INTO bookmark VALUES (?, ?, ?, ?) ON CONFLICT (feed, source) DO UPDATE "
            "SET ident = excluded.ident, made_s = excluded.made_s "
            "WHERE excluded.made_s IS NULL OR made_s IS NULL OR excluded.made_s >= made_s"
        )
        with _MEMORY.translate_faults(self.path):
            self.connection.execute(command, (self.feed, self.source, ident, made_s))

    def forget(self, passed: list[str], before: dt.datetime | None) -> None:
        """Forget documents that will not be listed again: those passed without a time, and those made before one."""
        with _MEMORY.translate_faults(self.path):
            rows = [(self.feed, self.source, ident) for ident in passed]
            self.connection.executemany("DELETE FROM done WHERE feed = ? AND source = ? AND ident = ?", rows)
            if before is not None:
                row = (self.feed, self.source, before.timestamp())
                self.connection.execute("DELETE FROM done WHERE feed = ? AND source = ? AND made_s < ?", row)

    def commit(self) -> None:
        """Keep what was noted."""
        with _MEMORY.translate_faults(self.path):
            self.connection.commit()


@contextmanager
def open_bookmark(path: Path, feed: str, source: str) -> Iterator[Bookmark]:
    """Open the memory of one feed and collection, and make it where there is none; feeds may share a file.

    Raises
    ------
    FatalFault
        If the file is no such memory, or one of a newer version.
    TransientFault
        If it is locked, or its folder is away or full.
    """
    with _MEMORY.open(path) as connection:
        bookmark = Bookmark(path, feed, source, connection)
        yield bookmark
        bookmark.commit()
