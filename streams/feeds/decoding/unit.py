"""One unit being read: its header, its images one by one, its ending; over as many decoding processes as that takes."""

from __future__ import annotations

import logging
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from detectors.base import View
from schemas.errors import RejectedInput, TransientFault
from schemas.finding import Image, UnreadImage
from schemas.geometry import FramePlace, WholePart
from streams.feeds.decoding.channel.deaths import Deaths
from streams.feeds.decoding.channel.decoder import DecoderDiedError
from streams.feeds.decoding.events import Ending, Header, to_header
from streams.feeds.decoding.unpacking import unpack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Any

    from streams.feeds.decoding.channel.arena import Arena, Slot
    from streams.feeds.decoding.channel.decoder import Decoder
    from streams.feeds.decoding.channel.wire import Message
    from streams.feeds.decoding.limits import Order

_logger = logging.getLogger(__name__)

#: Frames a clip's process may decode ahead of its reader, beside those the reader holds.
AHEAD = 2


#: What makes sense only behind a header.
_OF_A_HEADER = frozenset({"need", "picture", "pack"})


class Lender(Protocol):
    """Where decoding processes come from."""

    def borrow(self, *, fresh: bool) -> Decoder:
        """Return a process that is ready, and that opened nothing yet if it shall be fresh."""
        ...

    def give_back(self, decoder: Decoder, *, private_bytes: int, still_bytes: int) -> None:
        """Take back a process that waits for its next order, with its memory and the size of the still it decoded."""
        ...

    def discard(self, decoder: Decoder) -> None:
        """End a process that is dead, or busy with what nobody wants any more."""
        ...


@dataclass(slots=True)
class OpenUnit:
    """A unit being read, by one thread.

    Use it as a context manager: entering reads the header. ``views`` may be walked once. The pixels of a view lie in shared
    memory; they stay valid until ``depth`` further views were drawn, and at most until the context ends.

    Attributes
    ----------
    hint_bytes
        Size of the slot that the process is given at once, which saves a still a round of asking.
    ending
        How it ended; absent until all views were drawn.
    unread
        Images that could not be read, so far.
    roles
        Of a run, by role, which file is which part; only where it is asked for without its images.
    said
        Of a run, what others say of its particles, all of it once a view was drawn.
    """

    lender: Lender
    arena: Arena
    source: bytes | memoryview | Path
    order: Order
    part: str
    depth: int
    hint_bytes: int
    ending: Ending | None = None
    unread: list[UnreadImage] = field(default_factory=list)
    roles: dict[str, str] = field(default_factory=dict)
    said: list[dict[str, Any]] = field(default_factory=list)
    _header: Header | None = None
    _decoder: Decoder | None = None
    _deaths: Deaths = field(default_factory=Deaths)
    _ring: dict[int, Slot] = field(default_factory=dict)
    _shown: deque[Slot | None] = field(default_factory=deque)
    _ready: deque[tuple[View, Slot | None]] = field(default_factory=deque)
    _input: Slot | None = None
    _images: int = 0
    _waited_s: float = 0.0
    _largest: int = 0

    @property
    def header(self) -> Header:
        """What the unit is.

        Raises
        ------
        RuntimeError
            Outside the context.
        """
        if self._header is None:
            message = "the unit is not open"
            raise RuntimeError(message)
        return self._header

    def __enter__(self) -> Self:
        """Open, and read the header.

        Raises
        ------
        RejectedInput, TransientFault, FatalFault
            See :meth:`streams.feeds.decoding.pool.DecodingPool.open_unit`.
        """
        try:
            while self._header is None:
                self._follow()
            if self.order.probe:
                self._finish()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; a process that is still at this unit is killed."""
        self._close()

    @property
    def views(self) -> Iterator[View]:
        """Draw the images in order.

        Raises
        ------
        RejectedInput
            Also after views were drawn: what makes a unit unusable may come at its end.
        TransientFault
            If decoding processes are killed from outside again and again.
        """
        while (view := self._draw()) is not None:
            yield view

    def _draw(self) -> View | None:
        if len(self._shown) >= self.depth:
            self._reclaim(self._shown.popleft())
        view = self._take_ready()
        while view is None and self.ending is None:
            view = self._follow() or self._take_ready()
        if self.ending is not None or self.header.kind == "still":
            self._finish()
        return view

    def _take_ready(self) -> View | None:
        """Return the next view of a pack; with its last one, its slot is shown."""
        if not self._ready:
            return None
        view, slot = self._ready.popleft()
        self._shown.append(slot)
        return view

    def _finish(self) -> None:
        """Hear the process out, so that it can serve others while we still look at the pixels."""
        while self._decoder is not None:
            self._follow()

    def _follow(self) -> View | None:
        """Act on the next message, beginning again in a fresh process as often as that may be done."""
        try:
            decoder = self._decoder or self._begin()
            return self._take(decoder, self._listen(decoder))
        except DecoderDiedError as death:
            self._mourn(death)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            # a process that decodes what is not trusted is not trusted either: what makes no sense ends it, not us
            _logger.warning("a decoding process makes no sense", exc_info=error)
            was_fresh = self._decoder is None or self._decoder.served <= 1
            self._mourn(DecoderDiedError("inside", was_fresh=was_fresh, last_words="it made no sense"))
        except MemoryError as error:
            raise TransientFault(sentence="There is no memory for the pixels of a unit.") from error
        return None

    def _begin(self) -> Decoder:
        """Hand the unit to a process."""
        self.said.clear()
        is_retry = self._deaths.attempts + self._deaths.outside + self._deaths.was_suspected > 0
        decoder = self._decoder = self.lender.borrow(fresh=is_retry)
        slots = []
        if self.hint_bytes:
            slot = self.arena.lease(self.hint_bytes)
            self._ring[slot.offset] = slot
            slots.append([slot.offset, slot.length])
        order = self.order.resume(self._images)
        message: Message = {"do": "open", "slots": slots}
        if decoder.order != order:
            message["order"] = order.to_plain()
            decoder.order = order
        decoder.served += 1
        decoder.send({**message, **self._describe_input()})
        return decoder

    def _describe_input(self) -> Message:
        if isinstance(self.source, Path):
            return {"path": str(self.source.absolute())}
        size = len(self.source)
        if self._input is None:
            self._input = self.arena.lease(size)
            self._input.memory[:size] = self.source
        return {"path": "", "input": [self._input.offset, self._input.length], "size": size}

    def _listen(self, decoder: Decoder) -> Message:
        """Wait for a message within what is left of the unit's time; only waiting counts, not what the reader does between."""
        limits = self.order.limits
        is_long = self.order.is_run or (self._header is not None and self._header.kind == "clip")
        whole_s = limits.clip_wait_s if is_long else max(limits.still_wait_s, limits.image_wait_s)
        began = time.monotonic()
        try:
            return decoder.receive(min(limits.image_wait_s, max(whole_s - self._waited_s, 0.0)))
        finally:
            self._waited_s += time.monotonic() - began

    def _grant(self, decoder: Decoder, size: int) -> None:
        """Give the process slots of the size it needs; smaller ones it had are ours again."""
        limits = self.order.limits
        if size > 3 * max(limits.still_pixels, limits.frame_pixels):
            message = f"a process asked for {size} bytes"
            raise ValueError(message)
        self._release_ring()
        self._largest = max(self._largest, size)
        count = 1 if self.header.kind == "still" else self.depth + AHEAD
        for _ in range(count):
            slot = self.arena.lease(size)
            self._ring[slot.offset] = slot
        decoder.send({"do": "slots", "slots": [[slot.offset, slot.length] for slot in self._ring.values()]})

    def _release_ring(self) -> None:
        """Take back the process's slots, but for those whose views are still valid."""
        held = {slot.offset for slot in self._list_held()}
        for slot in self._ring.values():
            if slot.offset not in held:
                self.arena.release(slot)
        self._ring.clear()

    def _list_held(self) -> list[Slot]:
        """Return the slots whose views are still valid."""
        return [slot for slot in (*self._shown, *(slot for _, slot in self._ready)) if slot is not None]

    def _reclaim(self, slot: Slot | None) -> None:
        """Let the process fill a slot again, or give it back if the process has others now; a view within a pack has none."""
        if slot is None:
            return
        if self._decoder is None or slot.offset not in self._ring:
            self._ring.pop(slot.offset, None)
            self.arena.release(slot)
            return
        try:
            self._decoder.send({"do": "slots", "slots": [[slot.offset, slot.length]]})
        except DecoderDiedError as death:
            self._mourn(death)  # which gives this slot back too

    def _mourn(self, death: DecoderDiedError) -> None:
        """Count the death of the process at work on this unit, and go on without it if we may."""
        if self._decoder is not None:
            self.lender.discard(self._decoder)
            self._decoder = None
        self._release_ring()
        self._deaths.add(death.cause, was_fresh=death.was_fresh)

    def _take(self, decoder: Decoder, message: Message) -> View | None:
        """Act on a message, and return the view if it brings one."""
        if self._header is None and message["say"] in _OF_A_HEADER:
            reason = "a process sent pixels before it said of what"
            raise ValueError(reason)
        match message["say"]:
            case "need":
                self._grant(decoder, int(message["bytes"]))
            case "header":
                self._header = self._header or to_header(message["header"])
            case "picture":
                return self._make_view(message)
            case "unread":
                self.unread.append(UnreadImage(index=message["index"], reason=message["reason"]))
                self._images += 1
            case "pack":
                self._unpack(message)
            case "roles":
                self.roles.update(message["roles"])
            case "said":
                self.said += message["said"]
            case "ending":
                self.ending = Ending(**message["ending"])
            case _:
                self._conclude(message)
        return None

    def _conclude(self, message: Message) -> None:
        """Part with the process, which is done with the unit."""
        is_probed = self.order.probe and self._header is not None
        is_done = message["say"] == "done" and (self.ending is not None or is_probed)
        if not is_done and message["say"] not in {"refused", "failed"}:
            reason = f"a process ended a unit with {message['say']!r}"
            raise ValueError(reason)
        if self._decoder is not None:
            is_still = self._header is not None and self._header.kind == "still"
            decoder, self._decoder = self._decoder, None
            self.lender.give_back(
                decoder, private_bytes=int(message["private"]), still_bytes=self._largest if is_still else 0
            )
        if message["say"] == "refused":
            raise RejectedInput(message["reason"], message["sentence"])
        if message["say"] == "failed":
            raise TransientFault(message["sentence"])

    def _unpack(self, message: Message) -> None:
        """Make the views of a pack ready; the slot is shown with the last of them."""
        slot = None if message["slot"] is None else self._find_slot(message["slot"])
        found = list(unpack(message, slot))
        views = [item for item in found if isinstance(item, View)]
        self.unread += [item for item in found if isinstance(item, UnreadImage)]
        self._images += len(found)
        self._ready.extend((view, slot if view is views[-1] else None) for view in views)

    def _find_slot(self, offset: int) -> Slot:
        slot = self._ring[offset]
        if slot in self._list_held():
            reason = "a process filled a slot that is not its own"
            raise ValueError(reason)
        return slot

    def _make_view(self, message: Message) -> View:
        slot, kind = self._find_slot(message["slot"]), self.header.kind
        width_px, height_px = int(message["width_px"]), int(message["height_px"])
        pixels = slot.to_pixels(height_px, width_px)
        pixels.flags.writeable = False
        self._largest = max(self._largest, pixels.nbytes)
        pts = message["pts"]
        base = message["time_base"]
        place = WholePart(part=self.part) if pts is None else FramePlace(part=self.part, pts=pts, time_base=base)
        image = Image(
            index=message["index"],
            kind="still" if kind == "still" else "frame",
            width_px=width_px,
            height_px=height_px,
            offset_s=message["offset_s"],
            place=place,
            flags=message["flags"],
        )
        self._shown.append(slot)
        self._images += 1
        return View(image, pixels)

    def _close(self) -> None:
        if self._decoder is not None:
            self.lender.discard(self._decoder)
            self._decoder = None
        slots = {**self._ring, **{slot.offset: slot for slot in self._list_held()}}
        for slot in slots.values():
            self.arena.release(slot)
        if self._input is not None:
            self.arena.release(self._input)
        self._ring.clear()
        self._shown.clear()
        self._ready.clear()
        self._input = None
