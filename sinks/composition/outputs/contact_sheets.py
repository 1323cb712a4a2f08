"""Contact sheets: the pictures of one class side by side, each with its number and a bar of known length, page by page."""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sinks.composition.outputs.lettering import shorten, write_text
from sinks.pages.pixels import Canvas, encode_png, resize

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sinks.pages.palette import Rgb

#: Side of the square a picture is fitted into, and the line of text and bar below it.
_PICTURE, _CAPTION, _GAP, _MARGIN, _HEAD = 112, 26, 14, 28, 62

#: Pictures in a row, and rows of a full page.
_COLUMNS, _ROWS = 10, 8
PAGE = _COLUMNS * _ROWS

#: Small pictures are enlarged by this at most: more shows no more.
_ENLARGED = 4.0

#: Lengths a bar may have, in micrometres; the longest that fits in this share of the picture is taken.
_BARS_UM = tuple(step * 10.0**power for power in range(-1, 5) for step in (1, 2, 5))
_BAR_SHARE = 0.55

_INK: Rgb = (28, 34, 40)
_QUIET: Rgb = (110, 120, 130)
_CELL = 244

#: Letters a file name keeps; all else becomes ``_``.
_UNSAFE = re.compile(r"[^A-Za-z0-9.+-]+")
_NAME_LETTERS = 60


@dataclass(frozen=True, slots=True)
class _Shown:
    """A picture waiting for its page, fitted and packed.

    Attributes
    ----------
    um_per_px
        Of the fitted picture; absent where the scale is not known.
    """

    index: int
    shape: tuple[int, ...]
    packed: bytes
    um_per_px: float | None


@dataclass(slots=True)
class ContactSheets:
    """Takes pictures in any order of classes and hands over pages as they fill.

    Memory holds one unfinished page of small pictures per class, however long the run is: with 100 classes some 60 MB at
    most, since they wait packed.

    Parameters
    ----------
    title
        Name of the run or sample, in the head of each page.
    put
        Called with file name and PNG bytes of each page.
    most_pages
        Pages of one class; pictures beyond are counted on the last page and not shown.
    """

    title: str
    put: Callable[[str, bytes], None]
    most_pages: int = 10
    _waiting: dict[str, list[_Shown]] = field(default_factory=dict)
    _pages: dict[str, int] = field(default_factory=dict)
    _left_out: dict[str, int] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)

    def add(self, label: str, index: int, pixels: NDArray[np.uint8], pixel_um: float | None = None) -> None:
        """Take one picture.

        Parameters
        ----------
        label
            The class whose sheet it goes on.
        pixels
            uint8 (height_px, width_px) or (height_px, width_px, 3); copied.
        pixel_um
            Micrometres per pixel; without it there is no bar.
        """
        waiting = self._waiting.setdefault(label, [])
        if len(waiting) == PAGE:
            # a full page waits for one more picture: only then it is known that it is not the last one
            if self._pages.get(label, 0) + 1 >= self.most_pages:
                self._left_out[label] = self._left_out.get(label, 0) + 1
                return
            self._turn(label)
        self._waiting[label].append(_fit(index, pixels, pixel_um))

    def close(self) -> None:
        """Hand over what is left, class by class in the order of their names."""
        for label in sorted(self._waiting):
            if self._waiting[label]:
                self._turn(label)

    def _turn(self, label: str) -> None:
        page = self._pages.get(label, 0) + 1
        self._pages[label] = page
        shown, self._waiting[label] = self._waiting[label], []
        head = f"{label}, page {page}"
        left_out = self._left_out.get(label, 0)
        if left_out:
            head += f", {left_out:,} more not shown"
        self.put(f"{self._name_file(label)}-{page:03d}.png", _draw_page(self.title, head, shown))

    def _name_file(self, label: str) -> str:
        """Return the name of a class's files, in lower case: some file systems are blind to case."""
        name = to_file_name(label).lower()
        return name if self._names.setdefault(name, label) == label else f"{name}-{_digest(label)}"


def to_file_name(label: str) -> str:
    """Return a file name for a class on every system: its safe letters, and a digest where any other was lost."""
    safe = _UNSAFE.sub("_", label).strip("._")[:_NAME_LETTERS]
    if safe == label:
        return safe
    return f"{safe or 'class'}-{_digest(label)}"


def _digest(label: str) -> str:
    return hashlib.sha256(label.encode()).hexdigest()[:8]


def _fit(index: int, pixels: NDArray[np.uint8], pixel_um: float | None) -> _Shown:
    height_px, width_px = pixels.shape[:2]
    factor = min(_PICTURE / width_px, _PICTURE / height_px, _ENLARGED)
    size = (max(round(width_px * factor), 1), max(round(height_px * factor), 1))
    fitted = resize(pixels, width_px=size[0], height_px=size[1], how="smooth")
    um_per_px = None if pixel_um is None else pixel_um * width_px / size[0]
    return _Shown(index, fitted.shape, zlib.compress(fitted.tobytes(), 1), um_per_px)


def _draw_page(title: str, head: str, shown: list[_Shown]) -> bytes:
    rows = -(-len(shown) // _COLUMNS)
    width = 2 * _MARGIN + _COLUMNS * _PICTURE + (_COLUMNS - 1) * _GAP
    height = _HEAD + rows * (_PICTURE + _CAPTION + _GAP) + _MARGIN - _GAP
    pixels = np.full((height, width, 3), 255, np.uint8)
    places = [_find_place(number) for number in range(len(shown))]
    for (left, top), item in zip(places, shown, strict=True):
        pixels[top : top + _PICTURE, left : left + _PICTURE] = _CELL
        fitted = np.frombuffer(zlib.decompress(item.packed), np.uint8).reshape(item.shape)
        high, wide = item.shape[:2]
        y, x = top + (_PICTURE - high) // 2, left + (_PICTURE - wide) // 2
        pixels[y : y + high, x : x + wide] = fitted if fitted.ndim == 3 else fitted[..., None]  # noqa: PLR2004 - colour
    canvas = Canvas(pixels)
    write_text(canvas, shorten(head, size_px=22, width_px=width * 0.6), (_MARGIN, 20), size_px=22, colour=_INK)
    told = shorten(title, size_px=15, width_px=width * 0.35)
    write_text(canvas, told, (width - _MARGIN, 25), size_px=15, colour=_QUIET, anchor="right")
    for (left, top), item in zip(places, shown, strict=True):
        _draw_caption(canvas, item, left, top + _PICTURE)
    return encode_png(canvas.to_pixels())


def _find_place(number: int) -> tuple[int, int]:
    row, column = divmod(number, _COLUMNS)
    return _MARGIN + column * (_PICTURE + _GAP), _HEAD + row * (_PICTURE + _CAPTION + _GAP)


def _draw_caption(canvas: Canvas, item: _Shown, left: int, top: int) -> None:
    """Write the number below a picture, and beside it the bar with its length."""
    write_text(canvas, str(item.index), (left, top + 6), size_px=13, colour=_INK)
    if item.um_per_px is None:
        return
    length_um = find_bar(item.um_per_px)
    bar_px = length_um / item.um_per_px
    right = left + _PICTURE
    text = f"{length_um:g} µm"
    canvas.fill_box((right - bar_px, top + 4, right, top + 7), colour=_INK)
    write_text(canvas, text, (right, top + 11), size_px=12, colour=_QUIET, anchor="right")


def find_bar(um_per_px: float) -> float:
    """Return the longest round length, in micrometres, whose bar takes no more than about half of a picture's side."""
    room_um = um_per_px * _PICTURE * _BAR_SHARE
    return max((length for length in _BARS_UM if length <= room_um), default=_BARS_UM[0])
