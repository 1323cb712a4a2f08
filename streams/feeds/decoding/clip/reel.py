"""The account of a clip: number, time and fate of each frame, kept while the frames themselves go by.

A frame's index is its place among all frames the decoder hands over or should have handed over, so it is the same whether
frames are sampled or not, and whether a neighbour could be read or not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput
from streams.feeds.decoding.events import Ending

if TYPE_CHECKING:
    from streams.feeds.decoding.limits import Limits, Sampling

#: A period is taken to have begun when it has to this share: 0.1 + 0.2 seconds are 0.3 here.
_PERIOD_SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class Shot:
    """What the decoder says of one frame.

    Attributes
    ----------
    pts
        Presentation time stamp in units of the stream's ``time_base``; absent in streams without a clock.
    is_corrupt
        The decoder made up part of the frame.
    is_key
        The frame needs no other to be decoded.
    shown_pts
        How long it is shown, in units of ``time_base``; 0 when the stream does not say.
    """

    pts: int | None
    is_corrupt: bool
    is_key: bool
    shown_pts: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a frame stands: index, seconds since the start, time stamp, and what is known against it."""

    index: int
    offset_s: float
    pts: int
    flags: tuple[str, ...]


@dataclass(slots=True)
class Reel:
    """Numbers, times and samples the frames of one clip.

    Attributes
    ----------
    time_base, start_pts
        Unit of time stamps in seconds; the container's idea of the first, which is believed unless a frame comes before it.
    rate_hz
        For streams without a clock: frames a second, as the stream or its container says.
    handed_over, lost
        Frames that came out of the decoder, and frames that should have.
    looked, missed, passed_over
        Frames that the sampling takes and that can be read, that it takes and that cannot, and that it leaves out.
    """

    sampling: Sampling
    limits: Limits
    time_base: Fraction
    start_pts: int | None = None
    rate_hz: Fraction | None = None
    handed_over: int = 0
    looked: int = 0
    missed: int = 0
    passed_over: int = 0
    lost: int = 0
    reached_s: float | None = None
    _origin_pts: int | None = None
    _end_pts: int | None = None
    _period: int = -1
    _is_after_damage: bool = False
    _damage: set[str] = field(default_factory=set)

    def place(self, shot: Shot, index: int | None = None) -> Place:
        """Return where the next frame stands.

        Parameters
        ----------
        index
            Its index, where the caller counts (key frames only); else it follows the last one.

        Raises
        ------
        RejectedInput
            ``too_long``, ``no_clock``, or ``absurd_time_base`` when its time lies beyond any clip's.
        """
        index = self._number(index)
        self.handed_over += 1
        pts, offset_s, flags = self._clock(shot.pts, index)
        if self.reached_s is not None and offset_s <= self.reached_s:
            flags += ("clock_skewed",)
        self._is_after_damage = shot.is_corrupt or (self._is_after_damage and not shot.is_key)
        if self._is_after_damage and not shot.is_corrupt:
            flags += ("corrupt",)
        self.reached_s = max(offset_s, self.reached_s or 0.0)
        self.go_through(pts, shot.shown_pts)
        return Place(index, offset_s, pts, flags)

    def begin_at(self, pts: int | None) -> None:
        """Let the clip begin no later than a frame that is not decoded; no effect once a frame was placed."""
        if pts is not None and self._origin_pts is None:
            self.start_pts = pts if self.start_pts is None else min(self.start_pts, pts)

    def go_through(self, pts: int | None, shown_pts: int) -> None:
        """Note that the clip reaches to the end of this frame, decoded or not."""
        if pts is None:
            return
        if not shown_pts and self.rate_hz:
            shown_pts = round(1 / (self.rate_hz * self.time_base))
        self._end_pts = max(pts + shown_pts, pts if self._end_pts is None else self._end_pts)

    def take(self, place: Place, *, is_readable: bool) -> bool:
        """Return whether the sampling takes this frame, and count it."""
        taken = self._wants(place.index, place.offset_s)
        self.passed_over += not taken
        if taken and is_readable:
            self.looked += 1
        elif taken:
            self._miss("corrupt")
        return taken

    def lose(self, reason: str, pts: int | None, index: int | None = None) -> int | None:
        """Count a frame that never came out of the decoder.

        Returns
        -------
        int or None
            Its index, if the sampling would have taken it.
        """
        index = self._number(index)
        self.lost += 1
        self._is_after_damage = True
        self.spoil(reason)
        is_timed = pts is not None or self.rate_hz is not None
        offset_s = self._clock(pts, index)[1] if is_timed else self.reached_s or 0.0
        if not self._wants(index, offset_s):
            self.passed_over += 1
            return None
        self._miss(reason)
        return index

    def _number(self, index: int | None) -> int:
        index = self.handed_over + self.lost if index is None else index
        if index >= self.limits.clip_images:
            raise RejectedInput(reason="too_long", sentence=f"The clip has more than {self.limits.clip_images} frames.")
        return index

    def _clock(self, claimed_pts: int | None, index: int) -> tuple[int, float, tuple[str, ...]]:
        """Return a frame's time stamp, its offset in seconds, and a flag if both are estimated."""
        pts, is_estimated = self._stamp(claimed_pts, index)
        if self._origin_pts is None:
            self._origin_pts = min(pts, self.start_pts) if self.start_pts is not None and not is_estimated else pts
        offset_s = float((pts - self._origin_pts) * self.time_base)
        if abs(offset_s) > self.limits.clip_duration_s:
            sentence = f"Frame {index} claims to be {offset_s:.0f} s after the start of the clip."
            raise RejectedInput(reason="absurd_time_base", sentence=sentence)
        return pts, offset_s, ("time_estimated",) if is_estimated else ()

    def _stamp(self, pts: int | None, index: int) -> tuple[int, bool]:
        if pts is not None:
            return pts, False
        if not self.rate_hz:
            sentence = "The video's frames carry no time, and nothing says how many there are in a second."
            raise RejectedInput(reason="no_clock", sentence=sentence)
        return round(index / (self.rate_hz * self.time_base)), True

    def _wants(self, index: int, offset_s: float) -> bool:
        if self.sampling.every_s <= 0:
            return index % self.sampling.every_n == 0
        period = math.floor(offset_s / self.sampling.every_s + _PERIOD_SLACK)
        if period <= self._period:
            return False
        self._period = period
        return True

    def _miss(self, reason: str) -> None:
        self.missed += 1
        self.spoil(reason)

    def spoil(self, reason: str) -> None:
        """Note why the clip is not all it should be."""
        self._damage.add(reason)

    @property
    def damage(self) -> str:
        """The gravest reason why not everything could be read; empty when everything was."""
        return next((reason for reason in ("encrypted", "truncated", "corrupt") if reason in self._damage), "")

    def end(self) -> Ending:
        """Return the ending."""
        through_s = 0.0
        if self._end_pts is not None and self._origin_pts is not None:
            through_s = float((self._end_pts - self._origin_pts) * self.time_base)
        return Ending(self.damage, self.reached_s or 0.0, self.passed_over, through_s)

    def refuse_nothing(self, *, is_encrypted: bool) -> None:
        """Refuse a clip of which not one frame could be read.

        Raises
        ------
        RejectedInput
            ``encrypted``, ``truncated_video``, ``corrupt_video`` or ``no_frames``.
        """
        if self.looked or (self.handed_over and not self.missed):
            return
        if is_encrypted or self.damage == "encrypted":
            raise RejectedInput(reason="encrypted", sentence="The video is encrypted.")
        if self.damage == "truncated":
            raise RejectedInput(
                reason="truncated_video", sentence="The video's file ends before its first whole frame."
            )
        if self.damage:
            raise RejectedInput(reason="corrupt_video", sentence="Not one frame of the video can be decoded.")
        raise RejectedInput(reason="no_frames", sentence="The video has no frames in it.")
