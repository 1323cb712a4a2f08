"""Freezing: the facts that a period rests on, each once and in one order, whatever way they came."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from contextlib import closing
from functools import lru_cache
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput
from sinks.parquet import Layout, make_table, read_table, write_table
from streams.usage.closing.inputs import FrozenFacts, OffsetRange
from streams.usage.meter import FACTS_FOLDER, REJECTED_FOLDER
from streams.usage.refused.rejected import leave_out_retried, read_retried
from streams.usage.reports.database import Database
from streams.usage.rows import FACTS, REJECTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sinks.parquet import Table
    from streams.usage.meter import FactStore
    from streams.usage.periods import NamedPeriod

#: What comes so soon after a period may be the later half of a double-click that began in it, so it is kept too.
LOOK_AHEAD = dt.timedelta(minutes=1)

#: Rows of one file.
ROWS_OF_FILE = 50_000

#: Objects of the store in memory at once.
_OBJECTS_HELD = 16

#: Where a use stood in its log says nothing of the use: recorded again, it stands elsewhere. The ranges are kept apart.
_PLACES = {"partition", "offset", "appended_at", "value_sha256"}
_FROZEN = Layout(FACTS.name, tuple(column for column in FACTS.columns if column.name not in _PLACES))

#: As facts are kept in a store, so that what reads a store reads a sealed folder, and queries by hand work in both.
_FACTS_PATH = FACTS_FOLDER + "/sealed/usage.recorded.v1/0/{first:019}.parquet"
_REJECTED_PATH = REJECTED_FOLDER + "/sealed/usage.recorded.v1/0/{first:019}.parquet"

#: Reports merge records of one id by these same rules (``reports/facts.py``): of different uses the one
#: with the smallest digest, of equal ones the earliest. One row of each different use is kept, so that a conflict remains one.
_CHOOSE = """
    CREATE TABLE chosen AS
    WITH concerned AS (
        SELECT event_id FROM place GROUP BY event_id
        HAVING min(requested_at) < $to_at OR min(since_at) < $to_at
    ), ranked AS (
        SELECT place.*, row_number() OVER (
            PARTITION BY event_id, use_sha256
            ORDER BY requested_at, event_sha256, object, "offset"
        ) AS rank
        FROM place JOIN concerned USING (event_id)
    )
    SELECT row_number() OVER (ORDER BY requested_at, event_id, event_sha256) - 1 AS number, object, "offset"
    FROM ranked WHERE rank = 1
"""


#: Takes a file's path and its bytes.
Keep = Callable[[str, bytes], None]


def freeze(store: FactStore, period: NamedPeriod, keep: Keep) -> FrozenFacts:
    """Hand over the facts that a period rests on as files, and return what they are as a set.

    All uses before its end, not the period's alone: an image counts once, at its first result, and that may lie years
    before. So is the heartbeat that a door was in when the period ended. The same uses give the same files, in whatever
    order, partition or repetition they were recorded.

    Raises
    ------
    RejectedInput
        ``broken_facts``, naming the object that cannot be read.
    TransientFault
        If the store is away or memory is short.
    """
    rejected, rejected_sha256 = _freeze_rejected(store, period, keep)
    keys = sorted(info.key for info in store.list(f"{FACTS_FOLDER}/") if info.key.endswith(".parquet"))
    with closing(Database(spills=True)) as database:
        database.run(
            'CREATE TABLE place (object BIGINT, "offset" BIGINT, event_id UUID, event_sha256 UUID, use_sha256 UUID,'
            " requested_at TIMESTAMP_MS, since_at TIMESTAMP_MS)"
        )
        for number, key in enumerate(keys):
            names = ("offset", "event_id", "event_sha256", "use_sha256", "requested_at", "since_at")
            database.insert(_to_places(number), _read(store, key, FACTS, names))
        database.run(_CHOOSE, {"to_at": (period.to_at + LOOK_AHEAD).replace(tzinfo=None)})
        uses, sha256 = _write_files(store, keys, database, keep)
        ends = database.run('SELECT object, min("offset"), max("offset") FROM chosen GROUP BY object ORDER BY object')
    ranges = _join_ranges([(keys[number], first, last) for number, first, last in ends])
    return FrozenFacts(uses=uses, sha256=sha256, rejected=rejected, rejected_sha256=rejected_sha256, ranges=ranges)


def _to_places(number: int) -> str:
    return (
        f'INSERT INTO place SELECT {number}, "offset", event_id::UUID, '  # noqa: S608 - a number of ours
        "substr(event_sha256, 1, 32)::UUID, substr(use_sha256, 1, 32)::UUID, requested_at, since_at FROM arriving"
    )


def _write_files(store: FactStore, keys: list[str], database: Database, keep: Keep) -> tuple[int, str]:
    @lru_cache(maxsize=_OBJECTS_HELD)
    def load(number: int) -> tuple[Table, dict[int, int]]:
        data = store.read(keys[number])
        offsets = read_table(data, FACTS, ("offset",)).to_columns()["offset"]
        return read_table(data, _FROZEN), {offset: row for row, offset in enumerate(offsets)}

    rows = int(database.run("SELECT count(*) FROM chosen")[0][0])
    digest = hashlib.sha256()
    for first in range(0, rows, ROWS_OF_FILE):
        chosen = database.run(
            'SELECT number, object, "offset" FROM chosen WHERE number >= $first AND number < $last ORDER BY object, number',
            {"first": first, "last": first + ROWS_OF_FILE},
        )
        places: dict[int, list[tuple[int, int]]] = {}
        for number, source, offset in chosen:
            places.setdefault(source, []).append((number, offset))
        parts, numbers = [], []
        for source, own in places.items():
            table, row_of = load(source)
            parts.append(table.picked([row_of[offset] for _, offset in own]))
            numbers += [number for number, _ in own]
        order = sorted(range(len(numbers)), key=numbers.__getitem__)
        table = parts[0].joined(*parts[1:]).picked(order)
        digest.update("".join(table.to_columns(["event_sha256"])["event_sha256"]).encode())
        keep(_FACTS_PATH.format(first=first), write_table(table))
    return rows, digest.hexdigest()


def _freeze_rejected(store: FactStore, period: NamedPeriod, keep: Keep) -> tuple[int, str]:
    """Hand over the records that were no use and were taken in before a period's end, each once."""
    before_ms = int(period.to_at.timestamp() * 1000)
    found: dict[tuple[str, str], tuple[int, int, str]] = {}
    retried = read_retried(store)
    for info in store.list(f"{REJECTED_FOLDER}/"):
        if not info.key.endswith(".parquet"):
            continue
        columns = leave_out_retried(_read(store, info.key, REJECTED, None), info.key, retried).to_columns()
        rows = zip(*(columns[name] for name in ("appended_at", "size_bytes", "sentence")), strict=True)
        for reason, digest, row in zip(columns["reason"], columns["value_sha256"], rows, strict=True):
            if row[0] < before_ms:
                found[reason, digest] = min(found.get((reason, digest), row), row)
    if found:
        kept = [(*key, *found[key]) for key in sorted(found)]
        names = ("reason", "value_sha256", "appended_at", "size_bytes", "sentence")
        columns = {name: [row[place] for row in kept] for place, name in enumerate(names)}
        absent = {column.name: [None] * len(kept) for column in REJECTED.columns}
        keep(_REJECTED_PATH.format(first=0), write_table(make_table(REJECTED, absent | columns)))
    told = "".join(f"{reason} {digest}\n" for reason, digest in sorted(found))
    return len(found), hashlib.sha256(told.encode()).hexdigest()


def _read(store: FactStore, key: str, layout: Layout, names: tuple[str, ...] | None) -> Table:
    try:
        return read_table(store.read(key), layout, names)
    except RejectedInput as fault:
        reason = "broken_facts"
        raise RejectedInput(reason, f"The usage facts in {key} cannot be read: {fault.sentence}") from fault


def _join_ranges(ends: list[tuple[str, int, int]]) -> tuple[OffsetRange, ...]:
    found: dict[tuple[str, str, int], tuple[int, int]] = {}
    for key, first, last in ends:
        log, topic, partition = key.removeprefix(f"{FACTS_FOLDER}/").split("/")[:3]
        where = (log, topic, int(partition))
        known = found.get(where, (first, last))
        found[where] = (min(known[0], first), max(known[1], last))
    return tuple(
        OffsetRange(log=log, topic=topic, partition=partition, first=first, last=last)
        for (log, topic, partition), (first, last) in sorted(found.items())
    )


def iterate_files(store: FactStore) -> Iterator[tuple[str, Table]]:
    """Yield the frozen facts file by file, in the order of their times.

    Raises
    ------
    RejectedInput
        ``broken_facts``.
    """
    for info in store.list(f"{FACTS_FOLDER}/"):
        yield info.key, _read(store, info.key, FACTS, None)
