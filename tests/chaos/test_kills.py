"""Workers killed in the middle of work: afterwards everything is there, once, and as if nothing had happened."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
from collections import Counter

import pytest

from schemas.media import MediaSettled
from tests.support.cluster import Cluster, make_cluster
from tests.support.deployments import Site, wait_for, write_pictures

pytestmark = [
    pytest.mark.chaos,
    pytest.mark.skipif(sys.platform == "win32", reason="kills workers by POSIX signals"),
]

IS_LONG = os.environ.get("OBSERVATORY_CHAOS") == "long"

#: Stills, and workers killed while they are looked at; the long form is for a night.
STILLS, KILLS = (500, 10) if IS_LONG else (150, 3)

SEED = 20240422


def write_inputs(folder):
    """Write stills of which two are the same and one is broken, and return how many."""
    write_pictures(folder, STILLS - 2)
    first = min(folder.iterdir())
    (folder / f"{first.stem[:15]}-again.jpg").write_bytes(first.read_bytes())
    (folder / "20240429-000000-broken.jpg").write_bytes(first.read_bytes()[:700])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Return the folder of inputs, and what one run over them gives when nothing happens."""
    folder = tmp_path_factory.mktemp("undisturbed")
    write_inputs(folder / "in")
    alone = Cluster(Site(folder / "site"))
    told = alone.ask("run", folder / "in", "--no-page")
    assert (told["submitted"], told["in_flight"]) == (STILLS, 0), told["stderr"]
    return folder / "in", alone, told


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=[pytest.mark.kafka, pytest.mark.s3])])
def cluster(request, tmp_path, unique_name):
    """Give a place to work: in one folder, or on Kafka and MinIO."""
    if request.param == "embedded":
        return Cluster(Site(tmp_path / "site")).prepare()
    services = request.getfixturevalue("kafka_url"), request.getfixturevalue("minio_service")
    return make_cluster(tmp_path / "site", *services, unique_name, worker={"dead_after_s": 6})


def kill_at_random(cluster, chance, target):
    """Start a worker, and kill it at a moment nobody chose: while it starts, or when it has stored a little more."""
    process = cluster.start_worker()
    try:
        if chance.random() < 0.2:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(chance.uniform(0.5, 6.0))
        else:
            before = cluster.count_stored()
            aim = min(before + chance.randint(1, max(2, STILLS // (KILLS + 2))), target)
            wait_for(lambda: cluster.count_stored() >= aim, what=f"{aim} results", patience_s=240)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(chance.uniform(0.0, 0.3))
        assert process.poll() is None, "it may only end because it is killed"
    finally:
        process.kill()
        process.wait(30)


@pytest.mark.timeout(3600 if IS_LONG else 600)
def test_workers_killed_again_and_again_lose_nothing_and_do_nothing_twice(cluster, undisturbed):
    folder, alone, expected = undisturbed
    assert cluster.ask("push", folder)["submitted"] == STILLS
    chance = random.Random(SEED)
    for _ in range(KILLS):
        kill_at_random(cluster, chance, STILLS - 5)
    with cluster.open_worker() as last:
        told = cluster.wait_until_even()
        wait_for(lambda: "usage" not in _find_lag(cluster), what="the last uses are facts")
        last.send_signal(signal.SIGTERM)
        assert last.wait(60) == 0
    states = ("submitted", "stored", "duplicates", "rejected", "skipped", "in_flight", "images", "findings", "reasons")
    assert {name: told[name] for name in states} == {name: expected[name] for name in states}
    assert cluster.read_objects("result.json") == alone.read_objects("result.json")
    assert _read_figures(cluster.report()) == _read_figures(alone.report())
    assert max(_count_ends(cluster).values()) == 1, "each arrival ended one way only"


def _find_lag(cluster):
    """Return the names of topics in which records wait, as one text."""
    return " ".join(topic for topic, lag in cluster.ask("status")["lag"].items() if lag)


def _read_figures(report):
    """Return the lines of a report that are figures, without the moments at which it was made and its workers were there."""
    lines = [line for line in report.splitlines() if line.startswith("| ") and not line.startswith("| Not counted ")]
    assert any("Images processed" in line for line in lines)
    return lines


def _count_ends(cluster):
    """Return how many different ends each arrival has, out of all that was said of it."""
    with cluster.open_client() as client:
        said = {
            (settled.source, settled.event, settled.end.state)
            for settled in (
                MediaSettled.from_json(record.value) for record in client.read(cluster.topics.media_settled)
            )
            if settled.has_ended
        }
    return Counter((source, event) for source, event, _ in said)
