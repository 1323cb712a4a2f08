"""A broker or a store that goes away in the middle of work and comes back: everything is stored afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.support.cluster import make_cluster
from tests.support.deployments import announce_pictures, wait_for
from tests.support.health import Health

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.kafka,
    pytest.mark.s3,
    pytest.mark.skipif(sys.platform == "win32", reason="stops workers by POSIX signals"),
]

IS_LONG = os.environ.get("OBSERVATORY_CHAOS") == "long"

STILLS = 200 if IS_LONG else 100

#: How long the server is away.
AWAY_S = 20.0 if IS_LONG else 6.0

#: From the signal to the end of a worker whose broker or store is away.
ENDS_WITHIN_S = 120.0


#: A worker whose broker is away ends after more than a minute, in which nothing is done but wait.
BOTH_IN_THE_LONG_FORM = pytest.mark.parametrize(
    "place",
    [
        "store",
        pytest.param("broker", marks=pytest.mark.skipif(not IS_LONG, reason="only in the long form of make chaos")),
    ],
    indirect=True,
)


@pytest.fixture(params=["store", "broker"])
def place(request, tmp_path, unique_name):
    """Give a cluster one of whose two servers is the test's own, and that server."""
    kafka = request.getfixturevalue("kafka_broker" if request.param == "broker" else "kafka_url")
    s3 = request.getfixturevalue("minio_server" if request.param == "store" else "minio_service")
    server = s3.server if request.param == "store" else kafka.server
    url = kafka if isinstance(kafka, str) else kafka.url
    return make_cluster(tmp_path / "site", url, s3, unique_name, worker={"dead_after_s": 6, "stop_within_s": 5}), server


def announce(cluster, count=STILLS):
    with cluster.open_client() as client:
        announce_pictures(client, cluster.topics, "cam", count)


def stay_away(process, away_s):
    """Wait while a server is away; its worker waits too."""
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(away_s)


@pytest.mark.timeout(600)
def test_a_server_that_is_away_for_a_while_loses_nothing(place):
    cluster, server = place
    announce(cluster)
    with cluster.open_worker() as worker:
        wait_for(lambda: cluster.count_stored() >= 5, what="work has begun")
        before = cluster.count_stored()
        server.stop()
        stay_away(worker, AWAY_S)
        server.start()
        told = cluster.wait_until_even()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(ENDS_WITHIN_S) == 0
    assert before < STILLS, "the server went away in the middle"
    assert (told["submitted"], told["stored"], told["images"]) == (STILLS, STILLS, STILLS)
    assert len([key for key in cluster.read_objects("result.json") if key.endswith("result.json")]) == STILLS
    assert f"| Images processed | {STILLS} |" in cluster.report()


@BOTH_IN_THE_LONG_FORM
@pytest.mark.timeout(600)
def test_a_server_that_stays_away_ends_the_worker_as_an_outage_and_nothing_is_lost(place):
    cluster, server = place
    health = Health()
    cluster.site.worker |= {"outage_after_s": 5.0, "health_port": health.port}
    announce(cluster)
    with cluster.open_worker() as worker:
        wait_for(lambda: cluster.count_stored() >= 5, what="work has begun")
        server.stop()
        assert worker.wait(ENDS_WITHIN_S) == 3
    server.start()
    with cluster.open_worker() as worker:
        told = cluster.wait_until_even()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(ENDS_WITHIN_S) == 0
    assert (told["submitted"], told["stored"]) == (STILLS, STILLS)


@BOTH_IN_THE_LONG_FORM
@pytest.mark.timeout(600)
def test_a_worker_whose_server_is_away_still_ends_when_it_is_asked_to(place):
    cluster, server = place
    announce(cluster)
    with cluster.open_worker() as worker:
        wait_for(lambda: cluster.count_stored() >= 5, what="work has begun")
        server.stop()
        stay_away(worker, 2.0)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(ENDS_WITHIN_S) in {0, 3}, "what was done could be acknowledged, or could not"
    server.start()
    with cluster.open_worker() as worker:
        told = cluster.wait_until_even()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(ENDS_WITHIN_S) == 0
    assert (told["submitted"], told["stored"]) == (STILLS, STILLS)
