"""The bench shares items among as many threads as are worth their while, and keeps their order."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import RejectedInput
from streams.agents.window import Pace
from tests.streams.agents.benches import make_bench


@pytest.fixture
def bench():
    with ThreadPoolExecutor(4) as threads:

        async def send(_records):
            pytest.fail("nothing is sent here")

        yield make_bench(threads, send, pace=Pace(4))


@given(st.integers(0, 100), st.integers(1, 16), st.floats(0, 10))
def test_the_parts_are_the_items_in_order_and_no_more_than_there_are_threads(count, threads, seconds):
    pace = Pace(threads)
    pace.note(1, seconds)
    items = list(range(count))
    parts = pace.cut(items)
    assert [item for part in parts for item in part] == items
    assert len(parts) <= threads
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_what_takes_a_moment_is_done_by_one_thread_and_what_waits_by_many():
    near, far = Pace(8), Pace(8)
    for _ in range(20):
        near.note(10, 0.001)
        far.note(10, 1.0)
    assert len(near.cut(range(32))) == 1
    assert len(far.cut(range(32))) == 8


async def test_answers_keep_their_order_and_a_refusal_stands_in_its_place(bench):
    def double(numbers):
        if 3 in numbers:
            reason = "bad_three"
            raise RejectedInput(reason, "Three is refused.")
        return [2 * number for number in numbers]

    answers = await bench.spread(range(6), double)
    assert [answer if isinstance(answer, int) else answer.reason for answer in answers] == [0, 2, 4, "bad_three", 8, 10]


async def test_slow_items_are_done_side_by_side(bench):
    bench.pace.note(1, 100.0)
    together = threading.Barrier(4, timeout=20)
    assert await bench.spread(range(4), lambda part: together.wait() >= 0 and part) == [0, 1, 2, 3]


async def test_nothing_is_done_for_nothing(bench):
    assert await bench.spread([], lambda items: items) == []
