"""Large results: entries beyond what a document holds stand in two Parquet tables beside it."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from pydantic import TypeAdapter, ValidationError

from schemas.canonical import to_canonical
from schemas.errors import RejectedInput
from schemas.finding import Entry
from schemas.result import DIGEST_ROWS, TableContent
from sinks.entries import PackedEntry
from sinks.parquet import Column, Layout, TableWriter, open_writer, read_groups

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

#: One row for each entry, in the order of the document. ``findings`` says how many rows of the other table follow.
IMAGES = Layout(
    "result-images/1",
    (
        Column("entry", "integer", repeats=False),
        Column("state", "text"),
        Column("index", "integer", repeats=False),
        Column("reason", "text"),
        Column("kind", "text"),
        Column("width_px", "integer"),
        Column("height_px", "integer"),
        Column("offset_s", "number", repeats=False),
        Column("place_kind", "text"),
        Column("place_part", "text"),
        Column("place_pts", "integer", repeats=False),
        Column("place_time_base", "integers"),
        Column("place_x_px", "integer"),
        Column("place_y_px", "integer"),
        Column("place_path", "text", repeats=False),
        Column("field_frame", "integer"),
        Column("field_x_px", "integer", repeats=False),
        Column("field_y_px", "integer", repeats=False),
        Column("scale_kind", "text"),
        Column("scale_why", "text"),
        Column("scale_pixel_um", "number"),
        Column("scale_method", "text"),
        Column("flags", "texts"),
        Column("findings", "integer"),
    ),
)

#: One row for each finding, in the order of the entries and of their canonical numbering.
FINDINGS = Layout(
    "result-findings/1",
    (
        Column("entry", "integer", repeats=False),
        Column("index", "integer", repeats=False),
        Column("n", "integer"),
        Column("by", "text"),
        Column("label", "text"),
        Column("score", "number"),
        Column("geometry_kind", "text"),
        Column("geometry_xyxy", "numbers", repeats=False),
        Column("geometry_polygons", "polygons", repeats=False),
        Column("geometry_points", "points", repeats=False),
        Column("geometry_xy", "numbers", repeats=False),
        Column("geometry_x_px", "integer"),
        Column("geometry_y_px", "integer"),
        Column("geometry_width_px", "integer"),
        Column("geometry_height_px", "integer"),
        Column("geometry_rle", "text", repeats=False),
        Column("alternatives", "scored"),
        Column("measures", "measures"),
        Column("track", "integer"),
        Column("within", "integer"),
        Column("flags", "texts"),
    ),
)

#: Rows in memory before they are written out. Small enough for some 30 MB of Python objects, large enough to compress.
_GROUP_ROWS = 10_000

_ENTRY: TypeAdapter[Entry] = TypeAdapter(Entry)


def make_tables(entries: Iterable[Entry | PackedEntry]) -> tuple[TableContent, bytes, bytes]:
    """Return what the document says of the tables, and the bytes of ``images.parquet`` and ``findings.parquet``.

    Raises
    ------
    TransientFault
        If there is no memory for them.
    """
    images, findings = io.BytesIO(), io.BytesIO()
    content = write_tables(entries, images, findings)
    return content, images.getvalue(), findings.getvalue()


def write_tables(entries: Iterable[Entry | PackedEntry], images: BinaryIO, findings: BinaryIO) -> TableContent:
    """Write entries as they come into two open files, and return what the document says of them.

    Memory does not grow with the number of entries.

    Parameters
    ----------
    entries
        In the order of the document.
    images, findings
        Open for writing; worth keeping only if no error came.

    Raises
    ------
    TransientFault
        If the disk is full.
    """
    digests = _Digests()
    with open_writer(IMAGES, images) as images_writer, open_writer(FINDINGS, findings) as findings_writer:
        image_rows, finding_rows = _Rows(images_writer), _Rows(findings_writer)
        for place, entry in enumerate(entries):
            plain, canonical = entry if isinstance(entry, PackedEntry) else _pack(entry)
            digests.add(canonical)
            found = plain.pop("findings", [])
            image = plain.pop("image", {})
            own = {"entry": place, "findings": len(found)} if plain["state"] == "looked" else {"entry": place}
            image_rows.add({**plain, **image, **own})
            for finding in found:
                finding_rows.add({**finding, "entry": place, "index": image["index"]})
        image_rows.flush()
        finding_rows.flush()
    return TableContent(images=image_rows.written, findings=finding_rows.written, digests=digests.close())


def read_entries(content: TableContent, images: bytes, findings: bytes) -> Iterator[Entry]:
    """Yield the entries of two tables, each checked against the document's digest before its ten thousand are through.

    Parameters
    ----------
    content
        What the document says of the tables.
    images, findings
        The bytes of both files.

    Raises
    ------
    RejectedInput
        ``broken_parquet``; or ``tables_differ`` when the entries are not those the document was written with, after
        the entries before the difference were given.
    """
    rows = _iterate_rows(FINDINGS, findings)
    digests = _Digests()
    read = _Progress()
    for row in _iterate_rows(IMAGES, images):
        entry = _to_entry(row, rows)
        digests.add(_pack(entry).canonical)
        read.add(entry)
        _check(digests.closed, content.digests)
        yield entry
    left_over = next(rows, None) is not None
    if left_over or (read.images, read.findings) != (content.images, content.findings):
        _differ("their numbers of rows")
    if digests.close() != content.digests:
        _differ(f"the entries from {len(content.digests[:-1]) * DIGEST_ROWS} on")


def _pack(entry: Entry) -> PackedEntry:
    plain = entry.to_plain()
    return PackedEntry(plain, to_canonical(plain))


def _check(closed: list[str], expected: tuple[str, ...]) -> None:
    """Compare the newest digest, as soon as it is known."""
    if closed and closed[-1] != "".join(expected[len(closed) - 1 : len(closed)]):
        _differ(f"the entries from {(len(closed) - 1) * DIGEST_ROWS} on")


def _differ(what: str) -> None:
    reason = "tables_differ"
    raise RejectedInput(reason, f"The tables are not those of their document: {what} differ.")


@dataclass
class _Progress:
    images: int = 0
    findings: int = 0

    def add(self, entry: Entry) -> None:
        self.images += 1
        self.findings += len(entry.findings) if entry.state == "looked" else 0


class _Digests:
    """Computes, entry by entry, what :func:`schemas.result.to_entry_digests` computes over all of them."""

    def __init__(self) -> None:
        self.closed: list[str] = []
        self._open = hashlib.sha256(b"[")
        self._rows = 0

    def add(self, canonical: bytes) -> None:
        if self._rows == DIGEST_ROWS:
            self._close_one()
        self._open.update((b"," if self._rows else b"") + canonical)
        self._rows += 1

    def close(self) -> tuple[str, ...]:
        if self._rows:
            self._close_one()
        return tuple(self.closed)

    def _close_one(self) -> None:
        self._open.update(b"]")
        self.closed.append(self._open.hexdigest())
        self._open, self._rows = hashlib.sha256(b"["), 0


@dataclass
class _Rows:
    """Buffers plain rows by column and writes them in groups."""

    writer: TableWriter
    written: int = 0
    _columns: dict[str, list[Any]] = field(default_factory=dict)
    _paths: tuple[tuple[str, str, str | None], ...] = ()
    _height: int = 0

    def add(self, row: Mapping[str, Any]) -> None:
        if not self._height:
            self._paths = _to_paths(self.writer.layout)
            self._columns = {name: [] for name, _, _ in self._paths}
        for name, outer, inner in self._paths:
            value = row.get(outer)
            if inner is not None and value is not None:
                value = value.get(inner)
            self._columns[name].append(tuple(value.items()) if type(value) is dict else value)
        self._height += 1
        self.written += 1
        if self._height == _GROUP_ROWS:
            self.flush()

    def flush(self) -> None:
        if self._height:
            self.writer.write(self._columns)
        self._height = 0


#: Fields that have fields, most of them a choice of shapes; those stand in columns of their own, named after both.
_UNIONS = ("geometry", "place", "scale", "field")


def _to_paths(layout: Layout) -> tuple[tuple[str, str, str | None], ...]:
    """Return, for each column, its name, the field it is from, and the field within that one."""
    paths: list[tuple[str, str, str | None]] = []
    for column in layout.columns:
        outer = next((union for union in _UNIONS if column.name.startswith(f"{union}_")), None)
        inner = column.name.removeprefix(f"{outer}_") if outer else None
        paths.append((column.name, outer or column.name, inner))
    return tuple(paths)


def _iterate_rows(layout: Layout, data: bytes) -> Iterator[dict[str, Any]]:
    """Yield each row as a plain object, absent fields left out."""
    paths = _to_paths(layout)
    for columns in read_groups(data, layout):
        for values in zip(*(columns[name] for name, _, _ in paths), strict=True):
            row: dict[str, Any] = {}
            for (_, outer, inner), value in zip(paths, values, strict=True):
                if value is None:
                    continue
                if inner is None:
                    row[outer] = value
                else:
                    row.setdefault(outer, {})[inner] = value
            yield row


def _to_entry(row: dict[str, Any], rows: Iterator[dict[str, Any]]) -> Entry:
    place, height = row.pop("entry", None), row.pop("findings", 0)
    state = row.pop("state", None)
    if state == "looked":
        found = list(islice(rows, height))
        if len(found) < height or any(finding.pop("entry", None) != place for finding in found):
            _differ(f"the findings of entry {place}")
        for finding in found:
            finding.pop("index", None)
        row = {"image": row, "findings": found}
    try:
        return _ENTRY.validate_python({"state": state, **row})
    except ValidationError as error:
        reason = "tables_differ"
        raise RejectedInput(reason, f"The row of entry {place} is no entry of a result.") from error
