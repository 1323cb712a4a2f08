"""A new object in a bucket becomes a message on a topic, by the configuration files that docker-compose.yml uses."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote_plus

import pytest
from confluent_kafka import Consumer, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic
from pydantic import SecretStr

from sinks.object_store.credentials import Credentials
from sinks.object_store.opening import open_store
from sinks.object_store.store import ObjectStore
from tests.services.fixtures import Broker, give_up, name_credentials
from tests.services.servers import LocalServer, find_missing_part

TOPIC = "object.created.v1"
ARN = "arn:minio:sqs::ARRIVALS:kafka"

pytestmark = [pytest.mark.kafka, pytest.mark.s3]


@contextmanager
def announcing_store(broker: str, folder: Path, bucket: str) -> Iterator[ObjectStore]:
    if missing := find_missing_part("minio"):
        give_up([f"announcements need a MinIO of their own beside the broker: {missing}"])
    keys = ("someone", secrets.token_urlsafe(30))
    server = LocalServer("minio", folder, environment=name_credentials("minio", keys), broker=broker)
    server.start()
    try:
        store = open_store(
            f"s3+http://{server.address}/{bucket}?announce={ARN}", Credentials(keys[0], SecretStr(keys[1]))
        )
        store.check(create=True)
        store.check(create=True)  # asking twice announces once
        yield store
    finally:
        server.stop()


def make_topic(broker: str) -> None:
    admin = AdminClient({"bootstrap.servers": broker})
    if TOPIC not in admin.list_topics(timeout=30).topics:
        admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(30)


def read_announced(broker: str, bucket: str, wanted: set[str]) -> list[str]:
    """Return the keys announced for a bucket, until all that are wanted have come."""
    settings = {"bootstrap.servers": broker, "group.id": bucket, "auto.offset.reset": "earliest"}
    consumer = Consumer(settings)
    consumer.subscribe([TOPIC])
    found: list[str] = []
    deadline = time.monotonic() + 60
    try:
        while not wanted <= set(found):
            assert time.monotonic() < deadline, f"announced so far: {found}"
            message = consumer.poll(0.2)
            if message is None or message.error():
                continue
            told = [record["s3"] for record in json.loads(message.value())["Records"]]
            found += [unquote_plus(one["object"]["key"]) for one in told if one["bucket"]["name"] == bucket]
    finally:
        consumer.close()
    return found


def test_each_new_object_under_the_prefix_is_announced_once(kafka_url: str, unique_name: str, tmp_path: Path):
    broker = kafka_url.removeprefix("kafka://")
    make_topic(broker)
    with announcing_store(broker, tmp_path, unique_name) as store:
        for key in ("incoming/obsea/20240501-120000-cam 1.jpg", "results/one", "incoming/ü.jpg", "incoming/last"):
            store.write(key, b"fish", media_type="image/jpeg")
        wanted = {"incoming/obsea/20240501-120000-cam 1.jpg", "incoming/ü.jpg", "incoming/last"}
        announced = read_announced(broker, unique_name, wanted)
    assert sorted(announced) == sorted(wanted)


@pytest.mark.chaos
@pytest.mark.slow
def test_what_came_while_the_broker_was_away_is_announced_afterwards(
    kafka_broker: Broker, unique_name: str, tmp_path: Path
):
    make_topic(kafka_broker.address)
    with announcing_store(kafka_broker.address, tmp_path / "minio", unique_name) as store:
        kafka_broker.server.stop()
        with pytest.raises(KafkaException):
            AdminClient({"bootstrap.servers": kafka_broker.address, "log_level": 0}).list_topics(timeout=1)
        store.write("incoming/late", b"fish", media_type="image/jpeg")
        kafka_broker.server.start()
        assert read_announced(kafka_broker.address, unique_name, {"incoming/late"}) == ["incoming/late"]
