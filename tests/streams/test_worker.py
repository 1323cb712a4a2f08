"""`observatory worker`: what comes from other processes, what it says of itself, and how it ends."""

from __future__ import annotations

import contextlib
import signal
import sys

import pytest

from schemas.topics import Topics
from streams.places import open_broker
from streams.settings.read import read_settings
from tests.services.servers import find_free_port
from tests.support.deployments import (
    Site,
    announce_pictures,
    ask,
    make_picture,
    open_worker,
    run_observatory,
    wait_for,
    write_pictures,
)
from tests.support.health import Health

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stops workers by POSIX signals")

NEIGHBOURS = """
[installations.lost]
detector = "yolo"
[installations.lost.parameters]
model = "nothing@9"
[feeds.lost-cam]
installation = "lost"
[feeds.lost-cam.capture]
file_name = "%Y%m%d-%H%M%S-*"
time_zone = "UTC"
[feeds.other-cam]
installation = "bright"
[feeds.other-cam.capture]
file_name = "%Y%m%d-%H%M%S-*"
time_zone = "UTC"
"""

#: From announced to announced on a busy machine; on a quiet one it is a tenth of a second.
LOOKED_AT_WITHIN_S = 10.0

#: From the signal to the end on a busy machine.
ENDS_WITHIN_S = 45.0


@contextlib.contextmanager
def open_topics(site):
    with contextlib.closing(open_broker(read_settings(site.settings).deployment)) as client:
        yield client


def count(site, topic):
    with open_topics(site) as client:
        return sum(client.end_offsets([topic]).values())


def end_in_order(process):
    """Ask a worker to stop as an operating system does, and return how it ended."""
    process.send_signal(signal.SIGTERM)
    return process.wait(ENDS_WITHIN_S)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Give a site with a worker at work, one of whose installations has no model; it ends in order."""
    health = Health()
    site = Site(tmp_path_factory.mktemp("worker"), changes=NEIGHBOURS, worker={"health_port": health.port})
    with open_worker(site.settings) as process:
        wait_for(lambda: health.read()[0] is not None, what="the health page answers")
        site.process, site.health = process, health
        yield site
        assert end_in_order(process) == 0


def test_what_another_process_announces_is_looked_at_at_once(place):
    write_pictures(place.folder / "in", 3)
    told = ask("push", place.folder / "in", "--feed", "cam", "--wait", "--settings", place.settings)
    assert (told["exit"], told["stored"]) == (0, 3), told["stderr"]
    with open_topics(place) as client:
        arrived = max(record.appended_at for record in client.read(Topics().media_arrived))
        stored = max(record.appended_at for record in client.read(Topics().result_stored))
    assert (stored - arrived).total_seconds() < LOOKED_AT_WITHIN_S


def test_a_second_worker_on_the_log_is_refused_with_what_to_do(place):
    another = {"OBSERVATORY__WORKER__HEALTH_PORT": str(find_free_port())}
    for command in (["worker"], ["run", place.folder, "--feed", "cam"]):
        ran = run_observatory(*command, "--settings", place.settings, environment=another)
        assert ran.returncode == 2, ran.stderr
        assert "already runs on the log" in ran.stderr
        assert "stop that one first, or use a Kafka broker" in ran.stderr.replace("\n", " ")
        assert "Traceback" not in ran.stderr


def test_an_installation_without_its_model_is_named_by_the_health_page_and_its_neighbour_goes_on(place):
    with open_topics(place) as client:
        announce_pictures(client, Topics(), "lost-cam", 2)
        announce_pictures(client, Topics(), "other-cam", 2)
    wait_for(lambda: place.health.read()[1]["feeds"].get("other-cam", {}).get("stored") == 2, what="the neighbour's")
    status, told = place.health.read()
    assert status == 503
    assert told["well"] is False
    assert list(told["stopped"]) == ["lost"]
    assert "nothing@9" in told["stopped"]["lost"]


def test_status_says_from_outside_what_waits_and_what_is_fresh(place):
    with open_topics(place) as client:
        announce_pictures(client, Topics(), "cam", 1, first=40)
        announce_pictures(client, Topics(), "lost-cam", 1, first=40)
    lost, bright = (Topics().work(name, "live") for name in ("lost", "bright"))

    def is_even():
        lag = ask("status", "--settings", place.settings)["lag"]
        return lag[lost] >= 1 and lag[bright] == 0 and lag[Topics().media_arrived] == 0

    wait_for(is_even, what="only the stopped installation's work waits")
    told = ask("status", "--settings", place.settings)
    assert told["feeds"]["cam"]["state"] == "fresh"


def test_a_signal_to_stop_lets_what_is_at_work_come_to_its_end_and_loses_nothing(tmp_path):
    site = Site(tmp_path)
    write_pictures(tmp_path / "in", 120)
    assert ask("push", tmp_path / "in", "--settings", site.settings)["submitted"] == 120
    with open_worker(site.settings) as process:
        wait_for(lambda: count(site, Topics().result_stored) >= 5, what="some are stored")
        assert end_in_order(process) == 0
    before = count(site, Topics().result_stored)
    assert before < 120, "it was stopped in the middle"
    told = ask("ledger", "--settings", site.settings)
    assert told["submitted"] == 120 == told["stored"] + told["in_flight"]
    with open_worker(site.settings) as process:
        wait_for(lambda: ask("ledger", "--settings", site.settings)["in_flight"] == 0, what="all are stored")
        assert end_in_order(process) == 0
    assert ask("ledger", "--settings", site.settings)["stored"] == 120
    assert count(site, Topics().result_stored) == 120, "what was finished was acknowledged, and not done again"
    assert len(site.read_documents()) == 120


def test_a_paused_feed_stays_unacknowledged_and_goes_on_when_the_cause_is_mended(tmp_path):
    health = Health()
    site = Site(tmp_path, changes=NEIGHBOURS, worker={"health_port": health.port, "pause_last": 5})
    with open_worker(site.settings) as process:
        wait_for(lambda: health.read()[0] is not None, what="the health page answers")
        with open_topics(site) as client:
            for number in range(12):
                announce_pictures(client, Topics(), "cam", 1, first=number, data=make_picture(number)[:900])
        wait_for(lambda: health.read()[1]["feeds"].get("cam", {}).get("paused"), what="the feed pauses")
        with open_topics(site) as client:
            announce_pictures(client, Topics(), "other-cam", 6)
        wait_for(lambda: health.read()[1]["feeds"].get("other-cam", {}).get("stored") == 6, what="the neighbour's")
        assert health.read()[0] == 503
        assert end_in_order(process) == 0
    log = "".join(path.read_text(errors="replace") for path in tmp_path.glob("worker-*.log"))
    assert "Feed cam is paused" in log
    told = ask("ledger", "--settings", site.settings)
    assert (told["submitted"], told["stored"], told["rejected"], told["in_flight"]) == (18, 6, 4, 8), told
    site.worker = {"pause_last": 0}  # a person looked, and wants them set aside
    with open_worker(site.settings) as process:
        wait_for(lambda: ask("ledger", "--settings", site.settings)["in_flight"] == 0, what="it goes on")
        assert end_in_order(process) == 0
    told = ask("ledger", "--settings", site.settings)
    assert (told["submitted"], told["stored"], told["rejected"]) == (18, 6, 12)


def test_settings_by_which_nothing_would_be_looked_at_end_the_worker_at_once(tmp_path):
    (tmp_path / "observatory.toml").write_text("", encoding="utf-8")
    ran = run_observatory("worker", "--settings", tmp_path / "observatory.toml")
    assert ran.returncode == 2, ran.stderr
    assert "name no installation" in ran.stderr.replace("\n", " ")
