"""The meter: records of the usage topic in, facts durable in the object store on return."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from schemas.errors import FatalFault, RejectedInput
from sinks.object_store.store import MISSING_OBJECT
from sinks.parquet import PARQUET_MEDIA_TYPE, Table, make_table, read_table, write_table
from streams.usage.likeness import FactReader, make_facts
from streams.usage.rows import FACTS, REJECTED, to_rejected

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sinks.object_store.store import ObjectInfo
    from sinks.parquet import Layout
    from streams.brokers.records import Stored
    from streams.usage.likeness import Row

#: Offsets in one object. An object that is not yet full is written again with each batch, which costs time in proportion
#: to it; a full one is some 2 MB. Part of the names of objects: facts kept under another number are still read, but a
#: log must be metered under one number only.
SEGMENT_OFFSETS = 10_000

FACTS_FOLDER, REJECTED_FOLDER = "usage/facts", "usage/rejected"

#: Digits of the first offset in an object's name, enough for any 64-bit offset, so that names sort as numbers do.
_OFFSET_DIGITS = 19


#: Topic, partition and first offset of what is one object.
_Segment = tuple[str, int, int]


class FactStore(Protocol):
    """The part of an object store that usage needs (:mod:`sinks.object_store.store` says what each may raise)."""

    def read(self, key: str) -> bytes:
        """Return the whole object."""
        ...

    def write(self, key: str, data: bytes, *, media_type: str) -> None:
        """Store ``data``, in place of what was there; durable on return."""
        ...

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Go through the objects whose key begins with ``prefix``."""
        ...


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that is no use, where it stands, and why."""

    partition: int
    offset: int
    reason: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch.

    Attributes
    ----------
    facts
        Records that are uses; redelivered ones are among them.
    refused
        Those that are not.
    objects_written
        0 when all of them were durable before.
    """

    facts: int
    refused: tuple[Refused, ...]
    objects_written: int


class Meter:
    """Keeps the uses of one log as facts; for one thread at a time.

    A fact's place in the store follows from its place in the log: redelivery, in whatever batches, writes the same
    rows into the same objects. Before an object is written again it is read, and what is in it and what this worker
    remembers of it are united, so that neither of two workers who both believe to own a partition undoes the other.

    Parameters
    ----------
    store
        Where facts are kept.
    log_id
        Identity of the log behind the topic; a topic that was deleted and made again has another one, and other objects.
    segment_offsets
        Offsets in one object.
    """

    def __init__(self, store: FactStore, log_id: str, *, segment_offsets: int = SEGMENT_OFFSETS) -> None:
        self._store = store
        self._log_id = log_id
        self._segment_offsets = segment_offsets
        self._reader = FactReader()
        # the newest object of each partition as last written, so that its bytes need not be decoded again
        self._recent: dict[str, tuple[str, bytes, Table]] = {}

    def take(self, records: Iterable[Stored]) -> Taken:
        """Make a batch durable; acknowledge it only after this returned.

        Raises
        ------
        TransientFault
            If the store is away; the same batch may be given again.
        FatalFault
            If a stored object is broken, or the log is another one than its identity says.
        """
        facts: dict[_Segment, list[Row]] = defaultdict(list)
        rejected: dict[_Segment, list[dict[str, Any]]] = defaultdict(list)
        refused: list[Refused] = []
        for record in records:
            segment = (record.topic, record.partition, record.offset - record.offset % self._segment_offsets)
            try:
                facts[segment].append(self._reader.read(record))
            except RejectedInput as fault:
                rejected[segment].append(to_rejected(record, fault))
                refused.append(Refused(record.partition, record.offset, fault.reason, fault.sentence))
        kept = 0
        written = [
            self._keep(self._to_key(REJECTED_FOLDER, segment), REJECTED, _make_rejected(rows))
            for segment, rows in sorted(rejected.items())
        ]
        for segment, rows in sorted(facts.items()):
            if rows:  # a segment of which nothing could be read has none
                written.append(self._keep(self._to_key(FACTS_FOLDER, segment), FACTS, make_facts(_order(rows))))
                kept += len(rows)
        return Taken(kept, tuple(refused), sum(written))

    def _to_key(self, folder: str, segment: _Segment) -> str:
        topic, partition, first = segment
        return f"{folder}/{self._log_id}/{topic}/{partition}/{first:0{_OFFSET_DIGITS}}.parquet"

    def _keep(self, key: str, layout: Layout, merged: Table) -> bool:
        """Merge rows into an object, and return whether it had to be written."""
        stored, remembered = self._load(key, layout), self._recall(key)
        if remembered is not None and remembered is not stored:
            merged = _merge(remembered, merged, key)
        if stored is not None:
            merged = _merge(stored, merged, key)
            if merged.equals(stored):
                return False
        data = write_table(merged)
        self._store.write(key, data, media_type=PARQUET_MEDIA_TYPE)
        self._recent[key.rpartition("/")[0]] = (key, data, merged)
        return True

    def _recall(self, key: str) -> Table | None:
        name, _, table = self._recent.get(key.rpartition("/")[0], ("", b"", None))
        return table if name == key else None

    def _load(self, key: str, layout: Layout) -> Table | None:
        try:
            data = self._store.read(key)
        except RejectedInput as fault:
            if fault.reason == MISSING_OBJECT:
                return None
            raise
        name, known, table = self._recent.get(key.rpartition("/")[0], ("", b"", None))
        if name == key and known == data:
            return table
        try:
            return read_table(data, layout)
        except RejectedInput as fault:
            message = (
                f"The usage facts in {key} cannot be read ({fault.reason}); put them right before metering goes on."
            )
            raise FatalFault(message) from fault


def _order(rows: Iterable[Row]) -> list[Row]:
    """Return rows of one log partition in the order of their offsets, each offset once."""
    once = {row.offset: row for row in rows}
    return [once[offset] for offset in sorted(once)]


def _make_rejected(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Return records of one log partition that are no use, in the order of their offsets, each offset once."""
    once = {row["offset"]: row for row in rows}
    ordered = [once[offset] for offset in sorted(once)]
    return make_table(REJECTED, {column.name: [row[column.name] for row in ordered] for column in REJECTED.columns})


def _merge(kept: Table, fresh: Table, key: str) -> Table:
    """Return the rows of both in the order of their offsets; an offset of both must be the same record."""
    if fresh.read_ends("offset")[0] > kept.read_ends("offset")[1]:
        return kept.joined(fresh)
    old, new = _read_digests(kept), _read_digests(fresh)
    changed = [offset for offset in new if old.get(offset, new[offset]) != new[offset]]
    if changed:
        message = (
            f"Another record stands at offset {changed[0]} than the one kept in {key}: the log is not the same one."
        )
        raise FatalFault(message)
    places = {offset: place for place, offset in enumerate(old)}
    places.update((offset, kept.height + place) for place, offset in enumerate(new))
    return kept.joined(fresh).picked([places[offset] for offset in sorted(places)])


def _read_digests(table: Table) -> dict[int, str]:
    """Return the digest of the record's bytes at each offset, in the order of the table."""
    columns = table.to_columns(["offset", "value_sha256", "event_sha256"])
    exact = columns.get("event_sha256", columns["value_sha256"])
    return {
        offset: value or event
        for offset, value, event in zip(columns["offset"], columns["value_sha256"], exact, strict=True)
    }
