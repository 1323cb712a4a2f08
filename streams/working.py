"""A deployment at work inside a command: agents in a thread of their own, from the first topic to the last settled arrival."""

from __future__ import annotations

import datetime as dt
import gc
import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import TYPE_CHECKING

from schemas.errors import FatalFault, TransientFault
from schemas.topics import Topics
from streams.assembly import assemble
from streams.brokers.address import read_scheme
from streams.faults import Patience
from streams.places import (
    open_broker,
    open_objects,
    plan_topics,
    to_app_id,
    to_broker_credentials,
    to_broker_url,
)
from streams.usage.meter import Meter
from streams.usage.presence.feed_door import FeedDoor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sinks.object_store.store import ObjectStore
    from streams.agents.running import Running
    from streams.assembly import Parts
    from streams.brokers.client import Client
    from streams.brokers.records import Partition
    from streams.settings.model import Deployment

log = logging.getLogger(__name__)

#: Uses become facts within this time after the last result; what is late is counted by the next worker.
_METER_WAIT_S = 30.0

#: Between two looks at them.
_LOOK_EVERY_S = 0.02

#: Threads that route: they wait for a store far away more than they work, and near it one does it all.
_ROUTING_THREADS = 16

#: New objects between two looks for dead circles of them, and looks between two at older ones. Python's own (700, 10, 10) are
#: for programs that make circles; here a look finds next to none, and passes over all that the libraries keep: with these a
#: run of particles takes 6 % less processor time.
_CIRCLES_AFTER = (20_000, 10, 100)

#: When the agents are asked to stop and what was at work has come to its end or is left, they end within this time; then the
#: process ends all the same.
_STOP_WAIT_S = 30.0

#: What is said when they do not.
_LEFT = (
    "The agents do not come to an end, and are left: what is not acknowledged is done again by the next worker or run."
)


class PausedError(TransientFault):
    """The feed that is waited for stands still."""


@dataclass
class Working:
    """The agents of this process and what a command needs beside them.

    Attributes
    ----------
    feed
        The feed that the command waits for, if it waits for one.
    """

    parts: Parts
    client: Client
    running: Running
    feed: str | None = None
    ended: Event = field(default_factory=Event)
    faults: list[BaseException] = field(default_factory=list)

    def look(self) -> None:
        """Raise why there is nothing to wait for any more, if so: the agents ended, or the feed or its installation stands still.

        Raises
        ------
        TransientFault, FatalFault
            What ended or stopped them.
        """
        if self.ended.is_set():
            raise self.faults[0] if self.faults else RuntimeError("the agents ended by themselves")
        if self.feed is None:
            return
        pause = self.running.bench.gate.find_pause(self.feed)
        if pause is not None:
            raise PausedError(pause.sentence)
        stopped = self.running.bench.health.stopped
        installation = self.parts.deployment.feeds[self.feed].installation
        if installation in stopped:
            message = f"Installation {installation} stopped: {stopped[installation]}"
            raise FatalFault(message)

    def wait_metered(self) -> None:
        """Return when every use announced so far is a stored fact, so that a report counts it; or after a bounded time.

        Raises
        ------
        TransientFault, FatalFault
            What ended the agents meanwhile.
        """
        ends = self._read_ends()
        until = time.monotonic() + _METER_WAIT_S
        while not self._has_metered(ends):
            self.look()
            if time.monotonic() > until:
                log.warning("Some uses are not facts yet; the next worker or run makes them so.")
                return
            time.sleep(_LOOK_EVERY_S)

    def has_metered(self) -> bool:
        """Return whether every use recorded by now is a stored fact, or known by its commit to be one.

        Raises
        ------
        TransientFault, FatalFault
            From the broker.
        """
        return self._has_metered(self._read_ends())

    def _read_ends(self) -> dict[Partition, int]:
        topic = self.parts.topics.usage_recorded
        begins = self.client.begin_offsets([topic])
        return {place: end for place, end in self.client.end_offsets([topic]).items() if end > begins.get(place, 0)}

    def _has_metered(self, ends: Mapping[Partition, int]) -> bool:
        mine = self.running.metered
        late = {partition: end for partition, end in ends.items() if end > mine.get(partition, 0)}
        if not late:
            return True
        committed = self.client.committed(to_app_id(self.parts.deployment))
        return all(end <= committed.get(partition, 0) for partition, end in late.items())


def make_running(deployment: Deployment, parts: Parts, client: Client) -> Running:
    """Return the agents of a deployment, its topics made; its detectors are built while the agents' vendor is loaded."""
    parts.build_early()
    from streams.agents.app import make_app  # noqa: PLC0415 - Faust takes half a second to load
    from streams.agents.bench import Bench  # noqa: PLC0415
    from streams.agents.health import Health  # noqa: PLC0415
    from streams.agents.plan import AppPlan  # noqa: PLC0415
    from streams.agents.running import Running, make_threads  # noqa: PLC0415
    from streams.agents.window import Pace  # noqa: PLC0415

    gc.set_threshold(*_CIRCLES_AFTER)
    client.create(plan_topics(deployment))
    app = make_app(
        AppPlan(
            app_id=to_app_id(deployment),
            broker=to_broker_url(deployment),
            credentials=to_broker_credentials(deployment),
            partitions=deployment.broker.partitions,
            folder=deployment.folder / "state" / "faust",
            commit_every_s=deployment.worker.commit_every_s,
            dead_after_s=deployment.worker.dead_after_s,
            stop_within_s=deployment.worker.stop_within_s,
        )
    )
    bench = Bench(
        topics=parts.topics,
        send=app.publish,
        keep=parts.originals.keep,
        threads=make_threads(_ROUTING_THREADS),
        pace=Pace(_ROUTING_THREADS),
        gate=parts.make_gate(),
        health=Health(dt.datetime.now(dt.UTC)),
        patience=Patience(give_up_after_s=deployment.worker.outage_after_s),
    )
    log_ids = {state.name: state.log_id for state in client.describe()}
    running = Running(parts, app, bench, Meter(parts.store, log_ids[parts.topics.usage_recorded]))
    running.add_agents()
    return running


def make_feed_door(deployment: Deployment, client: Client, store: ObjectStore) -> FeedDoor:
    """Return what says that the deployment's announced media are counted."""
    return FeedDoor(
        client,
        store,
        Topics(deployment.broker.topic_prefix),
        to_app_id(deployment),
        tuple(sorted(deployment.installations)),
        closes=read_scheme(to_broker_url(deployment)) == "embedded",
    )


@contextmanager
def open_working(deployment: Deployment, *, feed: str | None = None) -> Iterator[Working]:
    """Start the agents of a deployment in this process, and stop them at the end of the block, its uses counted.

    Parameters
    ----------
    feed
        The feed that will be waited for.

    Raises
    ------
    TransientFault, FatalFault
        If broker or store cannot be opened, or the agents ended by one; a transient one if they do not end at all.
    """
    store = open_objects(deployment)
    client = open_broker(deployment)
    try:
        parts = assemble(deployment, store)
        running = make_running(deployment, parts, client)
        working = Working(parts, client, running, feed)
        from streams.agents.running import run_in_thread  # noqa: PLC0415 - loaded by now

        thread, working.faults = run_in_thread(running, on_end=working.ended.set)
        door = make_feed_door(deployment, client, store)
        try:
            with door.keep():
                yield working
                door.say_farewell(commit=running.commit_from_thread)
            working.wait_metered()
        finally:
            has_ended = end_agents(running, thread, wait_s=deployment.worker.stop_within_s + _STOP_WAIT_S)
        if not has_ended:
            raise TransientFault(_LEFT)
        if working.faults:
            raise working.faults[0]
    finally:
        client.close()


def end_agents(running: Running, thread: Thread, *, wait_s: float) -> bool:
    """Ask the agents to end and return whether they did; if they do not, say so, and make sure that the process ends.

    Parameters
    ----------
    thread
        The one they run in.
    """
    from streams.agents.health import print_stacks  # noqa: PLC0415 - loaded by now
    from streams.agents.running import leave_soon  # noqa: PLC0415

    running.end_from_thread()
    thread.join(wait_s)
    if not thread.is_alive():
        return True
    log.critical("%s", _LEFT)
    print_stacks()
    leave_soon(None)
    return False
