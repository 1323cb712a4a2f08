"""The agents' bodies: a record in; its outcome durable, or its fault told, before it is acknowledged."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from concurrent.futures import Executor
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from schemas.errors import RejectedInput
from schemas.media import MediaSettled, SetAside
from schemas.unit import WorkOrder, to_moment_text
from streams.account.ledger import UNREADABLE, find_feed, find_subject, to_arrival_key
from streams.agents.health import Pulse
from streams.agents.window import HoldEvent
from streams.brokers.records import Record
from streams.faults import Patience, fit_letter, make_rejection, to_dead_letter
from streams.units.pipeline import to_set_aside
from streams.units.routing import to_settled_record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from schemas.topics import Topics
    from streams.agents.gate import FeedGate
    from streams.agents.health import Health
    from streams.agents.takes import Take
    from streams.brokers.records import Partition, Stored
    from streams.units.pipeline import Pipeline
    from streams.units.routing import Prepared, Router
    from streams.usage.meter import Meter

log = logging.getLogger(__name__)

T = TypeVar("T")

#: The steps at which a unit may fail.
_ROUTE, _WORK = "route", "work"


@dataclass(frozen=True)
class Bench:
    """What every agent works with.

    Attributes
    ----------
    send
        Sends records and returns when they are durable.
    keep
        Keeps bytes, of which sha256 and media type are given, and returns their object key: for dead letters too large to send.
    threads
        Where the work is done.
    patience
        How calls to a neighbour that is away are tried again.
    pulse
        Signs of life of what is at work.
    stopping
        Set when the worker stops, so that nobody waits for a neighbour any longer.
    """

    topics: Topics
    send: Callable[[Sequence[Record]], Awaitable[None]]
    keep: Callable[[bytes, str, str], str]
    threads: Executor
    gate: FeedGate
    health: Health
    patience: Patience = field(default_factory=Patience)
    pulse: Pulse = field(default_factory=Pulse)
    stopping: Event = field(default_factory=Event)

    async def call(self, work: Callable[[], T]) -> T:
        """Run ``work`` in a thread, trying again while a neighbour is away."""

        def try_once() -> T:
            self.pulse.beat()
            with self.health.watch("work"):
                return work()

        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, self.patience.call, try_once, self.stopping)

    async def publish(self, records: Sequence[Record]) -> None:
        """Send records, trying again while the broker is away; return when they are durable."""

        async def try_once() -> None:
            self.pulse.beat()
            with self.health.watch("sending"):
                await self.send(records)

        await self.patience.call_async(try_once, self.stopping)

    def check_pause(self, feed: str) -> None:
        """Leave a record of a feed that stands still where it is.

        Raises
        ------
        HoldEvent
            If the feed is paused.
        """
        pause = self.gate.find_pause(feed)
        if pause is not None:
            raise HoldEvent(pause.sentence)

    async def refuse(
        self, feed: str, fault: RejectedInput, letter: Record, ends: Sequence[Record], *, step: str
    ) -> None:
        """Set a unit aside; or, when nearly all of its feed's units fail for this reason, stand still unacknowledged.

        Raises
        ------
        HoldEvent
            If the feed is paused for it.
        """
        was_paused = self.gate.find_pause(feed) is not None
        pause = self.gate.check_failure(feed, step, fault.reason)
        if pause is not None:
            if not was_paused:
                self.health.note_pause(feed, pause.sentence)
                log.critical("%s", pause.sentence)
            raise HoldEvent(pause.sentence)
        fitting = await self.call(lambda: fit_letter(letter, self.keep))
        await self.publish((fitting, *ends))
        self.health.note_dead_letter(feed, fault.reason)
        log.warning("set aside: %s (%s) %s", feed, fault.reason, fault.sentence)


@dataclass
class RouterAgent:
    """Routes arrivals: prepared in threads, decided in order, claimed and sent on together."""

    router: Router
    bench: Bench
    _turn: asyncio.Future[None] | None = None

    async def work(self, take: Take) -> None:
        """Route one arrival to its work topic, or to its end."""
        record, feed = take.record, find_feed(take.record)
        self.bench.check_pause(feed)
        before, mine = self._turn, asyncio.get_running_loop().create_future()
        self._turn = mine
        try:
            prepared = await self.bench.call(lambda: self.router.prepare(record))
            if before is not None:
                await asyncio.shield(before)
            other = self.router.decide(prepared)
        except RejectedInput as fault:
            await self._set_aside(record, feed, fault)
            return
        finally:
            mine.set_result(None)
        await self._send_on(prepared, other)

    async def _send_on(self, prepared: Prepared, other: str | None) -> None:
        if other is None:
            other = await self.bench.call(lambda: self.router.claim(prepared))
        if other is None:
            taken_in = (self.router.to_in_work(prepared), self.router.to_ingested(prepared))
            await self.bench.publish(taken_in)
            await self.bench.publish((self.router.to_work(prepared),))
        else:
            await self.bench.publish((self.router.to_duplicate(prepared),))
        feed = prepared.media.feed
        self.bench.gate.record_success(feed, _ROUTE)
        self.bench.health.note_arrival(feed, prepared.arrived_at)

    async def _set_aside(self, stored: Stored, feed: str, fault: RejectedInput) -> None:
        key = to_arrival_key(stored)
        record = Record(stored.topic, stored.key, stored.value, stored.headers)
        rejection = make_rejection(record, fault, step=_ROUTE, rejected_at=dt.datetime.now(dt.UTC))
        end = SetAside(rejection_id=rejection.rejection_id, reason=fault.reason)
        settled = MediaSettled(source=key.source, event=key.event, subject=find_subject(stored), end=end)
        letter = to_dead_letter(record, rejection, self.bench.topics.media_rejected)
        await self.bench.refuse(feed, fault, letter, (to_settled_record(self.bench.topics, settled),), step=_ROUTE)


@dataclass
class WorkAgent:
    """Does the units of one installation."""

    pipeline: Pipeline
    bench: Bench

    async def work(self, take: Take) -> None:
        """Look at one unit and announce what was seen, or set it aside."""
        stored = take.record
        record = Record(stored.topic, stored.key, stored.value, stored.headers)
        try:
            order = read_order(stored)
        except RejectedInput as fault:
            letter, *ends = to_set_aside(None, record, fault, self.bench.topics, recorder=self.pipeline.recorder)
            await self.bench.refuse(UNREADABLE, fault, letter, ends, step=_WORK)
            return
        stamp = order.unit.stamp
        self.bench.check_pause(stamp.feed)
        try:
            announced = await self._process(order, take.partition)
        except RejectedInput as fault:
            letter, *ends = to_set_aside(order, record, fault, self.bench.topics, recorder=self.pipeline.recorder)
            await self.bench.refuse(stamp.feed, fault, letter, ends, step=_WORK)
            return
        await self.bench.publish(announced)
        self.bench.gate.record_success(stamp.feed, _WORK)
        self.bench.health.note_stored(stamp.feed, to_moment_text(stamp.captured), dt.datetime.now(dt.UTC))

    async def _process(self, order: WorkOrder, partition: Partition) -> tuple[Record, ...]:
        pulse = self.bench.pulse
        try:
            return await self.bench.call(
                lambda: self.pipeline.process(order, self.bench.topics, on_image=lambda: pulse.look(partition))
            )
        finally:
            pulse.end(partition)


@dataclass
class MeterAgent:
    """Turns uses into durable facts.

    Attributes
    ----------
    metered
        The next offset of each partition, once a batch is durable.
    """

    meter: Meter
    bench: Bench
    metered: dict[Partition, int] = field(default_factory=dict)

    async def work(self, records: Sequence[Stored]) -> None:
        """Store a batch of uses; a record that is none is kept with its reason and stops nothing."""
        taken = await self.bench.call(lambda: self.meter.take(records))
        for refused in taken.refused:
            log.warning("no use: partition %d offset %d (%s)", refused.partition, refused.offset, refused.reason)
        self.metered.update({(record.topic, record.partition): record.offset + 1 for record in records})


def read_order(stored: Stored) -> WorkOrder:
    """Read a work record.

    Raises
    ------
    RejectedInput
        ``unreadable_order`` if it is none of ours.
    """
    try:
        return WorkOrder.from_json(stored.value or b"")
    except ValidationError as error:
        reason = "unreadable_order"
        raise RejectedInput(reason, f"The work record is not a work order: {error.error_count()} errors.") from error
