"""Batches: what has come while the last batch was done is done together, and acknowledged in order."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from streams.agents.window import Acknowledgeable, WindowClosedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable, Collection, Hashable, Sequence

E = TypeVar("E", bound=Acknowledgeable)

#: What lies unacknowledged for longer than this is missed by those who look at it.
LONGEST_REST_S = 2.0


@dataclass(frozen=True, slots=True)
class Batching:
    """How much is done together.

    Attributes
    ----------
    most
        Events of one batch.
    linger_s
        How long a batch waits for company: nothing, where its first event should not wait.
    rest
        A batch waits at least so many times as long as the last one took, but no longer than :data:`LONGEST_REST_S`: where
        each batch costs much, however small it is.
    """

    most: int
    linger_s: float = 0.0
    rest: float = 0.0


class BatchWindow(Generic[E]):
    """Works on one batch at a time, while the next one gathers.

    Parameters
    ----------
    work
        Does a batch and makes its outcome durable; returns those events that shall stay where they are, unacknowledged.
        Whatever it raises closes the window, the batch unacknowledged.
    on_hold
        Told each event that stays.
    weigh
        How many an event counts for, where it stands for several.
    """

    def __init__(
        self,
        batching: Batching,
        *,
        work: Callable[[Sequence[E]], Awaitable[Collection[E]]],
        on_hold: Callable[[E], None],
        weigh: Callable[[E], int] = lambda _: 1,
    ) -> None:
        self._batching = batching
        self._work = work
        self._on_hold = on_hold
        self._weigh = weigh
        self._waiting: deque[E] = deque()
        self._taken: Counter[Hashable] = Counter()
        self._news = asyncio.Event()
        self._is_whole = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()
        # what waits, and what waits or is at work
        self._waiting_weight = self._taken_weight = 0
        self._took_s = 0.0

    @property
    def is_full(self) -> bool:
        """Whether nothing more is taken until a batch comes to its end."""
        return self._taken_weight >= 2 * self._batching.most

    @property
    def taken(self) -> int:
        """How many records wait here or are at work."""
        return self._taken_weight

    def has_taken(self, partition: Hashable) -> bool:
        """Return whether events of this partition wait here or are at work."""
        return self._taken[partition] > 0

    async def run(self, events: AsyncIterable[E]) -> None:
        """Work on events until they end; what was taken until then is done first.

        Raises
        ------
        WindowClosedError
            If the work of a batch failed. It and all that wait stay unacknowledged.
        """
        taker = asyncio.create_task(self._take(events))
        taker.add_done_callback(lambda _: self._tell_end())
        try:
            while self._waiting or not taker.done():
                await self._news.wait()
                self._news.clear()
                while self._waiting:
                    await self._linger(taker)
                    await self._do(self._gather())
            taker.result()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            raise WindowClosedError from error
        finally:
            taker.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await taker

    async def _linger(self, taker: asyncio.Task[None]) -> None:
        """Wait for company, unless there is enough, or nobody is left to come."""
        wait_s = max(self._batching.linger_s, min(LONGEST_REST_S, self._batching.rest * self._took_s))
        self._is_whole.clear()
        if wait_s and self._waiting_weight < self._batching.most and not taker.done():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_whole.wait(), wait_s)

    async def _take(self, events: AsyncIterable[E]) -> None:
        async for event in events:
            while self.is_full:
                self._has_room.clear()
                await self._has_room.wait()
            weight = self._weigh(event)
            self._waiting_weight += weight
            self._taken_weight += weight
            self._taken[event.partition] += 1
            self._waiting.append(event)
            self._news.set()
            if self._waiting_weight >= self._batching.most:
                self._is_whole.set()

    def _tell_end(self) -> None:
        self._news.set()
        self._is_whole.set()

    def _gather(self) -> list[E]:
        """Return what is done next: the first event, and all that fit in beside it."""
        batch = [self._waiting.popleft()]
        weight = self._weigh(batch[0])
        while self._waiting and weight + self._weigh(self._waiting[0]) <= self._batching.most:
            batch.append(self._waiting.popleft())
            weight += self._weigh(batch[-1])
        self._waiting_weight -= weight
        return batch

    async def _do(self, batch: list[E]) -> None:
        began = time.monotonic()
        held = {id(event) for event in await self._work(batch)}
        for event in batch:
            if id(event) in held:
                self._on_hold(event)
            else:
                event.ack()
            self._taken[event.partition] -= 1
            self._taken_weight -= self._weigh(event)
        self._has_room.set()
        self._took_s = time.monotonic() - began
