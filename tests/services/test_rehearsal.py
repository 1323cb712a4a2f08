"""What docker-compose.yml starts, started here: its commands and settings, with only the addresses changed."""

# The programs and addresses are this project's own.

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from confluent_kafka.admin import AdminClient

from tests.services.fixtures import Broker, find_compose, give_up, name_credentials
from tests.services.servers import ROOT, LocalServer, find_free_port, find_missing_part

KEYS = ("someone", "something-long")
PROGRAM = "import sys\nfrom streams.cli.main import main\nsys.argv = ['observatory', *sys.argv[1:]]\nmain()\n"
READY_S = 90

pytestmark = [pytest.mark.kafka, pytest.mark.s3, pytest.mark.slow]


@pytest.fixture
def services() -> dict[str, Any]:
    keys = dict(zip(("OBSERVATORY_STORE_ACCESS_KEY", "OBSERVATORY_STORE_SECRET_KEY"), KEYS, strict=True))
    command = [*find_compose(), "config", "--format", "json"]
    asked = subprocess.run(command, cwd=ROOT, env={**os.environ, **keys}, capture_output=True, check=True, timeout=60)
    return json.loads(asked.stdout)["services"]


def wait_for_health(port: int, worker: subprocess.Popen[bytes]) -> dict[str, Any]:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and worker.poll() is None:
        try:
            with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as page:
                return json.load(page)
        except (URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"no health page; the worker's status is {worker.poll()}")


def wait_for_check(program: str, served: subprocess.Popen[bytes]) -> None:
    """Run a health check of the compose file until it finds its service well."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and served.poll() is None:
        if (
            subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=60).returncode
            == 0
        ):
            return
    pytest.fail(f"never found well; the status of what is served is {served.poll()}")


def test_the_parts_of_the_compose_file_fit_each_other(services: dict[str, Any], kafka_broker: Broker, tmp_path: Path):
    if missing := find_missing_part("minio"):
        give_up([missing])
    store = LocalServer(
        "minio", tmp_path / "minio", environment=name_credentials("minio", KEYS), broker=kafka_broker.address
    )
    store.start()
    given = dict(services["worker"]["environment"])
    given["OBSERVATORY__BROKER__URL"] = given["OBSERVATORY__BROKER__URL"].replace("kafka:9094", kafka_broker.address)
    given["OBSERVATORY__STORE__URL"] = given["OBSERVATORY__STORE__URL"].replace("minio:9000", store.address)
    port = find_free_port()
    given |= {"OBSERVATORY__WORKER__HEALTH_PORT": str(port), "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    place = tmp_path / "observatory"
    (place / "state").mkdir(parents=True)
    shutil.copy(ROOT / "deploy" / "observatory.toml", place)

    def start(*words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", PROGRAM, *words], cwd=place, env={**os.environ, **given})

    try:
        for command in services["prepare"]["entrypoint"][-1].split("; "):
            assert start(*command.split()[1:]).wait(READY_S) == 0, command
        admin = AdminClient({"bootstrap.servers": kafka_broker.address, "log_level": 0})
        assert "object.created.v1" in admin.list_topics(timeout=30).topics
        worker = start(*services["worker"]["command"])
        try:
            assert wait_for_health(port, worker)["well"] is True
        finally:
            worker.terminate()
            assert worker.wait(60) == 0
        there = sorted(place.rglob("*"))
        port = find_free_port()
        served = start(*services["serve"]["command"], "--port", str(port))
        try:
            wait_for_check(services["serve"]["healthcheck"]["test"][-1].replace("8040", str(port)), served)
        finally:
            served.terminate()
            served.wait(60)
        assert sorted(place.rglob("*")) == there, "what only reads writes nothing"
    finally:
        store.stop()
