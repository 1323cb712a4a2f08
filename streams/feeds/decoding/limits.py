"""What one unit may cost, and which of a clip's frames are looked at: the settings that travel to the decoding process."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

from schemas.errors import FatalFault, RejectedInput

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds of what is opened; what is over one is refused with a reason before memory is taken for it.

    Attributes
    ----------
    still_pixels
        Pixels of a still: the largest camera backs have 100 million, and such a picture takes 300 MB as RGB.
    frame_pixels
        Pixels of one frame of a clip; 8K has 33 million.
    side_px
        Longest side of either.
    still_bytes
        Size of a still's file, which is held in memory.
    clip_images, clip_duration_s
        Frames and seconds of one clip: two days at 25 frames a second.
    still_wait_s, clip_wait_s
        Seconds one may wait for the decoder over a whole unit; time the reader spends with the pixels is not counted.
    image_wait_s
        Seconds one may wait for the next image, or the next sign of progress.
    archive_bytes
        What a zip may unpack to, altogether and in one member; it is read in place, a member at a time.
    memory_mib
        What decoding one unit may take beyond the loaded libraries (enforced where the system limits address space).
    """

    still_pixels: int = 100_000_000
    frame_pixels: int = 36_000_000
    side_px: int = 40_000
    still_bytes: int = 256 * _MIB
    clip_images: int = 4_320_000
    clip_duration_s: float = 172_800.0
    still_wait_s: float = 30.0
    clip_wait_s: float = 3_600.0
    image_wait_s: float = 30.0
    archive_bytes: int = 32_768 * _MIB
    memory_mib: int = 2_048

    def __post_init__(self) -> None:
        """Refuse limits that nothing could meet.

        Raises
        ------
        FatalFault
            If a limit is not a positive, finite number.
        """
        wrong = [name for name in self.__slots__ if not (math.isfinite(value := getattr(self, name)) and value > 0)]
        if wrong:
            raise FatalFault(sentence=f"These decoding limits must be positive numbers: {', '.join(wrong)}.")

    def check_still(self, width_px: int, height_px: int) -> None:
        """Refuse a still that is too large.

        Raises
        ------
        RejectedInput
            ``too_many_pixels``.
        """
        self._check("picture", width_px, height_px, self.still_pixels)

    def check_frame(self, width_px: int, height_px: int) -> None:
        """Refuse a video whose frames are too large.

        Raises
        ------
        RejectedInput
            ``too_many_pixels``.
        """
        self._check("video", width_px, height_px, self.frame_pixels)

    def _check(self, what: str, width_px: int, height_px: int, most_pixels: int) -> None:
        if width_px * height_px > most_pixels or max(width_px, height_px) > self.side_px:
            size = f"{width_px} x {height_px} pixels"
            sentence = f"The {what} has {size}; at most {most_pixels} are opened, and {self.side_px} a side."
            raise RejectedInput(reason="too_many_pixels", sentence=sentence)


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which frames of a clip are looked at.

    Make one with :data:`EVERY_IMAGE`, :func:`every_nth`, :func:`every_seconds` or :data:`KEY_FRAMES`.

    Attributes
    ----------
    every_n
        Every n-th frame, the first of them frame 0.
    every_s
        The first frame of each period of so many seconds since the start of the clip; 0 for all of them.
    key_frames
        Only frames that need no other to be decoded; the others are not decoded at all.
    """

    every_n: int = 1
    every_s: float = 0.0
    key_frames: bool = False

    def __post_init__(self) -> None:
        """Refuse a sampling that means nothing.

        Raises
        ------
        FatalFault
            If a number is out of range, or more than one rule is given.
        """
        if self.every_n < 1 or not math.isfinite(self.every_s) or self.every_s < 0:
            raise FatalFault(sentence="Sampling needs a frame count of at least 1 and a period of at least 0 seconds.")
        if (self.every_n > 1) + (self.every_s > 0) + self.key_frames > 1:
            raise FatalFault(sentence="Sampling takes one rule: every n-th image, every n seconds, or key frames.")


EVERY_IMAGE = Sampling()
KEY_FRAMES = Sampling(key_frames=True)


def every_nth(count: int) -> Sampling:
    """Return the sampling of every ``count``-th frame."""
    return Sampling(every_n=count)


def every_seconds(period_s: float) -> Sampling:
    """Return the sampling of one frame in ``period_s`` seconds."""
    return Sampling(every_s=period_s)


@dataclass(frozen=True, slots=True)
class Order:
    """What the decoding process is asked to do with one unit.

    Attributes
    ----------
    probe
        Say what it is, and hand over no pixels.
    already
        Images, readable or not, that a process handed over before it died; they are not handed over again.
    is_run
        The input lists the files of an instrument's run.
    """

    limits: Limits = field(default_factory=Limits)
    sampling: Sampling = EVERY_IMAGE
    probe: bool = False
    already: int = 0
    is_run: bool = False

    def to_plain(self) -> dict[str, Any]:
        """Return the JSON object."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return {**plain, "limits": _to_plain(self.limits), "sampling": _to_plain(self.sampling)}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Order:
        """Return the order a JSON object describes."""
        return cls(**{**plain, "limits": Limits(**plain["limits"]), "sampling": Sampling(**plain["sampling"])})

    def resume(self, already: int) -> Order:
        """Return the same order for a process that takes over from one that died."""
        return self if already == self.already else replace(self, already=already)


def _to_plain(part: Limits | Sampling) -> dict[str, Any]:
    """Return the fields by name, without the deep copies that ``asdict`` makes of numbers."""
    return {name: getattr(part, name) for name in part.__slots__}
