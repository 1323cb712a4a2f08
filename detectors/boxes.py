"""Pure arithmetic on boxes: overlap, and the choice among overlapping ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Classes are kept apart by moving each to its own place this many pixels away. Larger than any network input, and the
#: number the trainer's own suppression uses: the same 32-bit rounding then decides the same borderline cases.
CLASS_STRIDE_PX = np.float32(7680)


def from_centres(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (n, 4) left, top, right, bottom from (n, 4) centre x, centre y, width, height."""
    half = boxes[:, 2:4] / np.float32(2)
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)


def measure_areas(boxes: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the area (n,) of boxes (n, 4); inside-out boxes have none."""
    sides = np.maximum(boxes[..., 2:4] - boxes[..., :2], 0)
    return np.asarray(sides[..., 0] * sides[..., 1])


def measure_overlaps(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the intersection over union, (n, m), of boxes (n, 4) and (m, 4); 0 where both are empty."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:4], second[None, :, 2:4])
    sides = np.maximum(high - low, 0)
    shared = sides[..., 0] * sides[..., 1]
    union = measure_areas(first)[:, None] + measure_areas(second)[None, :] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


def suppress(
    boxes: NDArray[np.float32], scores: NDArray[np.float32], classes: NDArray[np.int64], *, iou: float, limit: int
) -> NDArray[np.int64]:
    """Return the places of the boxes that stay, best score first: of those of one class that overlap, the best.

    Greedy non-maximum suppression: a box falls when its overlap with a better one that stays is *above* ``iou``. Equal
    scores keep their order.

    Parameters
    ----------
    boxes
        float32 (n, 4): left, top, right, bottom.
    scores, classes
        (n,) each.
    iou
        0 to 1.
    limit
        Most boxes to return.
    """
    order = np.argsort(-scores, kind="stable")
    apart = boxes[order] + (classes[order].astype(np.float32) * CLASS_STRIDE_PX)[:, None]
    areas = (apart[:, 2] - apart[:, 0]) * (apart[:, 3] - apart[:, 1])
    kept: list[int] = []
    left = np.arange(len(order))
    while left.size and len(kept) < limit:
        best, rest = left[0], left[1:]
        kept.append(int(order[best]))
        if not rest.size:
            break
        low = np.maximum(apart[best, :2], apart[rest, :2])
        high = np.minimum(apart[best, 2:4], apart[rest, 2:4])
        sides = np.maximum(high - low, np.float32(0))
        shared = sides[:, 0] * sides[:, 1]
        union = areas[best] + areas[rest] - shared
        left = rest[~(shared > np.float32(iou) * union)]
    return np.asarray(kept, dtype=np.int64)
