"""Show a picture as the instrument might have taken it: a particle has no up, no left, and no place of its own in the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from detectors.flowcam.preprocessing import Preprocessing

#: A particle is moved by at most this many input pixels, and never out of the input. Size and colour are left alone: they tell
#: classes apart.
FURTHEST_PX = 4
#: A picture is made lighter or darker by at most this much of 255, in all colours alike: lamps differ by more between runs.
MOST_LIGHT = 4


def prepare_augmented(
    pictures: Sequence[NDArray[np.uint8]], preprocessing: Preprocessing, random: np.random.Generator
) -> NDArray[np.uint8]:
    """Return pictures as a network learns from them: turned by quarters, mirrored, in other light, and moved a little.

    Quarter turns and mirrors give the same pixels in another order; any other angle would invent some.
    """
    places = random.integers(8, size=len(pictures))
    steps = random.integers(-MOST_LIGHT, MOST_LIGHT + 1, size=len(pictures))
    turned = [
        lighten(turn(picture, int(place)), int(step))
        for picture, place, step in zip(pictures, places, steps, strict=True)
    ]
    batch = preprocessing.prepare(turned)
    if preprocessing.fit in {"pad", "letterbox"}:
        for picture, target in zip(turned, batch, strict=True):
            target[...] = _move(target, picture, random)
    return batch


def turn(picture: NDArray[np.uint8], place: int) -> NDArray[np.uint8]:
    """Return one of the eight ways a picture can lie (0 to 7): quarter turns, and from 4 on mirrored."""
    mirrored = picture[:, ::-1] if place >= 4 else picture  # noqa: PLR2004 - four turns
    return np.ascontiguousarray(np.rot90(mirrored, place % 4))


def lighten(picture: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Return a picture with ``step`` (of 255) added to every value; what would leave the range stays at its end."""
    return np.clip(picture.astype(np.int16) + step, 0, 255).astype(np.uint8)


def _move(target: NDArray[np.uint8], picture: NDArray[np.uint8], random: np.random.Generator) -> NDArray[np.uint8]:
    room = [
        min(max(side - taken, 0) // 2, FURTHEST_PX)
        for side, taken in zip(target.shape, picture.shape[:2], strict=False)
    ]
    steps = [int(random.integers(-most, most + 1)) for most in room]
    return np.roll(target, steps, axis=(0, 1))
