"""Stuck particles: the same picture at the same place in the field of view, frame after frame."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

#: Side of the small picture by which particles are compared, in pixels.
SIGNATURE_PX = 12

#: Weights of red, green and blue in grey (ITU-R BT.601).
_GREY = np.array([0.299, 0.587, 0.114])

#: Sightings of a place that a new one is compared with: the newest, so that a scratch seen in every frame costs no more.
_RECENT = 32


@dataclass(frozen=True, slots=True)
class RepeatRule:
    """When particles are one thing that does not move.

    Attributes
    ----------
    reach_px
        Farthest apart of the centres of two, along each side of the field of view.
    likeness
        Least correlation of their small pictures; brightness plays no part.
    frames
        Fewest frames in which the thing is seen. Two particles may meet at a place by chance; three of one look do not: of
        1,000 particles in a field of 1,292 x 964 pixels some 20 pairs are as close as 3 px by chance, and none of the look.
    """

    reach_px: float = 3.0
    likeness: float = 0.7
    frames: int = 3


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where a particle was, and its small picture.

    Attributes
    ----------
    x_px, y_px
        Of the left upper corner, in the instrument's field of view.
    signature
        From :func:`make_signature`; a particle without a picture is never called stuck.
    """

    index: int
    frame: int
    x_px: float
    y_px: float
    width_px: int
    height_px: int
    signature: bytes | None

    @property
    def centre(self) -> tuple[float, float]:
        """Of its box in the field of view."""
        return self.x_px + self.width_px / 2, self.y_px + self.height_px / 2


def make_signature(pixels: NDArray[np.uint8]) -> bytes:
    """Return the small grey picture of a particle, 144 bytes: each is the mean of the pixels it covers.

    Parameters
    ----------
    pixels
        uint8 (height_px, width_px) or (height_px, width_px, 3), at least one pixel.
    """
    grey = pixels.astype(np.float64) if pixels.ndim == 2 else pixels[..., :3].astype(np.float64) @ _GREY  # noqa: PLR2004
    for axis in (0, 1):
        length = grey.shape[axis]
        edges = np.arange(SIGNATURE_PX + 1) * length / SIGNATURE_PX
        first = np.minimum(np.floor(edges[:-1]).astype(int), length - 1)
        last = np.maximum(np.ceil(edges[1:]).astype(int), first + 1)
        sums = np.concatenate([np.zeros_like(grey.take([0], axis)), np.cumsum(grey, axis)], axis)
        spans = (last - first).reshape((-1, 1) if axis == 0 else (1, -1))
        grey = (sums.take(last, axis) - sums.take(first, axis)) / spans
    return bytes(np.rint(grey).clip(0, 255).astype(np.uint8).tobytes())


def find_repeats(sightings: Iterable[Sighting], rule: RepeatRule | None = None) -> frozenset[int]:
    """Return the indices of particles that were seen before: of each stuck thing all but its first sighting.

    Memory is some 400 bytes a particle. The order of sightings plays no part.
    """
    rule = rule or RepeatRule()
    kept = sorted((item for item in sightings if item.signature is not None), key=lambda item: (item.frame, item.index))
    if not kept:
        return frozenset()
    looks = _to_looks(kept)
    roots = list(range(len(kept)))
    for one, other in _find_neighbours(kept, rule):
        if float(looks[one] @ looks[other]) >= rule.likeness:
            low, high = sorted((_find_root(roots, one), _find_root(roots, other)))
            roots[high] = low
    groups: dict[int, list[int]] = defaultdict(list)
    for place in range(len(kept)):
        groups[_find_root(roots, place)].append(place)
    return frozenset(
        kept[place].index
        for group in groups.values()
        if len({kept[place].frame for place in group}) >= rule.frames
        for place in group[1:]
    )


def _to_looks(kept: list[Sighting]) -> NDArray[np.float32]:
    """Return the small pictures, float32 (particles, 144), with mean 0 and length 1, so that a product is a correlation."""
    raw = b"".join(item.signature or b"" for item in kept)
    looks = np.frombuffer(raw, np.uint8).reshape(len(kept), -1).astype(np.float32)
    looks -= looks.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(looks, axis=1, keepdims=True)
    # a picture of one grey is like no other
    lengths[lengths == 0] = np.inf
    looks /= lengths
    return looks


def _find_neighbours(kept: list[Sighting], rule: RepeatRule) -> Iterator[tuple[int, int]]:
    """Yield pairs of different frames, close in place and alike in size."""
    cells: dict[tuple[int, int], deque[int]] = defaultdict(lambda: deque(maxlen=_RECENT))
    for place, item in enumerate(kept):
        x, y = item.centre
        column, row = int(x // rule.reach_px), int(y // rule.reach_px)
        for near in ((column + dx, row + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)):
            for other in cells.get(near, ()):
                if _is_at_one_place(kept[other], item, rule.reach_px):
                    yield other, place
        cells[column, row].append(place)


def _is_at_one_place(one: Sighting, other: Sighting, reach_px: float) -> bool:
    if one.frame == other.frame:
        return False
    (x, y), (other_x, other_y) = one.centre, other.centre
    if abs(x - other_x) > reach_px or abs(y - other_y) > reach_px:
        return False
    sides = ((one.width_px, other.width_px), (one.height_px, other.height_px))
    return all(4 * min(side) >= 3 * max(side) for side in sides)


def _find_root(roots: list[int], place: int) -> int:
    while roots[place] != place:
        roots[place] = roots[roots[place]]
        place = roots[place]
    return place
