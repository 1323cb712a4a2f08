"""Measure a detector on marked pictures: the figures of its card, and a picture of what it confuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors import pixels
from detectors.base import View
from detectors.models.metrics import Sighting
from schemas.finding import Image, to_bounds
from schemas.geometry import WholePart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from detectors.base import Detector
    from detectors.models.dataset import PictureSet
    from schemas.finding import Finding

#: Score threshold under which average precision loses nothing worth waiting for.
SCORE_FLOOR = 0.001
_CELL_PX, _LABEL_PX, _TITLE_PX = 72, 130, 70
_INK, _PAPER = (30, 30, 30), 255


def look_at_pictures(
    detector: Detector, pictures: PictureSet, names: Sequence[str], *, progress: Callable[[int, int], None]
) -> list[Sighting]:
    """Run a detector (with a score threshold near 0) over marked pictures.

    Parameters
    ----------
    names
        Which pictures of the set; usually those held out.
    progress
        Called with (pictures done, pictures in all).

    Raises
    ------
    RejectedInput
        If a picture cannot be read.
    """
    sizes: list[tuple[int, int]] = []

    def views() -> Iterator[View]:
        for index, name in enumerate(names):
            picture = pixels.read_picture(pictures.root / "images" / name)
            height_px, width_px = picture.shape[:2]
            sizes.append((height_px, width_px))
            place = WholePart(part="still")
            yield View(Image(index=index, kind="still", width_px=width_px, height_px=height_px, place=place), picture)

    sightings = []
    for index, findings in enumerate(detector.look(views())):
        sightings.append(_to_sighting(findings, pictures, names[index], sizes[index]))
        progress(index + 1, len(names))
    return sightings


def draw_confusions(table: NDArray[np.int64], labels: Sequence[str]) -> NDArray[np.uint8]:
    """Return a picture of the table of confusions, uint8 (height_px, width_px, 3): rows marked, columns predicted.

    Parameters
    ----------
    table
        int64 (n + 1, n + 1), see :func:`detectors.models.metrics.count_confusions`.
    """
    names = [*labels, "nothing"]
    cells_px = _CELL_PX * len(names)
    canvas = np.full((_TITLE_PX + cells_px, _LABEL_PX + cells_px, 3), _PAPER, dtype=np.uint8)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    for row, name in enumerate(names):
        top = _TITLE_PX + row * _CELL_PX
        pixels.write_text(canvas, name[:14], corner_px=(8, top + _CELL_PX // 2), colour=_INK)
        pixels.write_text(canvas, name[:7], corner_px=(_LABEL_PX + row * _CELL_PX + 6, _TITLE_PX - 12), colour=_INK)
        for column in range(len(names)):
            left = _LABEL_PX + column * _CELL_PX
            fade = int(200 * shares[row, column])
            canvas[top : top + _CELL_PX - 1, left : left + _CELL_PX - 1] = (235 - fade, 240 - fade // 2, 250)
            pixels.write_text(canvas, str(table[row, column]), corner_px=(left + 12, top + _CELL_PX // 2), colour=_INK)
    pixels.write_text(canvas, "marked (down), predicted (across)", corner_px=(8, 24), colour=_INK)
    return canvas


def _to_sighting(findings: tuple[Finding, ...], pictures: PictureSet, name: str, size: tuple[int, int]) -> Sighting:
    truth = pictures.read_truth(name)
    scale = np.asarray([size[1], size[0]] * 2, dtype=np.float64)
    known = [finding for finding in findings if finding.label in pictures.labels]
    return Sighting(
        boxes=np.asarray([to_bounds(finding.geometry) for finding in known], dtype=np.float64).reshape(-1, 4),
        scores=np.asarray([finding.score or 0.0 for finding in known], dtype=np.float64),
        classes=np.asarray([pictures.labels.index(finding.label) for finding in known], dtype=np.int64),
        true_boxes=truth.boxes * scale,
        true_classes=truth.classes,
    )
