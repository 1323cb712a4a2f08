"""Ordered acknowledgement, as a topic sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier, Lock
from threading import Event as Flag

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.agents.window import CrewWindow, WindowClosedError

#: Everything here is done in a moment; a busy machine may need more.
BOUND_S = 30


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


@dataclass
class Hands:
    """A crew whose work is the test's: as many as ``join`` says in a thread, then ``hold`` says what stays."""

    work: Callable[[Event], object] = lambda _event: None
    hold: Callable[[Event], bool] = lambda _event: False
    join: Callable[[Sequence[Event]], int] = lambda _events: 1
    lots: list[list[int]] = field(default_factory=list)
    together: list[list[int]] = field(default_factory=list)

    def pick(self, events: Sequence[Event]) -> int:
        return self.join(events)

    def do(self, events: Sequence[Event]) -> list[object]:
        self.together.append([event.number for event in events])
        return [self.work(event) for event in events]

    async def finish(self, done: Sequence[tuple[Event, object]]) -> list[Event]:
        self.lots.append([event.number for event, _ in done])
        return [event for event, _ in done if self.hold(event)]


@pytest.fixture(scope="module")
def threads():
    with ThreadPoolExecutor(8) as opened:
        yield opened


@pytest.fixture
def open_window(threads):
    def make(hands: Hands, width: int = 4, *, backlog: int = 0, on_hold: Callable[[Event], None] = ignore):
        return CrewWindow(hands, width, backlog=backlog, threads=threads, on_hold=on_hold)

    return make


async def wait_for(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(BOUND_S):
        while not condition():
            await asyncio.sleep(0.001)


async def test_a_slow_first_event_keeps_the_ones_behind_it_unacknowledged(open_window):
    events, acked = make_events([(0, 0), (0, 1), (0, 2)])
    gate = Flag()

    def work(event: Event) -> None:
        if event.number == 0:
            assert gate.wait(BOUND_S)

    hands = Hands(work)
    run = asyncio.create_task(open_window(hands).run(stream(events)))
    await wait_for(lambda: {number for lot in hands.lots for number in lot} == {1, 2})
    assert acked == []
    gate.set()
    await asyncio.wait_for(run, BOUND_S)
    assert acked == [(0, 0), (0, 1), (0, 2)]


async def test_an_event_at_work_is_acknowledged_although_no_other_event_arrives(open_window):
    events, acked = make_events([(0, 0)])
    never = asyncio.Event()

    async def endless():
        yield events[0]
        await never.wait()

    run = asyncio.create_task(open_window(Hands()).run(endless()))
    await wait_for(lambda: bool(acked))
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run


async def test_a_failed_event_closes_the_window_and_nothing_behind_it_is_acknowledged(open_window):
    events, acked = make_events([(0, 0), (0, 1), (0, 2)])
    first_is_acknowledged = Flag()

    def work(event: Event) -> None:
        if event.number == 1:
            assert first_is_acknowledged.wait(BOUND_S)
            message = "model gone"
            raise OSError(message)

    run = asyncio.create_task(open_window(Hands(work)).run(stream(events)))
    await wait_for(lambda: bool(acked))
    first_is_acknowledged.set()
    with pytest.raises(WindowClosedError) as raised:
        await asyncio.wait_for(run, BOUND_S)
    assert isinstance(raised.value.__cause__, OSError)
    assert acked == [(0, 0)]


async def test_when_telling_the_outcome_fails_the_window_closes_and_nothing_is_acknowledged(open_window):
    events, acked = make_events([(0, 0), (0, 1)])

    class Mute(Hands):
        async def finish(self, done: Sequence[tuple[Event, object]]) -> list[Event]:
            message = "broker gone"
            raise OSError(message)

    with pytest.raises(WindowClosedError):
        await asyncio.wait_for(open_window(Mute()).run(stream(events)), BOUND_S)
    assert acked == []


async def test_a_held_event_stays_unacknowledged_while_its_neighbours_go_on(open_window):
    events, acked = make_events([(0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (0, 3), (1, 2)])
    held: list[tuple[int, int]] = []
    hands = Hands(hold=lambda event: (event.partition, event.number) in {(0, 1), (0, 2)})
    window = open_window(hands, 2, on_hold=lambda event: held.append((event.partition, event.number)))
    await asyncio.wait_for(window.run(stream(events)), BOUND_S)
    assert [item for item in acked if item[0] == 0] == [(0, 0), (0, 3)]
    assert [item for item in acked if item[0] == 1] == [(1, 0), (1, 1), (1, 2)]
    assert held == [(0, 1), (0, 2)]


async def test_any_number_of_held_events_leaves_room_for_others(open_window):
    events, acked = make_events([(0, n) for n in range(200)])
    hands = Hands(hold=lambda event: event.number % 10 != 0)
    await asyncio.wait_for(open_window(hands, 2).run(stream(events)), BOUND_S)
    assert acked == [(0, n) for n in range(0, 200, 10)]


async def test_one_long_unit_does_not_keep_those_behind_it_from_being_done(open_window):
    events, acked = make_events([(0, n) for n in range(30)])
    gate, done = Flag(), []

    def work(event: Event) -> None:
        if event.number == 0:
            assert gate.wait(BOUND_S)
        done.append(event.number)

    run = asyncio.create_task(open_window(Hands(work), 3, backlog=100).run(stream(events)))
    await wait_for(lambda: len(done) == 29)
    assert sorted(done) == list(range(1, 30))
    assert acked == []
    gate.set()
    await asyncio.wait_for(run, BOUND_S)
    assert acked == [(0, n) for n in range(30)]


async def test_no_more_than_the_backlog_is_taken_before_the_first_is_acknowledged(open_window):
    events, _ = make_events([(0, n) for n in range(30)])
    gate, began = Flag(), []

    def work(event: Event) -> None:
        began.append(event.number)
        if event.number == 0:
            assert gate.wait(BOUND_S)

    window = open_window(Hands(work), 3, backlog=10)
    run = asyncio.create_task(window.run(stream(events)))
    await wait_for(lambda: len(began) == 10 and window.is_full)
    for _ in range(200):
        await asyncio.sleep(0)
    assert sorted(began) == list(range(10))
    gate.set()
    await asyncio.wait_for(run, BOUND_S)
    assert sorted(began) == list(range(30))


async def test_no_more_than_the_width_is_at_work_at_once(open_window):
    events, _ = make_events([(n % 3, n) for n in range(40)])
    lock, at_work, most = Lock(), 0, 0

    def work(_event: Event) -> None:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        with lock:
            at_work -= 1

    await asyncio.wait_for(open_window(Hands(work), 2).run(stream(events)), BOUND_S)
    assert 1 <= most <= 2


async def test_events_are_done_side_by_side(open_window):
    events, acked = make_events([(0, n) for n in range(4)])
    together = Barrier(4, timeout=BOUND_S)
    await asyncio.wait_for(open_window(Hands(lambda _: together.wait()), 4).run(stream(events)), BOUND_S)
    assert len(acked) == 4


async def test_what_was_done_while_the_broker_was_told_of_others_is_told_together(open_window):
    events, acked = make_events([(0, n) for n in range(20)])
    others_are_done = asyncio.Event()
    done: list[int] = []

    class Slow(Hands):
        async def finish(self, done: Sequence[tuple[Event, object]]) -> list[Event]:
            await asyncio.wait_for(others_are_done.wait(), BOUND_S)
            return await super().finish(done)

    hands = Slow(lambda event: done.append(event.number))
    run = asyncio.create_task(open_window(hands, 4, backlog=100).run(stream(events)))
    await wait_for(lambda: len(done) >= 8)
    others_are_done.set()
    await asyncio.wait_for(run, BOUND_S)
    assert len(hands.lots) < 20
    assert acked == [(0, n) for n in range(20)]


async def test_what_waits_is_done_in_one_go_as_far_as_the_crew_picks_it(open_window):
    events, acked = make_events([(0, n) for n in range(40)])
    gate = Flag()

    def work(event: Event) -> None:
        if event.number == 0:
            assert gate.wait(BOUND_S)

    def join(waiting: Sequence[Event]) -> int:
        return next((place for place, event in enumerate(waiting) if place and event.number % 10 == 0), len(waiting))

    hands = Hands(work, join=join)
    window = open_window(hands, 1, backlog=100)
    run = asyncio.create_task(window.run(stream(events)))
    await wait_for(lambda: window.is_full)
    gate.set()
    await asyncio.wait_for(run, BOUND_S)
    assert acked == [(0, n) for n in range(40)]
    assert [number for lot in hands.together for number in lot] == list(range(40)), "what is given back keeps its turn"
    assert max(map(len, hands.together)) > 1
    assert all(number % 10 for lot in hands.together for number in lot[1:])


async def test_what_a_long_unit_left_of_its_lot_is_done_by_others_meanwhile(open_window):
    events, acked = make_events([(0, n) for n in range(20)])
    gate, done = Flag(), []

    def work(event: Event) -> None:
        if event.number == 5:
            assert gate.wait(BOUND_S)
        done.append(event.number)

    run = asyncio.create_task(open_window(Hands(work), 2, backlog=100).run(stream(events)))
    await wait_for(lambda: len(done) == 19)
    gate.set()
    await asyncio.wait_for(run, BOUND_S)
    assert acked == [(0, n) for n in range(20)]


class Waiting(Executor):
    """Keeps what it shall run until the test runs it."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], object]] = []

    def submit(self, call, /, *_args, **_named):
        self.calls.append(call)
        return Future()

    def run_next(self) -> None:
        self.calls.pop(0)()


async def test_what_is_given_back_after_the_other_threads_found_nothing_and_left_is_done_by_another_all_the_same():
    events, acked = make_events([(0, n) for n in range(8)])
    threads, done = Waiting(), []

    def join(waiting: Sequence[Event]) -> int:
        if waiting[0].number:
            return len(waiting)
        threads.run_next()  # the other thread does all it sees, and leaves
        return 1

    def work(event: Event) -> None:
        if event.number == 0:
            assert done == [4, 5, 6, 7]
            threads.run_next()
            assert done == [4, 5, 6, 7, 1, 2, 3], "a long unit is at work here, and another thread has those behind it"
        done.append(event.number)

    window = CrewWindow(Hands(work, join=join), 2, backlog=len(events), threads=threads, on_hold=ignore)
    run = asyncio.create_task(window.run(stream(events)))
    await wait_for(lambda: window.taken == len(events) and len(threads.calls) == 2)
    threads.run_next()
    await asyncio.wait_for(run, BOUND_S)
    assert acked == [(0, n) for n in range(8)]


async def test_what_is_given_back_after_the_window_closed_is_not_done():
    events, acked = make_events([(0, n) for n in range(4)])
    threads, loop = Waiting(), asyncio.get_running_loop()

    async def stop() -> None:
        run.cancel()
        await asyncio.wait([run])

    def join(_waiting: Sequence[Event]) -> int:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(BOUND_S)
        return 1

    hands = Hands(join=join)
    run = asyncio.create_task(CrewWindow(hands, 2, threads=threads, on_hold=ignore).run(stream(events)))
    await wait_for(lambda: len(threads.calls) == 2)
    await asyncio.to_thread(threads.run_next)
    assert hands.together == [[0]]
    assert acked == []


async def test_when_one_of_several_fails_none_of_them_is_acknowledged(open_window):
    events, acked = make_events([(0, n) for n in range(30)])

    def work(event: Event) -> None:
        if event.number == 20:
            raise ValueError(event.number)

    hands = Hands(work, join=len)
    with pytest.raises(WindowClosedError):
        await asyncio.wait_for(open_window(hands, 1, backlog=100).run(stream(events)), BOUND_S)
    failed = next(lot for lot in hands.together if 20 in lot)
    assert acked == [(0, n) for n in range(min(failed))]


async def test_two_windows_share_threads_and_neither_waits_for_the_end_of_the_other():
    with ThreadPoolExecutor(1) as one:
        many, acked_many = make_events([(0, n) for n in range(200)])
        few, acked_few = make_events([(0, n) for n in range(3)])
        order: list[str] = []
        first = CrewWindow(Hands(lambda _: order.append("many")), 1, threads=one, on_hold=ignore)
        second = CrewWindow(Hands(lambda _: order.append("few")), 1, threads=one, on_hold=ignore)
        await asyncio.wait_for(asyncio.gather(first.run(stream(many)), second.run(stream(few))), BOUND_S)
    assert (len(acked_many), len(acked_few)) == (200, 3)
    assert order.index("few") < 100


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=40), st.integers(1, 6))
def test_whatever_the_durations_each_partition_is_acknowledged_in_order(plan: list[tuple[int, int]], width: int):
    async def run() -> list[tuple[int, int]]:
        events, acked = make_events([(partition, place) for place, (partition, _) in enumerate(plan)])
        with ThreadPoolExecutor(width) as some:
            hands = Hands(lambda event: sum(range(1000 * plan[event.number][1])))
            await asyncio.wait_for(CrewWindow(hands, width, threads=some, on_hold=ignore).run(stream(events)), BOUND_S)
        return acked

    acked = asyncio.run(run())
    assert len(acked) == len(plan)
    for partition in range(4):
        mine = [number for part, number in acked if part == partition]
        assert mine == sorted(mine)
