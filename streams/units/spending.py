"""Spending: how much processor time a unit took, its share of what was done while it was at work."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

#: This process itself, beside the numbers of its decoders.
_OWN = 0


def read_own_cpu() -> Mapping[int, float]:
    """Return the processor seconds of this process, all its threads together."""
    return {_OWN: time.process_time()}


@dataclass(eq=False)
class Spent:
    """The processor time of one unit so far."""

    clock: CpuClock
    _seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """Take a share."""
        self._seconds += seconds

    def end_ms(self) -> int:
        """Return the milliseconds that it took, rounded, and take no further share."""
        self.clock.leave(self)
        return round(self._seconds * 1000)


@dataclass
class CpuClock:
    """Shares the processor time of a worker and its decoders among the units that are at work.

    A detector computes in threads of a library, and pictures are decoded in processes of their own, so the time of the thread
    that does a unit would leave out most of it. What was spent between two moments is shared equally among the units at work
    between them: the sum over all units is what was spent while there was any, and a unit that is alone gets exactly its own.

    Parameters
    ----------
    read_decoders
        Gives the processor seconds of each decoding process by its number.
    read_own
        Gives those of this process.
    """

    read_decoders: Callable[[], Mapping[int, float]] = dict
    read_own: Callable[[], Mapping[int, float]] = read_own_cpu
    _at_work: set[Spent] = field(default_factory=set)
    _seen: dict[int, float] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    @contextmanager
    def share(self) -> Iterator[Spent]:
        """Count a unit among those at work for the time of the block."""
        self.lap()
        spent = Spent(self)
        with self._lock:
            self._at_work.add(spent)
        try:
            yield spent
        finally:
            self.leave(spent)

    def leave(self, spent: Spent) -> None:
        """Count a unit no longer; one that has left already is left alone."""
        if spent in self._at_work:
            self.lap()
            with self._lock:
                self._at_work.discard(spent)

    def lap(self) -> None:
        """Share out what was spent since the last time."""
        with self._lock:
            read = {**self.read_own(), **self.read_decoders()}
            spent_s = 0.0
            for process, seconds in read.items():  # one that was not there before began meanwhile
                spent_s += max(0.0, seconds - self._seen.get(process, 0.0))
            self._seen = read
            for spent in self._at_work:
                spent.add(spent_s / len(self._at_work))


def read_cpu_s(process_id: int) -> float | None:
    """Return the processor seconds of another process of this user; ``None`` where that cannot be known."""
    # Linux, clock_getcpuclockid(3): the clock of a process is its inverted number, with two bits that say which of its clocks
    clock = (~process_id << 3) | 2
    try:
        return time.clock_gettime(clock)
    except (AttributeError, OSError, OverflowError):
        return None
