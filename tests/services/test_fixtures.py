"""The fixtures give servers that answer, and control over them."""

# The programs and addresses are this project's own.
# ruff: noqa: S310

from __future__ import annotations

import os
import socket
import subprocess
import sys
from urllib.request import urlopen

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from tests.services.fixtures import HEALTH_PATHS, Broker, S3Server, give_up
from tests.services.servers import ROOT, LocalServer, find_missing_part


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=2):
            return True
    except OSError:
        return False


def _exchange(address: str, topic: str, values: list[bytes]) -> list[bytes]:
    producer = Producer({"bootstrap.servers": address})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(30) == 0
    return _read_all(address, topic, len(values))


def _read_all(address: str, topic: str, count: int, *, group: str = "before") -> list[bytes]:
    settings = {"bootstrap.servers": address, "group.id": f"{topic}-{group}", "auto.offset.reset": "earliest"}
    consumer = Consumer(settings)
    consumer.subscribe([topic])
    try:
        return [message.value() for message in consumer.consume(count, timeout=60)]
    finally:
        consumer.close()


def _make_topic(address: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": address})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)


@pytest.mark.kafka
def test_the_shared_broker_takes_a_message_and_gives_it_back(kafka_url: str, unique_name: str):
    address = kafka_url.removeprefix("kafka://")
    _make_topic(address, unique_name)
    assert _exchange(address, unique_name, [b"one", b"two"]) == [b"one", b"two"]


@pytest.mark.kafka
def test_a_misspelt_topic_is_an_error_and_not_a_new_topic(kafka_url: str, unique_name: str):
    address = kafka_url.removeprefix("kafka://")
    told = []
    producer = Producer({"bootstrap.servers": address, "topic.metadata.propagation.max.ms": 500})
    producer.produce(unique_name, b"lost", on_delivery=lambda error, _: told.append(error))
    producer.flush(30)
    assert told[0] is not None
    assert unique_name not in AdminClient({"bootstrap.servers": address}).list_topics(timeout=30).topics


@pytest.mark.kafka
@pytest.mark.chaos
def test_a_broker_killed_and_started_again_has_its_address_and_its_messages(kafka_broker: Broker, unique_name: str):
    _make_topic(kafka_broker.address, unique_name)
    assert _exchange(kafka_broker.address, unique_name, [b"kept"]) == [b"kept"]
    kafka_broker.server.kill()
    assert not _answers(kafka_broker.address)
    kafka_broker.server.start()
    assert _read_all(kafka_broker.address, unique_name, 1, group="after") == [b"kept"]


@pytest.mark.s3
@pytest.mark.parametrize("name", ["minio", "versitygw"])
def test_a_shared_store_answers_on_its_health_page(name: str, request: pytest.FixtureRequest):
    running: S3Server = request.getfixturevalue(f"{name}_service")
    with urlopen(f"{running.endpoint}{HEALTH_PATHS[name]}", timeout=10) as page:
        assert page.status == 200


@pytest.mark.s3
@pytest.mark.parametrize("name", ["minio", "versitygw"])
def test_a_stopped_store_is_gone_and_comes_back_on_its_port(name: str, request: pytest.FixtureRequest):
    running: S3Server = request.getfixturevalue(f"{name}_server")
    running.server.stop()
    assert not _answers(running.address)
    running.server.start()
    with urlopen(f"{running.endpoint}{HEALTH_PATHS[name]}", timeout=10) as page:
        assert page.status == 200


def test_a_server_ends_with_the_process_that_asked_for_it_however_that_ended(tmp_path):
    if missing := find_missing_part("versitygw"):
        give_up([missing])
    program = (
        "import os\nfrom pathlib import Path\nfrom tests.services.servers import LocalServer\n"
        f"server = LocalServer('versitygw', Path({str(tmp_path)!r}))\nserver.start()\n"
        "print(server.address, flush=True)\nos.kill(os.getpid(), 9)\n"
    )
    keys = {"ROOT_ACCESS_KEY": "someone", "ROOT_SECRET_KEY": "something-long"}
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, **keys},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert ended.returncode == -9
    # Standard error is shared with the server's keeper, so the call above returned when that had ended its server.
    assert not _answers(ended.stdout.strip())


def test_a_store_is_refused_without_credentials(tmp_path, monkeypatch: pytest.MonkeyPatch):
    if missing := find_missing_part("minio"):
        give_up([missing])
    for name in ("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RuntimeError, match="minio did not start"):
        LocalServer("minio", tmp_path).start()


def test_a_container_gives_the_same_broker_where_an_engine_answers(engine_refusal: str | None, unique_name: str):
    if engine_refusal is not None:
        pytest.skip(f"{engine_refusal}, so the broker in a container cannot be tried")
    from tests.services.fixtures import _make_kafka_container

    container = _make_kafka_container()
    try:
        container.start()
        _make_topic(container.address, unique_name)
        assert _exchange(container.address, unique_name, [b"boxed"]) == [b"boxed"]
    finally:
        container.remove()
