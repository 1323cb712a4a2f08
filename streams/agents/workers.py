"""What agents do behind the router: a unit in, its result announced; a use in, a fact stored."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import ValidationError

from schemas.errors import RejectedInput
from schemas.unit import WorkOrder, to_moment_text
from streams.account.ledger import UNREADABLE
from streams.brokers.records import Record
from streams.units.pipeline import to_set_aside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.agents.bench import Bench
    from streams.agents.takes import Take
    from streams.brokers.records import Partition, Stored
    from streams.units.pipeline import Pipeline
    from streams.usage.meter import Meter

log = logging.getLogger(__name__)

#: The step at which a unit may fail here.
_WORK = "work"


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

    async def work(self, takes: Sequence[Take]) -> tuple[Take, ...]:
        """Store a batch of uses; a record that is none is kept with its reason and stops nothing."""
        records = [take.record for take in takes]
        taken = await self.bench.call(lambda: self.meter.take(records))
        for refused in taken.refused:
            log.warning("no use: partition %d offset %d (%s)", refused.partition, refused.offset, refused.reason)
        self.metered.update({(record.topic, record.partition): record.offset + 1 for record in records})
        return ()


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
