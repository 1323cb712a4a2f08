"""How a record's headers are kept in one column: names may repeat, values may be any bytes or nothing, order is kept."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.brokers.records import Headers

_LENGTHS = struct.Struct("<ii")  # bytes of the name, bytes of the value
_NOTHING = -1


def to_column(headers: Headers) -> bytes:
    """Return the bytes kept for these headers; empty for none."""
    parts: list[bytes] = []
    for name, value in headers:
        encoded = name.encode()
        parts += (_LENGTHS.pack(len(encoded), _NOTHING if value is None else len(value)), encoded, value or b"")
    return b"".join(parts)


def from_column(column: bytes) -> Headers:
    """Read what :func:`to_column` wrote."""
    headers: list[tuple[str, bytes | None]] = []
    place = 0
    while place < len(column):
        name_length, value_length = _LENGTHS.unpack_from(column, place)
        middle = place + _LENGTHS.size + name_length
        place = middle + max(0, value_length)
        name = column[middle - name_length : middle].decode()
        headers.append((name, None if value_length == _NOTHING else column[middle:place]))
    return tuple(headers)
