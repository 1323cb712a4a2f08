"""Lag: whether uses that a period rests on are recorded and not counted yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping

    from streams.brokers.records import Partition, Stored


class UsageLog(Protocol):
    """The part of a broker that is asked (:mod:`streams.brokers.client` says what each may raise)."""

    def committed(self, group: str) -> dict[Partition, int]:
        """Return the next offset a group of workers would read."""
        ...

    def read(self, topic: str, start: Mapping[int, int] | None = None) -> Iterator[Stored]:
        """Return a topic's records from the given offsets on."""
        ...


def is_behind(log: UsageLog, topic: str, group: str, until_at: dt.datetime) -> bool:
    """Return whether a record that was taken in before a moment is not counted yet.

    Raises
    ------
    TransientFault, FatalFault
        If the broker is away, or there is no such topic.
    """
    start = {partition: offset for (name, partition), offset in log.committed(group).items() if name == topic}
    return any(record.appended_at < until_at for record in log.read(topic, start))
