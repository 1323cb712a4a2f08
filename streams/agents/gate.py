"""Feed gate: a feed most of whose last units failed for one reason is paused instead of becoming a night of dead letters."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field
from threading import Lock

#: Feeds remembered: a sender may invent names without end.
FEEDS_LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class GateRule:
    """When a feed is paused.

    Attributes
    ----------
    last
        How many of a feed's newest units are looked at; 0 never pauses.
    share
        The share of them that must have failed for one reason, above 0 up to 1.
    """

    last: int = 30
    share: float = 0.9


@dataclass(frozen=True, slots=True)
class Pause:
    """Why a feed stands still."""

    feed: str
    reason: str
    failed: int
    of: int

    @property
    def sentence(self) -> str:
        """What to tell a person."""
        return (
            f"Feed {self.feed} is paused: {self.failed} of its last {self.of} units failed for the same reason, "
            f"{self.reason}. Nothing is lost: mend the cause and start again, and it goes on with the unit it stopped at."
        )


@dataclass
class FeedGate:
    """Remembers how the last units of each feed fared at each step; shared by the threads of a worker.

    The steps are looked at apart: a unit that is routed well and then cannot be opened is a failure, not half of one.

    Attributes
    ----------
    feeds
        The feeds that can be paused; absent for any. Others have nobody who could mend them here: what comes under a name
        that is not in the settings, or without a readable one, is set aside each by each.
    """

    rule: GateRule
    feeds: frozenset[str] | None = None
    _ends: OrderedDict[tuple[str, str], deque[str | None]] = field(default_factory=OrderedDict)
    _pauses: dict[str, Pause] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def record_success(self, feed: str, step: str) -> None:
        """Note that a unit of this feed did not fail at a step."""
        if self.rule.last > 0:
            with self._lock:
                self._find_ends(feed, step).append(None)

    def check_failure(self, feed: str, step: str, reason: str) -> Pause | None:
        """Note that a unit failed, and say whether the feed must stand still *instead of* setting this unit aside."""
        if self.rule.last <= 0 or (self.feeds is not None and feed not in self.feeds):
            return None
        with self._lock:
            if feed in self._pauses:
                return self._pauses[feed]
            ends = self._find_ends(feed, step)
            failed = Counter(ends)[reason] + 1
            if len(ends) >= self.rule.last - 1 and failed >= self.rule.share * self.rule.last:
                return self._pauses.setdefault(feed, Pause(feed, reason, failed, self.rule.last))
            ends.append(reason)
        return None

    def find_pause(self, feed: str) -> Pause | None:
        """Return why a feed stands still, if it does."""
        with self._lock:
            return self._pauses.get(feed)

    def _find_ends(self, feed: str, step: str) -> deque[str | None]:
        """Return how the last units of a feed fared; the feeds that were quiet longest are forgotten."""
        ends = self._ends.setdefault((feed, step), deque(maxlen=self.rule.last))
        self._ends.move_to_end((feed, step))
        if len(self._ends) > FEEDS_LIMIT:
            self._ends.popitem(last=False)
        return ends

    @property
    def pauses(self) -> tuple[Pause, ...]:
        """The feeds that stand still."""
        with self._lock:
            return tuple(self._pauses.values())
