"""Where key frames stand among all frames, when only they are decoded: counted from the packets in between."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Key:
    """A key frame's packet.

    Attributes
    ----------
    index
        Frames shown before it; final once the next key packet, or the end, has come.
    """

    pts: int | None
    index: int
    is_final: bool = False


@dataclass(slots=True)
class KeyCount:
    """Counts packets, and tells the index that a key frame would have if every frame were decoded.

    A packet is a frame. All packets before a key's are shown before it; of those after it, the ones with an earlier time stamp
    are too (leading pictures), and they come before the next key's packet.
    """

    packets: int = 0
    keys: deque[Key] = field(default_factory=deque)

    def add(self, pts: int | None, *, is_key: bool) -> None:
        """Count a packet."""
        if is_key:
            self.close()
            self.keys.append(Key(pts, self.packets))
        elif self.keys and not self.keys[-1].is_final:
            last = self.keys[-1]
            last.index += pts is not None and last.pts is not None and pts < last.pts
        self.packets += 1

    def close(self) -> None:
        """Say that no further packet belongs to the last key."""
        if self.keys:
            self.keys[-1].is_final = True

    def drop(self) -> Key:
        """Forget the newest key, whose packet could not be decoded, and return it."""
        return self.keys.pop()

    def find(self, pts: int | None) -> Key | None:
        """Return the key of the frame with this time stamp, once it is final, and forget those before it.

        A frame whose time stamp is that of no key (the decoder changed it) is the oldest one's.
        """
        if not self.keys:
            return None
        if any(key.pts == pts for key in self.keys):
            while self.keys[0].pts != pts:
                self.keys.popleft()
        return self.keys.popleft() if self.keys[0].is_final else None
