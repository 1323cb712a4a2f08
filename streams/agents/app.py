"""The door to Faust: one app whose agents hand raw records to ours, and acknowledge when we say that the result is durable."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import faust
from faust.types import TP

from streams.agents.window import OrderedWindow, WindowClosedError
from streams.brokers.kafka.transport import to_faust_credentials
from streams.brokers.records import Stored
from streams.brokers.registration import register_transports
from streams.brokers.tables import PromptTables

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from streams.brokers.credentials import Credentials
    from streams.brokers.records import Partition, Record

log = logging.getLogger(__name__)

#: Faust waits this long for a poll before it leaves the group, and then hangs (its issue 138): practically for ever.
_POLL_INTERVAL_S = 31_536_000

#: Records per poll: with the buffer it bounds what is held in memory, inline pictures of up to 900 kB included.
_POLL_RECORDS = 64

#: Records buffered per agent. Small buffers are slow on a real broker; a detector does 10 to 100 images a second.
_BUFFER_RECORDS = 128

#: Usage events taken at once, and how long one waits for more: they are small, and stored together.
_BATCH_RECORDS = 4_096
_BATCH_WITHIN_S = 0.2

#: Sends are collected for this long; the acknowledgement waits for them anyway.
_LINGER_S = 0.005
_BATCH_BYTES = 131_072

#: Our largest record: 900 kB of picture, headers, and the rejection of a dead letter.
_REQUEST_BYTES = 1_048_576


@dataclass(frozen=True, slots=True)
class AppPlan:
    """What the app is told.

    Attributes
    ----------
    app_id
        Name of the group of workers that share the topics.
    broker
        Address, as the broker's client takes it.
    partitions
        Of topics that Faust would make by itself.
    folder
        For what Faust keeps locally.
    health_port
        Where ``/healthz`` answers on the loopback address; ``None`` for nowhere.
    commit_every_s
        How often acknowledged offsets are committed: what is redone after a crash.
    """

    app_id: str
    broker: str
    credentials: Credentials
    partitions: int
    folder: Path
    commit_every_s: float = 1.0


@dataclass
class Take:
    """A record that was taken from a topic, to be acknowledged when its outcome is durable."""

    record: Stored
    event: faust.EventT[Any]

    @property
    def partition(self) -> Partition:
        """The topic and partition it came from."""
        return (self.record.topic, self.record.partition)

    def ack(self) -> bool:
        """Acknowledge; the offset is committed later."""
        return bool(self.event.ack())


@dataclass
class StreamApp:
    """The running part: agents, sending, and how it all ended.

    Attributes
    ----------
    fault
        Why the app must stop, once it must.
    """

    app: faust.App
    fault: BaseException | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    async def publish(self, records: Sequence[Record]) -> None:
        """Send records and return when the broker has made all of them durable.

        Raises
        ------
        TransientFault, FatalFault
            If the broker does not take them, or they may not be written.
        """
        await asyncio.gather(*(self._send(record) for record in records))

    async def _send(self, record: Record) -> None:
        producer, headers = self.app.producer, list(record.headers)
        await producer.send_and_wait(record.topic, record.key, record.value, None, None, headers)

    def add_agent(
        self,
        topic: str,
        *,
        width: int,
        work: Callable[[Take], Awaitable[None]],
        on_fault: Callable[[BaseException], Awaitable[None]],
    ) -> None:
        """Add an agent for one topic.

        Parameters
        ----------
        width
            Records at work at once.
        work
            Does a record and makes its outcome durable; a fault it raises ends the agent, the record unacknowledged.
        on_fault
            Told that fault; decides whether the whole app stops.
        """
        source = self.app.topic(
            topic, key_type=bytes, key_serializer="raw", value_type=bytes, value_serializer="raw", internal=False
        )

        async def take(stream: faust.StreamT[bytes]) -> None:
            window: OrderedWindow[Take] = OrderedWindow(width, work=work, on_hold=self._hold)
            try:
                await window.run(_to_takes(stream))
            except WindowClosedError as closed:
                cause = closed.__cause__ or closed
                await on_fault(cause)
                self._hold_topic(topic)
                await self.stopping.wait()

        self.app.agent(source, name=f"agent.{topic}")(take)

    def add_batch_agent(
        self,
        topic: str,
        *,
        work: Callable[[Sequence[Stored]], Awaitable[None]],
        on_fault: Callable[[BaseException], Awaitable[None]],
    ) -> None:
        """Add an agent that takes many small records at once, and acknowledges them when ``work`` returned."""
        source = self.app.topic(
            topic,
            key_type=bytes,
            key_serializer="raw",
            value_type=bytes,
            value_serializer="raw",
            internal=False,
            maxsize=_BATCH_RECORDS,
        )

        async def take(stream: faust.StreamT[bytes]) -> None:
            async for events in stream.noack_take(_BATCH_RECORDS, within=_BATCH_WITHIN_S):
                try:
                    await work([to_stored(event.message) for event in events])
                except asyncio.CancelledError:
                    raise
                except Exception as fault:  # noqa: BLE001 - judged by whoever owns the app
                    await on_fault(fault)
                    self._hold_topic(topic)
                    await self.stopping.wait()
                    return
                for event in events:
                    event.ack()

        self.app.agent(source, name=f"agent.{topic}")(take)

    def _hold(self, take: Take) -> None:
        """Let a record that stays unacknowledged not keep a rebalance or the stop waiting: it comes again."""
        message = take.event.message
        self.app.consumer.unacked.discard(message)
        self.app.consumer.pause_partitions({message.tp})

    def _hold_topic(self, topic: str) -> None:
        """Likewise for all that an agent which stopped had taken."""
        consumer = self.app.consumer
        for message in list(consumer.unacked):
            if message.topic == topic:
                consumer.unacked.discard(message)

    def end(self, fault: BaseException | None = None) -> None:
        """Ask the app to stop; the first fault given is the one it ends with."""
        self.fault = self.fault or fault
        self.stopping.set()

    async def run(self) -> None:
        """Run until :meth:`end` is called; what is at work then is finished and acknowledged first."""
        await self.app.start()
        crashed = asyncio.ensure_future(self.app.wait_until_stopped())
        ended = asyncio.ensure_future(self.stopping.wait())
        await asyncio.wait({crashed, ended}, return_when=asyncio.FIRST_COMPLETED)
        if crashed.done() and self.fault is None and self.app.crash_reason is not None:
            self.fault = self.app.crash_reason
        await self.app.stop()
        for task in (crashed, ended):
            task.cancel()

    def committed(self) -> dict[Partition, int]:
        """Return the next offset of each partition assigned to this worker, as far as known."""
        consumer = self.app.consumer
        offsets = consumer._committed_offset  # noqa: SLF001 - Faust says this nowhere else
        return {(tp.topic, tp.partition): offset for tp, offset in offsets.items() if offset is not None}

    def ends(self) -> dict[Partition, int]:
        """Return the end offset of each partition assigned to this worker."""
        consumer = self.app.consumer
        return {(tp.topic, tp.partition): consumer.highwater(TP(*tp)) or 0 for tp in consumer.assignment()}


async def _to_takes(stream: faust.StreamT[bytes]) -> Any:  # noqa: ANN401 - an async generator of Take
    async for event in stream.noack().events():
        yield Take(to_stored(event.message), event)


def to_stored(message: Any) -> Stored:  # noqa: ANN401 - Faust's message
    """Return a consumed message as a stored record; its time is the broker's append time, to the millisecond."""
    milliseconds = round(message.timestamp * 1000)
    headers = message.headers.items() if isinstance(message.headers, dict) else message.headers or ()
    return Stored(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        appended_at=dt.datetime.fromtimestamp(milliseconds // 1000, dt.UTC)
        + dt.timedelta(milliseconds=milliseconds % 1000),
        key=message.key,
        headers=tuple((name, value) for name, value in headers),
        value=message.value,
    )


def make_app(plan: AppPlan) -> StreamApp:
    """Return an app with the settings under which Faust loses nothing (see ``docs/decisions``)."""
    register_transports()
    app = faust.App(
        plan.app_id,
        broker=plan.broker,
        broker_credentials=_to_credentials(plan),
        TableManager=PromptTables,
        autodiscover=False,
        origin=None,
        datadir=plan.folder,
        store="memory://",
        topic_partitions=plan.partitions,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        consumer_auto_offset_reset="earliest",
        broker_max_poll_interval=_POLL_INTERVAL_S,
        broker_max_poll_records=_POLL_RECORDS,
        broker_commit_interval=plan.commit_every_s,
        stream_buffer_maxsize=_BUFFER_RECORDS,
        stream_wait_empty=True,
        producer_linger=_LINGER_S,
        producer_max_batch_size=_BATCH_BYTES,
        producer_max_request_size=_REQUEST_BYTES,
        producer_acks=-1,
        web_enabled=False,
        loghandlers=[],
    )
    return StreamApp(app)


def _to_credentials(plan: AppPlan) -> Any:  # noqa: ANN401 - Faust's credentials
    """Return what Faust's Kafka driver introduces itself with; the embedded broker needs nothing."""
    if not plan.broker.startswith("kafka"):
        return None
    return to_faust_credentials(plan.credentials)
