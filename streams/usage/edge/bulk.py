"""Bulk: a file of uses of a door outside, read at once, wholly or not at all."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.canonical import SAFE_INTEGER, to_sha256
from schemas.errors import FatalFault, TransientFault
from schemas.noun import FIRST_YEAR
from sinks.parquet import PARQUET_MEDIA_TYPE, Column, Layout, make_table, open_writer
from streams.usage.edge.bulk_sql import (
    FACT_SQL,
    FIELDS,
    PARTS_SQL,
    PIECES,
    READ_CSV,
    READ_JSON,
    ROWS_SQL,
    SHAPES_SQL,
    TAKE_JSON,
    TEXTS,
    cut_canonical,
    make_given_sql,
)
from streams.usage.edge.shapes import SHAPE_FIELDS, Template, make_template
from streams.usage.events import FUTURE_TOLERANCE
from streams.usage.meter import FACTS_FOLDER
from streams.usage.reports.database import Database
from streams.usage.rows import FACTS, from_milliseconds, to_milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future
    from pathlib import Path

    from sinks.parquet import Table, TableWriter
    from streams.usage.edge.admission import Edge
    from streams.usage.meter import FactStore

#: Lines of one file: one file is one object, so that nothing can be half imported, and is held in memory meanwhile.
MOST_LINES = 500_000

#: Complaints told of one file.
_MOST_COMPLAINTS = 50

#: Letters of a line.
_LINE_LIMIT = 65_536

#: Facts made at once: texts of so many bytes become their digests, and several times as much is in memory meanwhile.
_BYTES_AT_ONCE = 50_000_000

#: Files at work at once; each is held in memory.
_FILES_AT_ONCE = 2

#: Lines that one thread takes at once: a quarter of what the database would give it, so that none is left with the last.
_SHARED_ROWS = 32_768

_SEPARATOR = "\x1f"

_NAMED = ", ".join(FIELDS)

_TEMPLATES = Layout(
    "usage-templates/1",
    (
        Column("shape", "text"),
        *(Column(name, "text") for name in PIECES),
        Column("identity_text", "text"),
        Column("unit_kind", "text"),
        Column("image_kind", "text"),
        Column("program_text", "text"),
        Column("complaint", "text"),
        *(column for column in FACTS.columns),
    ),
)


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file.

    Attributes
    ----------
    uses
        Lines that are uses.
    known
        Whether the very same file was imported before: nothing was written then.
    """

    name: str
    uses: int
    known: bool


def import_files(
    paths: Iterable[Path], *, edge: Edge, store: FactStore, installations: Iterable[str]
) -> Iterator[Imported]:
    """Make facts of the uses in several files, and yield what became of each, in their order.

    Two are at work at once: while one waits for the database, Python makes the templates of the other.

    Raises
    ------
    FatalFault, TransientFault
        As :func:`import_uses`, for the first that cannot be imported. Those before it are; of those behind it the next one
        may be.
    """
    known = tuple(installations)
    waiting: deque[Future[Imported]] = deque()
    with ThreadPoolExecutor(_FILES_AT_ONCE, thread_name_prefix="import") as threads:
        try:
            for path in paths:
                now_at = dt.datetime.now(dt.UTC)
                waiting.append(
                    threads.submit(import_uses, path, edge=edge, store=store, installations=known, now_at=now_at)
                )
                if len(waiting) == _FILES_AT_ONCE:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for left in waiting:
                left.cancel()


def import_uses(
    path: Path, *, edge: Edge, store: FactStore, installations: Iterable[str], now_at: dt.datetime
) -> Imported:
    """Make facts of the uses in a file of JSON lines (``.jsonl``) or with commas (``.csv``).

    All lines are checked before anything is written, and the file becomes one object, named by its digest: the same file
    again is the same object.

    Raises
    ------
    FatalFault
        If a line is wrong: the first fifty are named with file, line and what is wrong, and nothing is imported.
    TransientFault
        If the store is away.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        message = f"The file {path.name} could not be read ({error.strerror})."
        raise FatalFault(message) from error
    key = f"{FACTS_FOLDER}/import-{digest[:32]}/usage.imported/0/{0:019d}.parquet"
    known = any(info.key == key for info in store.list(key))
    with closing(Database(shared=_SHARED_ROWS)) as database:
        count = _read(database, path)
        _fill_templates(database, edge, frozenset(installations))
        _refuse_wrong_lines(database, path.name, now_at)
        if not known:
            store.write(key, _make_object(database, now_at), media_type=PARQUET_MEDIA_TYPE)
    return Imported(path.name, count, known)


def _read(database: Database, path: Path) -> int:
    suffix = path.suffix.lower()
    if suffix not in {".jsonl", ".ndjson", ".csv"}:
        message = f"The file {path.name} is neither JSON lines (.jsonl) nor a table with commas (.csv)."
        raise FatalFault(message)
    try:
        # lines are numbered in the order of the file
        database.run("SET preserve_insertion_order = true")
        database.run(READ_CSV if suffix == ".csv" else READ_JSON, {"path": str(path), "longest": _LINE_LIMIT})
    except (FatalFault, TransientFault):
        message = f"{path.name} cannot be read as UTF-8 text with lines of at most {_LINE_LIMIT:,} bytes."
        # the vendor's words repeat the line, with whoever stands in it
        raise FatalFault(message) from None
    if suffix == ".csv":
        _take_sheet(database, path)
    else:
        database.run(TAKE_JSON)
        database.run("DROP TABLE line")
    count = int(database.run("SELECT count(*) FROM given")[0][0])
    if not 0 < count <= MOST_LINES:
        message = (
            f"{path.name} has {count:,} uses; a file has 1 to {MOST_LINES:,}. Split it: each part is imported whole."
        )
        raise FatalFault(message)
    return count


def _make_object(database: Database, now_at: dt.datetime) -> bytes:
    """Return the facts as one object; while some rows are queried, the ones before them are written."""
    target = io.BytesIO()
    with open_writer(FACTS, target) as writer, ThreadPoolExecutor(1, thread_name_prefix="facts") as aside:
        written: Future[None] | None = None
        for first, last in database.run(PARTS_SQL, {"most": _BYTES_AT_ONCE}):
            limits = {"now": to_milliseconds(now_at), "first": first, "last": last}
            table = database.fetch(FACT_SQL, FACTS, limits)
            if written is not None:
                written.result()
            written = aside.submit(_write_facts, writer, table)
        if written is not None:
            written.result()
    return target.getvalue()


def _write_facts(writer: TableWriter, table: Table) -> None:
    """Append rows in which texts stand in the place of their digests."""
    if table.height:
        ordered = table.ordered("offset")
        digests = {name: [to_sha256(text) for text in ordered.read_texts(name)] for name in TEXTS}
        writer.append(ordered.replaced(digests))


def _take_sheet(database: Database, path: Path) -> None:
    columns = [row[0] for row in database.run("DESCRIBE sheet")]
    # which ones, not what they are called: of a table without a head that is the first visitor
    strange = [str(number) for number, name in enumerate(columns, start=1) if name not in FIELDS]
    if strange:
        message = (
            f"{path.name}:1: its first line has to name the fields; number {', '.join(strange)} is none of {_NAMED}."
        )
        raise FatalFault(message)
    with path.open("rb") as file:
        lines = sum(bool(line.strip()) for line in file) - 1
    rows = database.run("SELECT count(*) FROM sheet")[0][0]
    if lines != rows:
        message = f"{path.name} has {lines:,} lines below its head and {rows:,} rows; a field may hold no line break."
        raise FatalFault(message)
    database.run(make_given_sql(columns))


def _fill_templates(database: Database, edge: Edge, known: frozenset[str]) -> None:
    database.run(_to_rows_sql(edge))
    database.run("DROP TABLE given")
    columns: dict[str, list[Any]] = {column.name: [] for column in _TEMPLATES.columns}
    for shape, at in database.run(SHAPES_SQL):
        made, complaint = _make(edge, shape, from_milliseconds(at or 0), known)
        row: dict[str, Any] = {"shape": shape, "complaint": complaint}
        if made is not None:
            row |= made.row | cut_canonical(made.canonical)
            row |= {
                "identity_text": made.identity,
                "unit_kind": made.unit,
                "image_kind": made.image,
                "program_text": made.program,
            }
        for name, values in columns.items():
            values.append(row.get(name))
    database.insert("CREATE TABLE template AS SELECT * FROM arriving", make_table(_TEMPLATES, columns))


def _make(edge: Edge, shape: str, at: dt.datetime, known: frozenset[str]) -> tuple[Template | None, str | None]:
    values = shape.split(_SEPARATOR)
    if len(values) != len(SHAPE_FIELDS):
        return None, "it holds control characters"
    try:
        return make_template(edge, dict(zip(SHAPE_FIELDS, values, strict=True)), at, known), None
    except (ValueError, FatalFault) as error:
        return None, str(error)


def _to_rows_sql(edge: Edge) -> str:
    """Return the statement that makes rows, with the key's period as part of the shape where keys have periods."""
    cases = " ".join(
        f"WHEN at_ms >= {to_milliseconds(period.from_at)} AND at_ms < {to_milliseconds(period.to_at)} THEN '{place}'"
        for place, (period, _) in enumerate(edge.keys.period_keys)
    )
    return ROWS_SQL.replace("{era}", f"CASE {cases} ELSE '' END" if cases else "''")


def _refuse_wrong_lines(database: Database, name: str, now_at: dt.datetime) -> None:
    limits = {
        "first": to_milliseconds(dt.datetime(FIRST_YEAR, 1, 1, tzinfo=dt.UTC)),
        "last": to_milliseconds(now_at + FUTURE_TOLERANCE),
        "largest": SAFE_INTEGER,
    }
    statement = """
        SELECT n, coalesce(row.complaint, template.complaint, CASE
            WHEN at_ms > $last THEN 'at: the time is in the future'
            WHEN at_ms < $first THEN 'at: the year is before 1900'
            WHEN greatest(own_bytes, own_units, own_images, own_cpu_ms, own_gpu_ms) > $largest THEN 'a number is beyond 2**53'
        END) AS what
        FROM row JOIN template USING (shape) WHERE what IS NOT NULL ORDER BY n
    """
    wrong = database.run(statement, limits)
    if wrong:
        told = [f"{name}:{line}: {what}" for line, what in wrong[:_MOST_COMPLAINTS]]
        more = len(wrong) - len(told)
        tail = [f"{name}: and {more:,} more lines"] if more else []
        raise FatalFault("\n".join((*told, *tail, "Nothing was imported.")))
