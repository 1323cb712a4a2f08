"""How many images a second the classifier goes through: classification alone, images in memory, nothing stored."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.base import View
from detectors.flowcam.open import RoiOptions, open_classifier
from schemas.finding import Image
from schemas.geometry import WholePart

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from detectors.flowcam.open import Classifier

#: Images run before the clock starts: the first calls of a network allocate.
WARM_UP = 256

#: Sides of generated images: as those of cells of some micrometres in a FlowCam at 10x, a few of them large.
_USUAL_PX, _LARGE_PX, _LARGE_EVERY = (14, 44), (60, 160), 50


@dataclass(frozen=True, slots=True)
class RoiRate:
    """How fast images were named.

    Attributes
    ----------
    images, seconds
        How many, and how long.
    """

    images: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Images per second."""
        return self.images / self.seconds


def make_images(count: int, *, seed: int = 0) -> list[NDArray[np.uint8]]:
    """Return noisy images of many sizes, uint8 (height_px, width_px, 3)."""
    random = np.random.default_rng(seed)
    images = []
    for number in range(count):
        least, most = _LARGE_PX if number % _LARGE_EVERY == 0 else _USUAL_PX
        height_px, width_px = (int(side) for side in random.integers(least, most, 2))
        images.append(random.integers(120, 220, (height_px, width_px, 3)).astype(np.uint8))
    return images


def measure_classifier(
    classifier: Classifier, images: Sequence[NDArray[np.uint8]], *, rounds: int = 1, options: RoiOptions | None = None
) -> RoiRate:
    """Return the rate of the classifier over images in memory, all as one unit, drawn by one thread.

    Parameters
    ----------
    images
        uint8 (height_px, width_px, 3), RGB, of any size.

    Raises
    ------
    FatalFault
        If the model cannot be run.
    """
    detector = open_classifier(classifier, options=options)

    def draw_views(count: int) -> Iterator[View]:
        place = WholePart(part="still")
        for index in range(count):
            pixels = images[index % len(images)]
            height_px, width_px = pixels.shape[:2]
            yield View(Image(index=index, kind="roi", width_px=width_px, height_px=height_px, place=place), pixels)

    try:
        list(detector.look(draw_views(WARM_UP)))
        began = time.perf_counter()
        named = sum(1 for _ in detector.look(draw_views(rounds * len(images))))
        return RoiRate(named, time.perf_counter() - began)
    finally:
        detector.close()
