"""Records as agents take them: held, unacknowledged, until their outcome is durable."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streams.brokers.bundles import Bundle
from streams.brokers.records import Stored

if TYPE_CHECKING:
    from schemas.unit import WorkOrder
    from streams.brokers.records import Partition


@dataclass(frozen=True, slots=True)
class Shape:
    """How much an agent takes at once.

    Attributes
    ----------
    width
        Records at work at once.
    backlog
        Records taken and not acknowledged; more than the width, so that one long unit does not hold up all.
    is_small
        Whether its records never hold pictures.
    """

    width: int
    backlog: int = 0
    is_small: bool = True


@dataclass
class Take:
    """A record that was taken from a topic, to be acknowledged when its outcome is durable.

    Attributes
    ----------
    order
        What it asks for, once somebody read it as an order.
    """

    record: Stored
    event: Any
    order: WorkOrder | None = None

    @property
    def partition(self) -> Partition:
        """The topic and partition it came from."""
        return (self.record.topic, self.record.partition)

    def ack(self) -> bool:
        """Acknowledge; the offset is committed later."""
        return bool(self.event.ack())


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


def to_take(event: Any) -> Take | BundleTake:  # noqa: ANN401 - Faust's event
    """Return what a Faust event brings: a record, or a bundle of them where its topic comes in bundles."""
    if isinstance(event.message.value, Bundle):
        return BundleTake(event.message.value.records, event)
    return Take(to_stored(event.message), event)


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
