"""SQL over tables in memory: the door to duckdb."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from schemas.errors import FatalFault, TransientFault
from sinks.parquet import adopt_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sinks.parquet import Layout, Table

#: Nothing is fetched, loaded or opened by a query: all it sees was added by us.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "preserve_insertion_order": "false",
    # nothing of it comes to a disk: it may hold what must not leave the process
    "temp_directory": "",
}

#: The version that a file's form may depend on, and what the vendor says of a file that another program has.
VENDOR_VERSION: str = duckdb.__version__
LOCKED = "Could not set lock"

#: Memory of a database that spills, MiB; what is being read comes on top.
MEMORY_MIB = 500

#: What passes by itself or with more room; every other exception of the vendor is a mistake in a query of ours.
_PASSING = (duckdb.OutOfMemoryException, duckdb.IOException, duckdb.InterruptException, duckdb.ResourceInUseException)


class Database:
    """A database that is gone when it is closed; for one thread.

    Parameters
    ----------
    spills
        Keep tables in a file of its own, so that no more than :data:`MEMORY_MIB` of them is in memory: for what may be on a
        disk, and grows.
    shared
        Rows that one thread takes at once, where tables have too few to be shared well: a multiple of 2,048. Not with ``spills``.
    """

    def __init__(self, *, spills: bool = False, shared: int | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="observatory-usage-") if spills else None
        place, limits = ":memory:", {}
        if self._folder is not None:
            place = str(Path(self._folder.name) / "usage.duckdb")
            limits = {"memory_limit": f"{MEMORY_MIB}MiB", "temp_directory": f"{self._folder.name}/spilled"}
        with translated():
            self._connection = duckdb.connect(place, config=_CONFIG | limits)
            if shared is not None:
                self._connection.execute(f"ATTACH ':memory:' AS shared (ROW_GROUP_SIZE {int(shared)})")
                self._connection.execute("USE shared")

    def run(self, statement: str, parameters: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        """Run one statement, with ``$name`` parameters, and return its rows.

        Raises
        ------
        TransientFault
            If there is no memory left for it.
        FatalFault
            If the statement is wrong: a mistake of ours.
        """
        with translated():
            return self._connection.execute(statement, dict(parameters) if parameters else None).fetchall()

    def insert(self, statement: str, table: Table) -> None:
        """Run an ``INSERT`` that selects from the table under the name ``arriving``.

        Raises
        ------
        TransientFault, FatalFault
            As :meth:`run`.
        """
        with translated():
            self._connection.register("arriving", table.arrow)
            try:
                self._connection.execute(statement)
            finally:
                self._connection.unregister("arriving")

    def run_many(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        """Run one statement with ``?`` parameters once for each row.

        Raises
        ------
        TransientFault, FatalFault
            As :meth:`run`.
        """
        if rows:
            with translated():
                self._connection.executemany(statement, rows)

    def attach(self, path: Path, name: str) -> None:
        """Let the tables of a database file, made where it is missing, be seen under a name.

        Raises
        ------
        TransientFault
            If it is damaged, or another program has it: then the cause's text holds :data:`LOCKED`.
        FatalFault
            As :meth:`run`.
        """
        quoted = str(path).replace("'", "''")
        self.run(f"ATTACH '{quoted}' AS {name}")

    def detach(self, name: str) -> None:
        """Let go of an attached file.

        Raises
        ------
        TransientFault, FatalFault
            As :meth:`run`.
        """
        self.run(f"DETACH {name}")

    def fetch(self, statement: str, layout: Layout, parameters: Mapping[str, object] | None = None) -> Table:
        """Run one query and return its rows as a table of the layout.

        Raises
        ------
        TransientFault, FatalFault
            As :meth:`run`.
        """
        with translated():
            found = self._connection.sql(statement, params=dict(parameters) if parameters else None).to_arrow_table()
        return adopt_table(layout, found)

    def close(self) -> None:
        """Let go of all memory, and of the file."""
        try:
            with translated():
                self._connection.close()
        finally:
            if self._folder is not None:
                self._folder.cleanup()


@contextmanager
def translated() -> Iterator[None]:
    """Turn the vendor's exceptions into ours.

    Raises
    ------
    TransientFault, FatalFault
        As :meth:`Database.run`.
    """
    try:
        yield
    except _PASSING as error:
        message = "The query over the usage facts found no room; it may pass when other work is done."
        raise TransientFault(message) from error
    except (duckdb.Error, duckdb.Warning) as error:
        message = "The query over the usage facts is wrong."
        raise FatalFault(message) from error
