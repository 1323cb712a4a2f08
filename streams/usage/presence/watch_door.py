"""The door of a watcher: what looks at a folder or collection says when it did."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.errors import ObservatoryError
from streams.brokers.records import Record
from streams.usage.edge.heartbeat import EVERY, make_heartbeat, to_minute

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)

#: Letters that the name of a door has room for.
_NAME_LETTERS, _DIGITS = 41, 8


@dataclass
class WatchDoor:
    """Sends the heartbeats of one feed's watcher.

    A watcher that is away misses no file that is still there when it comes back. But what it finds then counts at the time at
    which it is announced, and what was removed meanwhile is never found: so the time between is missing, and stays so.

    Parameters
    ----------
    append
        Writes records; what it cannot write now is told again with the next heartbeat.
    topic
        Name of the topic of uses.
    speaks
        A watcher that looks once and ends is never away without purpose, and says nothing.
    """

    append: Callable[[Sequence[Record]], None]
    topic: str
    feed: str
    installation: str
    speaks: bool = True
    _since_at: dt.datetime | None = None
    _seen_at: dt.datetime | None = None
    _has_told: bool = False
    _is_troubled: bool = False

    def note_trouble(self) -> None:
        """Note that broker or store were away during the look that is going on: what it finds is announced late."""
        self._is_troubled = True

    def note_look(self, began_at: dt.datetime, ended_at: dt.datetime) -> None:
        """Note that a look saw all there was; more than ten minutes between two, or of trouble in one, are a gap."""
        if self._since_at is None or self._seen_at is None:
            self._since_at = self._seen_at = began_at
        if began_at - self._seen_at > EVERY:
            self._tell(self._seen_at)
            self._since_at, self._has_told = began_at, False
        self._seen_at = began_at if self._is_troubled else ended_at
        self._is_troubled = False
        if not self._has_told or self._seen_at - self._since_at >= EVERY:
            self._tell(self._seen_at)

    def close(self) -> None:
        """Say that the watcher ends on purpose: nothing is missing until it is started again."""
        if self._seen_at is not None:
            self._tell(self._seen_at, last=True)

    def _tell(self, until_at: dt.datetime, *, last: bool = False) -> None:
        if not self.speaks:
            return
        since_at = self._since_at or until_at
        door = to_door(self.feed)
        beat = make_heartbeat(door, self.installation, to_minute(since_at), to_minute(until_at), last=last)
        try:
            self.append([Record(self.topic, self.installation.encode(), beat.to_canonical())])
        except ObservatoryError as fault:
            log.info("a heartbeat is put off: %s", fault.sentence)
            return
        self._since_at, self._has_told = until_at, True


def to_door(feed: str) -> str:
    """Return the name of a feed's watcher as a door; different feeds have different ones."""
    name = feed.replace("-", "_")
    if len(name) > _NAME_LETTERS:
        name = f"{name[: _NAME_LETTERS - _DIGITS - 1]}_{hashlib.sha256(feed.encode()).hexdigest()[:_DIGITS]}"
    return f"watch_{name}"
