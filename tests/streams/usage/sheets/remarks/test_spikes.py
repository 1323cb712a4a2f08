from __future__ import annotations

import datetime as dt

import pytest

from streams.usage.periods import read_period
from streams.usage.reports.facts import open_facts
from streams.usage.sheets.remarks.spikes import find_spikes, tell_spikes
from tests.streams.usage.uses import keep, make_use

_FIRST = dt.date(2024, 1, 1)


def _months(*counts: int) -> dict[dt.date, int]:
    return {dt.date(2024 + place // 12, place % 12 + 1, 1): count for place, count in enumerate(counts)}


@pytest.mark.parametrize(
    ("before", "count", "is_found"),
    [
        (40, 220, True),  # thrice 40 and a hundred
        (40, 219, False),
        (0, 100, True),
        (0, 99, False),
        (300, 2, True),  # less than a hundredth of 300
        (300, 3, False),
        (20, 0, True),
        (19, 0, False),  # too few before
    ],
)
def test_a_month_is_told_by_the_rule_of_counter_to_the_last_unit(before, count, is_found):
    found = find_spikes(_months(*[before] * 12, count), _FIRST, dt.date(2025, 2, 1))
    assert [(spike.month, spike.count, spike.is_dip) for spike in found] == (
        [(dt.date(2025, 1, 1), count, count < before)] if is_found else []
    )


def test_a_month_without_uses_is_a_month_and_the_running_one_is_not_told():
    months = {dt.date(2024, 1, 1): 1_200, dt.date(2025, 2, 1): 9_999}
    assert [spike.count for spike in find_spikes(months, _FIRST, dt.date(2025, 2, 20))] == [0]
    assert find_spikes(months, _FIRST, dt.date(2024, 12, 31)) == []


def test_spikes_of_the_facts_are_told_for_the_months_of_the_periods():
    days = [dt.datetime(2025, month, 3, 12, tzinfo=dt.UTC) for month in range(1, 13)]
    days += [dt.datetime(2026, 1, 3, 12, tzinfo=dt.UTC)] * 150
    uses = [make_use(number, requested_at=day) for number, day in enumerate(days)]
    uses += [make_use(f"test-{number}", requested_at=days[3], purpose="test") for number in range(300)]
    now_at = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    with open_facts(keep(uses)) as facts:
        told = tell_spikes(facts, [read_period("2026")], now_at)
        assert tell_spikes(facts, [read_period("2025")], now_at) == {"obsea": ()}
    (sentence,) = told["obsea"]
    assert sentence.startswith(
        "Deliveries and reads in 2026-01: 150, more than thrice the mean of the twelve months before (1.0)."
    )
