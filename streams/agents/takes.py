"""Records as agents take them: held, unacknowledged, until their outcome is durable."""

from __future__ import annotations

from dataclasses import dataclass
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

    def hold(self) -> None:
        """Leave all of them unacknowledged: they come again, and neither a rebalance nor the stop waits for them."""
        _leave(self.event)

    def split(self) -> list[Take]:
        """Return each record as a take of its own; they share their end."""
        fate = Fate(self.event, len(self.records))
        return [Take(record, fate) for record in self.records]


@dataclass(slots=True)
class Fate:
    """What the records of one bundle share: they are acknowledged when all are at their end, unless one of them is held.

    Attributes
    ----------
    left
        Records that are not at their end.
    is_held
        Whether one of them stays unacknowledged, and with it all.
    """

    event: Any
    left: int = 1
    is_held: bool = False

    def end_one(self, *, is_held: bool) -> bool:
        """Note that a record is at its end; return whether that acknowledged all."""
        self.left -= 1
        self.is_held = self.is_held or is_held
        if self.left:
            return False
        if self.is_held:
            _leave(self.event)
            return False
        return bool(self.event.ack())


@dataclass
class Take:
    """A record that was taken from a topic, to be acknowledged when its outcome is durable.

    Attributes
    ----------
    fate
        That of the bundle it came in.
    order
        What it asks for, once somebody read it as an order.
    """

    record: Stored
    fate: Fate
    order: WorkOrder | None = None

    @property
    def partition(self) -> Partition:
        """The topic and partition it came from."""
        return (self.record.topic, self.record.partition)

    def ack(self) -> bool:
        """Acknowledge, with the last of its bundle; the offset is committed later."""
        return self.fate.end_one(is_held=False)

    def hold(self) -> None:
        """Stay unacknowledged, and with it its bundle, which comes again."""
        self.fate.end_one(is_held=True)


def to_take(event: Any) -> BundleTake:  # noqa: ANN401 - Faust's event
    """Return what a Faust event of a topic that comes in bundles brings."""
    return BundleTake(event.message.value.records, event)


def _leave(event: Any) -> None:  # noqa: ANN401 - Faust's event
    """Let nobody wait any longer for what stays unacknowledged."""
    event.app.consumer.unacked.discard(event.message)
