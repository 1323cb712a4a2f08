"""Health: what a worker knows about its feeds, and whether it still moves."""

from __future__ import annotations

import datetime as dt
import faulthandler
import logging
import sys
import time
from collections import Counter, OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from schemas.errors import TransientFault
from schemas.noun import to_time_text
from streams.account.status import to_age, to_feed_plain
from streams.agents.gate import FEEDS_LIMIT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from streams.account.status import FeedStatus, Status
    from streams.brokers.records import Partition

log = logging.getLogger(__name__)


@dataclass
class FeedHealth:
    """One feed as its worker sees it.

    Attributes
    ----------
    arrived_at
        When the newest arrival was taken in by the broker.
    stored_at, captured
        When the newest result was stored here, and when its picture was taken.
    stored, set_aside
        Units that ended here since the worker began; by reason those that were set aside.
    paused
        Why the feed stands still, if it does.
    """

    arrived_at: dt.datetime | None = None
    stored_at: dt.datetime | None = None
    captured: str = ""
    stored: int = 0
    set_aside: Counter[str] = field(default_factory=Counter)
    paused: str = ""


@dataclass
class Health:
    """Everything ``/healthz`` tells; shared by the threads of a worker.

    What this worker did is known at once. What concerns the feeds as a whole, which several workers share, comes from the
    topics, by :meth:`note_status`.

    Attributes
    ----------
    stopped
        Installations that a fatal fault stopped, and its sentence.
    waiting
        What is tried again because a neighbour is away (``work``, ``sending``), and what is wrong.
    status
        What the topics told last.
    """

    started_at: dt.datetime
    feeds: OrderedDict[str, FeedHealth] = field(default_factory=OrderedDict)
    stopped: dict[str, str] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    status: Status | None = None
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
            self._feed(feed).set_aside[reason] += 1

    def note_pause(self, feed: str, sentence: str) -> None:
        """Note that a feed stands still."""
        with self._lock:
            self._feed(feed).paused = sentence

    def note_status(self, status: Status) -> None:
        """Note what the topics tell of all feeds, those included that this worker never heard of."""
        with self._lock:
            self.status = status

    def note_stop(self, installation: str, sentence: str) -> None:
        """Note that an installation's agent stopped for a fatal fault."""
        with self._lock:
            self.stopped[installation] = sentence

    @contextmanager
    def watch(self, step: str) -> Iterator[None]:
        """Note when a step fails because a neighbour is away, and when it succeeds again."""
        try:
            yield
        except TransientFault as fault:
            with self._lock:
                is_news = step not in self.waiting
                self.waiting[step] = fault.sentence
            if is_news:
                log.warning("%s waits for a neighbour, and is tried again: %s", step, fault.sentence)
            raise
        if step in self.waiting:
            with self._lock:
                self.waiting.pop(step, None)
            log.warning("%s goes on", step)

    def _feed(self, feed: str) -> FeedHealth:
        """Return what is known of a feed; those that were quiet longest are forgotten, for a sender may invent names."""
        known = self.feeds.get(feed)
        if known is None:
            known = self.feeds[feed] = FeedHealth()
        self.feeds.move_to_end(feed)
        if len(self.feeds) > FEEDS_LIMIT:
            self.feeds.popitem(last=False)
        return known

    @property
    def is_well(self) -> bool:
        """Whether nothing stands still."""
        with self._lock:
            return not self.stopped and not self.waiting and not any(feed.paused for feed in self.feeds.values())

    def to_plain(self, lag: Mapping[Partition, int], *, now_at: dt.datetime | None = None) -> dict[str, object]:
        """Return one JSON object: well or not, lag by topic in records, and each feed.

        Parameters
        ----------
        lag
            Records that wait in the partitions of this worker.
        now_at
            When it is asked, for the ages.
        """
        well, asked_at = self.is_well, now_at or dt.datetime.now(dt.UTC)
        with self._lock:
            lags: Counter[str] = Counter()
            for (topic, _), behind in lag.items():
                lags[topic] += behind
            known = self.status.feeds if self.status else {}
            names = sorted({*self.feeds, *known})
            return {
                "well": well,
                "started_at": to_time_text(self.started_at),
                "lag": dict(sorted(lags.items())),
                "stopped": dict(self.stopped),
                "waiting": dict(self.waiting),
                "topics_read_at": to_time_text(self.status.asked_at) if self.status else None,
                "feed_lag_is_whole": self.status.lag.is_whole if self.status else None,
                "feeds": {
                    name: _to_plain(self.feeds.get(name, FeedHealth()), known.get(name), asked_at) for name in names
                },
            }


def _to_plain(here: FeedHealth, told: FeedStatus | None, asked_at: dt.datetime) -> dict[str, object]:
    """Return one feed: what its topics told, and what this worker did since; the younger of two results is the last."""
    told_at = told.last.stored_at if told and told.last else None
    last_at = max((moment for moment in (here.stored_at, told_at) if moment), default=None)
    plain: dict[str, object] = {**to_age(last_at, asked_at), **to_feed_plain(told)}
    plain["last_result_at"] = to_time_text(last_at) if last_at else None
    if last_at is not None and last_at == here.stored_at:
        plain["last_captured"] = here.captured or None
    return plain | {
        "paused": here.paused or None,
        "last_arrival_at": to_time_text(here.arrived_at) if here.arrived_at else None,
        "stored": here.stored,
        "set_aside": dict(sorted(here.set_aside.items())),
    }


@dataclass
class Pulse:
    """Signs of life of the records at work; noted by many threads."""

    _newest_s: float = 0.0
    _looked_s: dict[Partition, float] = field(default_factory=dict)

    def beat(self) -> None:
        """Note that a thread took something up, or tries it again."""
        self._newest_s = time.monotonic()

    def look(self, partition: Partition) -> None:
        """Note that an image of a unit of this partition was looked at."""
        self.beat()
        self._looked_s[partition] = self._newest_s

    def end(self, partition: Partition) -> None:
        """Note that a unit of this partition is not looked at any longer."""
        self.beat()
        self._looked_s.pop(partition, None)

    def find(self, partition: Partition, *, is_ours: bool) -> float:
        """Return the newest sign of life of a partition, on the monotonic clock; 0 where there is none.

        Parameters
        ----------
        is_ours
            Whether its records wait for a thread, a decoding process or a neighbour here. Then any sign of life counts, for
            its turn will come; once its images are looked at, only they do.
        """
        looked_s = self._looked_s.get(partition)
        if looked_s is not None:
            return looked_s
        return self._newest_s if is_ours else 0.0


@dataclass
class StallWatch:
    """Notices a partition that has records waiting and does not move, which Faust can do without a word.

    A long unit that is being looked at is no stall: each of its images is a sign of life.

    Attributes
    ----------
    patience_s
        How long a partition with lag may stand still; 0 never complains.
    """

    patience_s: float
    _seen: dict[Partition, tuple[int, float]] = field(default_factory=dict)

    def find_stalled(
        self,
        committed: Mapping[Partition, int],
        ends: Mapping[Partition, int],
        *,
        beats: Mapping[Partition, float] | None = None,
        held: Collection[Partition] = (),
        now_s: float | None = None,
    ) -> tuple[Partition, ...]:
        """Return the partitions that have had lag, the same committed offset and no sign of life for longer than the patience.

        Parameters
        ----------
        committed
            Next offset to read of each partition assigned to this worker.
        ends
            The offset its next record will get.
        beats
            Newest sign of life of a partition.
        held
            Partitions that stand still for a reason that is known.
        now_s
            A monotonic clock.
        """
        clock_s = time.monotonic() if now_s is None else now_s
        stalled = []
        for partition, offset in committed.items():
            known = self._seen.get(partition)
            if known is None or known[0] != offset or ends.get(partition, 0) <= offset or partition in held:
                self._seen[partition] = (offset, clock_s)
                continue
            alive_s = max(known[1], (beats or {}).get(partition, 0.0))
            self._seen[partition] = (offset, alive_s)
            if self.patience_s > 0 and clock_s - alive_s > self.patience_s:
                stalled.append(partition)
        for gone in set(self._seen) - set(committed):
            del self._seen[gone]
        return tuple(sorted(stalled))


def print_stacks() -> None:
    """Write the stacks of all threads to standard error: what an exit for a stall leaves behind."""
    faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
