"""Feed gate: a feed most of whose last units failed for one reason is paused instead of becoming a night of dead letters."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from threading import Lock


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
    """Remembers how the last units of each feed ended; shared by the threads of a worker."""

    rule: GateRule
    _ends: dict[str, deque[str | None]] = field(default_factory=dict)
    _pauses: dict[str, Pause] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def record_success(self, feed: str) -> None:
        """Note that a unit of this feed did not fail."""
        self._record(feed, None)

    def check_failure(self, feed: str, reason: str) -> Pause | None:
        """Note that a unit failed, and say whether the feed must stand still *instead of* setting this unit aside."""
        if self.rule.last <= 0:
            return None
        with self._lock:
            ends = self._ends.setdefault(feed, deque(maxlen=self.rule.last))
            failed = Counter(ends)[reason] + 1
            if len(ends) >= self.rule.last - 1 and failed >= self.rule.share * self.rule.last:
                return self._pauses.setdefault(feed, Pause(feed, reason, failed, self.rule.last))
        self._record(feed, reason)
        return None

    def _record(self, feed: str, reason: str | None) -> None:
        if self.rule.last > 0:
            with self._lock:
                self._ends.setdefault(feed, deque(maxlen=self.rule.last)).append(reason)

    @property
    def pauses(self) -> tuple[Pause, ...]:
        """The feeds that stand still."""
        with self._lock:
            return tuple(self._pauses.values())
