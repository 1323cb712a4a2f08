"""A running deployment: its agents at work, watched for faults and stalls, until somebody ends it."""

from __future__ import annotations

import asyncio
import logging
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import TYPE_CHECKING

from schemas.errors import FatalFault, TransientFault
from schemas.topics import LANES
from streams.agents.app import StreamApp
from streams.agents.health import StallWatch, print_stacks
from streams.agents.health_page import open_health_page
from streams.agents.workers import Bench, MeterAgent, RouterAgent, WorkAgent
from streams.faults import StoppingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.assembly import Parts
    from streams.units.pipeline import Pipeline
    from streams.usage.meter import Meter

log = logging.getLogger(__name__)

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
    """

    parts: Parts
    app: StreamApp
    bench: Bench
    meter: Meter
    _stopped: set[str] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop | None = None

    def add_agents(self) -> None:
        """Add the router, and one agent per installation and lane; an installation that cannot be built stays stopped."""
        parts, width = self.parts, 2 * self.parts.threads
        router = RouterAgent(parts.router, self.bench)
        self.app.add_agent(parts.topics.media_arrived, width=4 * width, work=router.work, on_fault=self._end)
        meter = MeterAgent(self.meter, self.bench)
        self.app.add_batch_agent(parts.topics.usage_recorded, work=meter.work, on_fault=self._end)
        for name, pipeline in parts.pipelines.items():
            if isinstance(pipeline, FatalFault):
                self._stop_installation(name, pipeline)
                continue
            self._add_installation(name, pipeline, width)

    def _add_installation(self, name: str, pipeline: Pipeline, width: int) -> None:
        agent = WorkAgent(pipeline, self.bench)

        async def on_fault(fault: BaseException) -> None:
            if isinstance(fault, FatalFault):
                self._stop_installation(name, fault)
            else:
                await self._end(fault)

        for lane in LANES:
            topic = self.parts.topics.work(name, lane)
            self.app.add_agent(topic, width=width, work=agent.work, on_fault=on_fault)

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
                loop.add_signal_handler(number, self.app.end)
        watch = asyncio.create_task(self._watch())
        stopper = asyncio.create_task(self._tell_when_stopping())
        try:
            await self.app.run()
        finally:
            self.bench.stopping.set()
            for task in (watch, stopper):
                task.cancel()
            self.parts.close()
        if self.app.fault is not None:
            raise self.app.fault

    def end_from_thread(self) -> None:
        """Ask the agents to stop, from another thread than theirs."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.app.end)

    async def _tell_when_stopping(self) -> None:
        await self.app.stopping.wait()
        self.bench.stopping.set()

    async def _watch(self) -> None:
        """End the process when a partition with records waiting stands still: Faust can do so without a word."""
        stalls = StallWatch(self.parts.deployment.worker.stall_after_s)
        while True:
            await asyncio.sleep(_WATCH_EVERY_S)
            held = {(pause.feed) for pause in self.bench.gate.pauses} | self._stopped
            stalled = [] if held else stalls.find_stalled(self.app.committed(), self.app.ends())
            if stalled:
                print_stacks()
                names = ", ".join(f"{topic}[{partition}]" for topic, partition in stalled)
                sentence = f"Records wait in {names} and nothing moves; the stacks are on standard error."
                self.app.end(StalledError(sentence))
                return

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


def make_threads(count: int) -> ThreadPoolExecutor:
    """Return the threads in which units are done; the router's short work has as many again."""
    return ThreadPoolExecutor(max_workers=2 * count, thread_name_prefix="work")
