"""Spikes: months that stand out, flagged for a person to look at, by COUNTER's rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from streams.usage.periods import read_period

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from streams.usage.periods import NamedPeriod
    from streams.usage.reports.facts import Facts

#: COUNTER Release 5.1, usage spikes: at least 100 above three times the mean of the twelve months before; a dip is less than
#: one in a hundred of that mean.
_MONTHS, _TIMES, _ABOVE, _DIP = 12, 3, 100, 0.01

_MONTHLY = """
    SELECT installation, date_diff('month', DATE '1900-01-01', requested_at::DATE) AS month, count(*)
    FROM event WHERE act IN ('processed', 'served') AND counted GROUP BY ALL
"""
_FIRST_YEAR = 1900


@dataclass(frozen=True, slots=True)
class Spike:
    """A month of an installation, its deliveries and reads, and their mean in the twelve months before."""

    installation: str
    month: str
    kind: Literal["spike", "dip"]
    uses: int
    mean: float

    def to_sentence(self) -> str:
        """Return what a report says of it."""
        return (
            f"{self.installation}, {self.month}: {self.uses:,} uses are a {self.kind} by COUNTER's rule (the twelve months "
            f"before had {self.mean:,.1f} on average); somebody should know why."
        )


def find_spikes(facts: Facts, periods: Sequence[NamedPeriod], installations: Collection[str]) -> tuple[Spike, ...]:
    """Return the months that begin in any of the periods and are flagged, by installation and time.

    Raises
    ------
    TransientFault
        If memory is short.
    """
    counts: dict[str, dict[int, int]] = {}
    for name, month, count in facts.database.run(_MONTHLY):
        if name in installations:
            counts.setdefault(name, {})[month] = count
    found = [spike for name in sorted(counts) for spike in flag(name, counts[name])]
    months = {spike.month: read_period(spike.month).from_at for spike in found}
    return tuple(
        spike for spike in found if any(period.from_at <= months[spike.month] < period.to_at for period in periods)
    )


def flag(installation: str, counts: Mapping[int, int]) -> list[Spike]:
    """Return the flagged months of one installation.

    Parameters
    ----------
    counts
        Uses by month, counted from January 1900. A month that is absent, after the first, had none; the first twelve cannot
        be judged, nor can a last month that is not over: it is judged as it stands, and only as a spike.
    """
    if not counts:
        return []
    first, last = min(counts), max(counts)
    found = []
    for month in range(first + _MONTHS, last + 1):
        uses = counts.get(month, 0)
        mean = sum(counts.get(before, 0) for before in range(month - _MONTHS, month)) / _MONTHS
        name = f"{_FIRST_YEAR + month // _MONTHS:04d}-{month % _MONTHS + 1:02d}"
        if uses >= _TIMES * mean + _ABOVE:
            found.append(Spike(installation, name, "spike", uses, mean))
        elif uses < _DIP * mean and month < last:
            found.append(Spike(installation, name, "dip", uses, mean))
    return found
