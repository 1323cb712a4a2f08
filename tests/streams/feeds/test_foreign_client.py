"""Pictures published with clients that are not ours, and with the very commands of the documentation, are read back."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from schemas.errors import RejectedInput
from schemas.media import InlineBody, MediaArrived, ReferencedBody, ReferencedPart
from schemas.wire import from_record

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "publish-a-picture.md"
#: A picture of the size that OBSEA's camera sends; the wire does not care what is in it.
PIXELS = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 320 + b"\r\n\x00\xff\xd9"
SHA = hashlib.sha256(PIXELS).hexdigest()
WAIT_S = 60.0


@dataclass(frozen=True)
class Topic:
    """A topic of this test alone."""

    broker: str
    name: str

    def read(self, count: int) -> list[tuple[list[tuple[str, bytes | None]], bytes | None, bytes | None]]:
        """Return headers, value and key of the first records."""
        settings = {
            "bootstrap.servers": self.broker,
            "group.id": self.name,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
        consumer = Consumer(settings)
        consumer.subscribe([self.name])
        found = []
        deadline = time.monotonic() + WAIT_S
        try:
            while len(found) < count and time.monotonic() < deadline:
                message = consumer.poll(1.0)
                if message is not None and message.error() is None:
                    found.append((message.headers() or [], message.value(), message.key()))
        finally:
            consumer.close()
        assert len(found) == count
        return found

    def read_arrival(self) -> tuple[MediaArrived, bytes | None]:
        """Return the one arrival and its value."""
        ((headers, value, key),) = self.read(1)
        assert key == b"obsea-ipc608"
        return from_record(headers, value), value


@pytest.fixture
def topic(kafka_url: str, unique_name: str) -> Topic:
    address = kafka_url.removeprefix("kafka://")
    admin = AdminClient({"bootstrap.servers": address})
    for made in admin.create_topics([NewTopic(unique_name, num_partitions=3, replication_factor=1)]).values():
        made.result(WAIT_S)
    return Topic(address, unique_name)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "20240422-080001-cam 7.jpg"
    path.write_bytes(PIXELS)
    return path


def read_examples(language: str) -> list[str]:
    """Return the examples of the page in one language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def publish(topic: Topic, headers: dict[str, str], value: bytes | None, key: str = "obsea-ipc608") -> None:
    producer = Producer({"bootstrap.servers": topic.broker})
    producer.produce(
        topic.name, value=value, key=key, headers=[(name, text.encode()) for name, text in headers.items()]
    )
    assert producer.flush(WAIT_S) == 0


HEADERS = {
    "ce_specversion": "1.0",
    "ce_type": "media.arrived.v1",
    "ce_source": "/feeds/obsea-ipc608",
    "ce_id": "e-1",
    "ce_subject": "Été/20240422-080001-cam.jpg",
    "content-type": "image/jpeg",
}


# --- a client library that is not ours ---


def test_a_picture_published_with_another_client_is_read_as_an_arrival(topic):
    publish(topic, {**HEADERS, "ce_capturedat": "2024-04-22T10:00:01+02:00"}, PIXELS)
    arrival, value = topic.read_arrival()
    assert value == PIXELS
    assert arrival == MediaArrived(
        event="e-1",
        feed="obsea-ipc608",
        subject="Été/20240422-080001-cam.jpg",
        media_type="image/jpeg",
        body=InlineBody(),
        captured_at="2024-04-22T08:00:01Z",
    )


def test_a_reference_in_the_headers_with_a_null_value_is_read_as_an_arrival(topic):
    publish(topic, {**HEADERS, "ce_dataref": "s3://bucket/a.jpg"}, None)
    arrival, value = topic.read_arrival()
    assert value is None
    assert isinstance(arrival.body, ReferencedBody)


def test_a_record_without_headers_is_refused_with_its_reason(topic):
    publish(topic, {}, PIXELS)
    with pytest.raises(RejectedInput) as caught:
        topic.read_arrival()
    assert caught.value.reason == "unreadable_envelope"


# --- the page's own examples ---


def run(command: list[str], **environment: str) -> None:
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=WAIT_S, check=False
    )
    assert done.returncode == 0, done.stderr


def find_tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed, so the example that uses it is not run")
    return found


def test_the_example_for_kcat_publishes_a_picture(topic, picture):
    find_tool("kcat")
    (example, *_) = read_examples("bash")
    run(["bash", "-euc", example], BROKER=topic.broker, TOPIC=topic.name, FEED="obsea-ipc608", PICTURE=str(picture))
    arrival, value = topic.read_arrival()
    assert value == PIXELS
    assert (arrival.subject, arrival.sha256, arrival.event) == (picture.name, SHA, f"obsea-ipc608-{SHA}")


def test_the_example_for_larger_files_publishes_a_reference(topic):
    find_tool("kcat")
    (_, example) = read_examples("bash")
    names = {
        "BROKER": topic.broker,
        "TOPIC": topic.name,
        "FEED": "obsea-ipc608",
        "REFERENCE": "s3://bucket/clips/a.mp4",
    }
    run(["bash", "-euc", example], **names)
    arrival, _ = topic.read_arrival()
    part = ReferencedPart(subject="a.mp4", dataref="s3://bucket/clips/a.mp4", media_type="video/mp4")
    assert arrival.body == ReferencedBody(parts=(part,))


def test_the_example_in_java_publishes_a_picture(topic, picture, tmp_path):
    java = find_tool("java")
    prepared = Path(os.environ.get("OBSERVATORY_SERVICES_DIR", ROOT / ".services"))
    jars = next(iter(sorted(prepared.glob("kafka-*"))), None)
    if jars is None:
        pytest.skip("Kafka's client for Java is not here: prepare the local services")
    (example,) = read_examples("java")
    source = tmp_path / "PublishPicture.java"
    source.write_text(example, encoding="utf-8")
    run([java, "-cp", f"{jars}/*", str(source), topic.broker, topic.name, "obsea-ipc608", str(picture)])
    arrival, value = topic.read_arrival()
    assert value == PIXELS
    assert (arrival.subject, arrival.sha256) == (picture.name, SHA)
