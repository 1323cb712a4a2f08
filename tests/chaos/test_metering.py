"""Workers killed while they meter thousands of uses: the facts are, byte for byte, those of an undisturbed meter."""

from __future__ import annotations

import os
import random
import sys

import pytest

from schemas.topics import Topics
from sinks.object_store.memory import MemoryStore
from streams.brokers.records import Record
from streams.places import open_objects, to_app_id
from streams.usage.meter import Meter
from tests.streams.usage.uses import make_person, make_use
from tests.support.cluster import Cluster
from tests.support.deployments import Site, wait_for

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.skipif(sys.platform == "win32", reason="kills workers by POSIX signals"),
]

IS_LONG = os.environ.get("OBSERVATORY_CHAOS") == "long"

#: Uses, and workers killed meanwhile; the long form has two workers at once where the broker shares.
USES, KILLS = (200_000, 6) if IS_LONG else (24_000, 1)

_LONG = pytest.mark.skipif(not IS_LONG, reason="OBSERVATORY_CHAOS=long")


def _make_records(topic, count):
    uses = [make_use(number, who=make_person(str(number % 50)), installation="bright") for number in range(count)]
    values = [use.to_canonical() for use in uses]
    values[::997] = [b"no use"] * len(values[::997])
    return [Record(topic, b"%d" % (number % 9), value) for number, value in enumerate(values)]


@pytest.mark.timeout(1800 if IS_LONG else 300)
@pytest.mark.parametrize("broker", ["embedded", pytest.param("kafka", marks=[pytest.mark.kafka, _LONG])])
def test_facts_are_the_same_bytes_whoever_was_killed_on_the_way(broker, tmp_path, request, unique_name):
    url, workers = ("embedded:", 1) if broker == "embedded" else (request.getfixturevalue("kafka_url"), 2)
    cluster = Cluster(Site(tmp_path / "site", broker=url, name=unique_name, prefix=unique_name)).prepare()
    topic, group, chance = Topics(unique_name).usage_recorded, to_app_id(cluster.deployment), random.Random(11)
    with cluster.open_client() as client:
        records = _make_records(topic, USES)
        client.append(records[: USES // 2])
        running = [cluster.start_worker() for _ in range(workers)]
        try:
            for kill in range(KILLS):
                aim = USES * (kill + chance.random()) / (2 * KILLS)
                wait_for(lambda aim=aim: sum(client.committed(group).values()) >= aim, what=f"{aim:.0f} facts")
                place = chance.randrange(workers)
                running[place].kill()
                running[place].wait(30)
                running[place] = cluster.start_worker()
                half = USES // 2
                client.append(records[half + half * kill // KILLS : half + half * (kill + 1) // KILLS])
            ends = client.end_offsets([topic])
            wait_for(
                lambda: all(client.committed(group).get(place, 0) >= end for place, end in ends.items()),
                what="all uses are facts",
            )
        finally:
            for worker in running:
                worker.terminate()
            for worker in running:
                worker.wait(90)
        log_id = next(state.log_id for state in client.describe() if state.name == topic)
        alone = MemoryStore()
        Meter(alone, log_id).take(client.read(topic))
    store = open_objects(cluster.deployment)
    kept = {info.key: store.read(info.key) for info in store.list("usage/") if f"/{log_id}/" in info.key}
    assert kept == {info.key: alone.read(info.key) for info in alone.list("usage/")}
    assert {key.split("/")[1] for key in kept} == {"facts", "rejected"}
