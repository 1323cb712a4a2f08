"""Likeness: most uses differ from one seen before only in what each has of its own, and are read after its example.

A use in canonical JSON is cut into what it has of its own (ids, times, counts, digests) and the rest, its *shape*. Of a shape
that was seen before, a use needs only what the pattern below checks of its own parts, since every other byte is the same as in an
example that was read with all checks: it takes a quarter of the time. Whatever does not fit is read with all checks.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.canonical import to_sha256
from schemas.usage import UsageEvent
from sinks.parquet import make_table
from streams.usage.events import EVENT_LIMIT_BYTES, FUTURE_TOLERANCE, check_headers, read_event
from streams.usage.rows import FACTS, to_fact, to_milliseconds, to_use_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sinks.parquet import Table
    from streams.brokers.records import Stored

_TIME = rb"(?:19|20|21)\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
_COUNT = rb"(?:0|[1-9]\d{0,14})(?!\d)"
_SHA = rb"[0-9a-f]{64}"
_PLAIN = rb"[ !#-\[\]-~]"
_TALLY = rb'\{"[a-z][a-z0-9_]{0,47}":' + _COUNT + rb"\}"

#: What uses have of their own: key, pattern, and the column of facts.
_OWN = (
    (b'event_id":"', rb'[0-9a-f]{32}(?=")', "event_id"),
    (b'requested_at":"', _TIME, "requested_at"),
    (b'at":"', _TIME, "observed_start_at"),
    (b'start_at":"', _TIME, "observed_start_at"),
    (b'end_at":"', _TIME, "observed_end_at"),
    (b'processing_id":"', _PLAIN + rb'{1,300}(?=")', "processing_id"),
    (b'reprocessing_of":"', _PLAIN + rb'{1,300}(?=")', "reprocessing_of"),
    (b'resource":"', _PLAIN + rb'{1,1100}(?=")', "resource"),
    (b'pseudonym":"', _SHA, "identity"),
    (b'session":"', _SHA, "session"),
    (b'bytes":', _COUNT, "bytes"),
    (b'cpu_ms":', _COUNT, "cpu_ms"),
    (b'gpu_ms":', _COUNT, "gpu_ms"),
    (b'images":', _TALLY, "images"),
    (b'units":', _TALLY, "units"),
    (b'contents":[', rb'(?:"' + _SHA + rb'"(?:,"' + _SHA + rb'"){0,499})?(?=\])', "contents"),
)

#: Cuts a use into what is the same in others of its shape and, at odd places, what is its own. Within a text of JSON a quote
#: has a backslash before it, so what looks like a key here is one.
_CUT = re.compile(rb'"((?:' + rb"|".join(re.escape(key) + pattern for key, pattern, _ in _OWN) + rb"))").split

#: Columns in which uses of one shape may differ; those before ``event_id`` follow from the record itself.
OWN_COLUMNS = (
    "partition", "offset", "appended_at", "value_sha256", "event_sha256", "use_sha256", "event_id", "requested_at",
    "observed_start_at", "observed_end_at", "processing_id", "reprocessing_of", "resource", "identity", "session", "bytes",
    "cpu_ms", "gpu_ms", "images", "units", "contents",
)  # fmt: skip

#: How many of them follow from the record.
_FROM_RECORD = OWN_COLUMNS.index("event_id")

_PLACES = {name: place - _FROM_RECORD for place, name in enumerate(OWN_COLUMNS)}
_REQUESTED_AT = _PLACES["requested_at"]

#: Shapes that are remembered; beyond them all are forgotten, and found again.
_MOST_SHAPES = 4_096

Own = tuple[Any, ...]


_TOLERANCE_MS = FUTURE_TOLERANCE // dt.timedelta(milliseconds=1)


def _to_ms(text: bytes) -> int:
    return to_milliseconds(dt.datetime.fromisoformat(text.decode()))


def _to_tally(text: bytes) -> tuple[tuple[str, int]]:
    kind, _, count = text[2:-1].partition(b'":')
    return ((kind.decode(), int(count)),)


def _to_contents(text: bytes) -> list[str]:
    return text[1:-1].decode().split('","') if text else []


_MAKERS: Mapping[str, Callable[[bytes], Any]] = {
    **dict.fromkeys(("requested_at", "observed_start_at", "observed_end_at"), _to_ms),
    **dict.fromkeys(("bytes", "cpu_ms", "gpu_ms"), int),
    **dict.fromkeys(("images", "units"), _to_tally),
    "contents": _to_contents,
}


@dataclass(frozen=True, slots=True)
class Row:
    """A use as a row of facts.

    Attributes
    ----------
    example
        A row whose columns, but for those in :data:`OWN_COLUMNS`, are this one's too.
    own
        The values of these.
    """

    example: Mapping[str, Any]
    own: Own

    @property
    def offset(self) -> int:
        """Where it stands in its partition."""
        return int(self.own[1])


@dataclass(frozen=True, slots=True)
class _Shape:
    """What is known of all uses of one shape.

    Attributes
    ----------
    own
        Values of the example in :data:`OWN_COLUMNS` from ``event_id`` on.
    columns
        Of each own part: the column's place, how long its key is, and what makes a value of it.
    used
        The bytes that say whether two records are one use, at odd places parts of the use's own.
    places
        Which those are.
    span
        The places of the own parts that must be in order, where there are such.
    """

    example: Mapping[str, Any]
    own: tuple[Any, ...]
    keys: tuple[bytes, ...]
    columns: tuple[tuple[int, int, Callable[[bytes], Any]], ...]
    used: tuple[bytes, ...]
    places: tuple[int, ...]
    span: tuple[int, int] | None


class FactReader:
    """Reads records as rows of facts, and remembers shapes; for one thread at a time."""

    def __init__(self) -> None:
        self._shapes: dict[bytes, _Shape | None] = {}

    def read(self, record: Stored) -> Row:
        """Return the row of a use.

        Raises
        ------
        RejectedInput
            As :func:`~streams.usage.events.read_event` and :func:`~streams.usage.rows.to_fact`.
        """
        value = record.value or b""
        if len(value) > EVENT_LIMIT_BYTES:
            return _read_wholly(record)
        parts = _CUT(value)
        mine = parts[1::2]
        name = b"\0".join(parts[::2])
        shape = self._shapes.get(name)
        if shape is not None and (own := _fill(shape, mine, record, value)) is not None:
            return Row(shape.example, own)
        row = _read_wholly(record)
        if shape is None:
            self._learn(name, row, value, mine)
        return row

    def _learn(self, name: bytes, row: Row, value: bytes, mine: list[bytes]) -> None:
        """Remember a shape when it comes for the second time: what is never seen again is not worth it."""
        if name not in self._shapes:
            if len(self._shapes) >= _MOST_SHAPES:
                self._shapes.clear()
            self._shapes[name] = None
        elif row.example["value_sha256"] is None:
            self._shapes[name] = _make_shape(row, value, mine)


def make_facts(rows: Sequence[Row]) -> Table:
    """Return rows as a table of facts."""
    examples = {id(row.example): row.example for row in rows}
    places = {name: place for place, name in enumerate(examples)}
    table = make_table(
        FACTS, {column.name: [row[column.name] for row in examples.values()] for column in FACTS.columns}
    )
    columns = dict(zip(OWN_COLUMNS, zip(*(row.own for row in rows), strict=True), strict=True))
    return table.picked([places[id(row.example)] for row in rows]).replaced(columns)


def _read_wholly(record: Stored) -> Row:
    """Return the row of a use that is read with all checks."""
    row = to_fact(record, read_event(record))
    return Row(row, tuple(row[name] for name in OWN_COLUMNS))


def _fill(shape: _Shape, mine: list[bytes], record: Stored, value: bytes) -> Own | None:
    """Return the values of a use after its shape's example; ``None`` if it must be read with all checks."""
    if record.headers:
        check_headers(record.headers)
    if not all(map(bytes.startswith, mine, shape.keys)):
        return None
    if shape.span is not None and not _is_in_order(*(mine[place] for place in shape.span)):
        return None
    own = list(shape.own)
    try:
        for (place, length, make), part in zip(shape.columns, mine, strict=True):
            own[place] = make(part[length:])
    except ValueError:  # a day that is in no calendar
        return None
    appended_ms = to_milliseconds(record.appended_at)
    if own[_REQUESTED_AT] > appended_ms + _TOLERANCE_MS:
        return None
    used = list(shape.used)
    used[1::2] = [mine[place] for place in shape.places]
    digests = (None, to_sha256(value), to_sha256(b"".join(used)))
    return (record.partition, record.offset, appended_ms, *digests, *own)


def _is_in_order(start: bytes, end: bytes) -> bool:
    return start.partition(b":")[2] <= end.partition(b":")[2]


def _make_shape(row: Row, value: bytes, mine: list[bytes]) -> _Shape | None:
    """Return what is known of the shape of a use, whose bytes are the canonical ones."""
    columns = []
    for part in mine:
        key, column = next((key, column) for key, _, column in _OWN if part.startswith(key))
        columns.append((_PLACES[column], len(key), _MAKERS.get(column, bytes.decode)))
    used = _CUT(to_use_bytes(UsageEvent.from_json(value).to_plain()))
    named = {key: place for place, part in enumerate(mine) for key in (b"start_at", b"end_at") if part.startswith(key)}
    span = (named[b"start_at"], named[b"end_at"]) if len(named) > 1 else None
    return _Shape(
        example=row.example,
        own=row.own[_FROM_RECORD:],
        keys=tuple(part[:length] for part, (_, length, _) in zip(mine, columns, strict=True)),
        columns=tuple(columns),
        used=(*(part if place % 2 else part + b'"' for place, part in enumerate(used[:-1])), used[-1]),
        places=tuple(mine.index(part) for part in used[1::2]),
        span=span,
    )
