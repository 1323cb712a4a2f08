"""Records as agents take them: held, unacknowledged, until their outcome is durable."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from schemas.unit import WorkOrder
    from streams.brokers.records import Partition, Stored


@dataclass(frozen=True, slots=True)
class Shape:
    """How much an agent takes at once.

    Attributes
    ----------
    width
        Records at work at once.
    backlog
        Records taken and not acknowledged; more than the width, so that one long unit does not hold up all.
    """

    width: int
    backlog: int = 0


@dataclass
class BundleTake:
    """Records of one partition that were taken together, and are acknowledged together."""

    records: tuple[Stored, ...]
    event: Any

    @property
    def partition(self) -> Partition:
        """The topic and partition they came from."""
        return (self.records[0].topic, self.records[0].partition)

    def ack(self) -> bool:
        """Acknowledge; the offset is committed later."""
        return bool(self.event.ack())

    def split(self) -> list[Take]:
        """Return each record as a take of its own; the last of them to be acknowledged acknowledges all."""
        left = Counter(takes=len(self.records))
        return [Take(record, self.event, left) for record in self.records]


@dataclass
class Take:
    """A record that was taken from a topic, to be acknowledged when its outcome is durable.

    Attributes
    ----------
    left
        How many records that came in one bundle with it, itself included, are not acknowledged yet.
    order
        What it asks for, once somebody read it as an order.
    """

    record: Stored
    event: Any
    left: Counter[str] = field(default_factory=lambda: Counter(takes=1))
    order: WorkOrder | None = None

    @property
    def partition(self) -> Partition:
        """The topic and partition it came from."""
        return (self.record.topic, self.record.partition)

    def ack(self) -> bool:
        """Acknowledge; return whether all of its bundle is now. The offset is committed later."""
        self.left["takes"] -= 1
        return not self.left["takes"] and bool(self.event.ack())


def to_take(event: Any) -> BundleTake:  # noqa: ANN401 - Faust's event
    """Return what a Faust event of a topic that comes in bundles brings."""
    return BundleTake(event.message.value.records, event)
