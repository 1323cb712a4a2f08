"""What agents do behind the router: a unit in, its result announced; a use in, a fact stored."""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import ValidationError

from schemas.errors import RejectedInput, TransientFault
from schemas.unit import WorkOrder, to_moment_text
from streams.account.ledger import UNREADABLE
from streams.agents.window import HoldEvent
from streams.brokers.records import Record
from streams.units.pipeline import to_set_aside

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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

    def pick(self, takes: Sequence[Take]) -> int:
        """Return how many of the first units are small stills that may be done together."""
        return max(1, self.pipeline.count_joining(self._read_some(takes)))

    def _read_some(self, takes: Sequence[Take]) -> Iterator[WorkOrder]:
        """Yield the orders up to the first record that is none."""
        for take in takes:
            try:
                order = self._read(take)
            except RejectedInput:
                return
            yield order

    def do(self, takes: Sequence[Take]) -> list[Done]:
        """Look at units and store what was seen."""
        outcomes: dict[int, Done] = {}
        going: list[tuple[int, WorkOrder]] = []
        for place, take in enumerate(takes):
            order: WorkOrder | None = None
            try:
                order = self._read(take)
                self.bench.check_pause(order.unit.stamp.feed)
                going.append((place, order))
            except HoldEvent:
                outcomes[place] = Done(order, is_held=True)
            except RejectedInput as fault:
                outcomes[place] = Done(order, fault=fault)
        partitions = {order.unit.stamp.unit_id: takes[place].partition for place, order in going}
        try:
            answers = self._process([order for _, order in going], partitions)
        finally:
            for take in takes:
                self.bench.pulse.end(take.partition)
        for (place, order), answer in zip(going, answers, strict=True):
            outcomes[place] = Done(order, fault=answer) if isinstance(answer, RejectedInput) else Done(order, answer)
        return [outcomes[place] for place in range(len(takes))]

    def _read(self, take: Take) -> WorkOrder:
        if take.order is None:
            take.order = read_order(take.record)
        return take.order

    def _process(
        self, orders: Sequence[WorkOrder], partitions: Mapping[str, Partition]
    ) -> list[tuple[Record, ...] | RejectedInput]:
        if not orders:
            return []
        bench, pulse = self.bench, self.bench.pulse

        def look(order: WorkOrder) -> None:
            if len(orders) == 1:
                pulse.look(partitions[order.unit.stamp.unit_id])
            else:  # one that was looked at waits for the others, whose images tell nothing of it
                pulse.beat()

        def try_once() -> list[tuple[Record, ...] | RejectedInput]:
            try:
                return self.pipeline.process_together(orders, bench.topics, on_image=look)
            except TransientFault:  # from now on it waits for a neighbour
                for partition in partitions.values():
                    pulse.end(partition)
                raise

        return bench.do(try_once)

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
