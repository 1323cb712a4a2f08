"""Follow things from view to view of a clip: what stays only for a moment is a glint or a speck."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detectors.motion.blobs import Blob

#: A thing is looked for this far from where it should be, as a share of its length, and never nearer than this.
_REACH_SHARE, _LEAST_REACH_PX = 0.6, 6.0

#: One thing does not grow or shrink more than this between views.
_GROWTH = 2.5

#: A trail ends when it was not seen for so many views.
_PATIENCE = 2


@dataclass(slots=True, eq=False)
class Trail:
    """One thing over time.

    Attributes
    ----------
    blob
        Where it was last seen.
    step
        How far its middle moved between the last two views, x and y.
    seen
        In how many views it was seen.
    missed
        For how many views it has not been seen.
    track
        Its number, given when it is first reported.
    """

    blob: Blob
    step: tuple[float, float] = (0.0, 0.0)
    seen: int = 1
    missed: int = 0
    track: int | None = None


@dataclass(slots=True)
class Trails:
    """All that is being followed in one clip."""

    running: list[Trail] = field(default_factory=list)

    def follow(self, blobs: tuple[Blob, ...]) -> tuple[Trail, ...]:
        """Return the trail of each thing of the next view, in the same order; nearest pairs are joined first."""
        pairs = sorted(
            (distance, old, new)
            for old, trail in enumerate(self.running)
            for new, blob in enumerate(blobs)
            if (distance := _measure(trail, blob)) is not None
        )
        owners: dict[int, Trail] = {}
        taken: set[int] = set()
        for _, old, new in pairs:
            if old not in taken and new not in owners:
                taken.add(old)
                owners[new] = self.running[old]
        for old, trail in enumerate(self.running):
            trail.missed = 0 if old in taken else trail.missed + 1
        trails = tuple(self._extend(owners.get(new), blob) for new, blob in enumerate(blobs))
        self.running = [trail for trail in self.running if trail.missed <= _PATIENCE]
        return trails

    def _extend(self, trail: Trail | None, blob: Blob) -> Trail:
        if trail is None:
            trail = Trail(blob)
            self.running.append(trail)
            return trail
        (x, y), (old_x, old_y) = _find_middle(blob), _find_middle(trail.blob)
        trail.step, trail.blob, trail.seen = (x - old_x, y - old_y), blob, trail.seen + 1
        return trail


def _find_middle(blob: Blob) -> tuple[float, float]:
    left, top, right, bottom = blob.box
    return (left + right) / 2, (top + bottom) / 2


def _measure(trail: Trail, blob: Blob) -> float | None:
    """Return how far a thing is from where the trail should be, or ``None`` if it cannot be the same."""
    larger, smaller = max(trail.blob.area_px, blob.area_px), min(trail.blob.area_px, blob.area_px)
    if larger > _GROWTH * smaller:
        return None
    (x, y), (old_x, old_y) = _find_middle(blob), _find_middle(trail.blob)
    left, top, right, bottom = trail.blob.box
    length_px = max(right - left, bottom - top)
    views = trail.missed + 1
    distance = float(((x - old_x - trail.step[0] * views) ** 2 + (y - old_y - trail.step[1] * views) ** 2) ** 0.5)
    return distance if distance <= max(_LEAST_REACH_PX, _REACH_SHARE * length_px) else None
