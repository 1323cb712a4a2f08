"""Spikes and dips: months whose use is far from that of the year before, for a person to look at.

The rule is COUNTER's (Code of Practice, release 5.1, Abnormal Spikes in Usage): a spike is at least a hundred above thrice
the mean of the twelve months before; a dip is less than a hundredth of a mean that is at least twenty. It removes nothing.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.usage.periods import NamedPeriod
    from streams.usage.reports.facts import Facts

_MONTHS, _TIMES, _ABOVE, _SHARE, _LEAST_MEAN = 12, 3, 100, 0.01, 20

_BY_MONTH = """
    SELECT installation, date_trunc('month', requested_at)::DATE, count(*)
    FROM event WHERE act IN ('processed', 'served') AND counted AND requested_at < $to_at GROUP BY ALL
"""


@dataclass(frozen=True, slots=True)
class Spike:
    """A month to look at.

    Attributes
    ----------
    month
        Its first day.
    mean
        Of the twelve months before.
    """

    month: dt.date
    count: int
    mean: float

    @property
    def is_dip(self) -> bool:
        """Whether there was far less than before, not far more."""
        return self.count < self.mean


def find_spikes(months: Mapping[dt.date, int], first: dt.date, end: dt.date) -> list[Spike]:
    """Return the months that are far from the twelve before.

    Parameters
    ----------
    months
        Counts by the first day of the month; a month that is not there had none.
    first, end
        The first month that was counted, and the first one that was not, or not to its end. Of less than a year nothing is told.
    """
    days = []
    day = first.replace(day=1)
    while day < end.replace(day=1):
        days.append(day)
        day = (day + dt.timedelta(days=31)).replace(day=1)
    counts = [months.get(day, 0) for day in days]
    found = []
    for place in range(_MONTHS, len(days)):
        mean = sum(counts[place - _MONTHS : place]) / _MONTHS
        is_spike = counts[place] >= _TIMES * mean + _ABOVE
        is_dip = mean >= _LEAST_MEAN and counts[place] < _SHARE * mean
        if is_spike or is_dip:
            found.append(Spike(days[place], counts[place], mean))
    return found


def tell_spikes(facts: Facts, periods: Sequence[NamedPeriod], now_at: dt.datetime) -> dict[str, tuple[str, ...]]:
    """Return, for each installation, a sentence for each month of the periods that is to be looked at."""
    end_at = min(now_at, max(period.to_at for period in periods))
    # facts hold UTC without a zone
    rows = facts.database.run(_BY_MONTH, {"to_at": end_at.astimezone(dt.UTC).replace(tzinfo=None)})
    counted: dict[str, dict[dt.date, int]] = defaultdict(dict)
    for installation, month, count in rows:
        counted[installation][month] = count
    told = {}
    for installation, months in sorted(counted.items()):
        spikes = find_spikes(months, min(months), end_at.date())
        told[installation] = tuple(_to_sentence(spike) for spike in spikes if _is_in(spike.month, periods))
    return told


def _is_in(month: dt.date, periods: Sequence[NamedPeriod]) -> bool:
    return any(period.from_at.date() <= month < period.to_at.date() for period in periods)


def _to_sentence(spike: Spike) -> str:
    how = "less than a hundredth of" if spike.is_dip else "more than thrice"
    return (
        f"Deliveries and reads in {spike.month:%Y-%m}: {spike.count:,}, {how} the mean of the twelve months before "
        f"({spike.mean:,.1f}). Nothing was removed; somebody should look at it."
    )
