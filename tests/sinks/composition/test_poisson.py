"""The exact interval of a count, held against printed tables and against sums of the Poisson distribution itself."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.composition.poisson import find_interval


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [
        # chi-square quantiles at 0.025 and 0.975, halved, as statistical tables print them: with six decimals, then with two
        (0, 0.0, 3.688879),
        (1, 0.025318, 5.571643),
        (2, 0.242209, 7.224688),
        (5, 1.623486, 11.668332),
        (10, 4.795389, 18.390356),
        (20, 12.216520, 30.888380),
        (50, 37.11, 65.92),
        (100, 81.36, 121.63),
    ],
)
def test_small_counts_have_the_intervals_of_the_tables(count, low, high):
    assert find_interval(count) == pytest.approx((low, high), abs=6e-3 if count > 20 else 5e-6)


def sum_up_to(count, mean):
    """Return P(X <= count) by adding the terms of the distribution."""
    return math.fsum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(count + 1))


@given(st.integers(1, 400))
def test_each_end_leaves_two_and_a_half_percent(count):
    low, high = find_interval(count)
    assert 1 - sum_up_to(count - 1, low) == pytest.approx(0.025, rel=1e-8)
    assert sum_up_to(count, high) == pytest.approx(0.025, rel=1e-8)


@pytest.mark.parametrize("count", [10**4, 10**5])
def test_large_counts_come_near_the_normal_interval(count):
    low, high = find_interval(count)
    half = 1.959964 * math.sqrt(count)
    assert low == pytest.approx(count - half, abs=3)
    assert high == pytest.approx(count + half, abs=4)


@given(st.integers(0, 2000))
def test_more_particles_move_both_ends_up_and_narrow_the_relative_error(count):
    (low, high), (next_low, next_high) = find_interval(count), find_interval(count + 1)
    assert low < next_low
    assert high < next_high
    assert low <= count <= high
    if count:
        assert (next_high - next_low) / (count + 1) < (high - low) / count


def test_a_negative_count_is_refused():
    with pytest.raises(ValueError, match="0 or more"):
        find_interval(-1)
