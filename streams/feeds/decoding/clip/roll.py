"""The roll call of a clip's frames: each packet announces one, and those that never come are missed under their own number.

A frame's number is its place, by time, among all that were announced. So it is the same whether all frames are decoded or only
key frames, and whether a neighbour could be read or not. Decoders leave frames out without a word (a packet of zeros gives
nothing and raises nothing); without a roll call every later frame would take a wrong number and nobody would know.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

#: Packets after which a frame that was overtaken is missed. In a sound file none is ever overtaken; where a careless writer
#: mixed up time stamps, an overtaken frame comes within a decoder's longest reordering (16 frames in H.264 and HEVC).
_PATIENCE = 32


@dataclass(slots=True)
class Announced:
    """A packet's frame.

    Attributes
    ----------
    is_wanted
        It is to be decoded; otherwise it only takes a number.
    reason
        Why it will not come, where that is known from the start.
    """

    pts: int | None
    packet: int
    is_wanted: bool
    reason: str
    index: int = -1


@dataclass(slots=True)
class Roll:
    """Numbers frames.

    Parameters
    ----------
    is_strict
        Every packet is a frame. In some formats it is not (hidden reference pictures, packed B-frames): there only a frame
        that is known to be lost is missed.
    """

    is_strict: bool = True
    _numbered: int = 0
    _packets: int = 0
    _pending: list[Announced] = field(default_factory=list)
    _overtaken: list[Announced] = field(default_factory=list)

    def announce(self, pts: int | None, *, is_wanted: bool = True, reason: str = "") -> None:
        """Count a packet's frame; without a time stamp it takes its number when it comes, or at once if it will not."""
        frame = Announced(pts, self._packets, is_wanted, reason)
        self._packets += 1
        if pts is None:
            if reason or not is_wanted:
                self._overtake(frame)
            return
        self._pending.insert(bisect_left(self._pending, pts, key=_to_pts), frame)

    def forget(self, pts: int | None, reason: str) -> None:
        """Say that the frame announced last will not come after all."""
        for frame in self._pending:
            if frame.pts == pts:
                frame.reason = reason
                return
        self._overtake(Announced(pts, self._packets, is_wanted=True, reason=reason))

    def call(self, pts: int | None) -> tuple[int, bool]:
        """Return the number of a frame that came, and whether frames just before it did not."""
        place = bisect_left(self._pending, pts, key=_to_pts) if pts is not None else 0
        if pts is not None and place < len(self._pending) and self._pending[place].pts == pts:
            missing = [self._overtake(frame) for frame in self._pending[:place]]
            del self._pending[: place + 1]
            return self._take_number(), any(missing)
        for frame in self._overtaken:
            if frame.pts == pts and pts is not None:
                self._overtaken.remove(frame)
                return frame.index, False
        if self._pending:
            self._pending.pop(0)  # its frame came under a time stamp of the decoder's own
        return self._take_number(), False

    def find_missing(self, *, is_over: bool = False) -> list[Announced]:
        """Return frames that will not come any more, each once; at the end, all that have not come."""
        if is_over:
            for frame in self._pending:
                self._overtake(frame)
            self._pending.clear()
        missing = [frame for frame in self._overtaken if is_over or self._packets - frame.packet > _PATIENCE]
        if missing:
            self._overtaken = [frame for frame in self._overtaken if frame not in missing]
        return missing

    def _overtake(self, frame: Announced) -> bool:
        """Number a frame that did not come when a later one did, and return whether it should have."""
        if frame.is_wanted and not frame.reason and not self.is_strict:
            return False  # not a frame at all
        frame.index = self._take_number()
        if frame.is_wanted:
            self._overtaken.append(frame)
        return frame.is_wanted

    def _take_number(self) -> int:
        self._numbered += 1
        return self._numbered - 1


def _to_pts(frame: Announced) -> int:
    return frame.pts or 0
