"""Spikes and dips: months that stand out, marked for a person to look at; nothing is removed for it.

The rule is COUNTER's (Code of Practice, release 5.1, Abnormal Spikes in Usage): a spike is at least a hundred above thrice
the mean of the twelve months before; a dip is less than a hundredth of a mean that is at least twenty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.usage import FlaggedMonth
from streams.usage.periods import read_period
from streams.usage.reports.definitions import DEFINITIONS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping, Sequence

    from streams.usage.periods import NamedPeriod
    from streams.usage.reports.facts import Facts

_MONTHS, _TIMES, _ABOVE, _DIP, _LEAST_MEAN = 12, 3, 100, 0.01, 20

#: What stands behind a value in whose period a month is flagged.
MARKS = {"spike": "\u25b2", "dip": "\u25bc"}

#: The figures that are judged, each by itself, by month.
_MONTHLY = """
    SELECT installation, if(act = 'processed', 'deliveries', 'reads'),
        date_diff('month', DATE '1900-01-01', requested_at::DATE) AS month, count(*)
    FROM event WHERE act IN ('processed', 'served') AND counted GROUP BY ALL
    UNION ALL
    SELECT installation, 'images_processed',
        date_diff('month', DATE '1900-01-01', requested_at::DATE) AS month, sum(fresh)
    FROM counted JOIN sort USING (sort) WHERE act = 'processed' AND what = 'image' AND kind <> 'tile' GROUP BY ALL
"""
_FIRST_YEAR = 1900


@dataclass(frozen=True, slots=True)
class Spike:
    """A month of one of an installation's figures, its value, and the mean of the twelve months before."""

    installation: str
    metric: str
    flagged: FlaggedMonth
    value: int
    mean: float

    @property
    def mark(self) -> str:
        """What stands behind the value of a period that the month is in."""
        return MARKS[self.flagged.kind]

    def to_sentence(self) -> str:
        """Return what a report says of it."""
        label = DEFINITIONS[self.metric].label.lower()
        return (
            f"{self.mark} {self.installation}, {self.flagged.month}: {self.value:,} {label} are a {self.flagged.kind} by "
            f"COUNTER's rule (the twelve months before had {self.mean:,.1f} on average). Nothing was removed; somebody "
            "should know why."
        )


def find_spikes(
    facts: Facts,
    periods: Sequence[NamedPeriod],
    installations: Collection[str],
    *,
    as_of_at: dt.datetime | None = None,
) -> tuple[Spike, ...]:
    """Return the months that begin in any of the periods and are flagged, by installation, figure and time.

    Parameters
    ----------
    as_of_at
        When the report is made: months after the one that it lies in are not judged. Without it the last month that
        has any use is taken for the one that is not over.

    Raises
    ------
    TransientFault
        If memory is short.
    """
    counts: dict[str, dict[str, dict[int, int]]] = {}
    for name, metric, month, count in facts.database.run(_MONTHLY):
        if name in installations:
            counts.setdefault(name, {}).setdefault(metric, {})[month] = int(count)
    found = []
    for name in sorted(counts):
        months = {month for values in counts[name].values() for month in values}
        running = max(months) if as_of_at is None else (as_of_at.year - _FIRST_YEAR) * _MONTHS + as_of_at.month - 1
        for metric in sorted(counts[name]):
            found += flag(name, metric, counts[name][metric], span=(min(months), running))
    begins = {spike.flagged.month: read_period(spike.flagged.month).from_at for spike in found}
    return tuple(
        spike
        for spike in found
        if any(period.from_at <= begins[spike.flagged.month] < period.to_at for period in periods)
    )


def flag(installation: str, metric: str, counts: Mapping[int, int], *, span: tuple[int, int]) -> list[Spike]:
    """Return the flagged months of one figure.

    Parameters
    ----------
    counts
        Values by month, counted from January 1900; a month that is absent had none.
    span
        The first month that was counted, and the one that is running. The first twelve cannot be judged; the running one is
        judged as it stands, and only as a spike.
    """
    first, running = span
    found = []
    for month in range(first + _MONTHS, running + 1):
        value = counts.get(month, 0)
        mean = sum(counts.get(before, 0) for before in range(month - _MONTHS, month)) / _MONTHS
        is_spike = value >= _TIMES * mean + _ABOVE
        if is_spike or (month < running and mean >= _LEAST_MEAN and value < _DIP * mean):
            name = f"{_FIRST_YEAR + month // _MONTHS:04d}-{month % _MONTHS + 1:02d}"
            flagged = FlaggedMonth(month=name, kind="spike" if is_spike else "dip")
            found.append(Spike(installation, metric, flagged, value, mean))
    return found
