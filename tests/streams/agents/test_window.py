"""Ordered acknowledgement, as a topic sees it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.agents.window import HoldEvent, OrderedWindow, WindowClosedError


@dataclass
class Event:
    number: int
    partition: int = 0
    acked: list[tuple[int, int]] = field(default_factory=list)

    def ack(self) -> bool:
        self.acked.append((self.partition, self.number))
        return True


def make_events(numbers: list[tuple[int, int]]) -> tuple[list[Event], list[tuple[int, int]]]:
    acked: list[tuple[int, int]] = []
    return [Event(number, partition, acked) for partition, number in numbers], acked


async def stream(events: list[Event]):
    for event in events:
        yield event


def ignore(_event: Event) -> None:
    """No event is expected to be held."""


async def test_a_slow_first_event_keeps_the_ones_behind_it_unacknowledged():
    events, acked = make_events([(0, 0), (0, 1), (0, 2)])
    gate, seen = asyncio.Event(), asyncio.Event()

    async def work(event: Event) -> None:
        if event.number == 0:
            await gate.wait()
        if event.number == 2:
            seen.set()

    run = asyncio.create_task(OrderedWindow(4, work=work, on_hold=ignore).run(stream(events)))
    await asyncio.wait_for(seen.wait(), 5)
    assert acked == []
    gate.set()
    await asyncio.wait_for(run, 5)
    assert acked == [(0, 0), (0, 1), (0, 2)]


async def test_an_event_at_work_is_acknowledged_although_no_other_event_arrives():
    events, acked = make_events([(0, 0)])
    never = asyncio.Event()

    async def endless():
        yield events[0]
        await never.wait()

    async def work(_event: Event) -> None:
        await asyncio.sleep(0)

    run = asyncio.create_task(OrderedWindow(4, work=work, on_hold=ignore).run(endless()))
    async with asyncio.timeout(5):
        while not acked:
            await asyncio.sleep(0)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run


async def test_a_failed_event_closes_the_window_and_nothing_behind_it_is_acknowledged():
    events, acked = make_events([(0, 0), (0, 1), (0, 2)])

    async def work(event: Event) -> None:
        if event.number == 1:
            message = "model gone"
            raise OSError(message)

    with pytest.raises(WindowClosedError) as raised:
        await OrderedWindow(4, work=work, on_hold=ignore).run(stream(events))
    assert isinstance(raised.value.__cause__, OSError)
    assert acked == [(0, 0)]


async def test_a_held_event_stays_unacknowledged_while_its_neighbours_go_on():
    events, acked = make_events([(0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (0, 3), (1, 2)])
    held: list[tuple[int, int]] = []

    async def work(event: Event) -> None:
        await asyncio.sleep(0)
        if (event.partition, event.number) in {(0, 1), (0, 2)}:
            raise HoldEvent

    window = OrderedWindow(2, work=work, on_hold=lambda event: held.append((event.partition, event.number)))
    await asyncio.wait_for(window.run(stream(events)), 5)
    assert [item for item in acked if item[0] == 0] == [(0, 0), (0, 3)]
    assert [item for item in acked if item[0] == 1] == [(1, 0), (1, 1), (1, 2)]
    assert held == [(0, 1), (0, 2)]


async def test_any_number_of_held_events_leaves_room_for_others():
    events, acked = make_events([(0, n) for n in range(200)])

    async def work(event: Event) -> None:
        if event.number % 10:
            raise HoldEvent

    await asyncio.wait_for(OrderedWindow(2, work=work, on_hold=ignore).run(stream(events)), 5)
    assert acked == [(0, n) for n in range(0, 200, 10)]


async def test_one_long_unit_does_not_keep_those_behind_it_from_being_done():
    events, acked = make_events([(0, n) for n in range(30)])
    gate, seen = asyncio.Event(), asyncio.Event()
    done: list[int] = []

    async def work(event: Event) -> None:
        if event.number == 0:
            await gate.wait()
        done.append(event.number)
        if event.number == 29:
            seen.set()

    window = OrderedWindow(3, backlog=100, work=work, on_hold=ignore)
    run = asyncio.create_task(window.run(stream(events)))
    await asyncio.wait_for(seen.wait(), 5)
    assert done == list(range(1, 30))
    assert acked == []
    gate.set()
    await asyncio.wait_for(run, 5)
    assert acked == [(0, n) for n in range(30)]


async def test_no_more_than_the_backlog_is_taken_before_the_first_is_acknowledged():
    events, _ = make_events([(0, n) for n in range(30)])
    gate, began = asyncio.Event(), []

    async def work(event: Event) -> None:
        began.append(event.number)
        if event.number == 0:
            await gate.wait()

    run = asyncio.create_task(OrderedWindow(3, backlog=10, work=work, on_hold=ignore).run(stream(events)))
    for _ in range(200):
        await asyncio.sleep(0)
    assert began == list(range(10))
    gate.set()
    await asyncio.wait_for(run, 5)
    assert began == list(range(30))


async def test_no_more_than_the_width_is_at_work_at_once():
    events, _ = make_events([(n % 3, n) for n in range(40)])
    at_work, most = 0, 0

    async def work(_event: Event) -> None:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        for _ in range(3):
            await asyncio.sleep(0)
        at_work -= 1

    await asyncio.wait_for(OrderedWindow(5, work=work, on_hold=ignore).run(stream(events)), 5)
    assert most == 5


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=40), st.integers(1, 6))
def test_whatever_the_durations_each_partition_is_acknowledged_in_order(plan: list[tuple[int, int]], width: int):
    async def run() -> list[tuple[int, int]]:
        events, acked = make_events([(partition, place) for place, (partition, _) in enumerate(plan)])

        async def work(event: Event) -> None:
            for _ in range(plan[event.number][1]):
                await asyncio.sleep(0)

        await asyncio.wait_for(OrderedWindow(width, work=work, on_hold=ignore).run(stream(events)), 5)
        return acked

    acked = asyncio.run(run())
    assert len(acked) == len(plan)
    for partition in range(4):
        mine = [number for part, number in acked if part == partition]
        assert mine == sorted(mine)
