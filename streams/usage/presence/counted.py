"""Until when everything that arrived was used: followed through the topics, from arrivals over units to uses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from schemas.topics import LANES

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from schemas.topics import Topics
    from streams.brokers.records import Partition


class Positions(Protocol):
    """The part of a broker that is asked (:mod:`streams.brokers.client` says what each may raise)."""

    def committed(self, group: str) -> dict[Partition, int]:
        """Return the next offset a group of workers would read."""
        ...

    def begin_offsets(self, topics: Iterable[str]) -> dict[Partition, int]:
        """Return the offset of the earliest record kept."""
        ...

    def end_offsets(self, topics: Iterable[str]) -> dict[Partition, int]:
        """Return the offset that the next record will get."""
        ...


@dataclass
class Counted:
    """Follows one installation's arrivals until their uses are recorded.

    What arrived before a moment is routed when the workers are past the ends that the topic of arrivals had then, and its uses
    are recorded when they are past the ends that the topics of work had after that. What a feed that stands still holds back
    is never past. Uses and heartbeats of an installation have one message key: a heartbeat that is recorded after them
    becomes a fact after them.

    Parameters
    ----------
    group
        Name of the group of workers.
    """

    positions: Positions
    topics: Topics
    group: str
    installation: str
    _asked_at: dt.datetime | None = None
    _stage: int = 0
    _ends: dict[Partition, int] = field(default_factory=dict)

    def follow(self, now_at: dt.datetime) -> dt.datetime | None:
        """Return a moment before which the uses of everything that arrived are recorded; ``None`` while they are not.

        It asks for ``now_at`` first; later calls go on with that moment until it is reached.

        Raises
        ------
        TransientFault, FatalFault
            From the broker.
        """
        stages = self._list_stages()
        if self._asked_at is None:
            self._asked_at, self._stage = now_at, 0
            self._ends = self.positions.end_offsets(stages[0])
        while self._is_past():
            self._stage += 1
            if self._stage == len(stages):
                reached, self._asked_at = self._asked_at, None
                return reached
            self._ends = self.positions.end_offsets(stages[self._stage])
        return None

    def _list_stages(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        works = tuple(self.topics.work(self.installation, lane) for lane in LANES)
        return (self.topics.media_arrived,), works

    def _is_past(self) -> bool:
        # asked anew for each stage: what is behind must have been acknowledged after it was seen
        committed = self.positions.committed(self.group)
        return all(committed.get(partition, 0) >= end for partition, end in self._ends.items())

    def has_lost(self) -> bool:
        """Return whether records expired before a worker came to them: then nobody can count them any more.

        Raises
        ------
        TransientFault, FatalFault
            From the broker.
        """
        arrivals, works = self._list_stages()
        committed = self.positions.committed(self.group)
        begins = self.positions.begin_offsets((*arrivals, *works))
        return any(begin > committed.get(partition, 0) for partition, begin in begins.items())
