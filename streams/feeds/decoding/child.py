"""The decoding process: takes orders from its standard input, puts pixels into shared memory, and tells its parent where."""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import RejectedInput, TransientFault
from streams.feeds.decoding.channel.arena import MappedSlots, Slot
from streams.feeds.decoding.channel.confinement import allow, confine
from streams.feeds.decoding.channel.packing import Packer
from streams.feeds.decoding.channel.wire import Channel, Message
from streams.feeds.decoding.events import Ending, Event, Header, Picture, Roi, Roles, Said, Unread, to_plain
from streams.feeds.decoding.limits import Order
from streams.feeds.decoding.opening import Input
from streams.feeds.decoding.upright import copy_pixels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Exit code after an exception nobody expected; the parent gets its text first.
_BROKEN_EXIT = 70

#: Modules imported before the first order arrives, by what is expected.
_WARM = {"still": "streams.feeds.decoding.stills", "clip": "streams.feeds.decoding.video"}


@dataclass(slots=True)
class StandardErrorNotes:
    """What vendors' libraries wrote to standard error, which the parent opened as a file for us."""

    def take(self) -> str:
        """Return what was written since the last call, and forget it."""
        if not os.fstat(2).st_size:
            return ""
        os.lseek(2, 0, os.SEEK_SET)
        text = os.read(2, 1 << 16).decode("utf-8", "replace")
        os.lseek(2, 0, os.SEEK_SET)
        os.ftruncate(2, 0)
        return text


class ParentGoneError(Exception):
    """The pipe was closed: there is nobody left to decode for."""


@dataclass(slots=True)
class Desk:
    """Where orders come in and pixels go out."""

    channel: Channel
    descriptor: int
    opener: Callable[[Input, Order, StandardErrorNotes], Iterator[Event]]
    notes: StandardErrorNotes = field(default_factory=StandardErrorNotes)
    _mapped: MappedSlots = field(init=False)
    _free: deque[Slot] = field(default_factory=deque)
    _slot_bytes: int = 0
    _images: int = 0
    _order: Order = field(default_factory=Order)
    _kind: str = ""
    _packer: Packer = field(init=False)

    def __post_init__(self) -> None:
        """Let packs be sent as they fill."""
        self._mapped = MappedSlots(self.descriptor)
        self._packer = Packer(self._take_slot, self.channel.send)

    def serve(self) -> None:
        """Do one order after the other until the parent closes the pipe."""
        while (message := self.channel.receive()) is not None:
            if message["do"] == "open":  # what else comes is slots of a unit that has ended
                self._open(message)

    def _open(self, message: Message) -> None:
        if "order" in message:  # otherwise it is the last one's
            self._order = Order.from_plain(message["order"])
        order = self._order
        self.notes.take()
        self._free.clear()
        self._slot_bytes = self._images = 0
        self._packer.discard()
        self._accept(message["slots"], 0)
        footprint = allow(order.limits.memory_mib, max(order.limits.still_wait_s, order.limits.clip_wait_s))
        try:
            for event in self.opener(self._find_input(message), order, self.notes):
                self._tell(event, order)
        except RejectedInput as fault:
            end = {"say": "refused", "reason": fault.reason, "sentence": fault.sentence}
        except TransientFault as fault:
            end = {"say": "failed", "sentence": fault.sentence}
        else:
            end = {"say": "done"}
        self.channel.send({**end, "private": footprint.private})

    def _find_input(self, message: Message) -> Input:
        if message["path"]:
            return Input(Path(message["path"]))
        return Input(memoryview(self._mapped.map(message["input"]).memory)[: message["size"]])

    def _tell(self, event: Event, order: Order) -> None:
        """Pass one event on; those of a still leave together, at its end, those of a clip as they come, of a run in packs."""
        match event:
            case Header():
                self.channel.put({"say": "header", "header": to_plain(event)})
                self._kind = event.kind
                self._slot_bytes *= event.kind == "still"  # the slot that came with the order is for a still
            case Ending():
                self._packer.flush()
                self.channel.put({"say": "ending", "ending": to_plain(event)})
            case Roles():
                self.channel.put({"say": "roles", "roles": event.roles})
            case Said():
                self._packer.flush()
                self.channel.put({"say": "said", "said": event.said})
            case _:
                self._images += 1
                if self._images > order.already:
                    self._hand_over(event)
        if self._kind != "still":
            self.channel.flush()

    def _hand_over(self, event: Picture | Roi | Unread) -> None:
        match event:
            case Picture():
                self._show(event)
            case Roi():
                self._packer.add(event)
            case _ if self._kind == "run":
                self._packer.miss(event)
            case _:
                self.channel.put({"say": "unread", **to_plain(event)})

    def _show(self, picture: Picture) -> None:
        """Copy pixels into a slot, the one copy they are given, and say which."""
        height_px, width_px, _ = picture.pixels.shape
        slot = self._take_slot(height_px * width_px * 3)
        copy_pixels(slot.to_pixels(height_px, width_px), picture.pixels)
        self.channel.put(
            {
                "say": "picture",
                "slot": slot.offset,
                "width_px": width_px,
                "height_px": height_px,
                "index": picture.index,
                "offset_s": picture.offset_s,
                "pts": picture.pts,
                "time_base": picture.time_base,
                "flags": picture.flags,
            }
        )

    def _take_slot(self, size: int) -> Slot:
        """Return a free slot, asking for larger ones where needed, and waiting where all are with the reader."""
        if size > self._slot_bytes:
            self._free.clear()
            self._slot_bytes = 0
            self.channel.send({"say": "need", "bytes": size})
        while not self._free:
            message = self.channel.receive()
            if message is None:
                raise ParentGoneError
            self._accept(message["slots"], size)
        return self._free.popleft()

    def _accept(self, places: list[list[int]], size: int) -> None:
        """Take slots to fill; one too small was on its way when larger ones were asked for, and is the parent's again."""
        slots = [self._mapped.map(place) for place in places if place[1] >= size]
        self._free.extend(slots)
        self._slot_bytes = max([self._slot_bytes, *(slot.length for slot in slots)])


def _load(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def main() -> None:
    """Serve the parent that started us; ``sys.argv[1]`` is a JSON object with what it wants of us."""
    wanted = json.loads(sys.argv[1])
    confine(wanted["parent"])
    channel = Channel(os.dup(0), os.dup(1))
    os.dup2(2, 1)  # whatever a library prints must not reach the pipe
    descriptor = (
        os.open(wanted["name"], os.O_RDWR | getattr(os, "O_BINARY", 0)) if wanted["name"] else wanted["descriptor"]
    )
    opener = _load(wanted["opener"])
    for kind in wanted["warm"]:
        importlib.import_module(_WARM[kind])
    try:
        channel.send({"say": "ready"})
        Desk(channel, descriptor, opener).serve()
    except (ParentGoneError, BrokenPipeError):
        pass
    except MemoryError:
        os._exit(wanted["memory_exit"])  # the heap is not to be trusted with an orderly end
    except BaseException:  # noqa: BLE001 - whatever it is, the parent shall hear of it
        channel.send({"say": "broke", "traceback": traceback.format_exc(limit=20)[-8_000:]})
        os._exit(_BROKEN_EXIT)
