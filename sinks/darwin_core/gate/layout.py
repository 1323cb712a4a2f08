"""The gate's look at meta.xml: every column is a term that its row type has, and stands where it says it stands."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sinks.darwin_core.documents.meta import META_NAME, MappedTable, read_meta
from sinks.darwin_core.terms import EVENT_ROW, TABLES, load_official_terms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sinks.darwin_core.gate.complaints import Complaints
    from sinks.darwin_core.rows import Row


@dataclass(frozen=True, slots=True)
class OpenTable:
    """A text file with the local names of its columns, by place; unmapped columns have none."""

    path: Path
    names: tuple[str, ...]

    def read_rows(self, complaints: Complaints) -> Iterator[tuple[str, Row]]:
        """Yield ``(file and line, cells by column)``; a row with another number of cells is a complaint and left out."""
        with self.path.open(encoding="utf-8", newline="\n") as lines:
            next(lines, None)
            for number, line in enumerate(lines, start=2):
                where = f"{self.path.name}:{number}"
                cells = line.rstrip("\n").split("\t")
                if len(cells) != len(self.names):
                    complaints.add("cells", where, f"{len(cells)} cells in a row of {len(self.names)} columns")
                    continue
                if not "".join(cells).isprintable():
                    complaints.add("cells", where, "a control character")
                yield where, dict(zip(self.names, cells, strict=True))


def open_tables(folder: Path, complaints: Complaints) -> dict[str, OpenTable]:
    """Check the layout of an archive and return its tables by row type, or none when it has faults."""
    try:
        mapped = read_meta((folder / META_NAME).read_bytes())
    except (OSError, ValueError) as error:
        complaints.add("layout", META_NAME, f"not readable ({error})")
        return {}
    before = complaints.total
    row_types = Counter(table.row_type for table in mapped)
    for table in TABLES:
        if row_types[table.row_type] != 1:
            complaints.add("layout", META_NAME, f"{row_types[table.row_type]} tables of row type {table.row_type}")
    if [table.row_type for table in mapped if table.is_core] != [EVENT_ROW]:
        complaints.add("layout", META_NAME, "the core is not the one table of events")
    opened = {table.row_type: _open_table(folder, table, complaints) for table in mapped}
    return opened if complaints.total == before else {}


def _open_table(folder: Path, table: MappedTable, complaints: Complaints) -> OpenTable:
    path = folder / table.name
    try:
        with path.open("rb") as lines:
            header = tuple(lines.readline().decode("utf-8").rstrip("\n").split("\t"))
    except (OSError, UnicodeDecodeError) as error:
        complaints.add("layout", META_NAME, f"{table.name} is not readable ({type(error).__name__})")
        return OpenTable(path, ())
    _check_terms(table, complaints)
    _check_places(table, header, complaints)
    return OpenTable(path, header)


def _check_terms(table: MappedTable, complaints: Complaints) -> None:
    allowed = load_official_terms().get(table.row_type, frozenset())
    terms = Counter(term for _, term in table.fields)
    for term, count in terms.items():
        if term not in allowed:
            complaints.add("unknown_term", f"{META_NAME} {table.name}", f"{term} is no term of {table.row_type}")
        if count > 1:
            complaints.add("repeated_term", f"{META_NAME} {table.name}", f"{term} is mapped {count} times")
    ours = next((item for item in TABLES if item.row_type == table.row_type), None)
    for _, term in ours.to_fields() if ours else ():
        if term not in terms:
            complaints.add("missing_term", f"{META_NAME} {table.name}", f"no column for {term}")


def _check_places(table: MappedTable, header: tuple[str, ...], complaints: Complaints) -> None:
    where = f"{META_NAME} {table.name}"
    for index, count in Counter(index for index, _ in table.fields).items():
        if count > 1:
            complaints.add("repeated_index", where, f"{count} terms on column {index}")
    for index, term in table.fields:
        named = header[index] if index is not None and index < len(header) else None
        if named != term.rsplit("/", 1)[-1]:
            complaints.add("wrong_index", where, f"{term} is mapped to the column {named!r}")
    if table.link != 0 or header[0] != "eventID":
        complaints.add("wrong_index", where, "the first column is not the event's id")
