"""Opens units inside the test's own process, and openers that die: what a decoding process would do, made visible."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from schemas.errors import RejectedInput
from streams.feeds.decoding.events import Ending, Header, Picture, Unread
from streams.feeds.decoding.limits import Limits, Order
from streams.feeds.decoding.opening import Input, open_any


@dataclass
class WrittenNotes:
    """Notes with a text in them."""

    text: str = ""

    def take(self):
        text, self.text = self.text, ""
        return text


class Opened:
    """All that a unit hands over, sorted; pixels are copied."""

    def __init__(self, events):
        self.events = events
        self.header = next((event for event in events if isinstance(event, Header)), None)
        self.pictures = [event for event in events if isinstance(event, Picture)]
        self.unread = [event for event in events if isinstance(event, Unread)]
        self.ending = next((event for event in events if isinstance(event, Ending)), None)

    @property
    def indices(self):
        return [picture.index for picture in self.pictures]


def open_here(source, *, notes="", **order):
    """Open bytes or a path in this process."""
    unit = Input(source if isinstance(source, Path) else memoryview(source))
    return Opened(list(open_any(unit, Order(**order), WrittenNotes(notes))))


def refuse_here(source, **options):
    """Return the reason for which a unit is refused, or ``opened``."""
    return find_reason(lambda: open_here(source, **options) and None) or "opened"


def find_reason(work):
    """Return the reason for which some work is refused, or what it returns."""
    try:
        return work()
    except RejectedInput as fault:
        return fault.reason


def count_descriptors():
    """Return how many descriptors this process has open; 0 where the system does not say."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


TIGHT = Limits(image_wait_s=1.0, still_wait_s=1.0, clip_wait_s=2.0, memory_mib=256)


def open_by_word(unit, order, notes):
    """Stand in for the opener of a decoding process: do what the bytes say, ``word:argument``."""
    if isinstance(unit.source, Path):
        yield from open_any(unit, order, notes)
        return
    word, _, argument = bytes(unit.source).decode("latin1").partition(":")
    if word in _DEEDS:
        yield from _DEEDS[word](argument, order)
    else:
        yield from open_any(unit, order, notes)


def _raise_signal(name, _order):
    os.kill(os.getpid(), getattr(signal, name))
    time.sleep(60)
    yield


def _raise_signal_once(argument, order):
    name, marker = argument.split("@")
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), getattr(signal, name))
    yield from _make_clip("5", order)


def _leave(code, _order):
    os._exit(int(code))
    yield


def _hang(_argument, _order):
    time.sleep(600)
    yield


def _spin(_argument, _order):
    while True:
        pass
    yield


def _hang_after(count, order):
    yield from list(_make_clip(count, order))[:-1]
    time.sleep(600)


def _take_memory(_argument, _order):
    hoard = []
    while True:
        hoard.append(bytearray(16 << 20))
    yield


def _forget_something(_argument, _order):
    message = "our own mistake"
    raise KeyError(message)
    yield


def _chatter(_argument, order):
    sys.stdout.write("a library that prints")
    sys.stdout.flush()
    os.write(1, b"\0\0\0\x05hello" * 100)
    os.write(2, b"and complains")
    yield from _make_clip("2", order)


def _make_clip(count, _order):
    yield Header("clip", "made", "video/made", 4, 2)
    for index in range(int(count)):
        yield Picture(index, np.full((2, 4, 3), index, np.uint8), offset_s=index / 10, pts=index, time_base=(1, 10))
    yield Ending("", (int(count) - 1) / 10, 0, int(count) / 10)


def _die_at(argument, order):
    """Die at image n, until the marker file has as many lines as deaths were asked for."""
    count, at, deaths, marker = argument.split("@")
    for event in _make_clip(count, order):
        if isinstance(event, Picture) and event.index == int(at):
            lines = Path(marker).read_text().splitlines() if Path(marker).exists() else []
            if len(lines) < int(deaths):
                Path(marker).write_text("\n".join([*lines, "died"]))
                os.kill(os.getpid(), signal.SIGSEGV)
        yield event


def _talk_nonsense(argument, _order):
    """Hand over what no decoder would: an image with a negative number, a time that is a word, a larger one than there is."""
    if argument != "headless":
        yield Header("clip", "made", "video/made", 4, 2)
    pixels = np.zeros((2, 4, 3), np.uint8)
    if argument == "number":
        yield Picture(-1, pixels)
    elif argument == "time":
        yield Picture(0, pixels, offset_s="soon", pts=1)
    elif argument == "size":
        yield Picture(0, np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (30_000, 30_000, 3)), pts=1)
    elif argument == "flag":
        yield Picture(0, pixels, pts=1, flags=("Not a code",))
    else:
        yield Picture(0, pixels, pts=1)  # and no ending


def _grow(argument, _order):
    """Hand over ever larger pictures."""
    yield Header("clip", "made", "video/made", 4, 2)
    for index in range(int(argument)):
        side_px = 8 + 40 * index
        yield Picture(index, np.full((side_px, side_px, 3), index, np.uint8), pts=index)
    yield Ending()


_DEEDS = {
    "signal": _raise_signal,
    "signal_once": _raise_signal_once,
    "exit": _leave,
    "hang": _hang,
    "spin": _spin,
    "hang_after": _hang_after,
    "memory": _take_memory,
    "mistake": _forget_something,
    "chatter": _chatter,
    "clip": _make_clip,
    "die_at": _die_at,
    "grow": _grow,
    "nonsense": _talk_nonsense,
}

BY_WORD = "tests.support.opening:open_by_word"
