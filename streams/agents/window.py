"""Ordered acknowledgement: several events at work at once, acknowledged strictly in order within each partition."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

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


class WindowClosedError(Exception):
    """An event's work failed, so nothing more is taken; its fault is the ``__cause__``."""


class HoldPartition(Exception):  # noqa: N818 - an instruction, not an error
    """Raised by the work of an event: hold its partition here, unacknowledged, and go on with the others."""


@dataclass
class _Lane(Generic[E]):
    """The events of one partition, in order."""

    queue: asyncio.Queue[tuple[E, asyncio.Task[None]]] = field(default_factory=asyncio.Queue)
    finisher: asyncio.Task[None] | None = None
    is_held: bool = False


class OrderedWindow(Generic[E]):
    """Works on at most ``width`` events at once and acknowledges them in order.

    The finishing is a task of its own: a window that is drained only when the next event arrives would stand still in every
    rebalance, when no event arrives until the ones at work are acknowledged.

    Parameters
    ----------
    width
        Events at work or waiting for an earlier one of their partition.
    work
        Does one event and makes its outcome durable. :class:`HoldPartition` holds its partition; whatever else it raises
        closes the window.
    on_hold
        Told the first event of a partition that is held, and each later one that comes: none of them is acknowledged.
    """

    def __init__(
        self,
        width: int,
        *,
        work: Callable[[E], Awaitable[None]],
        on_hold: Callable[[E], None],
    ) -> None:
        self._work = work
        self._on_hold = on_hold
        self._slots = asyncio.Semaphore(width)
        self._lanes: dict[Hashable, _Lane[E]] = {}
        self._failed: asyncio.Future[None] | None = None

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
            await asyncio.wait([taker, self._failed], return_when=asyncio.FIRST_COMPLETED)
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
            lane = self._lanes.setdefault(event.partition, _Lane())
            if lane.is_held:
                self._on_hold(event)
                continue
            await self._slots.acquire()
            if lane.finisher is None:
                lane.finisher = asyncio.create_task(self._finish_in_order(lane))
            lane.queue.put_nowait((event, asyncio.ensure_future(self._work(event))))

    async def _drain(self) -> None:
        """Wait until every lane is empty or held, or one failed."""
        waits = [asyncio.ensure_future(lane.queue.join()) for lane in self._lanes.values() if not lane.is_held]
        if waits and self._failed is not None:
            done = asyncio.gather(*waits)
            await asyncio.wait([done, self._failed], return_when=asyncio.FIRST_COMPLETED)
            done.cancel()

    async def _finish_in_order(self, lane: _Lane[E]) -> None:
        while True:
            event, task = await lane.queue.get()
            try:
                await task
            except HoldPartition:
                self._hold(lane, event)
                return
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - handed to run, which raises it
                if self._failed is not None and not self._failed.done():
                    self._failed.set_exception(error)
                return
            event.ack()
            self._slots.release()
            lane.queue.task_done()

    def _hold(self, lane: _Lane[E], first: E) -> None:
        lane.is_held = True
        self._on_hold(first)
        self._slots.release()
        lane.queue.task_done()
        while not lane.queue.empty():
            event, task = lane.queue.get_nowait()
            task.cancel()
            task.add_done_callback(_ask)
            self._on_hold(event)
            self._slots.release()
            lane.queue.task_done()

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


def _ask(task: asyncio.Task[None]) -> None:
    """Ask a cancelled task for its exception, so that nobody is warned about it."""
    if not task.cancelled():
        task.exception()
