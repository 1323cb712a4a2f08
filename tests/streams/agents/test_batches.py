"""Batches: what gathers while the last one is done is done together, in order, and what shall stay stays."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from streams.agents.batches import Batching, BatchWindow
from streams.agents.window import WindowClosedError

BOUND_S = 20


@dataclass
class Event:
    number: int
    acknowledged: list = field(repr=False)
    partition: int = 0

    def ack(self):
        self.acknowledged.append(self.number)
        return True


async def stream(events, *, then=None):
    for event in events:
        yield event
        await asyncio.sleep(0)
    if then is not None:
        await then.wait()


def make_events(count):
    acknowledged = []
    return [Event(number, acknowledged, number % 3) for number in range(count)], acknowledged


def make_window(batching, work, held=None):
    return BatchWindow(batching, work=work, on_hold=(held if held is not None else []).append)


async def run(window, events, **given):
    async with asyncio.timeout(BOUND_S):
        await window.run(stream(events, **given))


async def test_all_are_done_in_order_and_no_batch_is_larger_than_it_may_be():
    events, acknowledged = make_events(100)
    batches = []

    async def work(batch):
        batches.append([event.number for event in batch])
        await asyncio.sleep(0.001)
        return ()

    await run(make_window(Batching(7), work), events)
    assert [number for batch in batches for number in batch] == list(range(100)) == acknowledged
    assert max(map(len, batches)) == 7


async def test_nothing_is_acknowledged_before_its_batch_is_durable():
    events, acknowledged = make_events(5)
    seen, go_on = asyncio.Event(), asyncio.Event()

    async def work(batch):
        seen.set()
        await go_on.wait()
        return ()

    window = make_window(Batching(10, linger_s=0.01), work)
    task = asyncio.create_task(run(window, events))
    async with asyncio.timeout(BOUND_S):
        await seen.wait()
    assert acknowledged == []
    assert window.has_taken(0)
    go_on.set()
    await task
    assert acknowledged == [0, 1, 2, 3, 4]
    assert not window.has_taken(0)


async def test_those_that_shall_stay_are_held_and_their_neighbours_acknowledged():
    events, acknowledged = make_events(6)
    held = []

    async def work(batch):
        return [event for event in batch if event.number % 2]

    await run(make_window(Batching(10), work, held), events)
    assert acknowledged == [0, 2, 4]
    assert [event.number for event in held] == [1, 3, 5]


async def test_a_batch_whose_work_fails_closes_the_window_unacknowledged():
    events, acknowledged = make_events(6)

    async def work(batch):
        raise ZeroDivisionError

    with pytest.raises(WindowClosedError) as caught:
        await run(make_window(Batching(2), work), events)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert acknowledged == []


async def test_no_more_is_taken_than_two_batches_while_one_is_at_work():
    events, _ = make_events(50)
    drawn, seen, go_on = [], asyncio.Event(), asyncio.Event()

    async def draw():
        for event in events:
            drawn.append(event.number)
            yield event

    async def work(batch):
        seen.set()
        await go_on.wait()
        return ()

    window = make_window(Batching(5), work)
    task = asyncio.create_task(window.run(draw()))
    async with asyncio.timeout(BOUND_S):
        await seen.wait()
        while len(drawn) < 11:
            await asyncio.sleep(0)
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(drawn) == 11  # ten taken, one in hand
    assert window.is_full
    go_on.set()
    async with asyncio.timeout(BOUND_S):
        await task


async def test_a_batch_that_took_long_is_followed_by_a_larger_one():
    events, _ = make_events(40)
    sizes = []

    async def draw():
        for event in events:
            yield event
            await asyncio.sleep(0.005)

    async def work(batch):
        sizes.append(len(batch))
        await asyncio.sleep(0.01)
        return ()

    async with asyncio.timeout(BOUND_S):
        await make_window(Batching(100, rest=5.0), work).run(draw())
    assert sum(sizes) == 40
    assert max(sizes) > 4  # without a rest there are two or three


async def test_a_stop_leaves_what_is_at_work_unacknowledged():
    events, acknowledged = make_events(3)
    seen = asyncio.Event()

    async def work(batch):
        seen.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(run(make_window(Batching(5), work), events))
    async with asyncio.timeout(BOUND_S):
        await seen.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert acknowledged == []


async def test_events_that_stand_for_several_count_for_as_many():
    events, acknowledged = make_events(40)
    batches = []

    async def work(batch):
        batches.append(len(batch))
        await asyncio.sleep(0.001)
        return ()

    window = BatchWindow(Batching(30), work=work, on_hold=[].append, weigh=lambda _: 10)
    await run(window, events)
    assert acknowledged == list(range(40))
    assert max(batches) == 3


async def test_an_event_larger_than_a_batch_is_done_alone():
    events, acknowledged = make_events(3)
    batches = []

    async def work(batch):
        batches.append(len(batch))
        return ()

    await run(BatchWindow(Batching(5), work=work, on_hold=[].append, weigh=lambda _: 50), events)
    assert batches == [1, 1, 1]
    assert acknowledged == [0, 1, 2]


async def test_a_batch_that_is_full_waits_for_no_more_company():
    events, acknowledged = make_events(10)

    async def work(batch):
        return ()

    later = asyncio.Event()
    task = asyncio.create_task(run(make_window(Batching(10, linger_s=3_600), work), events, then=later))
    async with asyncio.timeout(BOUND_S):
        while len(acknowledged) < 10:
            await asyncio.sleep(0)
    later.set()
    await task
