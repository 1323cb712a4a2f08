"""The bench: threads, neighbours and patience that every agent works with."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, TypeVar

from schemas.errors import RejectedInput
from streams.agents.health import Pulse
from streams.agents.window import HoldEvent, Pace
from streams.faults import Patience, fit_letter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from schemas.topics import Topics
    from streams.agents.gate import FeedGate
    from streams.agents.health import Health
    from streams.brokers.records import Record

log = logging.getLogger(__name__)

T = TypeVar("T")
A = TypeVar("A")


@dataclass(frozen=True)
class Bench:
    """What every agent works with.

    Attributes
    ----------
    send
        Sends records and returns when they are durable.
    keep
        Keeps bytes, of which sha256 and media type are given, and returns their object key: for dead letters too large to send.
    threads
        Where the work is done.
    patience
        How calls to a neighbour that is away are tried again.
    pulse
        Signs of life of what is at work.
    pace
        How long things take here, and so how many threads should share them.
    stopping
        Set when the worker stops, so that nobody waits for a neighbour any longer.
    """

    topics: Topics
    send: Callable[[Sequence[Record]], Awaitable[None]]
    keep: Callable[[bytes, str, str], str]
    threads: Executor
    gate: FeedGate
    health: Health
    patience: Patience = field(default_factory=Patience)
    pulse: Pulse = field(default_factory=Pulse)
    pace: Pace = field(default_factory=Pace)
    stopping: Event = field(default_factory=Event)

    def do(self, work: Callable[[], T]) -> T:
        """Run ``work`` here, trying again while a neighbour is away."""

        def try_once() -> T:
            self.pulse.beat()
            with self.health.watch("work"):
                return work()

        return self.patience.call(try_once, self.stopping)

    async def call(self, work: Callable[[], T]) -> T:
        """Do the same in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, self.do, work)

    async def spread(
        self, items: Sequence[A], work: Callable[[Sequence[A]], Sequence[T | RejectedInput]]
    ) -> list[T | RejectedInput]:
        """Run ``work`` on the items and return its answers in order, a rejection in the place of one that was refused.

        As many threads share the items as is worth their while: what takes a moment is done in one go, and what waits for a
        store far away side by side.
        """

        def do(part: Sequence[A]) -> list[T | RejectedInput]:
            began = time.monotonic()
            answers = self._do_part(part, work)
            self.pace.note(len(part), time.monotonic() - began)
            return answers

        parts = self.pace.cut(items) if items else []
        done = await asyncio.gather(*(self.call(partial(do, part)) for part in parts))
        return [answer for part in done for answer in part]

    def _do_part(
        self, part: Sequence[A], work: Callable[[Sequence[A]], Sequence[T | RejectedInput]]
    ) -> list[T | RejectedInput]:
        """Do items together; if one of them is refused and it is not known which, each by itself."""
        self.pulse.beat()
        try:
            return list(work(part))
        except RejectedInput as fault:
            return [fault] if len(part) == 1 else [answer for item in part for answer in self._do_part([item], work)]

    async def publish(self, records: Sequence[Record]) -> None:
        """Send records, trying again while the broker is away; return when they are durable."""

        async def try_once() -> None:
            self.pulse.beat()
            with self.health.watch("sending"):
                await self.send(records)

        await self.patience.call_async(try_once, self.stopping)

    def check_pause(self, feed: str) -> None:
        """Leave a record of a feed that stands still where it is.

        Raises
        ------
        HoldEvent
            If the feed is paused.
        """
        pause = self.gate.find_pause(feed)
        if pause is not None:
            raise HoldEvent(pause.sentence)

    async def refuse(
        self, feed: str, fault: RejectedInput, letter: Record, ends: Sequence[Record], *, step: str
    ) -> None:
        """Set a unit aside; or, when nearly all of its feed's units fail for this reason, stand still unacknowledged.

        Raises
        ------
        HoldEvent
            If the feed is paused for it.
        """
        was_paused = self.gate.find_pause(feed) is not None
        pause = self.gate.check_failure(feed, step, fault.reason)
        if pause is not None:
            if not was_paused:
                self.health.note_pause(feed, pause.sentence)
                log.critical("%s", pause.sentence)
            raise HoldEvent(pause.sentence)
        fitting = await self.call(lambda: fit_letter(letter, self.keep))
        await self.publish((fitting, *ends))
        self.health.note_dead_letter(feed, fault.reason)
        log.warning("set aside: %s (%s) %s", feed, fault.reason, fault.sentence)
