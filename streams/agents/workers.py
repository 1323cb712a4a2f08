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
from streams.agents.window import HoldEvent
from streams.brokers.records import Record
from streams.units.pipeline import to_set_aside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.agents.bench import Bench
    from streams.agents.takes import BundleTake, Take
    from streams.brokers.records import Partition, Stored
    from streams.units.pipeline import Pipeline
    from streams.usage.meter import Meter

log = logging.getLogger(__name__)

#: The step at which a unit may fail here.
_WORK = "work"


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a unit.

    Attributes
    ----------
    order
        Absent where the record is none of ours.
    announced
        The records that tell its outcome.
    fault
        Why it is to be set aside.
    is_held
        Whether it stays where it is: its feed stands still.
    """

    order: WorkOrder | None
    announced: tuple[Record, ...] = ()
    fault: RejectedInput | None = None
    is_held: bool = False


@dataclass
class WorkAgent:
    """Does the units of one installation."""

    pipeline: Pipeline
    bench: Bench

    def do(self, take: Take) -> Done:
        """Look at one unit and store what was seen."""
        order: WorkOrder | None = None
        bench, partition = self.bench, take.partition
        try:
            order = read_order(take.record)
            bench.check_pause(order.unit.stamp.feed)
            announced = self._process(order, partition)
        except HoldEvent:
            return Done(order, is_held=True)
        except RejectedInput as fault:
            return Done(order, fault=fault)
        finally:
            bench.pulse.end(partition)
        return Done(order, announced)

    def _process(self, order: WorkOrder, partition: Partition) -> tuple[Record, ...]:
        pulse = self.bench.pulse
        return self.bench.do(
            lambda: self.pipeline.process(order, self.bench.topics, on_image=lambda: pulse.look(partition))
        )

    async def finish(self, done: Sequence[tuple[Take, Done]]) -> list[Take]:
        """Announce what was seen; set aside what cannot be used; return those of feeds that stand still."""
        await self.bench.publish([record for _, one in done for record in one.announced])
        now_at = dt.datetime.now(dt.UTC)
        held: list[Take] = []
        for take, one in done:
            if one.is_held:
                held.append(take)
            elif one.fault is not None:
                try:
                    await self._set_aside(take, one.order, one.fault)
                except HoldEvent:
                    held.append(take)
            elif one.order is not None:
                stamp = one.order.unit.stamp
                self.bench.gate.record_success(stamp.feed, _WORK)
                self.bench.health.note_stored(stamp.feed, to_moment_text(stamp.captured), now_at)
        return held

    async def _set_aside(self, take: Take, order: WorkOrder | None, fault: RejectedInput) -> None:
        stored = take.record
        record = Record(stored.topic, stored.key, stored.value, stored.headers)
        letter, *ends = to_set_aside(order, record, fault, self.bench.topics, recorder=self.pipeline.recorder)
        feed = order.unit.stamp.feed if order else UNREADABLE
        await self.bench.refuse(feed, fault, letter, ends, step=_WORK)


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

    async def work(self, takes: Sequence[BundleTake]) -> tuple[BundleTake, ...]:
        """Store a batch of uses; a record that is none is kept with its reason and stops nothing."""
        records = [record for take in takes for record in take.records]
        taken = await self.bench.call(lambda: self.meter.take(records))
        for refused in taken.refused:
            log.warning("no use: partition %d offset %d (%s)", refused.partition, refused.offset, refused.reason)
        self.metered.update({take.partition: take.records[-1].offset + 1 for take in takes})
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
