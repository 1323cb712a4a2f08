"""The shelf: drafts on disk, given in any order, taken back in the order of the archive, one result per event."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING

from schemas.errors import FatalFault, TransientFault
from sinks.darwin_core.drafts import Draft, from_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

#: Pages of the drafts that stay in memory.
_CACHE_KIB = 32_768

#: Unit ids named in a report, per reason.
_NAMED = 5

_SCHEMA = """
CREATE TABLE draft (event_id TEXT, unit_id TEXT, rank INTEGER, result_id TEXT, body TEXT);
CREATE UNIQUE INDEX by_result ON draft (event_id, unit_id, rank, result_id);
CREATE TABLE left_out (result_id TEXT PRIMARY KEY, unit_id TEXT, reason TEXT) WITHOUT ROWID;
CREATE TABLE chosen (event_id TEXT PRIMARY KEY, draft INTEGER) WITHOUT ROWID;
"""


class SeveralObserversError(FatalFault):
    """Units have results of several observers, and the plan does not say which one speaks."""


class Shelf:
    """Drafts in a temporary database: memory stays the same however many there are.

    Parameters
    ----------
    path
        A file that does not exist yet; about 4 kB per unit are written to it, and whoever made it removes it.
    """

    def __init__(self, path: Path) -> None:
        with _translated():
            self._database = sqlite3.connect(path, isolation_level=None)
            # a crash loses a file that nobody would read again, so nothing is journalled or synced
            self._database.execute("PRAGMA journal_mode = OFF")
            self._database.execute("PRAGMA synchronous = OFF")
            self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            self._database.executescript(_SCHEMA)
            self._database.execute("BEGIN")

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def add(self, draft: Draft) -> None:
        """Keep a draft; of two for one result the one whose text sorts first, so that order plays no part."""
        with _translated():
            self._database.execute(
                "INSERT INTO draft VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET body = min(body, excluded.body)",
                (draft.event_id, draft.unit_id, draft.rank, draft.result_id, draft.to_text()),
            )

    def leave_out(self, unit_id: str, result_id: str, reason: str) -> None:
        """Note a result that is not published; given again it is noted once."""
        with _translated():
            self._database.execute(
                "INSERT INTO left_out VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET reason = min(reason, excluded.reason)",
                (result_id, unit_id, reason),
            )

    def count(self) -> int:
        """Return how many different results were given."""
        with _translated():
            (drafts,) = self._database.execute("SELECT count(*) FROM draft").fetchone()
            (left_out,) = self._database.execute("SELECT count(*) FROM left_out").fetchone()
        return int(drafts) + int(left_out)

    def choose(self) -> Iterator[Draft]:
        """Choose one result per event, and yield the chosen ones in the order of their event ids.

        Of a unit's results the best ranked observer's is taken; of several units that claim one capture time the one
        whose id sorts first. The others are noted as left out.

        Raises
        ------
        SeveralObserversError
            If a unit has two results of equal rank.
        """
        with _translated():
            found = self._database.execute(
                "SELECT rowid, event_id, unit_id, rank, result_id FROM draft ORDER BY event_id, unit_id, rank, result_id"
            )
            for event_id, rows in groupby(found, key=lambda row: row[1]):
                chosen = self._choose_one(list(rows))
                self._database.execute("INSERT INTO chosen VALUES (?, ?)", (event_id, chosen))
        yield from self.read_chosen()

    def read_chosen(self) -> Iterator[Draft]:
        """Yield the chosen drafts again, in the order of their event ids."""
        with _translated():
            query = "SELECT body FROM chosen JOIN draft ON draft.rowid = chosen.draft ORDER BY chosen.event_id"
            for (body,) in self._database.execute(query):
                yield from_text(body)

    def count_left_out(self) -> dict[str, int]:
        """Return how many results were left out, by reason."""
        with _translated():
            query = "SELECT reason, count(*) FROM left_out GROUP BY reason ORDER BY reason"
            return dict(self._database.execute(query).fetchall())

    def name_left_out(self) -> dict[str, tuple[str, ...]]:
        """Return, by reason, the ids of the first few units that were left out."""
        named: dict[str, tuple[str, ...]] = {}
        with _translated():
            for reason in self.count_left_out():
                query = "SELECT DISTINCT unit_id FROM left_out WHERE reason = ? ORDER BY unit_id LIMIT ?"
                named[reason] = tuple(unit for (unit,) in self._database.execute(query, (reason, _NAMED)))
        return named

    def _choose_one(self, rows: list[tuple[int, str, str, int, str]]) -> int:
        best: int | None = None
        for unit_id, of_unit in groupby(rows, key=lambda row: row[2]):
            results = list(of_unit)
            if len(results) > 1 and results[0][3] == results[1][3]:
                raise self._to_fault(unit_id, [row[0] for row in results])
            rejected = results if best is not None else results[1:]
            reason = "capture_time_taken" if best is not None else "other_observer_chosen"
            for _, _, _, _, result_id in rejected:
                self.leave_out(unit_id, result_id, reason)
            best = results[0][0] if best is None else best
        return best or 0

    def _to_fault(self, unit_id: str, rowids: Iterable[int]) -> SeveralObserversError:
        query = "SELECT body FROM draft WHERE rowid = ?"
        bodies = [self._database.execute(query, (rowid,)).fetchone()[0] for rowid in rowids]
        names = sorted(Counter(from_text(body).observer for body in bodies))
        message = (
            f"The unit {unit_id} has results of several observers: {', '.join(names)}. "
            "Say in the data set's 'observers' which one speaks; an observer's digest is the text in brackets."
        )
        return SeveralObserversError(message)


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what the database raises into our faults."""
    try:
        yield
    except sqlite3.OperationalError as error:
        message = f"The drafts of the archive could not be set down: {error}."
        raise TransientFault(message) from error
    except sqlite3.Error as error:
        message = f"The drafts of the archive are not readable: {error}."
        raise FatalFault(message) from error
