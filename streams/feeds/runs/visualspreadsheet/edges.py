"""The ``.edg``: outlines of each particle as chain codes, from which a mask is filled where no binary collage was saved.

::

    2,27,528,289,678778776777711334333333323...

Particle, number of steps, first pixel in the field of view, and the steps: 1 is to the right, each further number an eighth
of a turn against the clock (2 right and up, 3 up, ...); the last step leads back to the first pixel. A particle of several
pieces has a row for each. Found, and checked, on three real runs: filling the outlines gives the instrument's
``raw_filled_area`` for every particle, to the pixel. Holes are filled, so a mask of a ring is a disc.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from streams.feeds.runs.text import read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from numpy.typing import NDArray

#: Step of each code: x to the right, y down.
_STEPS = np.array([(1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1)], np.int64)

_ROW = re.compile(r"(\d{1,9}),(\d{1,9}),(-?\d{1,9}),(-?\d{1,9}),([1-8]*)")

#: x and y of the first pixel in the field, and the steps.
Outline = tuple[int, int, str]


def looks_like_edges(head: bytes) -> bool:
    """Return whether a file begins as a ``.edg`` does."""
    return _ROW.match(head.decode("latin-1")) is not None


class EdgeWalk:
    """Outlines in the order of particles, of which the one asked for is kept."""

    def __init__(self, file: BinaryIO, line_bytes: int) -> None:
        self._rows = _read_rows(file, line_bytes)
        self._next = next(self._rows, None)

    def take(self, index: int) -> list[Outline]:
        """Return a particle's outlines; ask in rising order, for what lies behind is gone."""
        while self._next is not None and self._next[0] < index:
            self._next = next(self._rows, None)
        found: list[Outline] = []
        while self._next is not None and self._next[0] == index:
            found.append(self._next[1])
            self._next = next(self._rows, None)
        return found


def _read_rows(file: BinaryIO, line_bytes: int) -> Iterator[tuple[int, Outline]]:
    """Yield the rows that are whole: a row that was cut has other steps than it says."""
    for line in read_lines(file, line_bytes):
        found = _ROW.fullmatch(line.text.strip())
        if found is not None and len(found.group(5)) == int(found.group(2)):
            number, _, x_px, y_px, steps = found.groups()
            yield int(number), (int(x_px), int(y_px), steps)


def fill_outlines(outlines: list[Outline], corner_px: tuple[int, int], size_px: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the filled mask of a particle, bool ``(height_px, width_px)``.

    Parameters
    ----------
    corner_px
        x and y of the cut-out's top-left pixel in the field of view.
    size_px
        Its width and height.
    """
    import cv2  # noqa: PLC0415 - most runs have binary collages

    width_px, height_px = size_px
    mask = np.zeros((height_px, width_px), np.uint8)
    for x_px, y_px, steps in outlines:
        codes = np.frombuffer(steps.encode("ascii"), np.uint8).astype(np.int64) - ord("1")
        points = np.concatenate([[(0, 0)], np.cumsum(_STEPS[codes], axis=0)])
        points += (x_px - corner_px[0], y_px - corner_px[1])
        cv2.fillPoly(mask, [np.clip(points, -width_px - height_px, 2 * (width_px + height_px)).astype(np.int32)], 1)
    return mask.view(np.bool_)
