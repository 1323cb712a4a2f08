"""Faust apps on a real Kafka broker with our transport: commits stop before unfinished work, and rebalances lose nothing."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import Counter

import pytest

from schemas.topics import Topic
from streams.brokers.client import open_client
from streams.brokers.records import Record
from tests.streams.embedded.watching import Watched

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.skipif(sys.platform == "win32", reason="stops workers by POSIX signals"),
]


@pytest.fixture
def client(kafka_url):
    with contextlib.closing(open_client(kafka_url)) as opened:
        yield opened


@pytest.fixture
def names(client, unique_name):
    """Return the names of this test's app and topics: one with a single partition, and two with four."""
    made = {"app": f"{unique_name}-app", **{name: f"{unique_name}-{name}" for name in ("single", "in", "out")}}
    client.create([Topic(made[name], 1 if name == "single" else 4, "delete", 3600) for name in ("single", "in", "out")])
    return made


@pytest.fixture
def watch(tmp_path, kafka_url, names):
    def start(mode, topic, **plan):
        topics = {name: names[plan.pop(name)] for name in ("target",) if name in plan}
        folder = tmp_path / f"worker-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        return Watched(folder, mode, url=kafka_url, topic=names[topic], app=names["app"], **topics, **plan)

    return start


def append(client, topic, numbers):
    client.append([Record(topic, b"key-%d" % (number % 20), b"%d" % number) for number in numbers])


def wait_until(condition, bound_s=90):
    deadline = time.monotonic() + bound_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("slow", [0, 1, 3])
def test_a_commit_never_passes_a_record_in_work(client, watch, names, slow):
    append(client, names["single"], range(8))
    with watch("out_of_order", "single", count=8, slow=slow) as worker:
        worker.wait_for("finished_all_but")
        assert client.committed(names["app"]).get((names["single"], 0), 0) == slow
        worker.kill()


def test_a_worker_goes_on_where_the_last_one_committed(client, watch, names):
    append(client, names["in"], range(30))
    with watch("echo", "in") as worker:
        worker.wait_for("seen", 30)
        assert worker.stop() == 0
    append(client, names["in"], range(30, 40))
    with watch("echo", "in") as worker:
        worker.wait_for("seen", 10)
        assert worker.stop() == 0
    assert sorted(map(int, worker.all("seen"))) == list(range(30, 40))


def test_headers_reach_the_event(client, watch, names):
    client.append([Record(names["single"], b"k", b"v", (("ce_id", b"\xff\x00"), ("nothing", None)))])
    with watch("echo", "single") as worker:
        worker.wait_for("seen")
        (said,) = [one for one in worker.said if "seen" in one]
    assert said["headers"] == [["ce_id", "ff00"], ["nothing", None]]


@pytest.mark.slow
def test_workers_that_join_leave_and_are_killed_lose_nothing(client, watch, names):
    total = 0

    def keep_busy(worker):
        """Give the workers more to do until this one has done some of it, however fast the others are."""
        nonlocal total
        for _ in range(60):
            append(client, names["in"], range(total, total + 500))
            total += 500
            with contextlib.suppress(AssertionError):
                worker.wait_for("sent", 50, bound_s=2)
                return
        worker.wait_for("sent", 50)

    def finished():
        ends = client.end_offsets([names["in"]])
        return client.committed(names["app"]) == {part: end for part, end in ends.items() if end}

    with watch("forward", "in", target="out") as first:
        keep_busy(first)
        with watch("forward", "in", target="out") as second:
            keep_busy(second)
            first.kill()
            with watch("forward", "in", target="out") as third:
                assert second.stop() == 0
                keep_busy(third)
                wait_until(finished)
                assert third.stop() == 0
    values = Counter(int(stored.value) for stored in client.read(names["out"]))
    assert set(values) == set(range(total))
    assert sum(values.values()) < 2 * total
