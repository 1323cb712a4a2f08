"""Standing facts: what was read of objects that no longer change, kept in a file, so that figures need not read all facts again.

The file is no source of anything: it is made of the objects, holds which of them with size and time, and may be deleted. What is
counted is counted by the same statements from the same rows, whether these come from the file or from the objects.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from schemas.errors import FatalFault, TransientFault
from streams.usage.reports.database import LOCKED, VENDOR_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from sinks.object_store.store import ObjectInfo
    from sinks.parquet import Table
    from streams.usage.reports.database import Database

log = logging.getLogger(__name__)

#: The newest object of a partition grows; it is taken when it has not done so for this long. Any object waits for the second
#: figure: within it an object may be written twice at what the store calls the same time.
_GROWS = dt.timedelta(hours=1)
_SETTLES = dt.timedelta(seconds=10)

_NAME = "standing"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the facts stand.

    Attributes
    ----------
    folder
        For the file; made where it is missing. The file holds what facts hold, pseudonyms among them.
    """

    folder: Path

    def fill(
        self,
        database: Database,
        infos: Iterable[ObjectInfo],
        *,
        columns: str,
        load: str,
        read: Callable[[ObjectInfo], Table],
    ) -> list[ObjectInfo]:
        """Put the facts of objects that no longer change into the table ``event``, and return the other objects.

        Parameters
        ----------
        columns
            Of the table.
        load
            The query that makes rows of it from an object's, which are called ``arriving``.
        read
            Reads an object.

        Raises
        ------
        RejectedInput, TransientFault
            As ``read``. Whatever is wrong with the file only makes it slower.
        """
        listed = list(infos)
        firm = _find_firm(listed, dt.datetime.now(dt.UTC))
        try:
            self._open(database, columns + load)
        except (TransientFault, FatalFault, OSError) as fault:
            why = fault.strerror if isinstance(fault, OSError) else fault.sentence
            log.warning("all usage facts are read again: %s", why)
            return listed
        try:
            database.run(f"CREATE TABLE IF NOT EXISTS standing.kept (object BIGINT, {columns})")
            _renew(database, firm, load, read)
            database.run("INSERT INTO event SELECT * EXCLUDE (object) FROM standing.kept")
        finally:
            database.detach(_NAME)
        taken = {info.key for info in firm}
        return [info for info in listed if info.key not in taken]

    def _open(self, database: Database, form: str) -> None:
        """Attach the file; one that is damaged is made anew, one that another program holds is left to it."""
        digest = hashlib.sha256(f"{VENDOR_VERSION} {form}".encode()).hexdigest()[:12]
        path = self.folder / f"facts-{digest}.duckdb"
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in self.folder.glob("facts-*.duckdb*"):
            if not old.name.startswith(path.name):
                old.unlink(missing_ok=True)
        try:
            database.attach(path, _NAME)
        except (TransientFault, FatalFault) as fault:
            if LOCKED in str(fault.__cause__):
                raise
            for part in self.folder.glob(f"{path.name}*"):
                part.unlink(missing_ok=True)
            database.attach(path, _NAME)
        database.run(
            "CREATE TABLE IF NOT EXISTS standing.object (number BIGINT, key VARCHAR, size_bytes BIGINT, stored_us BIGINT)"
        )


def _find_firm(infos: Iterable[ObjectInfo], now_at: dt.datetime) -> list[ObjectInfo]:
    """Return the objects that no longer change: those before the newest of their partition, and that one when it is old."""
    firm: list[ObjectInfo] = []
    ordered = sorted(infos, key=lambda info: info.key)
    for _, group in groupby(ordered, key=lambda info: info.key.rpartition("/")[0]):
        *before, newest = group
        firm += [info for info in before if now_at - info.stored_at > _SETTLES]
        firm += [newest] if now_at - newest.stored_at > _GROWS else []
    return firm


def _renew(database: Database, firm: list[ObjectInfo], load: str, read: Callable[[ObjectInfo], Table]) -> None:
    """Forget what changed or is gone, and read what is new, all of it or nothing."""
    known = {row[1:]: row[0] for row in database.run("SELECT number, key, size_bytes, stored_us FROM standing.object")}
    wanted = {_to_identity(info): info for info in firm}
    stale = [(number,) for identity, number in known.items() if identity not in wanted]
    fresh = [(identity, info) for identity, info in wanted.items() if identity not in known]
    database.run("BEGIN")
    try:
        database.run_many("DELETE FROM standing.kept WHERE object = ?", stale)
        database.run_many("DELETE FROM standing.object WHERE number = ?", stale)
        for number, (identity, info) in enumerate(fresh, max(known.values(), default=0) + 1):
            insert = f"INSERT INTO standing.kept SELECT {number}, arrived.* FROM ({load}) AS arrived"  # noqa: S608 - ours
            database.insert(insert, read(info))
            database.run_many("INSERT INTO standing.object VALUES (?, ?, ?, ?)", [(number, *identity)])
        database.run("COMMIT")
    except BaseException:
        database.run("ROLLBACK")
        raise


def _to_identity(info: ObjectInfo) -> tuple[str, int, int]:
    return info.key, info.size_bytes, round(info.stored_at.timestamp() * 1_000_000)
