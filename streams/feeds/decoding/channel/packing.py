"""Many small pictures in one slot: particles are a kilobyte each, and a message for each would cost more than its pixels."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from streams.feeds.decoding.channel.arena import Slot
    from streams.feeds.decoding.channel.wire import Message
    from streams.feeds.decoding.events import Roi, Unread

#: Pictures, bytes of pixels and seconds after which a pack is sent: the reader of a slow run shall see that it goes on.
PACK_IMAGES, PACK_BYTES, PACK_S = 64, 1 << 20, 1.0


@dataclass(slots=True)
class Packer:
    """Fills slots with pictures, in the decoding process.

    Parameters
    ----------
    take_slot
        Returns a free slot of at least so many bytes.
    put
        Takes the message of a pack.
    """

    take_slot: Callable[[int], Slot]
    put: Callable[[Message], None]
    _slot: Slot | None = None
    _used: int = 0
    _items: list[Message] = field(default_factory=list)
    _since_s: float = 0.0

    def add(self, roi: Roi) -> None:
        """Copy a picture's pixels into the pack."""
        height_px, width_px, _ = roi.pixels.shape
        size = height_px * width_px * 3
        if self._slot is not None and self._used + size > self._slot.length:
            self.flush()
        if self._slot is None:
            self._slot = self.take_slot(max(size, PACK_BYTES))
        look(self._slot, self._used, (height_px, width_px))[...] = roi.pixels
        at, self._used = self._used, self._used + size
        self._append({"at": at, "image": roi.image, "measures": roi.measures})

    def miss(self, unread: Unread) -> None:
        """Say in its place that a picture could not be read."""
        self._append({"index": unread.index, "unread": unread.reason})

    def _append(self, item: Message) -> None:
        now_s = time.monotonic()
        if not self._items:
            self._since_s = now_s
        self._items.append(item)
        if len(self._items) >= PACK_IMAGES or now_s - self._since_s > PACK_S:
            self.flush()

    def flush(self) -> None:
        """Send what is packed."""
        if self._items:
            slot = None if self._slot is None else self._slot.offset
            self.put({"say": "pack", "slot": slot, "items": self._items})
        self.discard()

    def discard(self) -> None:
        """Forget what is packed."""
        self._slot, self._used, self._items = None, 0, []


def look(slot: Slot, at: int, shape_px: tuple[int, int]) -> NDArray[np.uint8]:
    """Return pixels within a slot, uint8 ``(height_px, width_px, 3)``, that begin ``at`` bytes from its start."""
    height_px, width_px = shape_px
    return np.frombuffer(slot.memory, np.uint8, height_px * width_px * 3, at).reshape(height_px, width_px, 3)
