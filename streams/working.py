"""A deployment at work inside a command: agents in a thread of their own, from the first topic to the last settled arrival."""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING

from streams.agents.app import AppPlan, make_app
from streams.agents.health import Health
from streams.agents.running import Running, make_threads, run_in_thread
from streams.agents.workers import Bench
from streams.assembly import assemble
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

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.assembly import Parts
    from streams.brokers.client import Client
    from streams.settings.model import Deployment

#: The agents finish what is at work within this time when they are asked to stop; then the process ends all the same.
_STOP_WAIT_S = 90.0


@dataclass
class Working:
    """The agents of this process and what a command needs beside them."""

    parts: Parts
    client: Client
    running: Running
    ended: Event = field(default_factory=Event)
    faults: list[BaseException] = field(default_factory=list)

    def look(self) -> None:
        """Raise the fault that ended the agents, if they ended."""
        if self.ended.is_set():
            raise self.faults[0] if self.faults else RuntimeError("the agents ended by themselves")


def make_running(deployment: Deployment, parts: Parts, client: Client) -> Running:
    """Return the agents of a deployment, its topics made."""
    client.create(plan_topics(deployment))
    app = make_app(
        AppPlan(
            app_id=to_app_id(deployment),
            broker=to_broker_url(deployment),
            credentials=to_broker_credentials(deployment),
            partitions=deployment.broker.partitions,
            folder=deployment.folder / "state" / "faust",
            commit_every_s=deployment.worker.commit_every_s,
        )
    )
    bench = Bench(
        topics=parts.topics,
        send=app.publish,
        threads=make_threads(parts.threads),
        gate=parts.make_gate(),
        health=Health(dt.datetime.now(dt.UTC)),
        patience=Patience(give_up_after_s=deployment.worker.outage_after_s),
    )
    log_ids = {state.name: state.log_id for state in client.describe()}
    running = Running(parts, app, bench, Meter(parts.store, log_ids[parts.topics.usage_recorded]))
    running.add_agents()
    return running


@contextmanager
def open_working(deployment: Deployment) -> Iterator[Working]:
    """Start the agents of a deployment in this process, and stop them at the end of the block.

    Raises
    ------
    TransientFault, FatalFault
        If broker or store cannot be opened, or the agents ended by one.
    """
    store = open_objects(deployment)
    client = open_broker(deployment)
    try:
        parts = assemble(deployment, store)
        running = make_running(deployment, parts, client)
        working = Working(parts, client, running)
        thread, working.faults = run_in_thread(running, on_end=working.ended.set)
        try:
            yield working
        finally:
            running.end_from_thread()
            thread.join(_STOP_WAIT_S)
        if working.faults:
            raise working.faults[0]
    finally:
        client.close()
