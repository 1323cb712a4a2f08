"""The account of a clip: time and fate of each frame, kept while the frames themselves go by.

Its number comes from the roll call (:mod:`streams.feeds.decoding.clip.roll`).
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
    """Times, samples and judges the frames of one clip.

    Attributes
    ----------
    time_base, start_pts
        Unit of time stamps in seconds; the container's idea of the first, which is believed unless a frame comes before it.
    rate_hz
        For streams without a clock: frames a second, as the stream or its container says.
    handed_over
        Frames that came out of the decoder.
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
    reached_s: float | None = None
    _origin_pts: int | None = None
    _latest_pts: list[int] = field(default_factory=list)
    _shown_pts: int = 0
    _period: int = -1
    _is_after_damage: bool = False
    _damage: set[str] = field(default_factory=set)

    def place(self, shot: Shot, index: int, *, is_after_gap: bool = False) -> Place:
        """Return where a frame stands.

        Parameters
        ----------
        is_after_gap
            Frames before it never came, so what it was predicted from may be missing.

        Raises
        ------
        RejectedInput
            ``too_long``, ``no_clock``, or ``absurd_time_base`` when its time lies beyond any clip's.
        """
        self._check_count(index)
        self.handed_over += 1
        pts, offset_s, flags = self._clock(shot.pts, index)
        if self.reached_s is not None and offset_s <= self.reached_s:
            flags += ("clock_skewed",)
        is_doubtful = self._is_after_damage or is_after_gap
        self._is_after_damage = shot.is_corrupt or (is_doubtful and not shot.is_key)
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
        """Note that the clip reaches to this frame, decoded or not."""
        if pts is None or pts in self._latest_pts:
            return
        self._latest_pts = sorted((*self._latest_pts, pts))[-2:]
        self._shown_pts = shown_pts

    def take(self, place: Place, *, is_readable: bool) -> bool:
        """Return whether the sampling takes this frame, and count it."""
        taken = self._wants(place.index, place.offset_s)
        self.passed_over += not taken
        if taken and is_readable:
            self.looked += 1
        elif taken:
            self.missed += 1
            self.spoil("corrupt")
        return taken

    def lose(self, reason: str, pts: int | None, index: int) -> bool:
        """Count a frame that never came out of the decoder, and return whether the sampling would have taken it."""
        self._check_count(index)
        self.spoil(reason)
        is_timed = pts is not None or self.rate_hz is not None
        offset_s = self._clock(pts, index)[1] if is_timed else self.reached_s or 0.0
        taken = self._wants(index, offset_s)
        self.missed += taken
        self.passed_over += not taken
        return taken

    def _check_count(self, index: int) -> None:
        if index >= self.limits.clip_images:
            raise RejectedInput(reason="too_long", sentence=f"The clip has more than {self.limits.clip_images} frames.")

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

    def spoil(self, reason: str) -> None:
        """Note why the clip is not all it should be."""
        self._damage.add(reason)

    @property
    def damage(self) -> str:
        """The gravest reason why not everything could be read; empty when everything was."""
        return next((reason for reason in ("encrypted", "truncated", "corrupt") if reason in self._damage), "")

    def end(self) -> Ending:
        """Return the ending; the last frame is taken to be shown as long as the one before it, or as the clip's mean."""
        return Ending(self.damage, self.reached_s or 0.0, self.passed_over, self._measure_through())

    def _measure_through(self) -> float:
        if not self._latest_pts or self._origin_pts is None:
            return 0.0
        gap_pts = self._latest_pts[-1] - self._latest_pts[0]
        rate_pts = round(1 / (self.rate_hz * self.time_base)) if self.rate_hz else 0
        shown_pts = min((pts for pts in (gap_pts, rate_pts) if pts > 0), default=self._shown_pts)
        return float((self._latest_pts[-1] + shown_pts - self._origin_pts) * self.time_base)

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
