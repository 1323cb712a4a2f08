"""Whether a TIFF is all there, by its directory alone: a collage on a share may still be growing."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput
from streams.feeds.runs.files import translate_system_errors

if TYPE_CHECKING:
    from typing import BinaryIO

    from streams.feeds.runs.base import Files

# TIFF 6.0: byte orders, tags of strips and tiles, and the sizes of the two integer types they may have
_ORDERS = {b"II*\x00": "<", b"MM\x00*": ">"}
_OFFSETS, _COUNTS = frozenset({273, 324}), frozenset({279, 325})
_SIZES = {3: ("H", 2), 4: ("I", 4)}
_ENTRY_BYTES, _HEAD_BYTES = 12, 8

#: Strips of one collage; real ones have 482.
_MOST_STRIPS = 1_000_000


def is_whole(files: Files, name: str) -> bool:
    """Return whether all strips that a TIFF's first directory names lie inside the file; true for what is no plain TIFF.

    True too for a damaged member of a zip: it will not grow, and its particles are told one by one.

    Raises
    ------
    TransientFault
        If the file cannot be read for now.
    """
    try:
        return _look(files, name)
    except RejectedInput:
        return True


def _look(files: Files, name: str) -> bool:
    size = files.sizes[name]
    with files.open(name) as file, translate_system_errors():
        head = file.read(_HEAD_BYTES)
        order = _ORDERS.get(head[:4])
        if order is None:
            return size > 0
        if len(head) < _HEAD_BYTES:
            return False
        (start,) = struct.unpack(f"{order}I", head[4:])
        if not _HEAD_BYTES <= start <= size - 2:
            return False  # the directory comes last, and is not there yet
        file.seek(start)
        return _holds_all(file, order, size)


def _holds_all(file: BinaryIO, order: str, size: int) -> bool:
    (count,) = struct.unpack(f"{order}H", file.read(2))
    entries = file.read(count * _ENTRY_BYTES)
    if len(entries) < count * _ENTRY_BYTES:
        return False
    offsets: tuple[int, ...] = ()
    lengths: tuple[int, ...] = ()
    for place in range(0, len(entries), _ENTRY_BYTES):
        tag, kind, number = struct.unpack(f"{order}HHI", entries[place : place + 8])
        if tag not in _OFFSETS | _COUNTS or kind not in _SIZES or number > _MOST_STRIPS:
            continue
        values = _read_values(file, order, kind, (number, entries[place + 8 : place + 12]))
        if values is None:
            return False
        offsets, lengths = (values, lengths) if tag in _OFFSETS else (offsets, values)
    return all(offset + length <= size for offset, length in zip(offsets, lengths, strict=False))


def _read_values(file: BinaryIO, order: str, kind: int, field: tuple[int, bytes]) -> tuple[int, ...] | None:
    """Return an entry's numbers, from the entry itself where they fit in; ``None`` if the file ends before them."""
    letter, width = _SIZES[kind]
    number, inline = field
    length = number * width
    if length <= len(inline):
        data = inline[:length]
    else:
        file.seek(struct.unpack(f"{order}I", inline)[0])
        data = file.read(length)
    return struct.unpack(f"{order}{number}{letter}", data) if len(data) == length else None
