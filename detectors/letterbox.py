"""Fit a picture into a network's input without stretching it, and carry boxes back into the picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from detectors import pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Grey of the bars beside the picture: what YOLO networks were trained with.
BAR_GREY = 114
#: Nudges a half pixel of bar to the right or bottom side, as in training, whatever the rounding of exact halves.
_NUDGE = 0.1


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Where a picture lies in the input: scaled by one factor, centred, the rest grey.

    Attributes
    ----------
    picture_px, input_px
        ``(height, width)`` of the picture and of the network's input.
    fitted_px
        ``(height, width)`` of the scaled picture, each at least 1.
    top_px, left_px
        Corner of the scaled picture in the input.
    """

    picture_px: tuple[int, int]
    input_px: tuple[int, int]
    fitted_px: tuple[int, int]
    top_px: int
    left_px: int

    @property
    def gain(self) -> tuple[float, float]:
        """Input pixels per picture pixel, vertically and horizontally (they differ by the rounding of the fitted size)."""
        return self.fitted_px[0] / self.picture_px[0], self.fitted_px[1] / self.picture_px[1]

    def fit(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a new uint8 (input height, input width, 3): the picture, bilinearly scaled, between grey bars."""
        canvas = np.empty((*self.input_px, 3), dtype=np.uint8)
        bottom, right = self.top_px + self.fitted_px[0], self.left_px + self.fitted_px[1]
        canvas[: self.top_px] = BAR_GREY
        canvas[bottom:] = BAR_GREY
        canvas[self.top_px : bottom, : self.left_px] = BAR_GREY
        canvas[self.top_px : bottom, right:] = BAR_GREY
        pixels.resize_into(picture, canvas[self.top_px : bottom, self.left_px : right])
        return canvas

    def to_picture(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return boxes (n, 4: left, top, right, bottom) of the input as boxes of the picture, cut at its edges."""
        gain_y, gain_x = self.gain
        height, width = self.picture_px
        shift = np.asarray([self.left_px, self.top_px] * 2, dtype=np.float32)
        scale = np.asarray([gain_x, gain_y] * 2, dtype=np.float32)
        limit = np.asarray([width, height] * 2, dtype=np.float32)
        return np.asarray(np.clip((boxes - shift) / scale, np.float32(0), limit), dtype=np.float32)

    def to_input(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return boxes of the picture as boxes of the input: the inverse of :meth:`to_picture` inside the picture."""
        gain_y, gain_x = self.gain
        scale = np.asarray([gain_x, gain_y] * 2, dtype=np.float32)
        return boxes * scale + np.asarray([self.left_px, self.top_px] * 2, dtype=np.float32)


@lru_cache(maxsize=64)
def make_letterbox(picture_px: tuple[int, int], input_px: tuple[int, int]) -> Letterbox:
    """Return the letterbox of a picture size and an input size, both ``(height, width)``.

    The rounding follows YOLO's training (ultralytics 8.4, ``LetterBox`` without minimum rectangle), so that boxes agree
    with those of the trainer's own prediction.
    """
    scale = min(input_px[0] / picture_px[0], input_px[1] / picture_px[1])
    fitted = max(round(picture_px[0] * scale), 1), max(round(picture_px[1] * scale), 1)
    top = round((input_px[0] - fitted[0]) / 2 - _NUDGE)
    left = round((input_px[1] - fitted[1]) / 2 - _NUDGE)
    return Letterbox(picture_px, input_px, fitted, top, left)
