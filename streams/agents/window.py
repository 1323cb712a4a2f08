"""Ordered acknowledgement: events are done by a crew of threads, and acknowledged strictly in order within their partition."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import Counter, deque
from dataclasses import dataclass
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Collection, Hashable, Sequence
    from concurrent.futures import Executor


class Acknowledgeable(Protocol):
    """An event of a stream that is taken from its topic only when acknowledged."""

    @property
    def partition(self) -> Hashable:
        """Where it stands in order with its neighbours."""
        ...

    def ack(self) -> bool:
        """Take the event off its topic; the offset is committed later."""
        ...


A = TypeVar("A")
E = TypeVar("E", bound=Acknowledgeable)
E_contra = TypeVar("E_contra", bound=Acknowledgeable, contravariant=True)
Outcome = TypeVar("Outcome")


class Window(Protocol[E_contra]):
    """Works on the events of one stream, and acknowledges them."""

    @property
    def is_full(self) -> bool:
        """Whether nothing more is taken until something comes to its end."""
        ...

    @property
    def taken(self) -> int:
        """How many records are at work, wait here, or are done and wait for an earlier one."""
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
    """Raised where an event is done: leave it unacknowledged, and go on with those behind it."""


#: What a thread does before it lets the events of others have their turn, and what it is offered at once.
_TURN = 8

#: What a thread is offered at once although others have nothing to do, where an event takes no longer than this: to wake a thread
#: costs as much.
_LOT, _QUICK_S = 4, 0.010


#: A thread is worth waking for this much work; handing over to one costs about a hundredth of it.
_WORTH_S = 0.05

#: How much the newest measurement counts.
_NEW_SHARE = 0.2


@dataclass
class Pace:
    """How long one item takes, and so among how many threads items are shared.

    Attributes
    ----------
    threads
        At most so many.
    item_s
        Seconds that one takes, the newest ones counting most.
    """

    threads: int = 1
    item_s: float = 0.0

    def cut(self, items: Sequence[A]) -> list[Sequence[A]]:
        """Return the items in consecutive parts of nearly equal size, one for each thread that is worth its while."""
        wanted = math.ceil(len(items) * self.item_s / _WORTH_S)
        parts = max(1, min(self.threads, len(items), wanted))
        edges = [len(items) * number // parts for number in range(parts + 1)]
        return [items[first:last] for first, last in pairwise(edges)]

    def note(self, count: int, seconds: float) -> None:
        """Note how long so many items took, one after the other."""
        if count:
            self.item_s += _NEW_SHARE * (seconds / count - self.item_s)


class Crew(Protocol[E, Outcome]):
    """Does events in two steps: in threads, one or some at a time, and then what all that were done have in common."""

    def pick(self, events: Sequence[E]) -> int:
        """Return how many of the first of these are best done in one go, one at least; called in a thread, and quick."""
        ...

    def do(self, events: Sequence[E]) -> Sequence[Outcome]:
        """Do events that were picked, in a thread; what is raised closes the window, all of them unacknowledged."""
        ...

    async def finish(self, done: Sequence[tuple[E, Outcome]]) -> Collection[E]:
        """Make outcomes durable together, and return the events that shall stay where they are, unacknowledged."""
        ...


@dataclass(slots=True)
class _Taken(Generic[E, Outcome]):
    """An event, and what became of it."""

    event: E
    outcome: Outcome | None = None
    fault: BaseException | None = None
    is_done: bool = False
    is_held: bool = False


class CrewWindow(Generic[E, Outcome]):
    """Does at most ``width`` events at once and acknowledges them in order within their partition.

    What the threads have done is finished by a task of its own, as much of it at once as came while the last lot was being
    finished: so a busy window tells the broker once of many, and a window in which nothing new arrives does not stand still,
    as it would in every rebalance.

    Parameters
    ----------
    crew
        Does the events.
    width
        Events at work at once.
    backlog
        Events taken and not yet acknowledged: those at work, and those that are done and wait for an earlier one of their
        partition. Ample, one long unit does not keep the whole window waiting for its end.
    threads
        Where they are done; may be shared with other windows.
    on_hold
        Told each event that is held. It stays unacknowledged, so nothing behind it can be committed, and all of it comes
        again when its worker starts anew; but its neighbours are done meanwhile.
    """

    def __init__(
        self, crew: Crew[E, Outcome], width: int, *, backlog: int = 0, threads: Executor, on_hold: Callable[[E], None]
    ) -> None:
        self._crew = crew
        self._width = width
        self._threads = threads
        self._on_hold = on_hold
        self._slots = asyncio.Semaphore(2 * _TURN * width)  # so that a thread that ends some has the next at hand
        self._room = asyncio.Semaphore(max(2 * width, backlog))
        self._lanes: dict[Hashable, deque[_Taken[E, Outcome]]] = {}
        self._taken: Counter[Hashable] = Counter()
        self._news = asyncio.Event()
        self._is_told = False
        self._lock = Lock()
        self._waiting: deque[_Taken[E, Outcome]] = deque()
        self._done: deque[_Taken[E, Outcome]] = deque()
        self._serving = 0
        self._pace = Pace()
        self._is_over = False

    @property
    def is_full(self) -> bool:
        """Whether nothing more is taken until something comes to its end."""
        return self._slots.locked() or self._room.locked()

    @property
    def taken(self) -> int:
        """How many events wait or are at work, or are done and wait for an earlier one."""
        return self._taken.total()

    def has_taken(self, partition: Hashable) -> bool:
        """Return whether events of this partition wait or are at work, or are done and wait for an earlier one."""
        return self._taken[partition] > 0

    async def run(self, events: AsyncIterable[E]) -> None:
        """Work on events until they end; what was taken until then is done first.

        Raises
        ------
        WindowClosedError
            If an event failed. That event and all that are not finished stay unacknowledged.
        """
        self._loop = asyncio.get_running_loop()
        taker = asyncio.create_task(self._take(events))
        taker.add_done_callback(lambda _: self._news.set())
        try:
            while any(self._lanes.values()) or not taker.done():
                await self._news.wait()
                self._news.clear()
                self._is_told = False
                await self._finish()
            taker.result()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            raise WindowClosedError from error
        finally:
            with self._lock:
                self._is_over = True
                self._waiting.clear()
            taker.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await taker

    async def _take(self, events: AsyncIterable[E]) -> None:
        async for event in events:
            await self._room.acquire()
            await self._slots.acquire()
            taken: _Taken[E, Outcome] = _Taken(event)
            self._lanes.setdefault(event.partition, deque()).append(taken)
            self._taken[event.partition] += 1
            with self._lock:
                self._waiting.append(taken)
                is_wanted = self._want_thread()
            if is_wanted:
                self._threads.submit(self._serve)

    def _want_thread(self) -> bool:
        """Count one thread more among those that serve, where there may be one."""
        is_wanted = self._serving < self._width
        self._serving += is_wanted
        return is_wanted

    def _serve(self) -> None:
        """Do what waits, in a thread, until nothing does or others have their turn."""
        count = 0
        while count < _TURN:
            lot = self._take_lot(_TURN - count)
            if not lot:
                return
            began_s = time.monotonic()
            try:
                lot = self._pick(lot)
                for taken, outcome in zip(lot, self._crew.do([taken.event for taken in lot]), strict=True):
                    taken.outcome = outcome
            except BaseException as fault:  # noqa: BLE001 - handed to run, which raises it
                for taken in lot:
                    taken.fault = fault
            count += len(lot)
            self._pace.note(len(lot), time.monotonic() - began_s)
            self._done.extend(lot)
            self._tell()
        with contextlib.suppress(RuntimeError):  # the threads are sent home
            self._threads.submit(self._serve)

    def _take_lot(self, most: int) -> list[_Taken[E, Outcome]]:
        """Take a thread's fair share of what waits, of quick events a few at least; where nothing waits, the thread goes."""
        with self._lock:
            if not self._waiting:
                self._serving -= 1
                return []
            least = _LOT if self._pace.item_s < _QUICK_S else 1
            share = min(most, len(self._waiting), max(least, len(self._waiting) // self._width))
            return [self._waiting.popleft() for _ in range(share)]

    def _pick(self, lot: list[_Taken[E, Outcome]]) -> list[_Taken[E, Outcome]]:
        """Return those to be done in one go, the others given back to whoever comes first, unless all is over."""
        if len(lot) == 1:
            return lot
        count = self._crew.pick([taken.event for taken in lot])
        if count == len(lot):
            return lot
        with self._lock:
            if self._is_over:
                return lot[:count]
            self._waiting.extendleft(reversed(lot[count:]))
            is_wanted = self._want_thread()  # others may have left meanwhile, for nothing waited
        if is_wanted:
            with contextlib.suppress(RuntimeError):  # the threads are sent home
                self._threads.submit(self._serve)
        return lot[:count]

    def _tell(self) -> None:
        """Wake the loop, unless it is woken already: each call costs as much as doing something."""
        if not self._is_told:
            self._is_told = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: what was done comes again
                self._loop.call_soon_threadsafe(self._news.set)

    async def _finish(self) -> None:
        """Finish what is done, and acknowledge what is then first in its partition; raise the first fault."""
        lot = [self._done.popleft() for _ in range(len(self._done))]
        for _ in lot:
            self._slots.release()
        good = [taken for taken in lot if taken.fault is None]
        if good:
            held = {id(event) for event in await self._crew.finish([(taken.event, taken.outcome) for taken in good])}  # type: ignore[misc]
            for taken in good:
                taken.is_done, taken.is_held = True, id(taken.event) in held
            for partition in {taken.event.partition for taken in good}:
                self._acknowledge(partition)
        for taken in lot:
            if taken.fault is not None:
                raise taken.fault

    def _acknowledge(self, partition: Hashable) -> None:
        lane = self._lanes[partition]
        while lane and lane[0].is_done:
            taken = lane.popleft()
            if taken.is_held:
                self._on_hold(taken.event)
            else:
                taken.event.ack()
            self._taken[partition] -= 1
            self._room.release()
