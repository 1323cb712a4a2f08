"""Several units in the hands of an agent at once, and what becomes of each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from detectors.scripted import ScriptedDetector
from schemas.errors import RejectedInput, TransientFault
from schemas.media import MediaSettled
from sinks.object_store.memory import MemoryStore
from sinks.result_tables import make_tables
from sinks.results import Picturing, ResultSink
from streams.agents.takes import Fate, Take
from streams.agents.workers import WorkAgent
from streams.brokers.records import Record
from streams.faults import Patience
from streams.units.attempts import AttemptJournal
from streams.units.pipeline import Pipeline
from tests.streams.agents.benches import make_bench
from tests.streams.units.places import RECORDER, TOPICS, FakeReader, make_order, to_stored


class Reader(FakeReader):
    """Opens units of one image, but for those that are named, after telling that it does."""

    def __init__(self, refused=(), tell=lambda _unit: None):
        super().__init__(levels=(200,))
        self.refused, self.tell = refused, tell

    @contextmanager
    def open(self, unit):
        self.tell(unit)
        if unit.stamp.unit_id in self.refused:
            raise RejectedInput("truncated_picture", "It is cut.")
        with super().open(unit) as opened:
            yield opened


@pytest.fixture
def make_agent(tmp_path):
    with ThreadPoolExecutor(2) as threads:

        def make(reader, store=None, sent=None):
            async def send(records):
                (sent if sent is not None else []).extend(records)

            sink = ResultSink(store or MemoryStore(), lambda *_: b"jpeg", make_tables, Picturing("none", 0))
            bench = make_bench(threads, send, patience=Patience(0.001, 0.001, 10.0))
            journal = AttemptJournal(tmp_path / "attempts")
            return WorkAgent(Pipeline(reader, ScriptedDetector(), sink, RECORDER, journal), bench)

        yield make


def take(order, partition=0):
    value = order if isinstance(order, bytes) else order.to_canonical()
    return Take(to_stored(Record(TOPICS.work("fish", "live"), b"key", value, ()), partition=partition), Fate(None))


def list_ends(sent):
    """Return how each arrival ended."""
    settled = [MediaSettled.from_json(record.value) for record in sent if record.topic == TOPICS.media_settled]
    return {one.event: one.end.state for one in settled}


async def test_of_units_done_together_each_comes_to_its_own_end(make_agent):
    orders = [make_order(number) for number in range(4)]
    sent = []
    agent = make_agent(Reader({orders[1].unit.stamp.unit_id}), sent=sent)
    takes = [take(orders[0]), take(orders[1], 1), take(b"no order", 2), take(orders[2]), take(orders[3])]
    assert agent.pick(takes) == 2, "what cannot be read is none to be done with others"
    done = agent.do(takes)
    assert [one.fault.reason if one.fault else "" for one in done] == [
        "",
        "truncated_picture",
        "unreadable_order",
        "",
        "",
    ]
    assert await agent.finish(list(zip(takes, done, strict=True))) == []
    assert list_ends(sent) == {"e-0": "stored", "e-1": "set_aside", "e-2": "stored", "e-3": "stored"}
    assert sum(record.topic == TOPICS.media_rejected for record in sent) == 2


@pytest.mark.parametrize("fails_at", range(8))
def test_a_store_that_goes_away_half_way_through_several_units_costs_none_of_them(make_agent, fails_at):
    orders, written = [make_order(number) for number in range(4)], []

    def stumble(verb, key):
        if verb == "write":
            written.append(key)
            if len(written) == fails_at + 1:
                raise TransientFault(sentence="The store answers 503.")

    store = MemoryStore(before=stumble)
    done = make_agent(Reader(), store).do([take(order) for order in orders])
    assert [one.order.event for one in done] == [order.event for order in orders]
    assert all(len(one.announced) == 3 for one in done)
    assert sum(info.key.endswith("result.json") for info in store.list("")) == 4


def test_a_unit_that_was_looked_at_and_waits_for_others_or_for_a_neighbour_lives_while_anything_does(make_agent):
    seen, faults = [], [TransientFault(sentence="The store answers 503.")]

    def note(_unit):
        pulse = agent.bench.pulse
        pulse.beat()
        seen.append(
            pulse.find((TOPICS.work("fish", "live"), 0), is_ours=True) == pulse.find(("elsewhere", 0), is_ours=True)
        )

    def stumble(verb, _key):
        if verb == "write" and faults:
            raise faults.pop()

    agent = make_agent(Reader(tell=note), MemoryStore(before=stumble))
    agent.do([take(make_order(0))])
    agent.do([take(make_order(number)) for number in (1, 2, 3)])
    assert seen == [True] * 5
