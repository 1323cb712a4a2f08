"""Real servers that a test can stop, kill, freeze and start again on the same port with the same data."""

# The programs run are this project's own.

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psutil

ROOT = Path(__file__).resolve().parent.parent.parent
LOCAL = ROOT / "deploy" / "services" / "local.py"

READY_S = 90.0
STOP_S = 30.0
POLL_S = 0.1


class Server(Protocol):
    """A server under the test's control."""

    address: str

    def start(self) -> None:
        """Start; return when it answers."""
        ...

    def stop(self) -> None:
        """Ask it to end; return when it has."""
        ...

    def kill(self) -> None:
        """End it without a chance to tidy up; return when it is gone."""
        ...

    def freeze(self) -> None:
        """Let it hold its connections and answer nothing."""
        ...

    def thaw(self) -> None:
        """End the freeze."""
        ...


def _is_frozen(pid: int) -> bool:
    """Return whether every thread of a process is stopped: the signal is sent before that, and a request may slip through."""
    threads = Path(f"/proc/{pid}/task")
    if not threads.is_dir():
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED
    # the state is the first letter behind the name, which stands in brackets and may hold anything
    return all(path.read_text().rpartition(") ")[2][:1] == "T" for path in threads.glob("*/stat"))


def find_free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class LocalServer:
    """A server started by ``deploy/services/local.py``; it ends with this process, however this process ends.

    Attributes
    ----------
    name
        ``kafka``, ``minio`` or ``versitygw``.
    folder
        Where its data and its log are.
    environment
        Added to this process's own, such as its root credentials.
    broker
        ``host:port`` that MinIO announces new objects to.
    """

    name: str
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    broker: str | None = None
    address: str = ""
    pid: int | None = None
    _keeper: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        """Choose the port once, so that a restart comes back on it."""
        self.address = self.address or f"127.0.0.1:{find_free_port()}"

    def start(self) -> None:
        """Start; return when it answers. Nothing happens when it runs already."""
        if self._keeper is not None:
            return
        port = self.address.rpartition(":")[2]
        command = [sys.executable, str(LOCAL), "start", self.name, "--folder", str(self.folder), "--port", port]
        command += ["--attached", *(["--broker", self.broker] if self.broker else [])]
        keeper = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **self.environment}
        )
        self._keeper = keeper
        told = _read_line(keeper)
        if not told:
            self._forget()
            raise RuntimeError(f"{self.name} did not start; its log ends with:\n{self._read_log_end()}")
        self.pid = json.loads(told)["pid"]

    def stop(self) -> None:
        """Ask it to end; return when it has."""
        if self._keeper is not None:
            self.thaw()  # a frozen process takes no request to end
            self._keeper.terminate()
            self._forget()

    def kill(self) -> None:
        """End it without a chance to tidy up; return when it is gone."""
        if self._keeper is not None and self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            self._forget()

    def freeze(self) -> None:
        """Let it hold its connections and answer nothing; return when none of its threads runs any more."""
        os.kill(self._running_pid(), signal.SIGSTOP)
        until = time.monotonic() + STOP_S
        while not _is_frozen(self._running_pid()):
            if time.monotonic() > until:
                raise RuntimeError(f"{self.name} does not freeze")
            time.sleep(POLL_S / 10)

    def thaw(self) -> None:
        """End the freeze."""
        os.kill(self._running_pid(), signal.SIGCONT)

    def _running_pid(self) -> int:
        if self.pid is None:
            raise RuntimeError(f"{self.name} is not running")
        return self.pid

    def _forget(self) -> None:
        if self._keeper is not None:
            self._keeper.communicate(timeout=STOP_S)
        self._keeper, self.pid = None, None

    def _read_log_end(self) -> str:
        log = self.folder / "server.log"
        return log.read_text(errors="replace")[-2000:] if log.exists() else "(no log)"


def _read_line(process: subprocess.Popen[str]) -> str:
    """Read one line within a bound; the empty string when the process ended or said nothing in time."""
    watch = threading.Timer(READY_S, process.terminate)
    watch.start()
    try:
        return process.stdout.readline() if process.stdout else ""
    finally:
        watch.cancel()


@dataclass
class ContainerServer:
    """The same control over a container, where a container engine answers.

    Attributes
    ----------
    image
        As pinned in docker-compose.yml.
    inner_port
        Where the server listens inside.
    environment
        The container's environment.
    answers
        Given ``host:port``, says whether the server is ready: an engine opens the port long before the server does.
    command
        In place of the image's own; empty keeps it.
    mounts
        Folder here -> folder inside, read only.
    """

    image: str
    inner_port: int
    environment: dict[str, str]
    answers: Callable[[str], bool]
    command: list[str] = field(default_factory=list)
    mounts: dict[Path, str] = field(default_factory=dict)
    address: str = ""
    _container: object | None = None

    def __post_init__(self) -> None:
        """Choose the host's port once: an engine would choose another at each start."""
        self.address = self.address or f"127.0.0.1:{find_free_port()}"

    def start(self) -> None:
        """Create the container, or start it again; return when its port answers."""
        if self._container is None:
            from testcontainers.core.container import DockerContainer

            made = DockerContainer(self.image, env=self.environment)
            made.ports = {f"{self.inner_port}/tcp": ("127.0.0.1", int(self.address.rpartition(":")[2]))}
            if self.command:
                made.with_command(self.command)
            for host, inside in self.mounts.items():
                made.with_volume_mapping(host, inside, "ro")
            self._container = made.start()
        else:
            self._wrapped().start()
        deadline = time.monotonic() + READY_S
        while not self.answers(self.address):
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.image} did not answer within {READY_S:.0f} s")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """Ask it to end; return when it has."""
        self._wrapped().stop(timeout=int(STOP_S))

    def kill(self) -> None:
        """End it without a chance to tidy up."""
        self._wrapped().kill()

    def freeze(self) -> None:
        """Let it hold its connections and answer nothing."""
        self._wrapped().pause()

    def thaw(self) -> None:
        """End the freeze."""
        self._wrapped().unpause()

    def remove(self) -> None:
        """Remove the container and what it stored."""
        if self._container is not None:
            self._container.stop()

    def _wrapped(self):
        return self._container.get_wrapped_container()


def find_engine_refusal() -> str | None:
    """Return why no container engine can be used, or None when one answers.

    Asked in a process of its own: a failed attempt leaves unclosed sockets behind.
    """
    ask = "import docker; docker.from_env(timeout=5).ping()"
    asked = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, timeout=60, check=False)
    return None if asked.returncode == 0 else "no container engine answers"


def find_missing_part(name: str) -> str | None:
    """Return why the server ``name`` cannot be started on this machine, or None when it is prepared."""
    asked = subprocess.run(
        [sys.executable, str(LOCAL), "status"], capture_output=True, text=True, timeout=60, check=True
    )
    told = dict(line.split(": ", 1) for line in asked.stdout.splitlines())[name]
    return f"{name}: {told}" if told.startswith("not ") else None
