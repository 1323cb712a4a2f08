"""The door to Faust: one app whose agents hand raw records to ours, and acknowledge when we say that the result is durable."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

import faust
from faust.exceptions import ConsumerNotStarted
from faust.types import TP

from streams.agents.batches import Batching, BatchWindow
from streams.agents.takes import to_take
from streams.agents.window import Crew, CrewWindow, Window, WindowClosedError
from streams.brokers.bundles import BUNDLED_RECORDS, bundle_topic
from streams.brokers.kafka.faults import is_kafka_error
from streams.brokers.registration import register_transports
from streams.brokers.tables import PromptTables
from streams.faults import OutageError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
    from concurrent.futures import Executor

    from streams.agents.plan import AppPlan
    from streams.agents.takes import BundleTake, Shape, Take
    from streams.brokers.records import Partition, Record

log = logging.getLogger(__name__)

#: Bundles buffered per agent; each is bounded in bytes, for its records may hold pictures.
_BUFFER_BUNDLES = 64

#: When what was at work has come to its end or is left, Faust itself has this long, or is left as it is: nothing is
#: acknowledged that is not durable.
_FAUST_STOPS_WITHIN_S = 25.0

#: Between two looks at whether work has come to its end.
_LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class _Parcel:
    """How the records of a topic come: at most so many in a bundle, and so many bundles buffered."""

    records: int
    buffered: int


#: Of small records that are done one by one: few in a bundle, which is acknowledged when all of them are done. A buffer that is
#: full holds up the delivery to **all** agents, and it takes in no more only from the partition of which the last record came:
#: so it has room for a poll from each of six partitions above 80 %, though each bundle held but one record.
_SMALL_PARCEL = _Parcel(4, 2_048)


@runtime_checkable
class SendsTogether(Protocol):
    """A producer that appends records of several topics in one durable step."""

    async def send_together(self, records: Sequence[Record]) -> None:
        """Append all of them, or none."""
        ...


@dataclass
class StreamApp:
    """The running part: agents, sending, and how it all ended.

    Attributes
    ----------
    fault
        Why the app must stop, once it must.
    held
        Partitions with a record that is left unacknowledged until this worker starts anew.
    begins
        Where the partitions assigned to this worker begin.
    windows
        What is at work, by topic.
    """

    app: faust.App
    fault: BaseException | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    held: set[Partition] = field(default_factory=set)
    begins: dict[Partition, int] = field(default_factory=dict)
    windows: dict[str, Window[Any]] = field(default_factory=dict)
    stop_within_s: float = 60.0
    is_left_running: bool = False

    async def publish(self, records: Sequence[Record]) -> None:
        """Send records and return when the broker has made all of them durable.

        Raises
        ------
        TransientFault, FatalFault
            If the broker does not take them, or they may not be written.
        """
        producer: Any = self.app.producer
        if isinstance(producer, SendsTogether):
            await producer.send_together(records)
        else:
            await asyncio.gather(*(self._send(record) for record in records))

    async def _send(self, record: Record) -> None:
        headers: Any = list(record.headers)
        await self.app.producer.send_and_wait(record.topic, record.key, record.value, None, None, headers)

    def add_agent(
        self,
        topic: str,
        *,
        shape: Shape,
        crew: Crew[Take, Any],
        threads: Executor,
        on_fault: Callable[[BaseException], Awaitable[None]],
    ) -> None:
        """Add an agent for one topic.

        Parameters
        ----------
        crew
            Does records and makes their outcome durable; a fault it raises ends the agent, the record unacknowledged.
        threads
            Where records are done.
        on_fault
            Told that fault; decides whether the whole app stops.
        """
        self._add(
            topic,
            lambda: CrewWindow(crew, shape.width, backlog=shape.backlog, threads=threads, on_hold=self._hold),
            draw=_draw_records,
            parcel=_SMALL_PARCEL,
            on_fault=on_fault,
        )

    def add_batch_agent(
        self,
        topic: str,
        *,
        batching: Batching,
        work: Callable[[Sequence[BundleTake]], Awaitable[Collection[BundleTake]]],
        on_fault: Callable[[BaseException], Awaitable[None]],
    ) -> None:
        """Add an agent to which records come in bundles, as many at once as have come together; acknowledged by the bundle.

        Parameters
        ----------
        work
            Makes the outcome of a batch durable, and returns those bundles that stay unacknowledged.
        on_fault
            As above.
        """
        self._add(
            topic,
            lambda: BatchWindow(batching, work=work, on_hold=self._hold, weigh=lambda take: len(take.records)),
            draw=_draw_bundles,
            parcel=_Parcel(min(BUNDLED_RECORDS, batching.most), _BUFFER_BUNDLES),
            on_fault=on_fault,
        )

    def _add(
        self,
        topic: str,
        open_window: Callable[[], Window[Any]],
        *,
        draw: Callable[[faust.StreamT[bytes]], AsyncIterator[Any]],
        parcel: _Parcel,
        on_fault: Callable[[BaseException], Awaitable[None]],
    ) -> None:
        async def take(stream: faust.StreamT[bytes]) -> None:
            window = self.windows[topic] = open_window()
            try:
                await window.run(draw(stream))
            except WindowClosedError as closed:
                await on_fault(closed.__cause__ or closed)
                self._let_go(topic)
                async for left in _draw_bundles(stream):  # a buffer that fills would hold up every other agent
                    self._leave(left.event.message)

        bundle_topic(self.app, topic, parcel.records)
        self.app.agent(self._make_source(topic, parcel.buffered), name=f"agent.{topic}")(take)

    def _make_source(self, topic: str, buffered: int) -> faust.TopicT:
        """Return a topic whose records are raw bytes: what they are is for the agents' bodies to find out."""
        raw: dict[str, Any] = {
            "key_type": bytes,
            "key_serializer": "raw",
            "value_type": bytes,
            "value_serializer": "raw",
        }
        return self.app.topic(topic, **raw, internal=False, maxsize=buffered)

    def _hold(self, take: Take | BundleTake) -> None:
        """Let a record that stays unacknowledged not keep a rebalance or the stop waiting: it comes again."""
        self.held.add(take.partition)
        take.hold()

    def _let_go(self, topic: str) -> None:
        """Leave all that an agent which stopped had taken."""
        for message in list(self.app.consumer.unacked):
            if message.topic == topic:
                self._leave(message)

    def _leave(self, message: Any) -> None:  # noqa: ANN401 - Faust's message
        """Likewise, and take nothing more from its partition."""
        self.held.add((message.topic, message.partition))
        self.app.consumer.unacked.discard(message)
        self.app.consumer.pause_partitions({message.tp})

    def end(self, fault: BaseException | None = None) -> None:
        """Ask the app to stop; the first fault given is the one it ends with."""
        self.fault = self.fault or fault
        self.stopping.set()

    async def run(self) -> None:
        """Run until :meth:`end` is called; what is at work then is finished and acknowledged first, within a bound."""
        try:
            await self.app.start()
            crashed = asyncio.ensure_future(self.app.wait_until_stopped())
            ended = asyncio.ensure_future(self.stopping.wait())
            await asyncio.wait({crashed, ended}, return_when=asyncio.FIRST_COMPLETED)
            if crashed.done() and self.fault is None and self.app.crash_reason is not None:
                self.fault = self.app.crash_reason
            for task in (crashed, ended):
                task.cancel()
        finally:
            self.stopping.set()
            await self._stop()

    async def _stop(self) -> None:
        """Stop Faust; what does not come to its end in time is left unacknowledged, and comes again."""
        stop = asyncio.ensure_future(self.app.stop())
        if not await self._let_work_end(stop):
            left = sum(window.taken for window in self.windows.values())
            log.warning("%d records are still at work after %.0f s; they come again", left, self.stop_within_s)
            self.app.consumer.unacked.clear()
        await asyncio.wait({stop}, timeout=_FAUST_STOPS_WITHIN_S)
        if not stop.done():
            self.is_left_running = True
            stop.cancel()
            sentence = (
                "The broker does not answer, so this worker leaves it; nothing is acknowledged that is not durable."
            )
            self.fault = self.fault or OutageError(sentence)
        elif self.fault is None:
            self.fault = stop.exception()

    async def _let_work_end(self, stop: asyncio.Future[None]) -> bool:
        """Return whether what is at work came to its end within the time for it."""
        until = time.monotonic() + self.stop_within_s
        while self.app.consumer.unacked and not stop.done():
            left_s = until - time.monotonic()
            if left_s <= 0:
                return False
            await asyncio.wait({stop}, timeout=min(left_s, _LOOK_EVERY_S))
        return True

    def committed(self) -> dict[Partition, int]:
        """Return the next offset of each partition assigned to this worker; its first where nothing was committed yet."""
        consumer: Any = self.app.consumer
        offsets = consumer._committed_offset  # noqa: SLF001 - Faust says this nowhere else
        return {
            (tp.topic, tp.partition): offsets.get(tp) or self.begins.get((tp.topic, tp.partition), 0)
            for tp in self._list_assigned()
        }

    async def commit(self) -> None:
        """Commit now what is acknowledged."""
        consumer: Any = self.app.consumer
        await consumer.commit()

    async def learn_assignment(self) -> None:
        """Learn where newly assigned partitions begin, and forget what was held in those that are gone."""
        assigned = self._list_assigned()
        here = {(tp.topic, tp.partition) for tp in assigned}
        self.held &= here
        self.begins = {partition: first for partition, first in self.begins.items() if partition in here}
        new = [tp for tp in assigned if (tp.topic, tp.partition) not in self.begins]
        if not new:
            return
        try:
            found = await self.app.consumer.earliest_offsets(*new)
        except Exception as error:
            if not is_kafka_error(error):
                raise
            return  # asked again at the next look
        self.begins.update({(tp.topic, tp.partition): first or 0 for tp, first in found.items()})

    def ends(self) -> dict[Partition, int]:
        """Return the end offset of each partition assigned to this worker."""
        found: dict[Partition, int] = {}
        for tp in self._list_assigned():
            with suppress(AssertionError):  # aiokafka's: a partition may be taken away while it is asked for
                found[tp.topic, tp.partition] = self.app.consumer.highwater(tp) or 0
        return found

    def _list_assigned(self) -> list[TP]:
        """Return what is assigned to this worker: nothing, before it has joined its group."""
        try:
            return [TP(*tp) for tp in self.app.consumer.assignment()]
        except ConsumerNotStarted:
            return []


async def _draw_bundles(stream: faust.StreamT[bytes]) -> AsyncIterator[BundleTake]:
    async for event in cast("Any", stream).noack().events():
        yield to_take(event)


async def _draw_records(stream: faust.StreamT[bytes]) -> AsyncIterator[Take]:
    async for bundle in _draw_bundles(stream):
        for take in bundle.split():
            yield take


def make_app(plan: AppPlan) -> StreamApp:
    """Return an app with the settings under which Faust loses nothing (see ``docs/decisions``)."""
    register_transports()
    return StreamApp(
        faust.App(plan.app_id, TableManager=PromptTables, stream_buffer_maxsize=_BUFFER_BUNDLES, **plan.to_settings()),
        stop_within_s=plan.stop_within_s,
    )
