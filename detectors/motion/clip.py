"""One clip on its way through the motion detector: drawn a little ahead, answered in order, in bounded memory."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.base import LOOKAHEAD
from detectors.motion.background import ClipBackground
from detectors.motion.blobs import find_blobs
from detectors.motion.light import compare, to_logarithms
from detectors.motion.trails import Trails
from schemas.errors import RejectedInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.base import View
    from detectors.motion.blobs import Blob, Sight
    from detectors.motion.parameters import MotionParameters
    from detectors.motion.trails import Trail
    from schemas.finding import Image

#: Fewer views than this have no background.
_LEAST_VIEWS = 3

#: A thing has moved when this share of its box differs from what the same place shows some views later or earlier.
_MOVED_SHARE = 0.12


@dataclass(frozen=True, slots=True)
class Settled:
    """What is to be said of one image.

    Attributes
    ----------
    work_px
        Height and width of the shrunk picture that the things are measured in.
    things
        Each with its track, if it has one.
    """

    image: Image
    work_px: tuple[int, int]
    sight: Sight
    things: tuple[tuple[Blob, int | None], ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    """An image whose things were found and joined to trails, waiting to be answered."""

    image: Image
    picture: NDArray[np.float32]
    sight: Sight
    trails: tuple[Trail, ...]


class Clip:
    """Draws views, keeps no more than ``LOOKAHEAD`` of them, and settles them in order."""

    def __init__(self, parameters: MotionParameters) -> None:
        self._parameters = parameters
        self._background = ClipBackground(parameters)
        self._trails = Trails()
        self._fresh: deque[tuple[Image, NDArray[np.float32]]] = deque()
        self._waiting: deque[_Seen] = deque()
        self._past: deque[NDArray[np.float32]] = deque(maxlen=LOOKAHEAD - 1)
        self._tracks = 0
        self._drawn = 0

    @property
    def is_full(self) -> bool:
        """Whether no more may be drawn before one is settled."""
        return len(self._fresh) + len(self._waiting) >= LOOKAHEAD

    @property
    def is_waiting(self) -> bool:
        """Whether any image is still to be settled."""
        return bool(self._fresh or self._waiting)

    def draw(self, view: View) -> None:
        """Take the next view; its pixels are not kept.

        Raises
        ------
        RejectedInput
            ``changing_size``: it is not of the size of those before.
        """
        picture = to_logarithms(view.pixels, work_px=self._parameters.work_px)
        before = self._fresh[0][1] if self._fresh else self._waiting[0].picture if self._waiting else picture
        if before.shape != picture.shape:
            reason = "changing_size"
            raise RejectedInput(reason, "The pictures of a clip must all have one size to share a background.")
        self._background.learn(picture, view.image.offset_s)
        self._fresh.append((view.image, picture))
        self._drawn += 1

    def close(self) -> None:
        """Say that there are no more views.

        Raises
        ------
        RejectedInput
            ``too_few_views``: less than three.
        """
        if self._drawn < _LEAST_VIEWS:
            reason = "too_few_views"
            sentence = f"A clip of {self._drawn} images is too short to tell what moves in it from what stays."
            raise RejectedInput(reason, sentence)

    def settle(self) -> Settled:
        """Return what is to be said of the oldest image that waits."""
        while self._fresh:
            self._examine(*self._fresh.popleft())
        seen = self._waiting.popleft()
        confirmed = [
            (blob, trail)
            for blob, trail in zip(seen.sight.blobs, seen.trails, strict=True)
            if trail.seen >= min(self._parameters.confirm_views, self._drawn)
        ]
        things = []
        for blob, trail in self._keep_moved(seen, confirmed):
            if trail.track is None:
                trail.track, self._tracks = self._tracks, self._tracks + 1
            things.append((blob, trail.track))
        self._past.append(seen.picture)
        return Settled(seen.image, (seen.picture.shape[0], seen.picture.shape[1]), seen.sight, tuple(things))

    def _examine(self, image: Image, picture: NDArray[np.float32]) -> None:
        background, unrest = self._background.recall()
        sight = find_blobs(picture, compare(picture, background, unrest), self._parameters)
        self._waiting.append(_Seen(image, picture, sight, self._trails.follow(sight.blobs)))

    def _keep_moved(self, seen: _Seen, things: list[tuple[Blob, Trail]]) -> list[tuple[Blob, Trail]]:
        """Leave out what is the same some views later: the place where an animal was while the background was learnt."""
        if not things:
            return things
        ahead = len(self._waiting)
        other = self._waiting[-1].picture if ahead >= len(self._past) else self._past[0]
        strength = compare(seen.picture, other).strength
        moved = strength > self._parameters.contrast / 2
        return [(blob, trail) for blob, trail in things if _measure_share(moved, blob) >= _MOVED_SHARE]


def _measure_share(moved: NDArray[np.bool_], blob: Blob) -> float:
    left, top, right, bottom = blob.box
    return float(moved[top:bottom, left:right].mean())
