"""Pictures for a classifier's folder: what it confuses, and whether its scores mean what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors import pixels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detectors.models.classifiers.metrics import Reliability

_INK, _GRID, _PAPER = (30, 30, 30), (200, 200, 200), 255
#: Right; right more often than the score says; less often.
_BAR, _MORE_BAR, _LESS_BAR = (90, 130, 190), (50, 80, 130), (220, 160, 130)
#: Room for a row of the table of confusions; with many classes cells are small and hold no numbers.
_LARGE_PX, _SMALL_PX, _MANY = 64, 16, 24
_LETTER_PX, _LABEL_LETTERS = 9, 28
_SIDE_PX, _MARGIN_PX, _COUNTS_PX = 400, 60, 90


def draw_confusions(table: NDArray[np.int64], labels: Sequence[str], *, title: str) -> NDArray[np.uint8]:
    """Return a picture of the table of confusions, uint8 (height_px, width_px, 3): rows true, columns said.

    Columns are in the order of the rows; their numbers stand over them, their names at the rows, with how many pictures each row
    stands for. A cell is the darker, the larger its share of its row.
    """
    many = len(labels) > _MANY
    cell = _SMALL_PX if many else _LARGE_PX
    support = table.sum(axis=1).tolist()
    names = [
        f"{number} {label[:_LABEL_LETTERS]} ({count})"
        for number, (label, count) in enumerate(zip(labels, support, strict=True), start=1)
    ]
    left, top = max(len(name) for name in names) * _LETTER_PX + 16, 64
    width = left + max(cell * len(labels), len(title) * _LETTER_PX - left) + 16
    canvas = np.full((top + cell * len(labels) + 12, width, 3), _PAPER, dtype=np.uint8)
    pixels.write_text(canvas, title, corner_px=(8, 22), colour=_INK)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    for row, name in enumerate(names):
        y = top + row * cell
        pixels.write_text(canvas, name, corner_px=(8, y + cell // 2 + 5), colour=_INK)
        if not many:
            pixels.write_text(canvas, str(row + 1), corner_px=(left + row * cell + 6, top - 10), colour=_INK)
        for column in range(len(labels)):
            x, fade = left + column * cell, int(200 * shares[row, column])
            canvas[y : y + cell - 1, x : x + cell - 1] = (240 - fade, 243 - fade // 2, 250)
            if not many:
                text = str(table[row, column])
                pixels.write_text(canvas, text, corner_px=(x + 8, y + cell // 2 + 5), colour=_INK)
    return canvas


def draw_reliability(bins: Sequence[Reliability], *, title: str) -> NDArray[np.uint8]:
    """Return the reliability diagram, uint8 (height_px, width_px, 3).

    Blue bars are the share that was right among pictures of a score; the diagonal is where scores mean what they say. What is
    missing to it is orange (scores promise too much), what is above it dark blue (too little); below, how many pictures each bar
    stands for.
    """
    wide = max(_MARGIN_PX * 2 + _SIDE_PX, len(title) * _LETTER_PX + 16)
    canvas = np.full((_MARGIN_PX + _SIDE_PX + _COUNTS_PX + _MARGIN_PX, wide, 3), _PAPER, dtype=np.uint8)
    left, top, foot = _MARGIN_PX, _MARGIN_PX, _MARGIN_PX + _SIDE_PX
    most = max((item.pictures for item in bins), default=1)
    for quarter in range(5):
        line, text = foot - _SIDE_PX * quarter // 4, f"{quarter / 4:.2f}"
        canvas[line, left : left + _SIDE_PX] = _GRID
        pixels.write_text(canvas, text, corner_px=(8, line + 5), colour=_INK)
        place = left + _SIDE_PX * quarter // 4 - 16
        pixels.write_text(canvas, text, corner_px=(place, foot + _COUNTS_PX + 22), colour=_INK)
    for item in bins:
        columns = slice(left + round(item.low * _SIDE_PX) + 1, left + round(item.high * _SIDE_PX) - 1)
        high, meant = foot - round(item.right * _SIDE_PX), foot - round(item.score * _SIDE_PX)
        canvas[min(high, meant) : foot, columns] = _LESS_BAR
        canvas[high:foot, columns] = _BAR
        canvas[high : max(high, meant), columns] = _MORE_BAR
        tall = max(round(item.pictures / most * (_COUNTS_PX - 20)), 1)
        canvas[foot + _COUNTS_PX - tall : foot + _COUNTS_PX, columns] = _GRID
    steps = np.arange(_SIDE_PX)
    canvas[foot - 1 - steps, left + steps] = _INK
    pixels.write_text(canvas, title, corner_px=(8, 22), colour=_INK)
    legend = "share right, by score; orange: promised, not kept"
    pixels.write_text(canvas, legend, corner_px=(left, top - 12), colour=_INK)
    pixels.write_text(canvas, f"pictures (most: {most})", corner_px=(left, foot + 16), colour=_INK)
    return canvas
