"""Ordered acknowledgement: several events at work at once, acknowledged strictly in order within each partition."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Awaitable, Callable, Hashable


class Acknowledgeable(Protocol):
    """An event of a stream that is taken from its topic only when acknowledged."""

    @property
    def partition(self) -> Hashable:
        """Where it stands in order with its neighbours."""
        ...

    def ack(self) -> bool:
        """Take the event off its topic; the offset is committed later."""
        ...


E = TypeVar("E", bound=Acknowledgeable)
E_contra = TypeVar("E_contra", bound=Acknowledgeable, contravariant=True)


class Window(Protocol[E_contra]):
    """Works on the events of one stream, and acknowledges them."""

    @property
    def is_full(self) -> bool:
        """Whether nothing more is taken until something comes to its end."""
        ...

    def has_taken(self, partition: Hashable) -> bool:
        """Return whether events of this partition are at work or wait here."""
        ...

    async def run(self, events: AsyncIterable[E_contra]) -> None:
        """Work until the events end.

        Raises
        ------
        WindowClosedError
            If the work of an event failed; what was at work stays unacknowledged.
        """
        ...


class WindowClosedError(Exception):
    """An event's work failed, so nothing more is taken; its fault is the ``__cause__``."""


class HoldEvent(Exception):  # noqa: N818 - an instruction, not an error
    """Raised by the work of an event: leave it unacknowledged, and go on with those behind it."""


@dataclass
class _Lane(Generic[E]):
    """The events of one partition, in order."""

    queue: asyncio.Queue[tuple[E, asyncio.Task[None]]] = field(default_factory=asyncio.Queue)
    finisher: asyncio.Task[None] | None = None


class OrderedWindow(Generic[E]):
    """Works on at most ``width`` events at once and acknowledges them in order within their partition.

    The finishing is a task of its own: a window that is drained only when the next event arrives would stand still in every
    rebalance, when no event arrives until the ones at work are acknowledged.

    Parameters
    ----------
    width
        Events at work at once.
    backlog
        Events taken and not yet acknowledged: those at work, and those that are done and wait for an earlier one of their
        partition. Ample, one long unit does not keep the whole window waiting for its end.
    work
        Does one event and makes its outcome durable. :class:`HoldEvent` leaves it where it is; whatever else it raises closes
        the window.
    on_hold
        Told each event that is held. It stays unacknowledged, so nothing behind it can be committed, and all of it comes
        again when its worker starts anew; but its neighbours are done meanwhile.
    """

    def __init__(
        self,
        width: int,
        *,
        backlog: int = 0,
        work: Callable[[E], Awaitable[None]],
        on_hold: Callable[[E], None],
    ) -> None:
        self._work = work
        self._on_hold = on_hold
        self._slots = asyncio.Semaphore(width)
        self._room = asyncio.Semaphore(max(width, backlog))
        self._lanes: dict[Hashable, _Lane[E]] = {}
        self._taken: Counter[Hashable] = Counter()
        self._failed: asyncio.Future[None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether nothing more is taken until something comes to its end."""
        return self._slots.locked() or self._room.locked()

    def has_taken(self, partition: Hashable) -> bool:
        """Return whether events of this partition are at work, or done and wait for an earlier one."""
        return self._taken[partition] > 0

    async def run(self, events: AsyncIterable[E]) -> None:
        """Work on events until they end; what is at work then is finished first.

        Raises
        ------
        WindowClosedError
            If the work of an event failed. That event and all that are at work stay unacknowledged.
        """
        self._failed = asyncio.get_running_loop().create_future()
        taker = asyncio.create_task(self._take(events))
        try:
            waits: tuple[asyncio.Future[None], ...] = (taker, self._failed)
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if taker.done():
                taker.result()
                await self._drain()
            if self._failed.done():
                self._failed.result()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            raise WindowClosedError from error
        finally:
            await self._abandon(taker)

    async def _take(self, events: AsyncIterable[E]) -> None:
        async for event in events:
            await self._room.acquire()
            await self._slots.acquire()
            lane = self._lanes.setdefault(event.partition, _Lane())
            if lane.finisher is None:
                lane.finisher = asyncio.create_task(self._finish_in_order(lane))
            task = asyncio.ensure_future(self._work(event))
            task.add_done_callback(self._free_slot)
            lane.queue.put_nowait((event, task))
            self._taken[event.partition] += 1

    def _free_slot(self, _task: asyncio.Task[None]) -> None:
        self._slots.release()

    async def _drain(self) -> None:
        """Wait until every lane is empty, or one failed."""
        waits = [asyncio.ensure_future(lane.queue.join()) for lane in self._lanes.values()]
        if waits and self._failed is not None:
            done: asyncio.Future[Any] = asyncio.gather(*waits)
            await asyncio.wait((done, self._failed), return_when=asyncio.FIRST_COMPLETED)
            done.cancel()

    async def _finish_in_order(self, lane: _Lane[E]) -> None:
        while True:
            event, task = await lane.queue.get()
            try:
                await self._finish(event, task)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - handed to run, which raises it
                if self._failed is not None and not self._failed.done():
                    self._failed.set_exception(error)
                return
            self._taken[event.partition] -= 1
            self._room.release()
            lane.queue.task_done()

    async def _finish(self, event: E, task: asyncio.Task[None]) -> None:
        try:
            await task
        except HoldEvent:
            self._on_hold(event)
        else:
            event.ack()

    async def _abandon(self, taker: asyncio.Task[None]) -> None:
        """Cancel what is left, unacknowledged: it comes again."""
        left: list[asyncio.Task[None]] = [taker]
        for lane in self._lanes.values():
            left += [lane.finisher] if lane.finisher else []
            while not lane.queue.empty():
                left.append(lane.queue.get_nowait()[1])
        for task in left:
            task.cancel()
        for task in left:
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
        if self._failed is not None and not self._failed.done():
            self._failed.cancel()
