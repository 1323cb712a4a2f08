"""Size classes: half-open steps of a diameter, octaves unless somebody wants others."""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise

#: Doublings of the diameter from 1 to 4,096 um: what a FlowCam's four lenses can see.
OCTAVES_UM: tuple[float, ...] = tuple(float(2**step) for step in range(13))


def check_edges(edges_um: tuple[float, ...]) -> tuple[float, ...]:
    """Return the edges, which must be finite, above 0 and rise.

    Raises
    ------
    ValueError
        If they do not.
    """
    if not edges_um or not all(math.isfinite(edge) and edge > 0 for edge in edges_um):
        message = "size classes need edges above 0"
        raise ValueError(message)
    if any(right <= left for left, right in pairwise(edges_um)):
        message = "the edges of size classes rise from one to the next"
        raise ValueError(message)
    return edges_um


def find_size_class(diameter_um: float, edges_um: tuple[float, ...]) -> int:
    """Return the number of the class: 0 below the first edge, ``k`` from edge ``k - 1`` up to edge ``k``, which is outside."""
    return bisect_right(edges_um, diameter_um)


def list_bounds(edges_um: tuple[float, ...]) -> tuple[tuple[float | None, float | None], ...]:
    """Return lower and upper bound of each class by number; the first and the last one are open."""
    ends: list[float | None] = [None, *edges_um, None]
    return tuple(pairwise(ends))
