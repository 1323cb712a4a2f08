"""What a video file's structure says before any demuxer touches it: whether it is whole, and whether it can be read at all."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from schemas.errors import RejectedInput
from streams.feeds.decoding.formats.boxes import read_boxes
from streams.feeds.decoding.formats.extent import is_shorter_than_said

if TYPE_CHECKING:
    from streams.feeds.decoding.sniff import Format


@dataclass(frozen=True, slots=True)
class Structure:
    """Whether the file is shorter than it says, and whether its index names an encrypted track."""

    is_cut: bool
    is_encrypted: bool = False


def read_structure(source: Path | memoryview, form: Format) -> Structure:
    """Read what the outermost structure of a video file says.

    Raises
    ------
    RejectedInput
        ``no_index`` for an MP4 whose index is missing, as it is when a recording was cut off before its writer closed it.
    """
    with _open_bytes(source) as file:
        if form.demuxer != "mov":
            return Structure(is_shorter_than_said(file, form.demuxer))
        boxes = read_boxes(file)
    if not boxes.has_index:
        sentence = "The video has no index (moov): the recording was probably cut off before its writer could close it."
        raise RejectedInput(reason="no_index", sentence=sentence)
    return Structure(boxes.is_cut, boxes.is_encrypted)


def _open_bytes(source: Path | memoryview) -> BinaryIO:
    return io.BytesIO(source) if isinstance(source, memoryview) else source.open("rb")
