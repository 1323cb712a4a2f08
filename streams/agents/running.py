"""A running deployment: its agents at work, watched for faults and stalls, until somebody ends it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import Thread
from typing import TYPE_CHECKING

from schemas.errors import FatalFault, TransientFault
from schemas.topics import LANES
from streams.agents.app import StreamApp
from streams.agents.arrivals import RouterAgent
from streams.agents.batches import Batching
from streams.agents.bench import Bench
from streams.agents.health import StallWatch, print_stacks
from streams.agents.health_page import open_health_page
from streams.agents.takes import Shape
from streams.agents.workers import MeterAgent, WorkAgent
from streams.faults import StoppingError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Executor

    from streams.assembly import Parts
    from streams.brokers.records import Partition
    from streams.units.pipeline import Pipeline
    from streams.usage.meter import Meter

log = logging.getLogger(__name__)

#: Units in an agent's hands at once, for each thread: while one is done, the next is fetched and the last is announced.
_DONE_AT_ONCE = 2

#: Arrivals routed together; with pictures inline, they and those that wait are what is held in memory.
_ROUTED = Batching(32)

#: Uses that become facts together: they are small, and each batch writes a file of up to 10,000 of each partition again. So
#: counting takes no more than a fortieth of a processor.
_METERED = Batching(20_000, linger_s=0.1, rest=40.0)

#: Units that may be done and wait for an earlier one of their partition: a clip of an hour does not stop the stills behind it.
_BACKLOG = 1_000

#: Threads have this long to come back when all is over; then the process ends without them.
_THREADS_WAIT_S = 5.0

#: Exit codes of a fatal fault and of an outage.
_FATAL, _OUTAGE = 2, 3

#: A commit that is asked for takes milliseconds, unless the broker is away.
_COMMIT_WITHIN_S = 2.0

#: Between two looks at whether the partitions move.
_WATCH_EVERY_S = 1.0


class StalledError(TransientFault):
    """A partition has records waiting and does not move; the stacks stand on standard error."""


@dataclass
class Running:
    """The agents of one deployment in this process.

    Parameters
    ----------
    parts
        What the agents work with; closed when they end.
    meter
        Where uses become facts.
    metered
        The next offset to be metered of each partition that this process met.
    farewell
        Called in a thread of its own when the process is asked to stop, while the agents still work; may take some seconds.
    """

    parts: Parts
    app: StreamApp
    bench: Bench
    meter: Meter
    metered: dict[Partition, int] = field(default_factory=dict)
    farewell: Callable[[], object] | None = None
    _parting: asyncio.Future[object] | None = None
    _benches: dict[str, Bench] = field(default_factory=dict)
    _stopped: set[str] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop | None = None

    def add_agents(self) -> None:
        """Add the router, and one agent per installation and lane; an installation that cannot be built stays stopped."""
        parts = self.parts
        router = RouterAgent(parts.router, self.bench)
        self.app.add_batch_agent(parts.topics.media_arrived, batching=_ROUTED, work=router.work, on_fault=self._end)
        # a thread of its own: the vendor's Parquet writer keeps some 20 MB for each thread that ever called it
        metering = MeterAgent(self.meter, self._find_bench("usage", threads=1), self.metered)
        self.app.add_batch_agent(parts.topics.usage_recorded, batching=_METERED, work=metering.work, on_fault=self._end)
        for name, pipeline in parts.pipelines.items():
            if isinstance(pipeline, FatalFault):
                self._stop_installation(name, pipeline)
                continue
            self._add_installation(name, pipeline)

    def _add_installation(self, name: str, pipeline: Pipeline) -> None:
        shape = Shape(_DONE_AT_ONCE * self.parts.threads, backlog=_BACKLOG)

        async def on_fault(fault: BaseException) -> None:
            if isinstance(fault, FatalFault):
                self._stop_installation(name, fault)
            else:
                await self._end(fault)

        for lane in LANES:
            topic, bench = self.parts.topics.work(name, lane), self._find_bench(lane, threads=shape.width)
            crew = WorkAgent(pipeline, bench)
            self.app.add_agent(topic, shape=shape, crew=crew, threads=bench.threads, on_fault=on_fault)

    def _find_bench(self, name: str, *, threads: int) -> Bench:
        """Return a bench with threads of its own, so that neither routing nor another lane waits for this one's clips."""
        if name not in self._benches:
            self._benches[name] = replace(self.bench, threads=make_threads(threads))
        return self._benches[name]

    def _stop_installation(self, name: str, fault: FatalFault) -> None:
        """Stop one installation and leave its neighbours; when none is left, nothing is to be done here."""
        log.critical("installation %s stopped: %s", name, fault.sentence)
        self.bench.health.note_stop(name, fault.sentence)
        self._stopped.add(name)
        if self._stopped >= set(self.parts.pipelines):
            self.app.end(fault)

    async def _end(self, fault: BaseException) -> None:
        if not isinstance(fault, StoppingError | asyncio.CancelledError):
            log.critical("the worker stops: %s", fault, exc_info=not isinstance(fault, TransientFault | FatalFault))
            self.app.end(fault)

    async def run(self) -> None:
        """Run until the app is ended or a signal asks for it; then let what is at work come to its end.

        Raises
        ------
        TransientFault, FatalFault
            The fault that ended it, if one did. Any other exception is a mistake of ours.
        """
        loop = self._loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, self._obey)
        watch = asyncio.create_task(self._watch())
        watch.add_done_callback(self._judge_watch)
        stopper = asyncio.create_task(self._tell_when_stopping())
        try:
            await self.app.run()
        finally:
            self.bench.stopping.set()
            for task in (watch, stopper):
                task.cancel()
            self.parts.close()
            self._let_threads_go()
        if self.app.fault is not None:
            raise self.app.fault

    def _obey(self) -> None:
        """Stop in order when asked, and at once when asked again: what is not acknowledged comes again."""
        if self.app.stopping.is_set() or self._parting is not None:
            log.critical("asked to stop twice: what is at work is left, and comes again")
            leave_soon(self.app.fault, wait_s=0.0)
        if self.farewell is None or self._loop is None:
            self.app.end()
            return
        self._parting = self._loop.run_in_executor(None, self.farewell)
        self._parting.add_done_callback(lambda _: self.app.end())

    def _judge_watch(self, watch: asyncio.Task[None]) -> None:
        if not watch.cancelled() and (mistake := watch.exception()) is not None:
            self.app.end(mistake)

    def _let_threads_go(self) -> None:
        """Wait for the threads; one that hangs in a vendor's code cannot be ended, and would keep the process alive for ever."""
        executors = [self.bench.threads, *(bench.threads for bench in self._benches.values())]
        for executor in executors:
            executor.shutdown(wait=False, cancel_futures=True)
        waiter = Thread(target=_wait_for_threads, args=(executors,), daemon=True)
        waiter.start()
        waiter.join(_THREADS_WAIT_S)
        if waiter.is_alive():
            log.critical("a thread hangs; the process ends without it")
            print_stacks()
        if waiter.is_alive() or self.app.is_left_running:
            leave_soon(self.app.fault)

    def commit_from_thread(self) -> None:
        """Commit what is acknowledged, from another thread than the agents'; what cannot be now is committed later."""
        if self._loop is not None and not self._loop.is_closed():
            done = asyncio.run_coroutine_threadsafe(self.app.commit(), self._loop)
            with suppress(Exception):  # the agents commit by themselves too, and tell what is wrong with it
                done.result(_COMMIT_WITHIN_S)

    def end_from_thread(self) -> None:
        """Ask the agents to stop, from another thread than theirs."""
        if self._loop is None:
            self.app.end()  # not begun yet: it will not begin
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.app.end)

    async def _tell_when_stopping(self) -> None:
        await self.app.stopping.wait()
        self.bench.stopping.set()

    async def _watch(self) -> None:
        """End the process when a partition with records waiting stands still: Faust can do so without a word."""
        stalls = StallWatch(self.parts.deployment.worker.stall_after_s)
        while not self.app.stopping.is_set():
            await asyncio.sleep(_WATCH_EVERY_S)
            await self.app.learn_assignment()
            committed = self.app.committed()
            # an outage that is known has a bound of its own
            held = committed if self.bench.health.waiting else self.app.held
            beats = {partition: self._find_beat(partition) for partition in committed}
            stalled = stalls.find_stalled(committed, self.app.ends(), beats=beats, held=held)
            if stalled:
                print_stacks()
                if self._find_work_topics() & {topic for topic, _ in stalled}:
                    self.parts.journal.note_hang()
                names = ", ".join(f"{topic}[{partition}]" for topic, partition in stalled)
                sentence = f"Records wait in {names} and nothing moves; the stacks are on standard error."
                self.app.stop_within_s = 0.0  # what stands still does not come to its end
                self.app.end(StalledError(sentence))

    def _find_work_topics(self) -> set[str]:
        return {self.parts.topics.work(name, lane) for name in self.parts.pipelines for lane in LANES}

    def _find_beat(self, partition: Partition) -> float:
        """Return a partition's newest sign of life: its own, or anybody's while its records are ours and wait for a thread."""
        window = self.app.windows.get(partition[0])
        is_ours = window is not None and (window.is_full or window.has_taken(partition))
        return self.bench.pulse.find(partition, is_ours=is_ours)

    def describe(self) -> dict[str, object]:
        """Return what ``/healthz`` tells."""
        committed, ends = self.app.committed(), self.app.ends()
        lag = {partition: max(0, end - committed.get(partition, 0)) for partition, end in ends.items()}
        return self.bench.health.to_plain(lag)


async def serve_health(running: Running, port: int | None) -> None:
    """Run a deployment, and its health page beside it."""
    async with open_health_page(port, running.describe):
        await running.run()


def run_in_thread(running: Running, *, on_end: Callable[[], None]) -> tuple[Thread, list[BaseException]]:
    """Run a deployment in a thread of its own; the list holds the fault it ended with, if any."""
    faults: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(running.run())
        except BaseException as fault:  # noqa: BLE001 - handed to the thread that asks
            faults.append(fault)
        finally:
            on_end()

    thread = Thread(target=run, name="agents", daemon=True)
    thread.start()
    return thread, faults


def leave_soon(fault: BaseException | None, *, wait_s: float = _THREADS_WAIT_S) -> None:
    """End the process if it does not end by itself: all that is acknowledged is durable, and what is left comes again.

    Parameters
    ----------
    fault
        What it ends with.
    """
    code = _FATAL if isinstance(fault, FatalFault) else _OUTAGE

    def leave() -> None:
        time.sleep(wait_s)
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)

    Thread(target=leave, name="last resort", daemon=True).start()


def _wait_for_threads(executors: Iterable[Executor]) -> None:
    for executor in executors:
        executor.shutdown(wait=True)


def make_threads(count: int) -> ThreadPoolExecutor:
    """Return threads in which work is done."""
    return ThreadPoolExecutor(max_workers=count, thread_name_prefix="work")
