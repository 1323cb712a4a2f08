"""Spikes and dips: months that stand out, by installation, for the commentary."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from streams.usage.reports.figures import list_installations
from streams.usage.reports.spikes import find_spikes

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from streams.usage.periods import NamedPeriod
    from streams.usage.reports.facts import Facts


def tell_spikes(facts: Facts, periods: Sequence[NamedPeriod], now_at: dt.datetime) -> dict[str, tuple[str, ...]]:
    """Return, for each installation, a sentence for each month of the periods that is to be looked at."""
    told: dict[str, list[str]] = defaultdict(list)
    for spike in find_spikes(facts, periods, list_installations(facts), as_of_at=now_at):
        told[spike.installation].append(spike.to_sentence())
    return {installation: tuple(sentences) for installation, sentences in told.items()}
