"""Shared memory for pixels, in slots: written by a decoding process, read here without a copy, gone when both are gone.

The memory is a file without a name (``memfd_create`` on Linux, an unlinked temporary file on other POSIX systems) that children
inherit as an open descriptor, so a process killed with -9 on either side leaves nothing behind. Windows has no such thing: there
the file has a name until the arena is closed.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import sys
import tempfile
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Backing = Literal["memory", "unlinked", "named"]

#: Slots are handed out in these steps, so that pictures of nearly equal size share them: 64 KiB up to 1 MiB, then an eighth of
#: the power of two below. Also what mapping offsets must be a multiple of, on every system.
_STEP_BYTES = 1 << 16
_STEPS_PER_DOUBLING = 8

#: Memory kept for the next pictures, on either side.
KEPT_BYTES = 256 << 20


def choose_backing() -> Backing:
    """Return the best kind of nameless file this system has."""
    if hasattr(os, "memfd_create"):
        return "memory"
    return "named" if sys.platform == "win32" else "unlinked"


@dataclass(frozen=True, slots=True)
class Slot:
    """A range of the arena, mapped into this process."""

    offset: int
    length: int
    memory: mmap.mmap = field(repr=False, compare=False)

    def to_pixels(self, height_px: int, width_px: int) -> NDArray[np.uint8]:
        """Return its beginning as uint8 ``(height_px, width_px, 3)``.

        Raises
        ------
        ValueError
            If the slot is smaller than that.
        """
        return np.frombuffer(self.memory, np.uint8, height_px * width_px * 3).reshape(height_px, width_px, 3)


def map_slot(descriptor: int, offset: int, length: int) -> Slot:
    """Map a range of the file behind a descriptor."""
    return Slot(offset, length, mmap.mmap(descriptor, length, offset=offset))


@dataclass(slots=True)
class MappedSlots:
    """Slots as a decoding process maps them, kept for the next time: in one mapped anew each 4 KiB cost a page fault.

    Parameters
    ----------
    keep_bytes, keep_slots
        Kept mapped: so many bytes, as the arena keeps filled, but at least so many slots, for a clip uses ten at once.
    most_slots
        Never more than so many: each costs a descriptor.
    """

    descriptor: int
    keep_bytes: int = KEPT_BYTES
    keep_slots: int = 32
    most_slots: int = 512
    _mapped: OrderedDict[tuple[int, int], Slot] = field(default_factory=OrderedDict)
    _size: int = 0

    def map(self, place: Sequence[int]) -> Slot:
        """Return the slot of an offset and a length; those unused for longest are let go."""
        offset, length = place
        slot = self._mapped.pop((offset, length), None)
        if slot is None:
            slot = map_slot(self.descriptor, offset, length)
            self._size += length
        self._mapped[offset, length] = slot
        while len(self._mapped) > (self.keep_slots if self._size > self.keep_bytes else self.most_slots):
            _, oldest = self._mapped.popitem(last=False)
            self._size -= oldest.length
        return slot


def open_backing(backing: Backing) -> tuple[int, Path | None]:
    """Return the descriptor of a new, empty file for sharing, and its name if it has one."""
    if backing == "memory":
        return os.memfd_create("observatory-pixels"), None  # type: ignore[attr-defined,unused-ignore] # Linux
    descriptor, name = tempfile.mkstemp(prefix="observatory-pixels-")
    if backing == "named":
        return descriptor, Path(name)
    Path(name).unlink()
    return descriptor, None


def round_up(size: int) -> int:
    """Return the length of the slot that ``size`` bytes are given."""
    step = max(_STEP_BYTES, (1 << max(size - 1, 1).bit_length()) // (2 * _STEPS_PER_DOUBLING))
    return max(-(-size // step), 1) * step


@dataclass(slots=True)
class Arena:
    """Hands out slots to many threads, and keeps some mapped for the next one who asks.

    Parameters
    ----------
    backing
        See :func:`choose_backing`.
    keep_bytes
        Memory of free slots kept filled; what is above goes back to the system, while its addresses stay mapped.
    """

    backing: Backing = field(default_factory=choose_backing)
    keep_bytes: int = KEPT_BYTES
    descriptor: int = -1
    name: Path | None = None
    _size: int = 0
    _kept: int = 0
    _free: dict[int, list[tuple[Slot, bool]]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        """Make the file."""
        self.descriptor, self.name = open_backing(self.backing)

    def lease(self, size: int) -> Slot:
        """Return a slot of at least ``size`` bytes, whatever it held before.

        Raises
        ------
        MemoryError
            If there is no room for it.
        """
        length = round_up(size)
        with self._lock:
            free = self._free.get(length)
            if free:
                slot, is_filled = free.pop()
                self._kept -= length * is_filled
                return slot
            offset = self._size
            try:
                os.ftruncate(self.descriptor, offset + length)
                slot = map_slot(self.descriptor, offset, length)
            except OSError as error:
                raise MemoryError from error
            self._size = offset + length
            return slot

    def release(self, slot: Slot) -> None:
        """Take a slot back; arrays that still look at it will see what others write."""
        with self._lock:
            is_filled = self._kept + slot.length <= self.keep_bytes or not _empty(slot)
            self._kept += slot.length * is_filled
            self._free.setdefault(slot.length, []).append((slot, is_filled))

    def close(self) -> None:
        """Give everything back; arrays that still look at a slot keep its memory until they are gone."""
        with self._lock:
            self._free.clear()
            if self.descriptor >= 0:
                os.close(self.descriptor)
                self.descriptor = -1
            if self.name is not None:
                with contextlib.suppress(
                    OSError
                ):  # Windows keeps it while a view is alive; the system cleans its folder
                    self.name.unlink()
                self.name = None


def _empty(slot: Slot) -> bool:
    """Give a slot's memory back to the system where that can be done, and say whether it was."""
    advice = getattr(mmap, "MADV_REMOVE", None)
    if advice is None:
        return False
    try:
        slot.memory.madvise(advice)
    except OSError:
        return False
    return True
