"""The broker's promise to the command line, the feeds and the ledger: the fake, the embedded log and Kafka keep it alike."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.errors import FatalFault, RejectedInput, TransientFault
from schemas.topics import Topic
from streams.brokers.client import open_client
from streams.brokers.partitions import make_chooser
from streams.brokers.records import RECORD_LIMIT_BYTES, Record, Stored
from streams.embedded.client import EmbeddedClient
from streams.embedded.log import Log

HOSTILE_HEADERS = (("ce_id", b"\xff\x00"), ("ce_id", None), ("größe", b""), ("ce_id", b"\xff\x00"))
PARTITIONS = 3


@pytest.fixture(params=["memory", "embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def url(request, tmp_path):
    """Return the address of each broker; Kafka where this machine has one."""
    if request.param == "kafka":
        return request.getfixturevalue("kafka_url")
    return {"memory": "memory://", "embedded": f"embedded://{tmp_path.as_posix()}/log.db"}[request.param]


@pytest.fixture
def client(url):
    with contextlib.closing(open_client(url)) as opened:
        yield opened


@pytest.fixture
def topic(client, unique_name):
    client.create([Topic(unique_name, PARTITIONS, "delete", 86_400)])
    return unique_name


@pytest.fixture
def compacted(client, unique_name):
    client.create([Topic(f"{unique_name}-c", 1, "compact", None)])
    return f"{unique_name}-c"


@pytest.fixture
def commit(client, url):
    """Return a function that commits offsets of a group, as a worker does."""

    def commit_offsets(group, offsets):
        if url.startswith("kafka"):
            asyncio.run(commit_to_kafka(url.removeprefix("kafka://"), group, offsets))
        elif isinstance(client, EmbeddedClient):
            client._log.commit(group, offsets)
        else:
            client.commit(group, offsets)

    return commit_offsets


async def commit_to_kafka(servers, group, offsets):
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, group_id=group, enable_auto_commit=False)
    await consumer.start()
    consumer.assign([TopicPartition(*part) for part in offsets])
    await consumer.commit({TopicPartition(*part): offset for part, offset in offsets.items()})
    await consumer.stop()


def read_values(client, topic, start=None):
    return sorted(stored.value for stored in client.read(topic, start))


def test_a_record_is_read_as_it_was_appended(client, topic):
    before = datetime.now(UTC) - timedelta(seconds=2)  # a broker's clock is not ours
    client.append([Record(topic, b"\x00key", b"\xff" * 1000, HOSTILE_HEADERS)])
    (stored,) = client.read(topic)
    assert (stored.topic, stored.key, stored.value, stored.headers) == (
        topic,
        b"\x00key",
        b"\xff" * 1000,
        HOSTILE_HEADERS,
    )
    assert isinstance(stored, Stored)
    assert before <= stored.appended_at <= datetime.now(UTC) + timedelta(seconds=2)
    assert stored.appended_at.tzinfo is UTC


@pytest.mark.parametrize(("key", "value"), [(b"k", None), (None, b"v"), (b"", b"")])
def test_what_is_missing_stays_missing(client, topic, key, value):
    client.append([Record(topic, key, value)])
    (stored,) = client.read(topic)
    assert (stored.key, stored.value, stored.headers) == (key, value, ())


def test_a_record_of_nothing_at_all_is_taken(client, topic):
    client.append([Record(topic, None, None)])
    (stored,) = client.read(topic)
    assert (stored.key, stored.value or None, stored.headers) == (None, None, ())


def test_records_of_one_key_stay_in_order_in_one_partition(client, topic):
    keys = [b"feed-%d" % number for number in range(7)]
    client.append([Record(topic, keys[number % 7], b"%d" % number) for number in range(140)])
    found = list(client.read(topic))
    choose = make_chooser()
    assert {(stored.key, stored.partition) for stored in found} == {(key, choose(key, PARTITIONS)) for key in keys}
    for key in keys:
        numbers = [int(stored.value) for stored in found if stored.key == key]
        assert numbers == [number for number in range(140) if keys[number % 7] == key]
    for partition, group in itertools.groupby(found, key=lambda stored: stored.partition):
        offsets = [stored.offset for stored in group]
        assert offsets == list(range(len(offsets))), partition


def test_appending_nothing_is_nothing(client, topic):
    client.append([])
    assert list(client.read(topic)) == []


def test_records_of_several_topics_go_in_one_call(client, topic, compacted):
    client.append([Record(topic, b"k", b"1"), Record(compacted, b"k", b"2"), Record(topic, b"k", b"3")])
    assert (read_values(client, topic), read_values(client, compacted)) == ([b"1", b"3"], [b"2"])


def test_reading_starts_where_it_is_told(client, compacted):
    client.append([Record(compacted, b"%d" % number, b"%d" % number) for number in range(10)])
    assert [stored.offset for stored in client.read(compacted, {0: 7})] == [7, 8, 9]
    assert [stored.offset for stored in client.read(compacted, {0: 10})] == []
    assert [stored.offset for stored in client.read(compacted, {0: 99})] == []
    assert len(list(client.read(compacted, {}))) == 10


def test_partitions_that_are_not_named_are_read_from_their_beginning(client, topic):
    client.append([Record(topic, b"%d" % number, b"v") for number in range(60)])
    ends = client.end_offsets([topic])
    found = list(client.read(topic, {1: ends[topic, 1]}))
    assert {stored.partition for stored in found} == {0, 2}
    assert len(found) == ends[topic, 0] + ends[topic, 2]


def test_reading_ends_where_the_topic_ended_when_it_began(client, topic):
    client.append([Record(topic, b"k", b"before")] * 3)
    reading = client.read(topic)
    client.append([Record(topic, b"k", b"after")])
    first = next(reading)
    client.append([Record(topic, b"k", b"after")])
    assert {stored.value for stored in (first, *reading)} == {b"before"}
    assert len(list(client.read(topic))) == 5


def test_reading_can_be_given_up_and_begun_again(client, topic):
    client.append([Record(topic, b"%d" % number, b"v") for number in range(50)])
    reading = client.read(topic)
    next(reading)
    if hasattr(reading, "close"):
        reading.close()
    assert len(list(client.read(topic))) == 50


def test_large_records_are_read_a_few_at_a_time_and_whole(client, topic):
    client.append([Record(topic, b"k", bytes([number]) * 900_000) for number in range(12)])
    assert [stored.value[:1] * 900_000 == stored.value for stored in client.read(topic)] == [True] * 12
    assert [stored.value[0] for stored in client.read(topic)] == list(range(12))


def test_a_record_of_the_largest_size_is_taken_and_a_larger_one_refused(client, topic):
    client.append([Record(topic, b"k", b"x" * (RECORD_LIMIT_BYTES - 1))])
    with pytest.raises(RejectedInput) as caught:
        client.append(
            [Record(topic, b"k", b"small"), Record(topic, b"k", b"x" * (RECORD_LIMIT_BYTES - 4), (("abc", b"1"),))]
        )
    assert caught.value.reason == "record_too_large"
    assert "1,000,001 bytes" in caught.value.sentence
    assert [len(stored.value) for stored in client.read(topic)] == [RECORD_LIMIT_BYTES - 1]


def test_a_topic_that_does_not_exist_is_refused_and_not_made(client, topic, unique_name):
    missing = f"{unique_name}-missing"
    for call in (
        lambda: client.append([Record(topic, b"k", b"v"), Record(missing, b"k", b"v")]),
        lambda: list(client.read(missing)),
        lambda: client.end_offsets([missing]),
        lambda: client.begin_offsets([missing]),
    ):
        with pytest.raises(FatalFault, match=f"Topic {missing} does not exist"):
            call()
    assert missing not in {state.name for state in client.describe()}
    assert list(client.read(topic)) == []


def test_a_compacted_topic_wants_keys(client, compacted):
    with pytest.raises(FatalFault, match=f"Topic {compacted} is compacted"):
        client.append([Record(compacted, None, b"v")])


def test_topics_are_described_as_they_were_made(client, unique_name):
    topics = [
        Topic(f"{unique_name}.a", 4, "delete", 3600),
        Topic(f"{unique_name}.b", 1, "compact", None),
        Topic(f"{unique_name}.c", 2, "delete", None),
    ]
    assert client.create(topics) == tuple(topic.name for topic in topics)
    states = {state.name: state for state in client.describe()}
    for topic in topics:
        state = states[topic.name]
        assert (state.partitions, state.cleanup, state.retention_s) == (
            topic.partitions,
            topic.cleanup,
            topic.retention_s,
        )
        assert state.retention_bytes is None
    assert len({states[topic.name].log_id for topic in topics}) == 1
    assert list(states) == sorted(states)


def test_a_topic_that_exists_is_left_as_it_is(client, topic):
    client.append([Record(topic, b"k", b"v")])
    assert client.create([Topic(topic, 9, "compact", None), Topic(f"{topic}-new", 1, "delete", 60)]) == (
        f"{topic}-new",
    )
    (state,) = [state for state in client.describe() if state.name == topic]
    assert (state.partitions, state.cleanup) == (PARTITIONS, "delete")
    assert len(list(client.read(topic))) == 1


def test_ends_and_beginnings_count_records(client, topic):
    empty = {(topic, number): 0 for number in range(PARTITIONS)}
    assert client.end_offsets([topic]) == client.begin_offsets([topic]) == empty
    client.append([Record(topic, b"k", b"v")] * 5)
    partition = make_chooser()(b"k", PARTITIONS)
    assert client.end_offsets([topic]) == {**empty, (topic, partition): 5}
    assert client.begin_offsets([topic]) == empty
    assert client.end_offsets([]) == {}


def test_what_a_group_committed_is_known_by_partition(client, topic, commit, unique_name):
    client.append([Record(topic, b"%d" % number, b"v") for number in range(60)])
    assert client.committed(unique_name) == {}
    commit(unique_name, {(topic, 0): 5, (topic, 2): 1})
    assert client.committed(unique_name) == {(topic, 0): 5, (topic, 2): 1}
    assert client.committed(f"{unique_name}-other") == {}


def test_several_threads_append_through_one_client(client, topic):
    faults = []

    def append(name):
        try:
            for number in range(10):
                client.append([Record(topic, name, b"%d" % number)])
        except Exception as fault:  # noqa: BLE001 - reported by the test
            faults.append(fault)

    threads = [threading.Thread(target=append, args=(b"thread-%d" % number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    found = list(client.read(topic))
    for name in {stored.key for stored in found}:
        assert [int(stored.value) for stored in found if stored.key == name] == list(range(10))
    assert len(found) == 40


def test_a_second_close_does_nothing(client, topic):
    client.append([Record(topic, b"k", b"v")])
    client.close()
    client.close()


def test_what_was_appended_is_there_for_the_next_client(url, client, topic):
    if url.startswith("memory"):
        pytest.skip("the fake keeps nothing beyond itself")
    client.append([Record(topic, b"k", b"v")])
    client.close()
    with contextlib.closing(open_client(url)) as again:
        assert read_values(again, topic) == [b"v"]


# -- what only one of them can show


def test_an_embedded_append_is_all_or_nothing(tmp_path):
    with contextlib.closing(EmbeddedClient(Log(tmp_path / "log.db"))) as client:
        client.create([Topic("t", 1, "delete", None)])
        (pages,) = client._log._writer.execute("PRAGMA page_count").fetchone()
        client._log._writer.execute(f"PRAGMA max_page_count={pages + 300}")
        with pytest.raises(TransientFault, match="disk is full"):
            client.append([Record("t", b"k", b"x" * 900_000)] * 3)
        assert list(client.read("t")) == []
        client.append([Record("t", b"k", b"x" * 900_000)])
        assert len(list(client.read("t"))) == 1


def test_reading_an_embedded_topic_passes_over_what_was_compacted_away(tmp_path):
    from streams.embedded.upkeep import run_upkeep

    with contextlib.closing(EmbeddedClient(Log(tmp_path / "log.db"))) as client:
        client.create([Topic("t", 1, "compact", None)])
        client.append([Record("t", b"%d" % (number % 2), b"v") for number in range(10)])
        run_upkeep(client._log)
        assert [stored.offset for stored in client.read("t")] == [8, 9]
        assert [stored.offset for stored in client.read("t", {0: 3})] == [8, 9]
        assert (client.begin_offsets(["t"]), client.end_offsets(["t"])) == ({("t", 0): 8}, {("t", 0): 10})


def test_opening_an_embedded_client_loads_neither_faust_nor_kafka(tmp_path):
    import subprocess
    import sys
    from pathlib import Path

    program = (
        "import sys\nfrom streams.brokers.client import open_client\nopen_client(sys.argv[1]).close()\n"
        "assert not {'faust', 'aiokafka', 'numpy'} & set(sys.modules), sorted(sys.modules)"
    )
    command = [sys.executable, "-c", program, f"embedded://{tmp_path.as_posix()}/log.db"]
    subprocess.run(command, cwd=Path(__file__).resolve().parents[2], check=True, timeout=60)


def test_a_broker_that_is_not_there_is_an_outage():
    with contextlib.closing(open_client("kafka://127.0.0.1:1")) as client:
        for call in (
            lambda: client.append([Record("t", b"k", b"v")]),
            client.describe,
            lambda: client.committed("group"),
        ):
            with pytest.raises(TransientFault, match="does not serve us"):
                call()


@pytest.mark.kafka
def test_appends_go_on_when_a_stopped_broker_is_back(kafka_broker, unique_name):
    with contextlib.closing(open_client(kafka_broker.url)) as client:
        client.create([Topic(unique_name, 1, "delete", 3600)])
        client.append([Record(unique_name, b"k", b"before")])
        kafka_broker.server.stop()
        returned = threading.Timer(3, kafka_broker.server.start)
        returned.start()
        appended = append_until_taken(client, Record(unique_name, b"k", b"after"))
        returned.join()
        assert appended
        assert {stored.value for stored in client.read(unique_name)} == {b"before", b"after"}


def append_until_taken(client, record):
    for _ in range(40):
        try:
            client.append([record])
        except TransientFault:
            threading.Event().wait(0.5)  # as a caller that tries again does
        else:
            return True
    return False
