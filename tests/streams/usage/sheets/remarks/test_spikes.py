from __future__ import annotations

import datetime as dt

from streams.usage.periods import read_period
from streams.usage.reports.facts import open_facts
from streams.usage.sheets.remarks.spikes import tell_spikes
from tests.streams.usage.uses import keep, make_use


def test_spikes_of_the_facts_are_told_for_the_months_of_the_periods():
    days = [dt.datetime(2025, month, 3, 12, tzinfo=dt.UTC) for month in range(1, 13)]
    days += [dt.datetime(2026, 1, 3, 12, tzinfo=dt.UTC)] * 150
    uses = [make_use(number, requested_at=day) for number, day in enumerate(days)]
    uses += [make_use(f"test-{number}", requested_at=days[3], purpose="test") for number in range(300)]
    now_at = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    with open_facts(keep(uses)) as facts:
        told = tell_spikes(facts, [read_period("2026")], now_at)
        assert tell_spikes(facts, [read_period("2025")], now_at) == {}
    assert [sentence.partition(" are ")[0] for sentence in told["obsea"]] == [
        "\u25b2 obsea, 2026-01: 150 deliveries",
        "\u25b2 obsea, 2026-01: 150 images processed",
    ]
    assert "the twelve months before had 1.0 on average" in told["obsea"][0]
