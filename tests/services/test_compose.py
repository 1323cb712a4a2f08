"""docker-compose.yml is one that Compose takes, pins what it runs, starts with no password of its own, and fits the rest."""

# The programs run are this project's own.

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from schemas.topics import Topics
from sinks.object_store.address import S3Address, read_address
from streams.places import plan_topics
from streams.serving.api import PORT
from streams.settings.read import read_settings
from tests.services.fixtures import VERSITYGW_IMAGE, find_compose, give_up, read_image
from tests.services.servers import LOCAL, ROOT, find_missing_part

KEYS = {"OBSERVATORY_STORE_ACCESS_KEY": "someone", "OBSERVATORY_STORE_SECRET_KEY": "something-long"}
FILES = {
    "as it is": ["docker-compose.yml"],
    "with MinIO from source": ["docker-compose.yml", "deploy/compose.minio-source.yml"],
}
LASTING = ["kafka", "minio", "serve", "worker"]
VERSIONS = runpy.run_path(str(LOCAL))


def ask_compose(*arguments: str, keys: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in KEYS}
    command = [*find_compose(), *arguments]
    return subprocess.run(
        command, cwd=ROOT, env={**environment, **keys}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(scope="module", params=FILES)
def model(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return the whole model as Compose understands it; it has checked it against its schema."""
    files = [part for name in FILES[request.param] for part in ("-f", name)]
    asked = ask_compose(*files, "config", "--format", "json", keys=KEYS)
    assert asked.returncode == 0, asked.stderr
    assert asked.stderr == ""
    return json.loads(asked.stdout)


@pytest.mark.parametrize("missing", KEYS)
def test_nothing_starts_while_a_key_is_not_set(missing: str):
    given = {name: value for name, value in KEYS.items() if name != missing}
    asked = ask_compose("config", "--quiet", keys=given)
    assert asked.returncode != 0
    assert f"{missing} is missing a value: see deploy/example.env" in asked.stderr


def test_nothing_starts_with_the_example_as_it_is():
    asked = ask_compose("--env-file", "deploy/example.env", "config", "--quiet", keys={})
    assert asked.returncode != 0
    assert "is missing a value" in asked.stderr


def test_the_example_names_every_variable_that_is_asked_for():
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))
    named = set(re.findall(r"^(\w+)=$", (ROOT / "deploy" / "example.env").read_text(), re.MULTILINE))
    assert asked == named == set(KEYS)


def test_every_secret_comes_from_outside():
    plain = ask_compose("config", "--no-interpolate", "--format", "json", keys={})
    assert plain.returncode == 0, plain.stderr
    for name, service in json.loads(plain.stdout)["services"].items():
        for variable, value in service["environment"].items():
            if re.search(r"KEY|SECRET|PASSWORD|ROOT_USER|TOKEN", variable):
                assert str(value).startswith("${OBSERVATORY_"), (name, variable)


def test_every_image_is_pinned(model: dict[str, Any]):
    for name, service in model["services"].items():
        _, _, tag = service["image"].rpartition(":")
        assert re.search(r"\d", tag), (name, service["image"])


def test_every_lasting_part_has_a_health_check(model: dict[str, Any]):
    assert sorted(model["services"]) == sorted([*LASTING, "prepare"])
    for name in LASTING:
        assert model["services"][name]["healthcheck"]["test"]


def test_nothing_listens_beyond_this_machine(model: dict[str, Any]):
    ports = [port for service in model["services"].values() for port in service.get("ports", [])]
    assert {port["target"] for port in ports} == {8040, 9000, 9092}
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}


def test_every_mounted_file_is_there(model: dict[str, Any]):
    mounts = [volume for service in model["services"].values() for volume in service["volumes"]]
    sources = {Path(volume["source"]) for volume in mounts if volume["type"] == "bind"}
    assert {path.relative_to(ROOT).as_posix() for path in sources} == {"deploy/kafka", "deploy/observatory.toml"}
    assert all(path.exists() for path in sources)


def test_the_servers_have_the_versions_that_the_tests_run():
    pom = (ROOT / "deploy" / "services" / "pom.xml").read_text()
    assert f"<kafka.version>{VERSIONS['KAFKA_VERSION']}</kafka.version>" in pom
    assert read_image("apache/kafka") == f"apache/kafka:{VERSIONS['KAFKA_VERSION']}"
    assert (ROOT / "deploy" / "compose.minio-source.yml").read_text().count(VERSIONS["MINIO_VERSION"]) == 2
    assert f"versity/versitygw:{VERSIONS['VERSITYGW_VERSION']}" == VERSITYGW_IMAGE


def test_the_image_has_the_version_of_the_program():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert read_image("observatory-streams") == f"observatory-streams:{version}"


def test_the_broker_formats_its_storage_from_what_its_container_gets(model: dict[str, Any], tmp_path: Path):
    if missing := find_missing_part("kafka"):
        give_up([missing])
    kafka = model["services"]["kafka"]
    environment = {**os.environ, **kafka["environment"], "KAFKA_LOG_DIRS": str(tmp_path / "log")}
    mounted = next(volume["source"] for volume in kafka["volumes"] if volume["target"] == "/mnt/shared/config")
    final = tmp_path / "final"
    final.mkdir()
    jars = VERSIONS["locate_part"]("kafka")
    setup = ["kafka.docker.KafkaDockerWrapper", "setup", "-D", mounted, "-M", mounted, "-F", str(final)]
    subprocess.run(["java", "-cp", f"{jars}/*", *setup], env=environment, check=True, capture_output=True, timeout=60)
    assert (tmp_path / "log" / "meta.properties").exists()
    assert (
        "advertised.listeners=PLAINTEXT://kafka:9094,HOST://127.0.0.1:9092" in (final / "server.properties").read_text()
    )


def test_the_server_of_figures_answers_where_its_port_and_health_check_are(model: dict[str, Any]):
    serve = model["services"]["serve"]
    assert serve["command"] == ["serve", "--host", "0.0.0.0"]  # noqa: S104 - of its container, as the test says
    assert [(port["host_ip"], port["target"], port["published"]) for port in serve["ports"]] == [
        ("127.0.0.1", PORT, str(PORT))
    ]
    assert f"http://127.0.0.1:{PORT}/metrics/periods?" in serve["healthcheck"]["test"][-1]
    assert serve["environment"] == model["services"]["worker"]["environment"]


def test_the_image_has_what_serving_needs_in_the_versions_that_are_tested():
    def read_pins(name: str) -> set[str]:
        return set(re.findall(r"^\S+==\S+", (ROOT / "requirements" / name).read_text(), re.MULTILINE))

    image = read_pins("image.txt")
    assert image <= read_pins("dev.txt")
    assert {pin.partition("==")[0] for pin in image} >= {"fastapi", "uvicorn"}
    assert "requirements/image.txt" in (ROOT / "Dockerfile").read_text()


@pytest.fixture
def worker_environment(model: dict[str, Any]) -> dict[str, str]:
    return model["services"]["worker"]["environment"]


def test_the_worker_finds_its_settings_in_order(worker_environment: dict[str, str]):
    read = read_settings(ROOT / "deploy" / "observatory.toml", worker_environment)
    assert read.deployment.broker.url == "kafka://kafka:9094"
    assert read.deployment.store.secret_key.get_secret_value() == KEYS["OBSERVATORY_STORE_SECRET_KEY"]
    assert read.deployment.worker.health_port == 8080


def test_the_store_announces_on_the_topic_that_is_planned(model: dict[str, Any], worker_environment: dict[str, str]):
    deployment = read_settings(ROOT / "deploy" / "observatory.toml", worker_environment).deployment
    address = read_address(deployment.store.url)
    assert isinstance(address, S3Address)
    assert address.announce == "arn:minio:sqs::ARRIVALS:kafka"
    told = model["services"]["minio"]["environment"]["MINIO_NOTIFY_KAFKA_TOPIC_ARRIVALS"]
    assert told == Topics().object_created
    assert told in {topic.name for topic in plan_topics(deployment)}


def test_the_image_is_built_from_what_is_there_and_runs_as_nobody_special():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = [part for line in lines if line.startswith("COPY") and "--from" not in line for part in line.split()[1:-1]]
    ignored = (ROOT / ".dockerignore").read_text().split()
    for source in copied:
        assert f"!{source.split('/')[0]}" in ignored
    assert [line for line in lines if line.startswith("USER ")] == ["USER observatory"]
    assert sum("--require-hashes" in line for line in lines) == 1
    assert all(re.search(r"python:3\.11\.\d+-slim", line) for line in lines if line.startswith("FROM"))
