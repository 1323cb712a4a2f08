"""Accesses by country of few users are suppressed where a tally is handed on."""

from __future__ import annotations

import datetime as dt

from streams.usage.counting.access import Access
from streams.usage.counting.profiles import make_profile
from streams.usage.counting.tally import count
from streams.usage.periods import read_period

_AT = dt.datetime(2025, 3, 10, 10, tzinfo=dt.UTC)


def _count(least: int, **users: int) -> list[dict]:
    accesses = [
        Access(
            event_id=f"{country}{number}{again}",
            requested_at=_AT + dt.timedelta(minutes=again),
            installation="obsea",
            user=f"{country}{number}",
            resource=f"doi:{again}",
            action="request",
            country=country,
        )
        for country, persons in users.items()
        for number in range(persons)
        for again in range(2)
    ]
    return count(accesses, make_profile("observatory-1"), read_period("2025-03"), least=least).to_plain()["rows"]


def test_what_few_users_did_is_told_together_with_the_smallest_other():
    (row,) = _count(3, ES=9, IT=1, BE=4)
    assert row["countries"] == {"ES": 18}
    assert row["suppressed"] == {"countries": ["BE", "IT"], "accesses": 10}
    assert row["total_requests"] == 28


def test_a_country_alone_is_told_with_the_unknown_one():
    (row,) = _count(3, IT=2)
    assert (row["countries"], row["suppressed"]) == ({}, {"countries": ["IT", "ZZ"], "accesses": 4})


def test_with_one_as_the_least_all_is_told():
    (row,) = _count(1, ES=9, IT=1)
    assert row["countries"] == {"ES": 18, "IT": 2}
    assert "suppressed" not in row
