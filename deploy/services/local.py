"""Prepare and start a real broker and real object stores on this machine, where no container engine answers.

::

    python deploy/services/local.py prepare                      # once: fetch and build what is missing
    python deploy/services/local.py status                       # what is prepared, and where
    python deploy/services/local.py start kafka --folder DIR     # in the foreground, until interrupted

Everything is kept in the folder named by ``OBSERVATORY_SERVICES_DIR`` (default: ``.services`` beside this project's
``pyproject.toml``). Needs only Python; ``prepare`` also needs Maven (Kafka's jars) or Go (the stores), and
``start kafka`` needs Java 17.
The servers listen on 127.0.0.1 only and take the configuration files that ``docker-compose.yml`` mounts.
"""

# Prints are this program's output, and it runs the tools it was written to run, against its own servers.
# ruff: noqa: INP001, S603, T201

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

DEPLOY = Path(__file__).resolve().parent.parent

#: The image `apache/kafka` in docker-compose.yml and services/pom.xml have the same version (a test compares the three).
KAFKA_VERSION = "4.1.1"

#: MinIO's repository was archived in February 2026; this is its last commit, which has fixes that its last image lacks.
MINIO_MODULE = "github.com/minio/minio"
MINIO_VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"

#: A maintained S3 server (Apache-2.0), the second opinion on what is plain S3.
VERSITYGW_MODULE = "github.com/versity/versitygw/cmd/versitygw"
VERSITYGW_VERSION = "v1.8.0"

#: `docker compose config` reads and checks docker-compose.yml without an engine. The newest release that `go install` takes.
COMPOSE_MODULE = "github.com/docker/compose/v5/cmd"
COMPOSE_VERSION = "v5.0.2"

SERVERS = ("kafka", "minio", "versitygw")
NAMES = (*SERVERS, "docker-compose")

#: Any 16 bytes in base64 would do: a broker's identity, not a secret.
CLUSTER_ID = "b2JzZXJ2YXRvcnktMDAwMQ"

READY_S = 60.0  # a broker starts in 3 s here; a busy continuous-integration machine may need ten times that
STOP_S = 20.0  # after this a server that was asked to end is killed
POLL_S = 0.05


class RefusalError(Exception):
    """One sentence for the person at the keyboard."""


# ---------------------------------------------------------------------------------------------------------- preparing


def locate_services() -> Path:
    """Return the folder where prepared services are kept."""
    chosen = os.environ.get("OBSERVATORY_SERVICES_DIR")
    return Path(chosen).expanduser().resolve() if chosen else DEPLOY.parent / ".services"


def locate_part(name: str) -> Path:
    """Return where the prepared service ``name`` is, or would be: a folder of jars, or a program."""
    root = locate_services()
    places = {
        "kafka": root / f"kafka-{KAFKA_VERSION}",
        "minio": root / "bin" / f"minio-{MINIO_VERSION}",
        "versitygw": root / "bin" / f"versitygw-{VERSITYGW_VERSION}",
        "docker-compose": root / "bin" / f"docker-compose-{COMPOSE_VERSION}",
    }
    return places[name]


def prepare(name: str) -> Path:
    """Make the service ``name`` ready to start; return where it is. Quick when it is there already."""
    place = locate_part(name)
    if place.exists():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    # Made aside and renamed into place, so that an interrupted or a second, simultaneous preparation does no harm.
    with tempfile.TemporaryDirectory(prefix="making-", dir=place.parent) as aside:
        made = _fetch_jars(Path(aside)) if name == "kafka" else _build_program(name, Path(aside))
        with contextlib.suppress(OSError):  # somebody else was faster
            made.rename(place)
    if not place.exists():
        message = f"{name} could not be put at {place}"
        raise RefusalError(message)
    return place


def _fetch_jars(aside: Path) -> Path:
    jars = aside / "jars"
    # Maven writes beside the pom, so it gets a copy.
    pom = Path(shutil.copy(DEPLOY / "services" / "pom.xml", aside))
    _run(_find_tool("mvn"), "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={jars}")
    return jars


def _build_program(name: str, aside: Path) -> Path:
    module, version = {
        "minio": (MINIO_MODULE, MINIO_VERSION),
        "versitygw": (VERSITYGW_MODULE, VERSITYGW_VERSION),
        "docker-compose": (COMPOSE_MODULE, COMPOSE_VERSION),
    }[name]
    environment = {**os.environ, "GOBIN": str(aside), "CGO_ENABLED": "0"}
    _run(_find_tool("go"), "install", "-trimpath", "-ldflags=-s -w", f"{module}@{version}", environment=environment)
    return aside / module.rpartition("/")[2]


def _find_tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        message = f"{name} is needed and is not on the PATH"
        raise RefusalError(message)
    return found


def _run(*command: str, environment: dict[str, str] | None = None) -> None:
    ended = subprocess.run(command, env=environment, stdout=sys.stderr, stdin=subprocess.DEVNULL, check=False)
    if ended.returncode:
        message = f"{' '.join(command)} ended with {ended.returncode}"
        raise RefusalError(message)


# ----------------------------------------------------------------------------------------------------------- starting


@dataclass(frozen=True)
class Plan:
    """How one server is started and how it is seen to be ready."""

    command: list[str]
    environment: dict[str, str]
    port: int
    health: str | None  # path of a health page; None: the open port is the sign


def plan_kafka(folder: Path, port: int) -> Plan:
    """Write the broker's final configuration as its container image would, format its storage once, return the plan.

    ``OBSERVATORY_KAFKA_HOST_LISTENER`` (``host:port``) in the environment asks for a second way in, the listener ``HOST``, whose
    ``KAFKA_LISTENER_NAME_HOST_*`` settings the environment has too: one that demands TLS and a password, say.
    """
    jars = locate_part("kafka")
    final = folder / "config"
    java = [_find_tool("java"), "-Dlog4j2.level=WARN", "-cp", f"{jars}{os.sep}*"]
    settings = final / "server.properties"
    if not settings.exists():
        control = find_free_port()
        final.mkdir(parents=True)
        host = os.environ.get("OBSERVATORY_KAFKA_HOST_LISTENER")
        offered = f"PLAINTEXT://127.0.0.1:{port}" + (f",HOST://{host}" if host else "")
        environment = {
            **os.environ,
            "CLUSTER_ID": CLUSTER_ID,
            "KAFKA_LISTENERS": f"{offered},CONTROLLER://127.0.0.1:{control}",
            "KAFKA_ADVERTISED_LISTENERS": offered,
            "KAFKA_CONTROLLER_QUORUM_VOTERS": f"1@127.0.0.1:{control}",
            "KAFKA_LOG_DIRS": str(folder / "log"),
        }
        kafka = str(DEPLOY / "kafka")
        setup = ("kafka.docker.KafkaDockerWrapper", "setup", "-D", kafka, "-M", kafka, "-F", str(final))
        try:
            _run(*java, *setup, environment=environment)
        except RefusalError:
            shutil.rmtree(final)
            raise
    heap = ["-Xms256m", "-Xmx512m", "-XX:+UseSerialGC"]
    return Plan([*java[:1], *heap, *java[1:], "kafka.Kafka", str(settings)], dict(os.environ), port, None)


def plan_minio(folder: Path, port: int, broker: str | None) -> Plan:
    """Return the plan for MinIO; its root credentials come through the environment."""
    _require_secrets("MINIO_ROOT_USER", "MINIO_ROOT_PASSWORD")
    environment = dict(os.environ)
    shared = read_settings(DEPLOY / "minio" / "minio.env")
    if broker is None:
        shared = {key: value for key, value in shared.items() if not key.startswith("MINIO_NOTIFY_")}
    else:
        shared["MINIO_NOTIFY_KAFKA_BROKERS_ARRIVALS"] = broker
        shared["MINIO_NOTIFY_KAFKA_QUEUE_DIR_ARRIVALS"] = str(folder / "announcements")
    environment.update(shared)
    data = folder / "objects"
    data.mkdir(parents=True, exist_ok=True)
    command = [str(locate_part("minio")), "server", "--quiet", "--address", f"127.0.0.1:{port}"]
    certificates = folder / "certs"  # with public.crt and private.key in it, the server speaks TLS
    certificates.mkdir(exist_ok=True)
    command += ["--certs-dir", str(certificates), str(data)]
    return Plan(command, environment, port, "/minio/health/cluster")  # `live` answers before the keys are known


def plan_versitygw(folder: Path, port: int) -> Plan:
    """Return the plan for versitygw; its root credentials come through the environment."""
    _require_secrets("ROOT_ACCESS_KEY", "ROOT_SECRET_KEY")
    data = folder / "objects"
    data.mkdir(parents=True, exist_ok=True)
    program = str(locate_part("versitygw"))
    command = [program, "--port", f"127.0.0.1:{port}", "--quiet", "--health", "/health", "posix", str(data)]
    return Plan(command, dict(os.environ), port, "/health")


def _require_secrets(*names: str) -> None:
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        message = f"set {' and '.join(missing)} in the environment: there are no default credentials"
        raise RefusalError(message)


def read_settings(path: Path) -> dict[str, str]:
    """Read a file of ``NAME=value`` lines; blank lines and those that start with ``#`` are skipped."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return {key.strip(): value.strip() for key, value in pairs}


def find_free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(name: str, *, folder: Path, port: int, broker: str | None, attached: bool) -> int:
    """Run one server until it ends, a signal asks for it, or (attached) standard input closes; return its status."""
    if not locate_part(name).exists():
        message = f"{name} is not prepared: run `python deploy/services/local.py prepare {name}` first"
        raise RefusalError(message)
    folder.mkdir(parents=True, exist_ok=True)
    port = port or find_free_port()
    plans = {
        "kafka": lambda: plan_kafka(folder, port),
        "minio": lambda: plan_minio(folder, port, broker),
        "versitygw": lambda: plan_versitygw(folder, port),
    }
    plan = plans[name]()
    with (folder / "server.log").open("ab") as log:
        server = subprocess.Popen(
            plan.command,
            env=plan.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: server.terminate())
        if attached:
            threading.Thread(target=_end_with_input, args=(server,), daemon=True).start()
        _wait_until_ready(server, plan, folder / "server.log")
        print(json.dumps({"name": name, "pid": server.pid, "address": f"127.0.0.1:{port}"}), flush=True)
        return server.wait()
    finally:
        _end(server)


def _end_with_input(server: subprocess.Popen[bytes]) -> None:
    """End the server when whoever started us is gone, however it went: the pipe closes even after a kill -9."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    _end(server)


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(STOP_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _wait_until_ready(server: subprocess.Popen[bytes], plan: Plan, log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while not _answers(plan):
        if server.poll() is not None:
            message = f"the server ended at once ({server.returncode}); see {log}"
            raise RefusalError(message)
        if time.monotonic() > deadline:
            message = f"the server did not answer within {READY_S:.0f} s; see {log}"
            raise RefusalError(message)
        time.sleep(POLL_S)


def _answers(plan: Plan) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", plan.port), timeout=1):
            pass
        if plan.health is not None:
            with urllib.request.urlopen(f"http://127.0.0.1:{plan.port}{plan.health}", timeout=2):
                pass
    except urllib.error.HTTPError as error:
        return error.code == HTTPStatus.BAD_REQUEST  # a server that speaks TLS says so in plain words
    except OSError:
        return False
    return True


# ------------------------------------------------------------------------------------------------------- command line


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    options = _make_parser().parse_args(arguments)
    names = getattr(options, "names", None) or NAMES
    try:
        if options.verb == "prepare":
            for name in names:
                print(f"{name}: {prepare(name)}")
            return 0
        if options.verb == "status":
            return _show_status()
        return start(
            options.name,
            folder=options.folder.resolve(),
            port=options.port,
            broker=options.broker,
            attached=options.attached,
        )
    except RefusalError as refusal:
        print(refusal, file=sys.stderr)
        return 2


def _show_status() -> int:
    for name in NAMES:
        place = locate_part(name)
        state = str(place) if place.exists() else f"not prepared (python deploy/services/local.py prepare {name})"
        if name == "kafka" and shutil.which("java") is None:
            state = "not usable: java (17 or newer) is not on the PATH"
        print(f"{name}: {state}")
    return 0


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Real services on this machine, without a container engine.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    preparing = verbs.add_parser("prepare", help="fetch and build what is missing")
    preparing.add_argument(
        "names", nargs="*", choices=[*NAMES, []], metavar="NAME", help=f"of {', '.join(NAMES)} (default: all)"
    )
    verbs.add_parser("status", help="say what is prepared, and where")
    starting = verbs.add_parser("start", help="run one server in the foreground")
    starting.add_argument("name", choices=SERVERS)
    starting.add_argument("--folder", type=Path, required=True, help="where the server keeps its data and its log")
    starting.add_argument("--port", type=int, default=0, help="on 127.0.0.1 (default: a free one, printed when ready)")
    starting.add_argument("--broker", help="HOST:PORT of a Kafka broker that MinIO announces new objects to")
    starting.add_argument("--attached", action="store_true", help="end when standard input closes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
