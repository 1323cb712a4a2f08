"""The outermost boxes of an MP4 or QuickTime file: whether its index is there, and whether its end is (ISO/IEC 14496-12)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import BinaryIO

#: Boxes walked at most: a day of one-second fragments has 350,000.
_BOXES_LIMIT = 1_000_000

#: Bytes of an index searched for signs of encryption.
_INDEX_LIMIT = 64 << 20

_HEADER, _LONG_HEADER = 8, 16


@dataclass(frozen=True, slots=True)
class Boxes:
    """What the outermost boxes say.

    Attributes
    ----------
    has_index
        There is a ``moov``, without which no player knows where the frames are.
    is_cut
        The last box says it is longer than the file.
    is_encrypted
        The index names an encrypted video track (``encv`` with its protection scheme).
    """

    has_index: bool
    is_cut: bool
    is_encrypted: bool


def read_boxes(file: BinaryIO) -> Boxes:
    """Walk the outermost boxes of a seekable file, from its start, and return to it."""
    size = file.seek(0, os.SEEK_END)
    at, names, is_cut, is_encrypted = 0, set(), False, False
    for _ in range(_BOXES_LIMIT):
        file.seek(at)
        header = file.read(_LONG_HEADER)
        if len(header) < _HEADER:
            break
        name, length = header[4:8], _read_length(header, size - at)
        if length < _HEADER:
            break  # not a box: what follows is rubbish, which players ignore
        names.add(name)
        is_cut = at + length > size
        if name == b"moov":
            file.seek(at)
            index = file.read(min(length, _INDEX_LIMIT))
            is_encrypted = b"encv" in index and b"sinf" in index
        at += length
        if at >= size:
            break
    file.seek(0)
    return Boxes(b"moov" in names, is_cut, is_encrypted)


def _read_length(header: bytes, remaining: int) -> int:
    """Return the box's length: 0 means up to the end of the file, 1 that 64 bits follow."""
    short = int.from_bytes(header[:4], "big")
    if short == 0:
        return remaining
    return int.from_bytes(header[8:16], "big") if short == 1 and len(header) == _LONG_HEADER else short
