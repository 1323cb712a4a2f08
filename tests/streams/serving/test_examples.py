"""The examples of the page for consumers, run as they stand there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from schemas.topics import Topic, Topics
from streams.brokers.client import open_client
from streams.brokers.records import Record
from streams.usage.reports.metrics import to_metric_key
from tests.streams.serving.boards import count
from tests.streams.usage.uses import make_clip_use, make_use

PAGE = Path(__file__).resolve().parents[3] / "docs" / "consumers.md"

WAIT_S = 60.0

FIRST, BOTH = count((make_use(0),)), count((make_use(0), make_clip_use("dive", 30)))


def read_example(language: str) -> str:
    (example,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return example


@pytest.fixture
def broker(kafka_url, unique_name):
    """Give a client and a topic of figures of this test alone, with figures in it."""
    client = open_client(kafka_url)
    plan = {topic.name: topic for topic in Topics(unique_name).plan(["obsea"], partitions=3)}
    topic = Topics(unique_name).metric_period
    client.create([plan[topic]])
    publish(client, topic, FIRST)
    yield client, kafka_url.removeprefix("kafka://"), topic
    client.close()


def publish(client, topic: str, values) -> None:
    client.append([Record(topic, to_metric_key(value), value.to_canonical()) for value in values])


def test_the_example_in_python_is_ten_lines():
    lines = read_example("python").splitlines()
    assert len([line for line in lines if line]) <= 10


@pytest.mark.kafka
def test_the_example_in_python_follows_the_figures(broker, tmp_path):
    client, address, topic = broker
    script = tmp_path / "follow.py"
    script.write_text(read_example("python"))
    process = subprocess.Popen(
        [sys.executable, script],
        env={**os.environ, "BROKER": address, "TOPIC": topic},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(iter(process.stdout.readline, "")), daemon=True)
    reader.start()
    try:
        wait_for(lambda: len(lines) >= len(FIRST), process)
        publish(client, topic, BOTH)
        wait_for(lambda: len(lines) >= len(FIRST) + len(BOTH), process)
    finally:
        process.kill()
        process.wait(WAIT_S)
        reader.join(WAIT_S)
        process.stdout.close()
        process.stderr.close()
    newest: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(" {")
        newest[name] = value
    assert len(newest) == len(BOTH)
    images = newest["obsea images_processed 2026-11-01T00:00:00.000Z"]
    assert "'value': 31" in images


def wait_for(condition, process) -> None:
    until = time.monotonic() + WAIT_S
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < until, "the example printed too little"
        time.sleep(0.05)


@pytest.mark.kafka
def test_the_example_for_kcat_prints_every_figure(broker):
    if shutil.which("kcat") is None:
        pytest.skip("kcat is not installed, so the example that uses it is not run")
    client, address, topic = broker
    publish(client, topic, BOTH)
    done = subprocess.run(
        ["bash", "-euc", read_example("bash")],
        env={**os.environ, "BROKER": address, "TOPIC": topic},
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    newest = dict(line.split("\t", 1) for line in done.stdout.splitlines())
    assert newest == {to_metric_key(value).decode(): value.to_canonical().decode() for value in BOTH}
    assert json.loads(next(iter(newest.values())))["installation"] == "obsea"


def test_what_the_page_says_of_the_topic_is_how_it_is_made():
    plan = {topic.name: topic for topic in Topics().plan(["obsea"], partitions=3)}
    assert plan["metric.period.v1"] == Topic("metric.period.v1", 3, "compact", None)
