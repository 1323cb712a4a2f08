"""Stills to pixels, and the door to OpenCV on this floor: what a plain JPEG becomes is what OpenCV makes of it.

So boxes are those of programs that read pictures with OpenCV. OpenCV fills what is damaged with grey and returns; the file's
own markers tell a missing end (:mod:`streams.feeds.decoding.formats.jpeg`), and the warnings its JPEG library writes to
standard error, which a decoding process keeps as its notes, tell damage inside.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from schemas.errors import RejectedInput
from streams.feeds.decoding.events import Ending, Event, Header, Picture
from streams.feeds.decoding.formats.jpeg import JpegStructure, read_structure
from streams.feeds.decoding.pictures import Exif, open_picture, read_exif
from streams.feeds.decoding.upright import is_sideways, turn_upright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from streams.feeds.decoding.limits import Order
    from streams.feeds.decoding.sniff import Format

#: Left-over bytes before a JPEG's end that are a coder's padding and lose nothing; webcams are known to leave a few.
_PADDING_BYTES = 16
_LEFT_OVER = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_WARNING = "Corrupt JPEG data"

#: Grey and colour; printing inks go through Pillow, which knows how Adobe inverts them.
_PLAIN_COMPONENTS = (1, 3)
_PLAIN_BITS = 8


class Notes(Protocol):
    """What vendors' libraries wrote to standard error."""

    def take(self) -> str:
        """Return what was written since the last call."""
        ...


@contextmanager
def translate() -> Iterator[None]:
    """Turn OpenCV's exception (there is one class) into ours.

    Raises
    ------
    RejectedInput
        ``unreadable_picture``.
    MemoryError
        When OpenCV had no memory: the decoding process answers for it.
    """
    try:
        yield
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError from error
        raise RejectedInput(reason="unreadable_picture", sentence="The picture cannot be decoded.") from error


def open_still(data: memoryview, form: Format, order: Order, notes: Notes) -> Iterator[Event]:
    """Yield the header, the picture and the ending of a still.

    Parameters
    ----------
    data
        The whole file.
    notes
        Where the JPEG library's warnings are found after decoding.

    Raises
    ------
    RejectedInput
        ``too_large``, ``too_many_pixels``, ``truncated_picture``, ``corrupt_picture``, ``many_pictures``,
        ``unsupported_picture`` or ``unreadable_picture``.
    """
    if len(data) > order.limits.still_bytes:
        sentence = f"A still's file may have {order.limits.still_bytes} bytes; this has {len(data)}."
        raise RejectedInput(reason="too_large", sentence=sentence)
    structure = read_structure(data) if form.name == "jpeg" else None
    if structure is None or structure.components not in _PLAIN_COMPONENTS or structure.bits != _PLAIN_BITS:
        yield from _open_with_pillow(data, form, order)
        return
    order.limits.check_still(structure.width_px, structure.height_px)
    _check_ending(structure)
    exif = read_exif(structure.exif)
    yield _make_header(form, (structure.width_px, structure.height_px), exif)
    if not order.probe:
        pixels = _decode_jpeg(data)
        flags = _judge_notes(notes.take())
        yield Picture(0, turn_upright(pixels, exif.orientation), flags=flags)
        yield Ending()


def _open_with_pillow(data: memoryview, form: Format, order: Order) -> Iterator[Event]:
    picture = open_picture(data, form.name, order.limits)
    if form.name == "jpeg":
        _check_ending(read_structure(data))
    yield _make_header(form, picture.image.size, picture.exif)
    if not order.probe:
        yield Picture(0, turn_upright(picture.decode(), picture.exif.orientation))
        yield Ending()


def _make_header(form: Format, size_px: tuple[int, int], exif: Exif) -> Header:
    width_px, height_px = size_px[::-1] if is_sideways(exif.orientation) else size_px
    return Header(
        kind="still",
        format=form.name,
        media_type=form.media_type,
        width_px=width_px,
        height_px=height_px,
        images=1,
        exif_time=exif.time,
        gps=exif.gps,
    )


def _check_ending(structure: JpegStructure) -> None:
    if structure.ending == "cut":
        raise RejectedInput(reason="truncated_picture", sentence="The JPEG file ends before its picture does.")
    if structure.ending == "broken":
        raise RejectedInput(
            reason="corrupt_picture", sentence="The JPEG file is damaged inside: a marker stands where none may."
        )


def _decode_jpeg(data: memoryview) -> NDArray[np.uint8]:
    """Return uint8 (height, width, 3), RGB, as stored: rotation is ours to apply, for OpenCV reads EXIF by rules of its own."""
    with translate():
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        raise RejectedInput(reason="unreadable_picture", sentence="The JPEG file cannot be decoded.")
    return np.asarray(pixels, dtype=np.uint8)


def _judge_notes(notes: str) -> tuple[str, ...]:
    """Return the flags of a picture from what the JPEG library said of it.

    Raises
    ------
    RejectedInput
        ``corrupt_picture`` if part of the picture was lost.
    """
    if _WARNING not in notes:
        return ()
    left_over = _LEFT_OVER.search(notes)
    if left_over and int(left_over.group(1)) <= _PADDING_BYTES:
        return ("left_over_bytes",)
    raise RejectedInput(
        reason="corrupt_picture", sentence="The JPEG file is damaged inside: part of the picture is lost."
    )
