"""The app on a real log: what is acknowledged, what is left, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import pytest

from schemas.errors import FatalFault, TransientFault
from schemas.topics import Topic
from streams.agents.app import make_app
from streams.agents.batches import Batching
from streams.agents.plan import AppPlan
from streams.agents.takes import Shape
from streams.agents.window import HoldEvent
from streams.brokers.client import open_client
from streams.brokers.credentials import Credentials
from streams.brokers.records import Record

#: Everything here is done in a second or two; a busy machine may need more.
BOUND_S = 60


@pytest.fixture
def url(tmp_path):
    return f"embedded://{tmp_path.as_posix()}/log.db"


@pytest.fixture
def client(url):
    with contextlib.closing(open_client(url)) as opened:
        opened.create([Topic(name, 2, "delete", None) for name in ("one", "two", "uses", "out")])
        yield opened


@pytest.fixture
def start(tmp_path, url):
    def make(**changes):
        plan = AppPlan("pier", url, Credentials(), 2, tmp_path / "faust", commit_every_s=0.05)
        app = make_app(plan)
        for name, value in changes.items():
            setattr(app, name, value)
        return app

    return make


class Hands:
    """A crew whose work is a coroutine function of the test, run on the test's loop while a thread waits for it."""

    def __init__(self, work, begun):
        self.work, self.begun, self.loop = work, begun, asyncio.get_running_loop()

    def pick(self, takes):
        return 1

    def do(self, takes):
        running = asyncio.run_coroutine_threadsafe(self.work(takes[0]), self.loop)
        self.begun.append(running)
        try:
            running.result()
        except HoldEvent:
            return [True]
        return [False]

    async def finish(self, done):
        return [take for take, is_held in done if is_held]


@pytest.fixture
async def add():
    """Add an agent with threads of its own; what never ends is cancelled when the test is over."""
    begun, pools = [], []

    def make(app, topic, width, work, *, on_fault=None):
        pools.append(ThreadPoolExecutor(width))
        app.add_agent(
            topic, shape=Shape(width), crew=Hands(work, begun), threads=pools[-1], on_fault=on_fault or refuse_fault
        )

    yield make
    for running in begun:
        running.cancel()
    for pool in pools:
        pool.shutdown(wait=False, cancel_futures=True)


def append(client, topic, count, *, key=b"k", value=b"%d"):
    client.append([Record(topic, key, value % number if b"%d" in value else value) for number in range(count)])


async def wait_for(condition):
    async with asyncio.timeout(BOUND_S):
        while not condition():
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(app):
    run = asyncio.create_task(app.run())
    try:
        yield run
    finally:
        app.end()
        async with asyncio.timeout(BOUND_S):
            await run


def committed(client):
    return sum(client.committed("pier").values())


async def end_with(app, fault):
    app.end(fault)


async def refuse_fault(fault):
    pytest.fail(f"no fault was expected: {fault!r}")


async def test_what_is_done_is_committed_and_not_done_again(client, start, add):
    append(client, "one", 20)
    for _ in range(2):
        app, seen = start(), []

        async def work(take, seen=seen):
            seen.append(take.record.value)

        add(app, "one", 4, work)
        async with running(app):
            await wait_for(lambda: committed(client) == 20)
    assert seen == []


async def test_what_is_at_work_when_it_is_asked_to_stop_is_finished_and_committed(client, start, add):
    append(client, "one", 3)
    app, began, go_on = start(), asyncio.Event(), asyncio.Event()

    async def work(take):
        began.set()
        await go_on.wait()

    add(app, "one", 4, work)
    async with running(app):
        await asyncio.wait_for(began.wait(), BOUND_S)
        app.end()
        asyncio.get_running_loop().call_later(0.3, go_on.set)
    assert committed(client) == 3


async def test_what_does_not_come_to_its_end_in_time_is_left_and_comes_again(client, start, add, caplog):
    append(client, "one", 3)
    app, began = start(stop_within_s=0.3), asyncio.Event()

    async def work(take):
        began.set()
        await asyncio.Event().wait()

    add(app, "one", 4, work)
    async with running(app):
        await asyncio.wait_for(began.wait(), BOUND_S)
    assert "3 records are still at work" in caplog.text
    assert committed(client) == 0
    assert await do_all(client, start, add) == [b"0", b"1", b"2"]


async def do_all(client, start, add, count=3):
    """Return what a new worker does, once it has done so many."""
    app, seen = start(), []

    async def work(take):
        seen.append(take.record.value)

    add(app, "one", 4, work)
    async with running(app):
        await wait_for(lambda: len(seen) >= count)
    return seen


async def test_a_held_record_keeps_neither_its_neighbours_nor_the_stop_waiting_and_comes_again(client, start, add):
    append(client, "one", 10)
    app, seen = start(), []

    async def work(take):
        if take.record.value == b"4":
            raise HoldEvent
        seen.append(take.record.value)

    add(app, "one", 4, work)
    async with running(app):
        await wait_for(lambda: len(seen) == 9)
    assert len(app.held) == 1
    assert committed(client) == 4
    assert await do_all(client, start, add, 6) == [b"4", b"5", b"6", b"7", b"8", b"9"]


async def test_the_stop_waits_for_what_came_in_one_bundle_with_a_held_record(client, start, add):
    append(client, "one", 4)
    app, seen, go_on = start(), [], asyncio.Event()

    async def work(take):
        if take.record.value == b"0":
            raise HoldEvent
        if take.record.value == b"3":
            await go_on.wait()
        seen.append(take.record.value)

    add(app, "one", 4, work)
    async with running(app):
        await wait_for(lambda: len(seen) == 2)
        asyncio.get_running_loop().call_later(0.5, go_on.set)
    assert sorted(seen) == [b"1", b"2", b"3"]
    assert committed(client) == 0
    assert len(app.held) == 1


async def test_an_agent_that_stopped_does_not_hold_up_its_neighbours_however_much_comes_for_it(client, start, add):
    # more than an agent's buffer takes, which would hold up the delivery to all
    append(client, "one", 6_000)
    append(client, "two", 1)
    app, faults, seen = start(), [], []

    async def fail(take):
        raise FatalFault(sentence="The model is gone.")

    async def work(take):
        seen.append(take.record.value)

    async def note(fault):
        faults.append(fault)

    add(app, "one", 4, fail, on_fault=note)
    add(app, "two", 4, work)
    async with running(app):
        await wait_for(lambda: faults and seen)
        append(client, "one", 6_000)
        append(client, "two", 20)
        await wait_for(lambda: len(seen) == 21)
    assert [fault.sentence for fault in faults] == ["The model is gone."]
    assert {topic for topic, _ in client.committed("pier")} == {"two"}


async def test_a_slow_agent_does_not_hold_up_the_delivery_to_its_neighbours(client, start, add):
    append(client, "one", 3_000)
    app, began, seen = start(stop_within_s=0.1), asyncio.Event(), []

    async def be_slow(take):
        began.set()
        await asyncio.Event().wait()

    async def work(take):
        seen.append(take.record.value)

    add(app, "one", 4, be_slow)
    add(app, "two", 4, work)
    async with running(app):
        await asyncio.wait_for(began.wait(), BOUND_S)
        append(client, "two", 20)
        await wait_for(lambda: len(seen) == 20)


async def test_a_fault_that_ends_the_app_is_the_one_it_ends_with(client, start, add):
    append(client, "one", 1)
    app = start()

    async def fail(take):
        raise TransientFault(sentence="The store is away.")

    add(app, "one", 4, fail, on_fault=lambda fault: end_with(app, fault))
    async with asyncio.timeout(BOUND_S):
        await app.run()
    assert isinstance(app.fault, TransientFault)
    assert committed(client) == 0


async def test_a_crash_inside_faust_ends_the_app_with_its_reason(client, start, add):
    app = start()
    add(app, "one", 4, refuse_fault)
    run = asyncio.create_task(app.run())
    await wait_for(app.app.consumer.assignment)
    mistake = ZeroDivisionError("inside Faust")
    await app.app.crash(mistake)
    async with asyncio.timeout(BOUND_S):
        await run
    assert app.fault is mistake


async def test_a_second_worker_on_the_log_is_refused_and_leaves_the_first_alone(client, start, add):
    first, second = start(), start()
    seen = []

    async def work(take):
        seen.append(take.record.value)

    for app in (first, second):
        add(app, "one", 4, work)
    async with running(first):
        await wait_for(first.app.consumer.assignment)
        with pytest.raises(FatalFault, match="already runs on the log"):
            async with asyncio.timeout(BOUND_S):
                await second.run()
        append(client, "one", 3)
        await wait_for(lambda: len(seen) == 3)


@pytest.mark.parametrize("garbage", [b"\xff\xfe\x00", b"", b"{", b"null", b'{"__proto__": 1}'])
async def test_bytes_of_any_kind_reach_the_agents_as_they_are(client, start, add, garbage):
    headers = (("ce_id", b"\xff\x00"), ("rejection", None), ("x", b""))
    client.append([Record("one", b"\xff", garbage, headers), Record("one", b"\xff", b"good")])
    app, seen = start(), []

    async def work(take):
        seen.append(take.record)

    add(app, "one", 1, work)
    async with running(app):
        await wait_for(lambda: len(seen) == 2)
    assert [(record.key, record.value, record.headers) for record in seen] == [
        (b"\xff", garbage, headers),
        (b"\xff", b"good", ()),
    ]


async def test_a_batch_is_committed_when_its_work_returned_and_not_before(client, start, add):
    append(client, "uses", 50)
    app, go_on, batches = start(), asyncio.Event(), []

    async def work(takes):
        batches.append(sum(len(take.records) for take in takes))
        await go_on.wait()
        return ()

    async def pass_by(take):
        pass

    app.add_batch_agent("uses", batching=Batching(100, linger_s=0.5), work=work, on_fault=refuse_fault)
    add(app, "one", 1, pass_by)
    async with running(app):
        await wait_for(lambda: batches)
        append(client, "one", 1)
        await wait_for(lambda: committed(client) == 1)  # so a commit has come by
        assert sum(batches) == 50
        go_on.set()
        await wait_for(lambda: committed(client) == 51)


async def test_records_that_come_in_bundles_come_once_in_order_and_are_committed_to_the_last(client, start):
    append(client, "uses", 3_500)
    app, offsets, sizes = start(), [], []

    async def work(takes):
        offsets.extend(record.offset for take in takes for record in take.records)
        sizes.append(sum(len(take.records) for take in takes))
        return ()

    app.add_batch_agent("uses", batching=Batching(2_000), work=work, on_fault=refuse_fault)
    async with running(app):
        await wait_for(lambda: len(offsets) == 3_500)
        await wait_for(lambda: committed(client) == 3_500)
    assert offsets == list(range(3_500))
    assert max(sizes) <= 2_000


async def test_bundles_whose_work_failed_come_again_to_the_next_worker(client, start):
    append(client, "uses", 1_500)
    app, offsets = start(), []

    async def fail(takes):
        raise TransientFault(sentence="The store is away.")

    app.add_batch_agent("uses", batching=Batching(1_000), work=fail, on_fault=lambda fault: end_with(app, fault))
    async with asyncio.timeout(BOUND_S):
        await app.run()
    assert committed(client) == 0
    again = start()

    async def work(takes):
        offsets.extend(record.offset for take in takes for record in take.records)
        return ()

    again.add_batch_agent("uses", batching=Batching(1_000), work=work, on_fault=refuse_fault)
    async with running(again):
        await wait_for(lambda: committed(client) == 1_500)
    assert offsets == list(range(1_500))


async def test_a_batch_whose_work_failed_stays_unacknowledged(client, start):
    append(client, "uses", 5)
    app = start()

    async def work(records):
        raise TransientFault(sentence="The store is away.")

    app.add_batch_agent(
        "uses", batching=Batching(100, linger_s=0.5), work=work, on_fault=lambda fault: end_with(app, fault)
    )
    async with asyncio.timeout(BOUND_S):
        await app.run()
    assert isinstance(app.fault, TransientFault)
    assert committed(client) == 0


async def test_what_is_published_is_durable_when_publishing_returns(client, start, add):
    app = start()
    add(app, "one", 1, refuse_fault)
    async with running(app):
        await wait_for(app.app.consumer.assignment)
        await app.publish([Record("out", b"a", b"%d" % n, (("h", b"\x00"),)) for n in range(10)])
        found = list(client.read("out"))
    assert [record.value for record in found] == [b"%d" % n for n in range(10)]
    assert found[0].headers == (("h", b"\x00"),)


async def test_ends_and_committed_are_known_for_each_assigned_partition_and_for_none_before(client, start, add):
    append(client, "one", 7)
    app, go_on = start(), asyncio.Event()
    assert app.committed() == app.ends() == {}

    async def work(take):
        await go_on.wait()

    add(app, "one", 1, work)
    async with running(app):
        await wait_for(lambda: sum(app.ends().values()) == 7)
        assert app.committed() == {("one", 0): 0, ("one", 1): 0}
        go_on.set()
        await wait_for(lambda: sum(app.committed().values()) == 7)


async def test_each_partition_is_acknowledged_in_order_while_several_are_at_work(client, start, add):
    client.append([Record("one", b"%d" % (n % 8), b"%d" % n) for n in range(200)])
    app, done, lock = start(), defaultdict(list), threading.Lock()

    async def work(take):
        await asyncio.sleep(0.001 * (int(take.record.value) % 5))
        with lock:
            done[take.partition].append(take.record.offset)

    add(app, "one", 8, work)
    async with running(app):
        await wait_for(lambda: committed(client) == 200)
    assert sum(len(offsets) for offsets in done.values()) == 200
