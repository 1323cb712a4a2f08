"""Parquet, in our own words: the door to pyarrow."""

from __future__ import annotations

import io
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import FatalFault, RejectedInput, TransientFault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PARQUET_MEDIA_TYPE = "application/vnd.apache.parquet"

#: Where a file's footer says which layout it follows.
_LAYOUT_KEY = b"observatory.layout"

Kind = Literal[
    "text", "integer", "number", "flag", "time", "texts", "integers", "numbers", "points", "polygons",
    "tally", "measures", "scored",
]  # fmt: skip

#: ``time`` is milliseconds since 1970 in UTC and deliberately without a zone: readers then compare it as it stands,
#: where a zoned column would be compared in the time zone of whoever asks.
_TYPES: Mapping[Kind, Any] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "flag": pa.bool_(),
    "time": pa.timestamp("ms"),
    "texts": pa.list_(pa.string()),
    "integers": pa.list_(pa.int64()),
    "numbers": pa.list_(pa.float64()),
    "points": pa.list_(pa.list_(pa.float64())),
    "polygons": pa.list_(pa.list_(pa.list_(pa.list_(pa.float64())))),
    "tally": pa.map_(pa.string(), pa.int64()),
    "measures": pa.map_(pa.string(), pa.float64()),
    "scored": pa.list_(pa.struct([("label", pa.string()), ("score", pa.float64())])),
}

#: Where Parquet puts the values of a nested column (Apache Parquet, LogicalTypes.md: lists and maps).
_LEAVES: Mapping[Kind, tuple[str, ...]] = {
    "text": ("",),
    "integer": ("",),
    "number": ("",),
    "flag": (),
    "time": ("",),
    "texts": (".list.element",),
    "integers": (".list.element",),
    "numbers": (".list.element",),
    "points": (".list.element.list.element",),
    "polygons": (".list.element.list.element.list.element.list.element",),
    "tally": (".key_value.key", ".key_value.value"),
    "measures": (".key_value.key", ".key_value.value"),
    "scored": (".list.element.label", ".list.element.score"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name
        As readers of the file see it.
    kind
        What stands in it; every kind may be absent in a row.
    repeats
        Whether few distinct values are expected, so that a dictionary of them saves room.
    """

    name: str
    kind: Kind
    repeats: bool = True


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns a file has, under a versioned name; columns may be added under the same name, nothing else changes."""

    name: str
    columns: tuple[Column, ...]

    def to_arrow(self) -> Any:  # noqa: ANN401 - pyarrow ships no types
        """Return the vendor's schema."""
        fields = [pa.field(column.name, _TYPES[column.kind]) for column in self.columns]
        return pa.schema(fields, metadata={_LAYOUT_KEY: self.name.encode()})


@dataclass(frozen=True, slots=True)
class Table:
    """Rows in memory, by column.

    Attributes
    ----------
    arrow
        The vendor's table, for another door that takes one.
    """

    layout: Layout
    arrow: Any

    @property
    def height(self) -> int:
        """Number of rows."""
        return int(self.arrow.num_rows)

    def to_columns(self, names: Sequence[str] | None = None) -> dict[str, list[Any]]:
        """Return columns as lists; times as integers, tallies and measures as lists of pairs.

        Parameters
        ----------
        names
            The columns wanted; all by default. A name the table does not have is left out.

        Raises
        ------
        RejectedInput
            With ``broken_parquet``, if the file held text that is none.
        """
        with translated("read"):
            wanted = [name for name in self.arrow.column_names if names is None or name in names]
            return _to_columns(self.arrow.select(wanted))

    def read_ends(self, name: str) -> tuple[Any, Any]:
        """Return a column's value in the first row and in the last one of a table that has rows."""
        with translated("read"):
            column = self.arrow.column(name)
            return column[0].as_py(), column[-1].as_py()

    def equals(self, other: Table) -> bool:
        """Return whether the other table has the same rows in the same order."""
        return bool(self.arrow.equals(other.arrow))

    def joined(self, *others: Table) -> Table:
        """Return the rows of all, this table's first."""
        with translated("write"):
            tables = [self.arrow, *(other.arrow for other in others)]
            return Table(self.layout, pa.concat_tables(tables).combine_chunks())

    def picked(self, places: Sequence[int]) -> Table:
        """Return the rows at ``places``, in that order."""
        with translated("write"):
            return Table(self.layout, self.arrow.take(pa.array(places, pa.int64())))

    def replaced(self, columns: Mapping[str, Sequence[object]]) -> Table:
        """Return the table with other values in some columns, as many as it has rows."""
        with translated("write"):
            arrow = self.arrow
            for place, column in enumerate(self.layout.columns):
                if column.name in columns:
                    kind = _TYPES[column.kind]
                    arrow = arrow.set_column(place, column.name, pa.array(columns[column.name], kind))
            return Table(self.layout, arrow.cast(self.layout.to_arrow()))


class TableWriter:
    """Writes a file row group by row group, so that no more than one is in memory."""

    def __init__(self, writer: Any, layout: Layout) -> None:  # noqa: ANN401
        self._writer = writer
        self.layout = layout

    def write(self, columns: Mapping[str, Sequence[object]]) -> None:
        """Append one row group.

        Raises
        ------
        FatalFault
            If the columns do not fit the layout.
        TransientFault
            If the disk is full.
        """
        table = make_table(self.layout, columns)
        with translated("write"):
            self._writer.write_table(table.arrow)


@contextmanager
def translated(doing: Literal["read", "write"]) -> Iterator[None]:
    """Turn the vendor's exceptions into ours.

    Raises
    ------
    RejectedInput
        ``broken_parquet`` when reading what is not a whole Parquet file.
    TransientFault
        When the operating system has no room or no memory left.
    FatalFault
        When what we wanted to write does not fit: a mistake of ours.
    """
    try:
        yield
    except (pa.ArrowCancelled, pa.ArrowMemoryError) as error:
        message = f"There was no memory or no time to {doing} a Parquet file."
        raise TransientFault(message) from error
    except (pa.ArrowException, OSError, UnicodeError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            message = f"The system could not {doing} a Parquet file: {error.strerror}."
            raise TransientFault(message) from error
        if doing == "read":
            reason = "broken_parquet"
            raise RejectedInput(reason, "The bytes are not a whole Parquet file.") from error
        message = "The rows do not fit the layout of their Parquet file."
        raise FatalFault(message) from error


def make_table(layout: Layout, columns: Mapping[str, Sequence[object]]) -> Table:
    """Return a table; every column of the layout must be there, with the same number of rows.

    Raises
    ------
    FatalFault
        If the columns do not fit the layout.
    """
    with translated("write"):
        arrays = [pa.array(columns[column.name], _TYPES[column.kind]) for column in layout.columns]
        return Table(layout, pa.Table.from_arrays(arrays, schema=layout.to_arrow()))


def adopt_table(layout: Layout, arrow: Any) -> Table:  # noqa: ANN401 - the vendor's table
    """Return the vendor's table, with columns of the layout's names and order, as a table of the layout.

    Raises
    ------
    FatalFault
        If the columns do not fit the layout.
    """
    with translated("write"):
        return Table(layout, arrow.cast(layout.to_arrow()).combine_chunks())


def write_table(table: Table) -> bytes:
    """Return a table as the bytes of one file; the same rows give the same bytes.

    Raises
    ------
    TransientFault
        If there is no memory for it.
    """
    target = io.BytesIO()
    with open_writer(table.layout, target) as writer, translated("write"):
        writer._writer.write_table(table.arrow)  # noqa: SLF001 - a table of ours needs no second conversion
    return target.getvalue()


@contextmanager
def open_writer(layout: Layout, target: BinaryIO) -> Iterator[TableWriter]:
    """Open a file for writing; what is in ``target`` is worth keeping only if the block is left without an error."""
    with translated("write"):
        writer = pq.ParquetWriter(target, layout.to_arrow(), compression="zstd", use_dictionary=_to_leaves(layout))
    try:
        yield TableWriter(writer, layout)
    finally:
        with translated("write"):
            writer.close()


def read_table(data: bytes, layout: Layout, names: Sequence[str] | None = None) -> Table:
    """Read a file, or some of its columns.

    Parameters
    ----------
    data
        The bytes of the file.
    layout
        The layout it must follow. Columns that an older writer did not know come back absent, those of a newer one
        are left out.
    names
        The columns wanted; all of the layout by default.

    Raises
    ------
    RejectedInput
        ``broken_parquet``, or ``unknown_layout`` if it follows another layout.
    """
    wanted = [column for column in layout.columns if names is None or column.name in names]
    part = Layout(layout.name, tuple(wanted))
    with translated("read"):
        file = _open_file(data, layout)
        present = [column.name for column in wanted if column.name in file.schema_arrow.names]
        table = file.read(columns=present)
        return Table(part, _fit(table, part))


def read_groups(data: bytes, layout: Layout) -> Iterator[dict[str, list[Any]]]:
    """Yield the columns of each row group, as :meth:`Table.to_columns` gives them.

    Raises
    ------
    RejectedInput
        ``broken_parquet`` or ``unknown_layout``.
    """
    with translated("read"):
        file = _open_file(data, layout)
        groups = range(file.num_row_groups)
    for group in groups:
        with translated("read"):
            columns = _to_columns(_fit(file.read_row_group(group), layout))
        yield columns


def _open_file(data: bytes, layout: Layout) -> Any:  # noqa: ANN401
    # a buffer, never a Python file: the vendor's threads may still hold such a file when the interpreter ends, and abort it
    file = pq.ParquetFile(pa.BufferReader(data))
    name = (file.schema_arrow.metadata or {}).get(_LAYOUT_KEY, b"none").decode()
    if name != layout.name:
        reason = "unknown_layout"
        raise RejectedInput(reason, f"The Parquet file has the layout {name[:80]!r} where {layout.name!r} is read.")
    return file


def _fit(table: Any, layout: Layout) -> Any:  # noqa: ANN401
    """Return the table with exactly the columns of the layout."""
    arrays = [
        table.column(column.name) if column.name in table.column_names else pa.nulls(len(table), _TYPES[column.kind])
        for column in layout.columns
    ]
    return pa.table(arrays, schema=layout.to_arrow())


def _to_columns(table: Any) -> dict[str, list[Any]]:  # noqa: ANN401
    return {
        name: (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()
        for name, column in zip(table.column_names, table.columns, strict=True)
    }


def _to_leaves(layout: Layout) -> list[str]:
    """Return the paths, as Parquet names them, of the leaf columns that a dictionary suits."""
    return [column.name + leaf for column in layout.columns if column.repeats for leaf in _LEAVES[column.kind]]
