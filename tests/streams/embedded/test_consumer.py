"""Parts of the consumer that no running app shows at will."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor

import faust
import pytest
from faust.types import TP
from yarl import URL

from schemas.errors import FatalFault, TransientFault
from streams.brokers.registration import register_transports
from streams.embedded.log import Entry, Kept, Log, Retention

PARTS = [TP("t", number) for number in range(4)]


@pytest.fixture
def log(tmp_path):
    with contextlib.closing(Log(tmp_path / "log.db")) as opened:
        opened.create(Kept("t", len(PARTS), Retention()))
        yield opened


@pytest.fixture
async def consumer(tmp_path, log):
    register_transports()
    app = faust.App("pier", broker=[URL(f"embedded://{tmp_path.as_posix()}/log.db")], broker_max_poll_records=8)
    app.loop = asyncio.get_running_loop()
    app.finalize()
    made = app.consumer
    made._log, made._aside = log, ThreadPoolExecutor(1)
    made._positions = dict.fromkeys(PARTS, 0)
    yield made
    made._aside.shutdown()


def fill(log, counts, size=10):
    log.append([Entry("t", number, b"k", b"x" * size) for number, count in enumerate(counts) for _ in range(count)])


def count(found):
    return {tp.partition: len(records) for tp, records in found.items()}


async def test_a_busy_partition_leaves_the_others_their_share(consumer, log):
    fill(log, [500, 3, 0, 500])
    assert count(await consumer._getmany(set(PARTS), 0)) == {0: 2, 1: 2, 3: 2}
    assert count(await consumer._getmany({PARTS[1]}, 0)) == {1: 1}


async def test_with_more_partitions_than_a_fetch_may_take_all_have_their_turn(consumer, log):
    consumer.app.conf.broker_max_poll_records = 1
    fill(log, [9, 9, 9, 9])
    turns = [next(iter(await consumer._getmany(set(PARTS), 0))).partition for _ in range(8)]
    assert sorted(turns) == [0, 0, 1, 1, 2, 2, 3, 3]


async def test_a_fetch_of_large_records_is_bounded(consumer, log):
    consumer.app.conf.broker_max_poll_records = 100
    fill(log, [10, 10, 0, 0], size=900_000)
    found = await consumer._getmany(set(PARTS), 0)
    assert sum(len(record.value) for records in found.values() for record in records) <= 8 * 1024 * 1024


async def test_a_fetch_waits_for_news_and_not_longer_than_told(consumer, log):
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert await consumer._getmany(set(PARTS), 0.05) == {}
    assert 0.04 <= loop.time() - began < 5
    waiting = asyncio.create_task(consumer._getmany(set(PARTS), 30))
    await asyncio.sleep(0)
    fill(log, [1, 0, 0, 0])
    assert count(await asyncio.wait_for(waiting, 10)) == {0: 1}


async def test_records_that_expired_before_they_were_read_are_passed_over(consumer, log):
    fill(log, [5, 0, 0, 0])
    with log.writing() as database:
        database.execute("DELETE FROM record")
    assert await consumer._getmany(set(PARTS), 0) == {}
    assert await consumer.position(PARTS[0]) == 5


async def test_offsets_that_find_the_disk_full_are_not_said_to_be_committed(consumer, log, monkeypatch):
    def fail(_app, _offsets):
        sentence = "The disk is full."
        raise TransientFault(sentence)

    with monkeypatch.context() as patch:
        patch.setattr(log, "commit", fail)
        assert not await consumer._commit({PARTS[0]: 3})
    assert await consumer._commit({PARTS[0]: 3})
    assert log.find_committed("pier") == {PARTS[0]: 3}


async def test_a_log_that_is_damaged_is_no_failed_commit(consumer, log, monkeypatch):
    def fail(_app, _offsets):
        sentence = "The file is damaged."
        raise FatalFault(sentence)

    monkeypatch.setattr(log, "commit", fail)
    with pytest.raises(FatalFault):
        await consumer._commit({PARTS[0]: 3})
