"""Arrivals that come together, and what becomes of each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from schemas.errors import TransientFault
from schemas.media import MediaSettled
from schemas.unit import WorkOrder
from sinks.object_store.memory import MemoryStore
from streams.agents.arrivals import RouterAgent
from streams.agents.health import Pulse
from streams.agents.takes import BundleTake
from streams.brokers.records import Record
from streams.faults import Patience
from streams.feeds.announce import Claimed, Sender, announce_bytes
from tests.streams.agents.benches import make_bench
from tests.streams.units.places import JPEG, TOPICS, make_router, to_stored


class Counted(Pulse):
    """Counts the signs of life."""

    count = 0

    def beat(self):
        self.count += 1
        super().beat()


@pytest.fixture
def sent():
    return []


@pytest.fixture
def make_agent(tmp_path, sent):
    with ThreadPoolExecutor(2) as threads:

        def make(store):
            async def send(records):
                sent.extend(records)

            bench = make_bench(threads, send, patience=Patience(0.001, 0.001, 10.0), pulse=Counted())
            return RouterAgent(make_router(tmp_path, store), bench)

        yield make


def take(number, *, minute=None, data=JPEG):
    """Return an arrival; the same minute and bytes under another name are a duplicate."""
    at = number if minute is None else minute
    claimed = Claimed(f"{number}/20260501-12{at:02}00-cam.jpg")
    return to_bundle(announce_bytes(data, claimed, Sender("cam")).to_record(TOPICS.media_arrived))


def to_bundle(*records):
    return BundleTake(tuple(map(to_stored, records)), None)


def list_ends(sent):
    return [MediaSettled.from_json(record.value).end.state for record in sent if record.topic == TOPICS.media_settled]


def list_orders(sent):
    return [WorkOrder.from_json(record.value) for record in sent if record.topic == TOPICS.work("fish", "live")]


async def test_of_arrivals_that_came_together_each_comes_to_its_own_end(make_agent, sent):
    stranger = to_bundle(Record(TOPICS.media_arrived, b"cam", b"no envelope", ()))
    assert await make_agent(MemoryStore()).work([take(0), take(1), stranger, take(2, minute=0), take(3)]) == []
    assert sorted(list_ends(sent)) == ["duplicate", "in_work", "in_work", "in_work", "set_aside"]
    names = [order.unit.parts[0].name for order in list_orders(sent)]
    assert [name.partition("/")[0] for name in names] == ["0", "1", "3"], "of two the later one is the duplicate"


@pytest.mark.parametrize("fails_at", range(8))
async def test_a_store_that_goes_away_half_way_through_several_arrivals_costs_none_and_doubles_none(
    make_agent, sent, fails_at
):
    written = []

    def stumble(verb, key):
        if verb == "write_once":
            written.append(key)
            if len(written) == fails_at + 1:
                raise TransientFault(sentence="The store answers 503.")

    store = MemoryStore(before=stumble)
    takes = [take(number, data=JPEG + b"%d" % number) for number in range(4)]
    assert await make_agent(store).work(takes) == []
    assert list_ends(sent) == ["in_work"] * 4
    assert len({order.unit.stamp.unit_id for order in list_orders(sent)}) == len(list_orders(sent)) == 4
    assert all(store.stat(order.unit.parts[0].at) for order in list_orders(sent))


async def test_each_arrival_is_a_sign_of_life_of_the_worker(make_agent):
    agent = make_agent(MemoryStore())
    await agent.work([take(number) for number in range(20)])
    assert agent.bench.pulse.count >= 20
