"""Health: what a worker knows about its feeds, and whether it still moves."""

from __future__ import annotations

import datetime as dt
import faulthandler
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from schemas.noun import to_time_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.brokers.records import Partition


@dataclass
class FeedHealth:
    """One feed as its worker sees it.

    Attributes
    ----------
    arrived_at
        When the newest arrival was taken in by the broker.
    stored_at
        When the newest result was stored.
    dead_letters
        Units set aside since the worker began, by reason.
    paused
        Why the feed stands still, if it does.
    """

    arrived_at: dt.datetime | None = None
    stored_at: dt.datetime | None = None
    captured: str = ""
    stored: int = 0
    dead_letters: Counter[str] = field(default_factory=Counter)
    paused: str = ""


@dataclass
class Health:
    """Everything ``/healthz`` tells; shared by the threads of a worker."""

    started_at: dt.datetime
    feeds: dict[str, FeedHealth] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def note_arrival(self, feed: str, at: dt.datetime) -> None:
        """Note that a feed's arrival was taken up."""
        with self._lock:
            self._feed(feed).arrived_at = at

    def note_stored(self, feed: str, captured: str, at: dt.datetime) -> None:
        """Note that a unit's result is stored."""
        with self._lock:
            known = self._feed(feed)
            known.stored_at, known.captured, known.stored = at, captured, known.stored + 1

    def note_dead_letter(self, feed: str, reason: str) -> None:
        """Note that a unit was set aside."""
        with self._lock:
            self._feed(feed).dead_letters[reason] += 1

    def note_pause(self, feed: str, sentence: str) -> None:
        """Note that a feed stands still."""
        with self._lock:
            self._feed(feed).paused = sentence

    def note_stop(self, installation: str, sentence: str) -> None:
        """Note that an installation's agent stopped for a fatal fault."""
        with self._lock:
            self.stopped[installation] = sentence

    def _feed(self, feed: str) -> FeedHealth:
        return self.feeds.setdefault(feed, FeedHealth())

    @property
    def is_well(self) -> bool:
        """Whether nothing stands still."""
        with self._lock:
            return not self.stopped and not any(feed.paused for feed in self.feeds.values())

    def to_plain(self, lag: Mapping[Partition, int]) -> dict[str, object]:
        """Return one JSON object: well or not, lag by topic in records, and each feed."""
        well = self.is_well
        with self._lock:
            lags: Counter[str] = Counter()
            for (topic, _), behind in lag.items():
                lags[topic] += behind
            return {
                "well": well,
                "started_at": to_time_text(self.started_at),
                "lag": dict(sorted(lags.items())),
                "stopped": dict(self.stopped),
                "feeds": {name: _to_plain(feed) for name, feed in sorted(self.feeds.items())},
            }


def _to_plain(feed: FeedHealth) -> dict[str, object]:
    return {
        "last_arrival_at": to_time_text(feed.arrived_at) if feed.arrived_at else None,
        "last_result_at": to_time_text(feed.stored_at) if feed.stored_at else None,
        "last_captured": feed.captured or None,
        "stored": feed.stored,
        "dead_letters": dict(sorted(feed.dead_letters.items())),
        "paused": feed.paused or None,
    }


@dataclass
class StallWatch:
    """Notices a partition that has records waiting and does not move, which Faust can do without a word.

    Attributes
    ----------
    patience_s
        How long a partition with lag may stand still; 0 never complains.
    """

    patience_s: float
    _seen: dict[Partition, tuple[int, float]] = field(default_factory=dict)

    def find_stalled(
        self, committed: Mapping[Partition, int], ends: Mapping[Partition, int], now_s: float | None = None
    ) -> tuple[Partition, ...]:
        """Return the partitions that have had lag and the same committed offset for longer than the patience.

        Parameters
        ----------
        committed
            Next offset to read of each partition assigned to this worker.
        ends
            The offset its next record will get.
        now_s
            A monotonic clock.
        """
        clock_s = time.monotonic() if now_s is None else now_s
        stalled = []
        for partition, offset in committed.items():
            known = self._seen.get(partition)
            if known is None or known[0] != offset or ends.get(partition, 0) <= offset:
                self._seen[partition] = (offset, clock_s)
            elif self.patience_s > 0 and clock_s - known[1] > self.patience_s:
                stalled.append(partition)
        for gone in set(self._seen) - set(committed):
            del self._seen[gone]
        return tuple(sorted(stalled))


def print_stacks() -> None:
    """Write the stacks of all threads to standard error: what an exit for a stall leaves behind."""
    faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
