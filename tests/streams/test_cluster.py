"""The same work on real Kafka and a real object store, shared by several workers."""

from __future__ import annotations

import signal
import sys
from collections import Counter

import pytest

from schemas.usage import Heartbeat, UsageEvent
from streams.brokers.records import Record
from tests.support.cluster import Cluster, make_cluster
from tests.support.deployments import Site, announce_pictures, wait_for
from tests.support.health import Health

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.s3,
    pytest.mark.skipif(sys.platform == "win32", reason="stops workers by POSIX signals"),
]

#: Both feeds of real files, looked at by the network that comes with the program.
REAL_FEEDS = """
[installations.fish]
detector = "yolo"
pictures = "all"
[installations.fish.parameters]
model = "demo-aquarium@1"
conf = 0.05
[feeds.obsea]
installation = "fish"
[feeds.obsea.capture]
file_name = "%Y%m%d-%H%M%S-*"
time_zone = "UTC"
[feeds.clips]
installation = "fish"
[feeds.clips.capture]
file_name = "*_%Y%m%dT%H%M%SZ_*"
time_zone = "UTC"
"""


@pytest.fixture
def cluster(tmp_path, kafka_url, minio_service, unique_name):
    return make_cluster(tmp_path / "cluster", kafka_url, minio_service, unique_name, changes=REAL_FEEDS)


def end_in_order(process):
    process.send_signal(signal.SIGTERM)
    return process.wait(60)


def test_two_workers_on_kafka_and_minio_give_the_bytes_of_the_embedded_run(cluster, tmp_path, real_data):
    alone = Cluster(Site(tmp_path / "alone", changes=REAL_FEEDS))
    sources = {"obsea": real_data / "fish" / "obsea", "clips": real_data / "fish" / "clips"}
    for feed, folder in sources.items():
        told = alone.ask("run", folder, "--feed", feed, "--no-page")
        assert (told["exit"], told["in_flight"]) == (0, 0), told["stderr"]
    with cluster.open_worker() as first, cluster.open_worker() as second:
        for feed, folder in sources.items():
            assert cluster.ask("push", folder, "--feed", feed)["exit"] == 0
        told = cluster.wait_until_even()
        assert [end_in_order(first), end_in_order(second)] == [0, 0]
    with cluster.open_client() as client:
        events = [UsageEvent.from_json(record.value) for record in client.read(cluster.topics.usage_recorded)]
    beats = [event.act for event in events if isinstance(event.act, Heartbeat)]
    assert len(beats) >= 2
    assert not any(beat.last for beat in beats), "a broker takes records from anybody, so no worker closes the door"
    assert (told["submitted"], told["stored"]) == (7, 7)
    expected = alone.read_objects("result.json", ".jpg")
    assert len([key for key in expected if key.endswith("result.json")]) == 7
    assert len([key for key in expected if key.endswith(".jpg")]) > 7
    assert cluster.read_objects("result.json", ".jpg") == expected


def test_a_worker_that_joins_and_one_that_leaves_in_the_middle_lose_nothing(cluster):
    sent, health = [], Health()

    def announce_more():
        """Announce without pause, so that work is in flight whatever happens."""
        sent.extend(announce_pictures(client, cluster.topics, "cam", 4, first=len(sent)))

    def has_share():
        announce_more()
        return bool(health.read()[1].get("lag"))

    with cluster.open_client() as client, cluster.open_worker() as first:
        wait_for(lambda: announce_more() or cluster.count_stored() >= 5, what="the first worker is at work")
        with cluster.open_worker({"OBSERVATORY__WORKER__HEALTH_PORT": str(health.port)}) as second:
            wait_for(has_share, what="the second worker has its share")
            announce_pictures(client, cluster.topics, "cam", 40, first=len(sent))
            assert end_in_order(first) == 0
            told = cluster.wait_until_even()
            assert end_in_order(second) == 0
    total = len(sent) + 40
    assert (told["submitted"], told["stored"], told["images"]) == (total, total, total)
    documents = [key for key in cluster.read_objects("result.json") if key.endswith("result.json")]
    assert len(documents) == total


def test_a_poison_record_between_good_ones_stops_nothing_on_kafka(cluster):
    arrived, work = cluster.topics.media_arrived, cluster.topics.work("bright", "live")
    poison = [
        Record(arrived, b"cam", b"\xff" * 50, ()),
        Record(arrived, b"cam", bytes(999_600), (("ce_id", b"\xff\x00"),)),
        Record(work, b"k", b"{", ()),
        Record(cluster.topics.usage_recorded, b"k", b"no use", ()),
        Record(cluster.topics.media_settled, b"k", b"no end", ()),
        Record(cluster.topics.result_stored, b"k", b"no result", ()),
    ]
    with cluster.open_client() as client, cluster.open_worker() as worker:
        for number, record in enumerate(poison):
            announce_pictures(client, cluster.topics, "cam", 1, first=number)
            client.append([record])
        wait_for(lambda: cluster.ask("ledger")["stored"] == len(poison), what="the good ones are stored")
        told = cluster.wait_until_even()
        letters = cluster.ask("dead-letters", "list")["dead_letters"]
        assert end_in_order(worker) == 0
    assert (told["stored"], told["rejected"]) == (6, 2)
    assert Counter(letter["reason"] for letter in letters) == {"unreadable_envelope": 2, "unreadable_order": 1}


#: Real runs of an instrument, named by the classifier that comes with the program.
REAL_RUNS = """
[installations.flowcam]
detector = "roi-classifier"
[installations.flowcam.parameters]
model = "demo-plankton@1"
[feeds.lab]
installation = "flowcam"
reads = "runs"
instrument = "flowcam-1"
"""


@pytest.fixture
def lab_cluster(tmp_path, kafka_url, minio_service, unique_name):
    return make_cluster(tmp_path / "cluster", kafka_url, minio_service, unique_name, changes=REAL_RUNS)


def test_two_workers_on_kafka_and_minio_give_the_runs_of_the_embedded_run(lab_cluster, tmp_path, real_data):
    cluster, alone = lab_cluster, Cluster(Site(tmp_path / "alone", changes=REAL_RUNS))
    plankton = real_data / "plankton"
    sources = [*sorted((plankton / "flowcam_runs").iterdir()), plankton / "flowcam_comics", plankton / "vliz_flowcam"]
    told = alone.ask("run", *sources, "--feed", "lab", "--no-page")
    assert (told["exit"], told["stored"], told["images"]) == (0, 5, 3_756), told["stderr"]
    with cluster.open_worker() as first, cluster.open_worker() as second:
        assert cluster.ask("push", *sources, "--feed", "lab")["exit"] == 0
        even = cluster.wait_until_even()
        assert [end_in_order(first), end_in_order(second)] == [0, 0]
    assert (even["submitted"], even["stored"]) == (5, 5)
    endings = ("result.json", "run.json", "counts.json", "composition.json", ".csv", ".parquet", ".png")
    expected = alone.read_objects(*endings)
    assert len([key for key in expected if key.endswith("result.json")]) == 5
    assert cluster.read_objects(*endings) == expected
