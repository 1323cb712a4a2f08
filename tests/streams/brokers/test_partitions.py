"""A key's partition is the one that Kafka's own clients choose."""

from __future__ import annotations

from collections import Counter

import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.brokers.partitions import hash_key, make_chooser

# Expected values of Apache Kafka's own test of Utils.murmur2, as signed 32-bit numbers.
JAVA_HASHES = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


@pytest.mark.parametrize(("key", "expected"), JAVA_HASHES.items())
def test_the_hash_is_that_of_the_java_client(key, expected):
    assert hash_key(key) == expected % 2**32


@settings(deadline=None)
@given(st.binary(max_size=64), st.integers(min_value=1, max_value=40))
def test_every_client_agrees_on_the_partition_of_a_key(key, partitions):
    numbers = list(range(partitions))
    assert make_chooser()(key, partitions) == DefaultPartitioner()(key, numbers, numbers)


def test_records_without_a_key_are_spread_evenly():
    choose = make_chooser()
    assert Counter(choose(None, 3) for _ in range(300)) == {0: 100, 1: 100, 2: 100}
