"""Whether a container is shorter than it says: a recording cut by a lost connection, a full disk or a power cut.

AVI (RIFF) and Matroska (EBML, RFC 8794 and 9559) say at their start how long they are. A writer that was never closed leaves
that open, and then nothing is known; nor do transport streams and other formats made to be cut say anything.
"""

from __future__ import annotations

import os
from typing import BinaryIO

_SEGMENT = b"\x18S\x80g"

#: A RIFF length of all ones or of zero was never filled in.
_UNSET = frozenset({0, 0xFFFFFFFF})


def is_shorter_than_said(file: BinaryIO, demuxer: str) -> bool:
    """Return whether the file's own header promises more bytes than there are; leaves the file at its start."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(256)
    file.seek(0)
    promised = {"avi": _read_riff_end, "matroska": _read_segment_end}.get(demuxer, _know_nothing)(head)
    return promised is not None and promised > size


def _know_nothing(_head: bytes) -> None:
    return None


def _read_riff_end(head: bytes) -> int | None:
    length = int.from_bytes(head[4:8], "little")
    return None if length in _UNSET else length + 8


def _read_segment_end(head: bytes) -> int | None:
    header = _read_length(head, 4)
    if header is None:
        return None
    at = header[0] + header[1]
    if head[at : at + 4] != _SEGMENT:
        return None
    segment = _read_length(head, at + 4)
    return None if segment is None else segment[0] + segment[1]


def _read_length(head: bytes, at: int) -> tuple[int, int] | None:
    """Return where an element's content begins and how long it is; nothing for the unknown length of a live recording."""
    if at >= len(head) or not head[at]:
        return None
    width = 9 - head[at].bit_length()
    bits = int.from_bytes(head[at : at + width], "big") & ((1 << 7 * width) - 1)
    return None if bits == (1 << 7 * width) - 1 else (at + width, bits)
