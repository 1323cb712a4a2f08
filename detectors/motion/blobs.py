"""Connected things in a change: their boxes, sizes and contrast; specks and light are left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors import pixels
from detectors.motion.light import to_brightness

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.motion.light import Change
    from detectors.motion.parameters import MotionParameters

#: Parts thinner than this are no animal; gaps narrower than this are within one.
_OPEN_PX, _CLOSE_PX = 3, 5

#: Around what is strong enough to be seen, what is this much weaker belongs to it.
_EDGE_SHARE = 0.5

#: A thing that differs from what it hides by one factor in all channels is light: this share of its pixels must differ
#: in colour, by this many times the unrest of colour.
_COLOURED_SHARE, _COLOURED = 0.12, 3.0

#: A speck of marine snow near the lens is brighter than what it hides nearly everywhere (natural logarithm), about as
#: high as wide, and covers less than this share of the picture.
_BRIGHTER, _BRIGHTER_SHARE, _ROUND, _SPECK_SHARE = 0.02, 0.9, 1.45, 0.0022


@dataclass(frozen=True, slots=True)
class Blob:
    """One connected thing; box and area in pixels of the shrunk picture.

    Attributes
    ----------
    box
        Left, top, right, bottom, end exclusive.
    area_px
        How many pixels it covers.
    contrast
        Mean absolute difference from the background, of 255.
    """

    box: tuple[int, int, int, int]
    area_px: int
    contrast: float


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen in one picture: its things, and the share of its pixels that differ clearly, light included."""

    blobs: tuple[Blob, ...]
    share: float


def find_blobs(picture: NDArray[np.float32], change: Change, parameters: MotionParameters) -> Sight:
    """Return the things in a picture, given as logarithms (h, w, 3), from top to bottom."""
    mask = pixels.tidy_mask(change.strength > _EDGE_SHARE * parameters.contrast, open_px=_OPEN_PX, close_px=_CLOSE_PX)
    labels, bounds = pixels.label_parts(mask)
    blobs = []
    for number, (left, top, right, bottom) in enumerate(bounds.tolist(), start=1):
        here = np.s_[top:bottom, left:right]
        inside = labels[here] == number
        if not _is_thing(inside, change.strength[here], change.colour[here], parameters):
            continue
        contrast = _measure_contrast(picture[here][inside], change.expected[here][inside])
        if contrast >= parameters.least_contrast and not _is_speck(inside, change.brightness[here], mask.size):
            blobs.append(Blob((left, top, right, bottom), int(inside.sum()), contrast))
    return Sight(tuple(blobs), change.share)


def _is_thing(
    inside: NDArray[np.bool_],
    strength: NDArray[np.float32],
    colour: NDArray[np.float32],
    parameters: MotionParameters,
) -> bool:
    area_px = int(inside.sum())
    if area_px < parameters.least_area_px:
        return False
    strong_px = int((strength[inside] > parameters.contrast).sum())
    coloured_px = int((colour[inside] > _COLOURED).sum())
    return 2 * strong_px >= parameters.least_area_px and coloured_px >= _COLOURED_SHARE * area_px


def _measure_contrast(picture: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    return float(np.abs(to_brightness(picture) - to_brightness(expected)).mean(dtype=np.float64))


def _is_speck(inside: NDArray[np.bool_], brightness: NDArray[np.float32], picture_px: int) -> bool:
    high_px, wide_px = inside.shape
    if inside.sum() > _SPECK_SHARE * picture_px or max(high_px, wide_px) > _ROUND * min(high_px, wide_px):
        return False
    return bool((brightness[inside] > _BRIGHTER).mean() > _BRIGHTER_SHARE)
