from __future__ import annotations

import datetime as dt

import pytest

from streams.usage.closing.lag import is_behind
from tests.streams.usage.uses import NOW, TOPIC, make_records, make_use


class _Log:
    """Two partitions of three uses, an hour apart each, as the promise of a broker reads them."""

    def __init__(self, committed: dict) -> None:
        uses = [make_use(number, requested_at=NOW + number * dt.timedelta(hours=1)) for number in range(3)]
        self._records = [*make_records(uses), *make_records(uses, partition=1)]
        self._committed = committed

    def committed(self, group):
        return self._committed if group == "observatory" else {}

    def read(self, topic, start=None):
        return iter(
            [item for item in self._records if topic == TOPIC and item.offset >= (start or {}).get(item.partition, 0)]
        )


@pytest.mark.parametrize(
    ("committed", "behind"),
    [
        ({(TOPIC, 0): 3, (TOPIC, 1): 3}, False),
        # what is left was taken in after the period
        ({(TOPIC, 0): 2, (TOPIC, 1): 2}, False),
        ({(TOPIC, 0): 3, (TOPIC, 1): 1}, True),
        # a partition of which nothing was ever counted
        ({(TOPIC, 0): 3}, True),
        ({("another topic", 0): 3, ("another topic", 1): 3}, True),
    ],
)
def test_uses_of_the_period_that_are_not_counted_yet_are_seen(committed, behind):
    assert is_behind(_Log(committed), TOPIC, "observatory", NOW + dt.timedelta(minutes=90)) is behind
