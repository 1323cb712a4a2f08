"""Late: which calendar months and years that are over must be told again, since what they rest on is not what was told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.usage import MetricValue, Period
from streams.usage.periods import NamedPeriod, read_period
from streams.usage.reports.figures import to_as_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from streams.usage.reports.facts import Facts

#: Periods that are told again at once, so that no round takes long; what is left comes with the next rounds.
AT_ONCE = 13

_MONTHS = 12
_FIRST_YEAR = 1900

#: A heartbeat belongs to the time since which it speaks, as in :mod:`streams.usage.reports.figures`.
_BY_MONTH = """
    SELECT installation, date_diff('month', DATE '1900-01-01', coalesce(since_at, requested_at)::DATE) AS month,
        count(*), hex(bit_xor(event_sha256::UHUGEINT))
    FROM event GROUP BY ALL ORDER BY ALL
"""


@dataclass
class Told:
    """What the metric topic says of periods: which facts stood behind it, by installation and period.

    Attributes
    ----------
    unfinished
        Periods of which it was told, while they went on or by another program, how they stood then.
    is_read
        Whether the topic was read.
    """

    as_of: dict[tuple[str, Period], str] = field(default_factory=dict)
    unfinished: set[tuple[str, Period]] = field(default_factory=set)
    is_read: bool = False

    def note(self, values: Iterable[MetricValue], *, now_at: dt.datetime | None = None) -> None:
        """Note what is told.

        Parameters
        ----------
        now_at
            When it was counted; absent where nobody knows, and then a gap at the end of a period may be one of the future.
        """
        for value in values:
            key = value.installation, value.period
            self.as_of[key] = value.as_of
            end_at = value.period.to_at
            is_cut = bool(value.gaps) and value.gaps[-1].to_at == end_at
            if now_at < end_at if now_at is not None else is_cut:
                self.unfinished.add(key)
            else:
                self.unfinished.discard(key)


def list_late(facts: Facts, told: Told, now_at: dt.datetime) -> tuple[NamedPeriod, ...]:
    """Return the months and years that are over and not told as they stand now, the newest first.

    Raises
    ------
    TransientFault
        If memory is short.
    """
    months: dict[str, dict[int, tuple[int, int]]] = {}
    for name, month, count, digest in facts.database.run(_BY_MONTH):
        months.setdefault(name, {})[month] = (count, int(digest, 16))
    running = (now_at.year - _FIRST_YEAR) * _MONTHS + now_at.month - 1
    late: dict[Period, NamedPeriod] = {}
    for name, counts in months.items():
        known, whole = 0, 0
        for month in range(min(counts), running):
            count, digest = counts.get(month, (0, 0))
            known, whole = known + count, whole ^ digest
            for period in _list_ending(month):
                key = name, period.to_noun()
                if told.as_of.get(key) != to_as_of(known, whole) or key in told.unfinished:
                    late[key[1]] = period
    return tuple(sorted(late.values(), key=lambda period: (period.to_at, period.from_at), reverse=True))


def _list_ending(month: int) -> list[NamedPeriod]:
    """Return the month, counted from January 1900, and the year that ends with it."""
    year, number = _FIRST_YEAR + month // _MONTHS, month % _MONTHS + 1
    found = [read_period(f"{year:04d}-{number:02d}")]
    return [*found, read_period(f"{year:04d}")] if number == _MONTHS else found
