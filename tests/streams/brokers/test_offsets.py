"""A commit never passes a record that is not finished (faust-streaming issue 606)."""

from __future__ import annotations

import asyncio

import faust
import pytest
from faust.types import TP, ConsumerMessage
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from streams.brokers.kafka import transport as kafka_transport
from streams.brokers.offsets import InFlight
from streams.brokers.registration import register_transports

PART = TP("work", 0)


@settings(deadline=None)
@given(st.data())
def test_what_is_committed_is_finished_whatever_the_order(data):
    offsets = sorted(data.draw(st.sets(st.integers(0, 200), min_size=1, max_size=30)))
    order = data.draw(st.permutations(offsets))
    given_out = data.draw(st.integers(1, len(offsets)))
    flight = InFlight()
    for offset in offsets[:given_out]:
        flight.hand_out(offset)
    finished = set()
    for offset in order:
        assert flight.finish(offset) == (offset in offsets[:given_out])
        finished.add(offset)
        committable = flight.find_committable()
        unfinished = [one for one in offsets[:given_out] if one not in finished]
        if committable is not None:
            assert all(one >= committable for one in unfinished)
        # and no record is held back without a need
        head = [one for one in offsets[:given_out] if not unfinished or one < unfinished[0]]
        assert committable == (head[-1] + 1 if head else None)


def test_a_record_given_out_again_counts_once():
    flight = InFlight()
    for offset in (3, 4, 5, 3, 4, 5):
        flight.hand_out(offset)
    assert [flight.finish(offset) for offset in (4, 4, 3)] == [True, False, True]
    assert flight.find_committable() == 5


@pytest.fixture(params=["embedded", "kafka"])
async def consumer(request, tmp_path):
    """Return a consumer of each transport that has handed out eight records of one partition."""
    register_transports()
    url = {"embedded": f"embedded://{tmp_path}/log.db", "kafka": "kafka://127.0.0.1:1"}[request.param]
    app = faust.App("commits", broker=[URL(url)], web_enabled=False)
    app.loop = asyncio.get_running_loop()
    app.finalize()
    app.topics._acking_topics.add(PART.topic)
    app.consumer_generation_id = 1
    for offset in range(8):
        app.consumer._in_flight[PART].hand_out(offset)
    assert isinstance(app.consumer, kafka_transport.Consumer) == (request.param == "kafka")
    yield app.consumer
    if request.param == "kafka":
        app.consumer._thread.thread_loop.close()  # made with the consumer, ended by its stop; this one never starts


def make_message(offset, *, generation=1, tracked=True):
    message = ConsumerMessage("work", 0, offset, 0.0, 1, [], b"k", b"v", None, tp=PART, generation_id=generation)
    message.tracked = tracked
    message.incref()
    return message


@pytest.mark.parametrize("slow", [0, 1, 3, 7])
async def test_a_slow_record_holds_the_commit_back(consumer, slow):
    for offset in reversed(range(8)):
        if offset != slow:
            make_message(offset).ack(consumer)
    assert consumer._new_offset(PART) == (slow or None)
    make_message(slow).ack(consumer)
    assert consumer._new_offset(PART) == 8


async def test_what_the_compiled_iterator_noted_counts_too(consumer):
    # faust/_cython/streams.pyx writes into these two instead of calling ack
    for offset in (7, 5, 4, 2, 1, 0):
        consumer._acked_index[PART].add(offset)
        consumer._acked[PART].append(offset)
    assert consumer._new_offset(PART) == 3
    make_message(3).ack(consumer)
    make_message(6).ack(consumer)
    assert consumer._new_offset(PART) == 8


async def test_a_record_of_before_a_rebalance_does_not_count(consumer):
    assert not make_message(0, generation=0).ack(consumer)
    assert consumer._new_offset(PART) is None


async def test_a_record_thrown_away_while_the_flow_stands_does_not_count(consumer):
    consumer.stop_flow()
    assert not make_message(0, tracked=False).ack(consumer)
    assert make_message(1, tracked=True).ack(consumer)
    assert consumer._new_offset(PART) is None


async def test_a_failed_commit_is_tried_again(consumer, monkeypatch):
    answers = iter([False, True])
    committed = []

    async def commit(offsets):
        committed.append(dict(offsets))
        return next(answers)

    async def flush():
        pass

    monkeypatch.setattr(consumer, "_commit", commit)
    monkeypatch.setattr(consumer.app.producer, "flush", flush)
    monkeypatch.setattr(consumer, "assignment", lambda: {PART})
    make_message(0).ack(consumer)
    assert not await consumer.commit()
    assert await consumer.commit()
    assert not await consumer.commit()
    assert committed == [{PART: 1}, {PART: 1}]


async def test_what_was_finished_is_committed_when_partitions_are_taken_away(consumer, monkeypatch):
    seen = []

    async def wait_empty(revoked):
        make_message(1).ack(consumer)  # what was in work comes to its end while the partitions are being taken away
        seen.append(consumer._new_offset(PART))

    monkeypatch.setattr(consumer, "_on_partitions_revoked", wait_empty)
    make_message(0).ack(consumer)
    make_message(3).ack(consumer)
    await consumer.on_partitions_revoked({PART})
    assert seen == [2]
    assert consumer._new_offset(PART) is None
