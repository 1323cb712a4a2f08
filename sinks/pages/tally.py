"""Walk over any number of results once: totals, the newest ones, and counts over time, in bounded memory."""

from __future__ import annotations

import datetime as dt
import heapq
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sinks.pages.summary import Entry

#: Widths of a bin that read well, in minutes, finest first: from a minute to a year.
_STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 10_080, 43_200, 525_600)

#: When there are more bins than this, they are made coarser.
_BINS_LIMIT = 4_096

#: Bins of a chart: as many as a screen shows apart.
_CHART_BINS = 96

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(slots=True)
class Bin:
    """What was seen in a span of time."""

    looked: int = 0
    labels: Counter[str] = field(default_factory=Counter)

    def add(self, other: Bin) -> None:
        """Take another span's counts in."""
        self.looked += other.looked
        self.labels.update(other.labels)


@dataclass(frozen=True, slots=True)
class Series:
    """Counts over time.

    Attributes
    ----------
    start_at
        When the first bin begins.
    step
        Width of each bin.
    bins
        In order, without holes; ``None`` where no image was looked at, which is a gap and not a zero.
    """

    start_at: dt.datetime
    step: dt.timedelta
    bins: tuple[Bin | None, ...]

    @property
    def end_at(self) -> dt.datetime:
        """When the last bin ends."""
        return self.start_at + self.step * len(self.bins)


@dataclass
class Tally:
    """Totals of results.

    Attributes
    ----------
    newest
        How many entries are kept for the gallery.
    """

    newest: int
    units: int = 0
    images: int = 0
    empty: int = 0
    unread: int = 0
    undated: int = 0
    demonstrations: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    feeds: Counter[str] = field(default_factory=Counter)
    _kept: list[tuple[str, int, Entry]] = field(default_factory=list)
    _bins: dict[int, Bin] = field(default_factory=dict)
    _step_min: int = 1

    def add(self, entry: Entry) -> None:
        """Count one result."""
        self.units += 1
        self.images += entry.looked
        self.empty += entry.empty
        self.unread += entry.unread
        self.demonstrations += entry.is_demonstration
        self.labels.update(dict(entry.labels))
        self.feeds[entry.feed] += 1
        rank = (entry.captured_at.isoformat() if entry.captured_at else "", self.units, entry)
        if len(self._kept) < self.newest:
            heapq.heappush(self._kept, rank)
        elif self.newest:
            heapq.heappushpop(self._kept, rank)
        if entry.captured_at is None:
            self.undated += 1
        elif entry.looked:
            minute = int((entry.captured_at - _EPOCH).total_seconds() // 60)
            found = self._bins.setdefault(minute // self._step_min, Bin())
            found.add(Bin(entry.looked, Counter(dict(entry.labels))))
            if len(self._bins) > _BINS_LIMIT:
                self._coarsen()

    def _coarsen(self) -> None:
        step_min = next(step for step in _STEPS_MIN if step > self._step_min)
        self._bins = _merge(self._bins, self._step_min, step_min)
        self._step_min = step_min

    def list_newest(self) -> list[Entry]:
        """Return the newest entries, newest first; undated ones last."""
        return [entry for *_, entry in sorted(self._kept, key=lambda rank: rank[:2], reverse=True)]

    def make_series(self) -> Series | None:
        """Return counts over time in at most 96 bins, or ``None`` without a dated result.

        A bin is no narrower than the usual time between captures: else every other bin of a slow camera were a gap.
        """
        if not self._bins:
            return None
        places = sorted(self._bins)
        usual_min = _find_median([after - before for before, after in pairwise(places)] or [1])
        usual_min *= self._step_min
        span_min = (places[-1] - places[0] + 1) * self._step_min
        fitting = (step for step in _STEPS_MIN if step >= max(usual_min, self._step_min))
        step_min = next((step for step in fitting if span_min / step <= _CHART_BINS - 1), _STEPS_MIN[-1])
        bins = _merge(self._bins, self._step_min, step_min)
        first, last = min(bins), max(bins)
        start_at = _EPOCH + dt.timedelta(minutes=first * step_min)
        return Series(
            start_at, dt.timedelta(minutes=step_min), tuple(bins.get(place) for place in range(first, last + 1))
        )


def count(entries: Iterable[Entry], *, newest: int) -> Tally:
    """Return the tally of all entries."""
    tally = Tally(newest)
    for entry in entries:
        tally.add(entry)
    return tally


def _merge(bins: dict[int, Bin], old_min: int, new_min: int) -> dict[int, Bin]:
    merged: dict[int, Bin] = {}
    for place, found in bins.items():
        merged.setdefault(place * old_min // new_min, Bin()).add(found)
    return merged


def _find_median(values: list[int]) -> int:
    return sorted(values)[len(values) // 2]
