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
from schemas.unit import WorkOrder, to_captured_text
from schemas.wire import FEED_SOURCE
from streams.account.ledger import find_subject, to_arrival_key
from streams.agents.window import HoldPartition
from streams.brokers.records import Record
from streams.faults import Patience, make_rejection, to_dead_letter
from streams.units.pipeline import to_set_aside
from streams.units.routing import to_settled_record

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from schemas.topics import Topics
    from streams.agents.app import Take
    from streams.agents.gate import FeedGate
    from streams.agents.health import Health
    from streams.brokers.records import Stored
    from streams.units.pipeline import Pipeline
    from streams.units.routing import Prepared, Router
    from streams.usage.meter import Meter

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class Bench:
    """What every agent works with.

    Attributes
    ----------
    send
        Sends records and returns when they are durable.
    threads
        Where the work is done.
    patience
        How calls to a neighbour that is away are tried again.
    stopping
        Set when the worker stops, so that nobody waits for a neighbour any longer.
    """

    topics: Topics
    send: Callable[[Sequence[Record]], Awaitable[None]]
    threads: Executor
    gate: FeedGate
    health: Health
    patience: Patience = field(default_factory=Patience)
    stopping: Event = field(default_factory=Event)

    async def call(self, work: Callable[[], T]) -> T:
        """Run ``work`` in a thread, trying again while a neighbour is away."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, self.patience.call, work, self.stopping)

    async def publish(self, records: Sequence[Record]) -> None:
        """Send records, trying again while the broker is away; return when they are durable."""
        await self.patience.call_async(lambda: self.send(records), self.stopping)

    async def refuse(self, feed: str, fault: RejectedInput, records: Sequence[Record]) -> None:
        """Set a unit aside; or, when nearly all of its feed's units fail for this reason, stand still unacknowledged."""
        pause = self.gate.check_failure(feed, fault.reason)
        if pause is not None:
            self.health.note_pause(feed, pause.sentence)
            log.critical("%s", pause.sentence)
            raise HoldPartition(pause.sentence)
        await self.publish(records)
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
        record = take.record
        before, mine = self._turn, asyncio.get_running_loop().create_future()
        self._turn = mine
        try:
            prepared = await self.bench.call(lambda: self.router.prepare(record))
            if before is not None:
                await asyncio.shield(before)
            other = self.router.decide(prepared)
        except RejectedInput as fault:
            await self._set_aside(record, fault)
            return
        finally:
            mine.set_result(None)
        await self._send_on(prepared, other)

    async def _send_on(self, prepared: Prepared, other: str | None) -> None:
        if other is None:
            other = await self.bench.call(lambda: self.router.claim(prepared))
        if other is None:
            await self.bench.publish((self.router.to_in_work(prepared),))
            await self.bench.publish((self.router.to_work(prepared),))
        else:
            await self.bench.publish((self.router.to_duplicate(prepared),))
        feed = prepared.media.feed
        self.bench.gate.record_success(feed)
        self.bench.health.note_arrival(feed, prepared.arrived_at)

    async def _set_aside(self, stored: Stored, fault: RejectedInput) -> None:
        key = to_arrival_key(stored)
        record = Record(stored.topic, stored.key, stored.value, stored.headers)
        rejection = make_rejection(record, fault, step="route", rejected_at=dt.datetime.now(dt.UTC))
        end = SetAside(rejection_id=rejection.rejection_id, reason=fault.reason)
        settled = MediaSettled(source=key.source, event=key.event, subject=find_subject(stored), end=end)
        letter = to_dead_letter(record, rejection, self.bench.topics.media_rejected)
        records = (letter, to_settled_record(self.bench.topics, settled))
        await self.bench.refuse(key.source.removeprefix(FEED_SOURCE), fault, records)


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
            letters = to_set_aside(None, record, fault, self.bench.topics)
            await self.bench.refuse("(unreadable)", fault, letters)
            return
        stamp = order.unit.stamp
        try:
            announced = await self.bench.call(lambda: self.pipeline.process(order, self.bench.topics))
        except RejectedInput as fault:
            letters = to_set_aside(order, record, fault, self.bench.topics)
            await self.bench.refuse(stamp.feed, fault, letters)
            return
        await self.bench.publish(announced)
        self.bench.gate.record_success(stamp.feed)
        self.bench.health.note_stored(stamp.feed, to_captured_text(stamp.captured), dt.datetime.now(dt.UTC))


@dataclass
class MeterAgent:
    """Turns uses into durable facts."""

    meter: Meter
    bench: Bench

    async def work(self, records: Sequence[Stored]) -> None:
        """Store a batch of uses; a record that is none is kept with its reason and stops nothing."""
        taken = await self.bench.call(lambda: self.meter.take(records))
        for refused in taken.refused:
            log.warning("no use: partition %d offset %d (%s)", refused.partition, refused.offset, refused.reason)


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
