"""Fixtures that give a test a real broker or a real object store, by the first way that this machine offers.

Session-wide and shared: ``kafka_url``, ``minio_service``, ``versitygw_service``. For one test alone, to be stopped,
killed or frozen: ``kafka_broker``, ``minio_server``, ``versitygw_server``. Names in a shared server come from
``unique_name``.

The ways, in order: an address in the environment (``OBSERVATORY_KAFKA=host:port``; ``OBSERVATORY_MINIO=http://host:port``
with ``OBSERVATORY_MINIO_ACCESS_KEY`` and ``OBSERVATORY_MINIO_SECRET_KEY``, and the same for ``VERSITYGW``), a container
where an engine answers, a local process where ``deploy/services/local.py prepare`` was run. Without any the test is
skipped with the reasons; with ``OBSERVATORY_REQUIRE_SERVICES=1`` it fails.
"""

# The programs run are Compose and this project's own.

from __future__ import annotations

import os
import re
import runpy
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.services.servers import (
    LOCAL,
    ROOT,
    ContainerServer,
    LocalServer,
    Server,
    find_engine_refusal,
    find_free_port,
    find_missing_part,
)

#: The makers' own image; only for machines with a container engine. The version is the one that local.py builds.
VERSITYGW_IMAGE = "versity/versitygw:v1.8.0"

HEALTH_PATHS = {"minio": "/minio/health/cluster", "versitygw": "/health"}


@dataclass(frozen=True)
class Broker:
    """A running Kafka broker; ``server`` is None where it is not ours to stop."""

    address: str
    server: Server | None = None

    @property
    def url(self) -> str:
        """Address as the settings spell it."""
        return f"kafka://{self.address}"


@dataclass(frozen=True)
class S3Server:
    """A running S3 server with credentials made for this run; ``server`` is None where it is not ours to stop."""

    name: str
    address: str
    access_key: str
    secret_key: str
    server: Server | None = None
    secure: bool = False

    @property
    def endpoint(self) -> str:
        """Base URL of the server."""
        return f"{'https' if self.secure else 'http'}://{self.address}"

    def make_store_url(self, bucket: str) -> str:
        """Return the URL of a bucket as ``open_store`` takes it."""
        return f"s3+{self.endpoint}/{bucket}"


def give_up(tried: list[str]) -> NoReturn:
    """Skip the test with every reason, or fail it where services are required."""
    reason = "; ".join(tried)
    if os.environ.get("OBSERVATORY_REQUIRE_SERVICES") == "1":
        pytest.fail(f"a required service is missing: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def engine_refusal() -> str | None:
    """Return why no container can be started here, or None."""
    return find_engine_refusal()


@pytest.fixture
def unique_name(request: pytest.FixtureRequest) -> str:
    """Return a name that no other test or run uses, fit for a topic, a group or a bucket."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")[:40].strip("-")
    return f"{words}-{secrets.token_hex(4)}"


# -------------------------------------------------------------------------------------------------------------- Kafka


@pytest.fixture(scope="session")
def kafka_url(engine_refusal: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give ``kafka://host:port`` of a broker shared by the whole run."""
    if given := os.environ.get("OBSERVATORY_KAFKA"):
        yield f"kafka://{given}"
        return
    with _run_broker(engine_refusal, tmp_path_factory.mktemp("kafka"), ["OBSERVATORY_KAFKA is not set"]) as broker:
        yield broker.url


@pytest.fixture
def kafka_broker(engine_refusal: str | None, tmp_path: Path) -> Iterator[Broker]:
    """Give a broker of this test alone, with ``server`` to stop, kill, freeze and start it."""
    with _run_broker(engine_refusal, tmp_path / "kafka", []) as broker:
        yield broker


@contextmanager
def _run_broker(engine_refusal: str | None, folder: Path, tried: list[str]) -> Iterator[Broker]:
    if engine_refusal is None:
        container = _make_kafka_container()
        try:
            container.start()
            yield Broker(container.address, container)
        finally:
            container.remove()
        return
    missing = find_missing_part("kafka")
    if missing is not None:
        give_up([*tried, engine_refusal, missing])
    server = LocalServer("kafka", folder)
    server.start()
    try:
        yield Broker(server.address, server)
    finally:
        server.stop()


def _make_kafka_container() -> ContainerServer:
    address = f"127.0.0.1:{find_free_port()}"
    environment = {
        "CLUSTER_ID": "b2JzZXJ2YXRvcnktMDAwMQ",
        "KAFKA_LISTENERS": "PLAINTEXT://:9094,HOST://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://localhost:9094,HOST://{address}",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
    }
    return ContainerServer(
        read_image("apache/kafka"),
        9092,
        environment,
        _broker_answers,
        mounts={ROOT / "deploy" / "kafka": "/mnt/shared/config"},
        address=address,
    )


def _broker_answers(address: str) -> bool:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    try:
        AdminClient({"bootstrap.servers": address, "log_level": 0}).list_topics(timeout=2)
    except KafkaException:
        return False
    return True


# ----------------------------------------------------------------------------------------------------------------- S3


@pytest.fixture(scope="session")
def minio_service(engine_refusal: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Give a MinIO server shared by the whole run."""
    with _find_s3("minio", engine_refusal, tmp_path_factory.mktemp("minio")) as found:
        yield found


@pytest.fixture(scope="session")
def versitygw_service(engine_refusal: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Give a versitygw server shared by the whole run."""
    with _find_s3("versitygw", engine_refusal, tmp_path_factory.mktemp("versitygw")) as found:
        yield found


@pytest.fixture
def minio_server(engine_refusal: str | None, tmp_path: Path) -> Iterator[S3Server]:
    """Give a MinIO server of this test alone, with ``server`` to stop, kill, freeze and start it."""
    with _run_s3("minio", engine_refusal, tmp_path / "minio", []) as running:
        yield running


@pytest.fixture
def versitygw_server(engine_refusal: str | None, tmp_path: Path) -> Iterator[S3Server]:
    """Give a versitygw server of this test alone, with ``server`` to stop, kill, freeze and start it."""
    with _run_s3("versitygw", engine_refusal, tmp_path / "versitygw", []) as running:
        yield running


@contextmanager
def _find_s3(name: str, engine_refusal: str | None, folder: Path) -> Iterator[S3Server]:
    variable = f"OBSERVATORY_{name.upper()}"
    if given := os.environ.get(variable):
        scheme, _, address = given.rstrip("/").partition("://")
        keys = (os.environ[f"{variable}_ACCESS_KEY"], os.environ[f"{variable}_SECRET_KEY"])
        yield S3Server(name, address, *keys, secure=scheme == "https")
        return
    with _run_s3(name, engine_refusal, folder, [f"{variable} is not set"]) as running:
        yield running


@contextmanager
def _run_s3(name: str, engine_refusal: str | None, folder: Path, tried: list[str]) -> Iterator[S3Server]:
    keys = (f"test{secrets.token_hex(6)}", secrets.token_urlsafe(30))
    if engine_refusal is None:
        container = _make_s3_container(name, keys)
        try:
            container.start()
            yield S3Server(name, container.address, *keys, server=container)
        finally:
            container.remove()
        return
    missing = find_missing_part(name)
    if missing is not None:
        give_up([*tried, engine_refusal, missing])
    server = LocalServer(name, folder, environment=name_credentials(name, keys))
    server.start()
    try:
        yield S3Server(name, server.address, *keys, server=server)
    finally:
        server.stop()


def name_credentials(name: str, keys: tuple[str, str]) -> dict[str, str]:
    """Return the environment variables by which the server ``name`` takes its root credentials."""
    names = {"minio": ("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"), "versitygw": ("ROOT_ACCESS_KEY", "ROOT_SECRET_KEY")}
    return dict(zip(names[name], keys, strict=True))


def _make_s3_container(name: str, keys: tuple[str, str]) -> ContainerServer:
    def answers(address: str) -> bool:
        try:
            with urlopen(f"http://{address}{HEALTH_PATHS[name]}", timeout=2):
                return True
        except (URLError, OSError):
            return False

    environment = name_credentials(name, keys)
    if name == "minio":
        return ContainerServer(read_image("minio/minio"), 9000, environment, answers, command=["server", "/data"])
    command = ["--port", ":7070", "--health", "/health", "posix", "/srv"]
    return ContainerServer(VERSITYGW_IMAGE, 7070, environment, answers, command=command)


def find_compose() -> list[str]:
    """Return the command that reads Compose files: the engine's plugin, or the one that local.py prepares."""
    if (
        shutil.which("docker")
        and subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
    ):
        return ["docker", "compose"]
    if missing := find_missing_part("docker-compose"):
        give_up(["docker has no compose plugin", missing])
    return [runpy.run_path(str(LOCAL))["locate_part"]("docker-compose")]


def read_image(name: str) -> str:
    """Return the image ``name`` with the tag that docker-compose.yml pins."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    found = re.search(rf"image:\s*[\"']?([\w.]*/?{re.escape(name)}:\S+?)[\"']?\s*$", text, re.MULTILINE)
    if found is None:
        raise LookupError(f"docker-compose.yml names no image {name}")
    return found.group(1)
