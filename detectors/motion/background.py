"""The background of a fixed camera: the median of a day for stills, the median of what went before for a clip."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors import pixels
from detectors.base import LOOKAHEAD
from detectors.motion.light import take_logarithms, to_brightness, to_logarithms, to_work_size
from schemas.canonical import to_sha256
from schemas.errors import RejectedInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from detectors.motion.parameters import MotionParameters

#: Longer side of a background picture: finer than any difference is sought in.
BACKGROUND_PX = 640

#: Most pictures held at once. When there are more, every second one is dropped and from then on only every second taken.
_HELD_LIMIT = 64

#: Pictures darker than this in the middle (of 255) say nothing of the background, unless all are.
_DARK = 16

#: The fourth channel holds 255 less a hundred times the unrest (natural logarithm), so that the picture looks like one.
_UNREST_STEPS, _UNREST_LIMIT = 100.0, 200

#: Spread of a normal law from its median absolute deviation.
_SPREAD = 1.4826

#: Rows whose median is taken at once, to bound memory.
_ROWS = 32

#: From so many views taken apart on, a clip's background is made of them alone.
_ENOUGH = 6

_OPAQUE = 255
_WITH_UNREST = 4


def build_background(pictures: Iterable[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return what a fixed camera sees when nothing passes, and how much that varies.

    At most 64 pictures, spread evenly over those given, are held at once, shrunk to 640 pixels. Each is brought to the
    same light before the median is taken, so a day from dawn to dusk will do; animals vanish as long as no place is
    covered in half of the pictures.

    Parameters
    ----------
    pictures
        uint8 (height_px, width_px, 3) RGB, all of one size, in any order; a day's worth.

    Returns
    -------
    uint8 (h, w, 4): RGB, and in the fourth channel 255 less a hundred times the unrest of brightness.

    Raises
    ------
    RejectedInput
        ``no_pictures``: there were none. ``changing_size``: not all have one size.
    """
    held = _hold_some(pictures)
    lit = [picture for picture in held if np.median(picture) >= _DARK] or held
    levels = np.stack([np.median(to_logarithms(picture, work_px=BACKGROUND_PX), axis=(0, 1)) for picture in lit])
    shifts = (np.median(levels, axis=0) - levels).astype(np.float32)
    height_px, width_px = lit[0].shape[:2]
    background = np.empty((height_px, width_px, _WITH_UNREST), dtype=np.uint8)
    for top in range(0, height_px, _ROWS):
        rows = take_logarithms(np.stack([picture[top : top + _ROWS] for picture in lit])) + shifts[:, None, None, :]
        middle = find_median(rows)
        unrest = _SPREAD * find_median(np.abs((rows - middle).mean(axis=3)))
        steps = np.clip(np.rint(unrest * _UNREST_STEPS), 0, _UNREST_LIMIT)
        background[top : top + _ROWS, :, :3] = np.clip(np.rint(to_brightness(middle)), 0, 255)
        background[top : top + _ROWS, :, 3] = _OPAQUE - steps
    return background


def find_median(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the median along the first axis, of an even number the lower one; much faster than numpy's own."""
    middle = (len(stack) - 1) // 2
    return np.asarray(np.partition(stack, middle, axis=0)[middle])


def _hold_some(pictures: Iterable[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """Return at most 64 shrunk pictures, evenly spread over however many there are."""
    held: list[NDArray[np.uint8]] = []
    stride, size = 1, None
    for number, picture in enumerate(pictures):
        size = size or picture.shape
        if picture.shape != size:
            reason = "changing_size"
            raise RejectedInput(reason, "The pictures of a background must all have one size.")
        if number % stride:
            continue
        if len(held) == _HELD_LIMIT:
            held, stride = held[::2], 2 * stride
            if number % stride:
                continue
        wide, high = to_work_size(picture.shape[1], picture.shape[0], BACKGROUND_PX)
        held.append(
            picture.copy() if wide >= picture.shape[1] else pixels.shrink(picture, width_px=wide, height_px=high)
        )
    if not held:
        reason = "no_pictures"
        raise RejectedInput(reason, "A background needs pictures, and there were none.")
    return held


@dataclass(frozen=True, slots=True)
class StillBackground:
    """A background picture, ready to be compared with.

    Attributes
    ----------
    sha256
        Digest of its file.
    picture
        uint8 (h, w, 3 or 4).
    """

    sha256: str
    picture: NDArray[np.uint8]

    def to_work(self, *, width_px: int, height_px: int) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Return logarithms (height_px, width_px, 3) and, where the picture tells it, unrest (height_px, width_px).

        Raises
        ------
        RejectedInput
            ``background_mismatch``: a picture of this shape cannot be the same view.
        """
        high, wide = self.picture.shape[:2]
        if abs(wide * height_px - high * width_px) > max(wide, high):
            reason = "background_mismatch"
            sentence = (
                f"The background is {wide} x {high}, which is not the shape of a picture of {width_px} x {height_px}."
            )
            raise RejectedInput(reason, sentence)
        scaled = self.picture
        if (wide, high) != (width_px, height_px):
            change = pixels.shrink if wide > width_px else pixels.resize
            scaled = change(self.picture, width_px=width_px, height_px=height_px)
        logarithms = to_logarithms(np.ascontiguousarray(scaled[..., :3]), work_px=max(width_px, height_px))
        if scaled.shape[2] != _WITH_UNREST:
            return logarithms, None
        return logarithms, (_OPAQUE - scaled[..., 3]).astype(np.float32) / np.float32(_UNREST_STEPS)


def load_background(data: bytes) -> StillBackground:
    """Return the background in PNG bytes, with their digest.

    Raises
    ------
    RejectedInput
        ``not_an_image``: the bytes are not a colour PNG.
    """
    return StillBackground(to_sha256(data), pixels.decode_png(data))


class ClipBackground:
    """What a clip shows when nothing passes: the median of views taken some time apart; forgets those long gone.

    Until there are enough of them, the views just drawn stand in.
    """

    def __init__(self, parameters: MotionParameters) -> None:
        self._every_s = parameters.background_every_s
        self._spaced: deque[NDArray[np.float32]] = deque(maxlen=parameters.background_views)
        self._recent: deque[NDArray[np.float32]] = deque(maxlen=LOOKAHEAD)
        self._last_s: float | None = None
        self._known: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    def learn(self, logarithms: NDArray[np.float32], offset_s: float) -> None:
        """Take note of a view, float32 (h, w, 3), drawn from ``offset_s`` of the clip."""
        level = logarithms - np.median(logarithms[::4, ::4], axis=(0, 1)).astype(np.float32)
        self._recent.append(level)
        spaced = self._last_s is None or offset_s - self._last_s >= self._every_s
        if spaced:
            self._spaced.append(level)
            self._last_s = offset_s
            self._known = None

    def recall(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return logarithms (h, w, 3), up to one factor of light, and unrest (h, w)."""
        if self._known is None:
            views = self._spaced if len(self._spaced) >= _ENOUGH else self._recent
            stack = np.stack(list(views))
            middle = find_median(stack)
            away = stack - middle
            away = np.abs(away[..., 0] + away[..., 1] + away[..., 2]) * np.float32(_SPREAD / 3)
            self._known = middle, find_median(away)
        return self._known
