"""Deployments for tests: a settings file, pictures to look at, and the commands run as a person runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]

#: A test waits for a worker or a topic at most this long; the machine may be busy.
PATIENCE_S = 120.0


def run_observatory(
    *arguments: str | Path, environment: dict[str, str] | None = None, timeout_s: float = PATIENCE_S
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "streams.cli", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def ask(*arguments: str | Path, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Run a command with ``--json`` and return its one object."""
    ran = run_observatory(*arguments, "--json", environment=environment)
    assert ran.stdout.strip(), ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return {**found, "exit": ran.returncode, "stderr": ran.stderr}


@contextmanager
def open_worker(settings: Path, environment: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``observatory worker`` for the time of the block; its log lies beside the settings."""
    process = start_worker(settings, environment)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def start_worker(settings: Path, environment: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start ``observatory worker``; whoever starts it ends it."""
    with (settings.parent / f"worker-{time.monotonic_ns()}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "streams.cli", "worker", "--settings", str(settings), "--verbose"],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdout=log,
            stderr=log,
        )


def wait_for(condition: Callable[[], bool], *, what: str, patience_s: float = PATIENCE_S) -> None:
    """Return when the condition holds.

    Raises
    ------
    AssertionError
        If it does not within the patience.
    """
    until = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < until, f"waited {patience_s:.0f} s in vain: {what}"
        time.sleep(0.1)


def make_picture(seed: int, *, width_px: int = 160, height_px: int = 120, bright: bool = True) -> bytes:
    """Return a JPEG like no other; bright ones hold one finding of the scripted detector."""
    random = np.random.default_rng(seed)
    level = 200 if bright else 60
    pixels = np.clip(random.normal(level, 12, (height_px // 8, width_px // 8, 3)), 0, 255).astype(np.uint8)
    pixels = cv2.resize(pixels, (width_px, height_px), interpolation=cv2.INTER_LINEAR)
    ok, data = cv2.imencode(".jpg", pixels)
    assert ok
    return data.tobytes()


def write_pictures(folder: Path, count: int, *, first: int = 0, prefix: str = "CAM") -> list[Path]:
    """Write pictures named after the minute they were taken in, every other one bright."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(first, first + count):
        path = folder / f"{name_minute(number)}-{prefix}.jpg"
        path.write_bytes(make_picture(number, bright=number % 2 == 0))
        paths.append(path)
    return paths


def announce_pictures(
    client: Any, topics: Any, feed: str, count: int, *, first: int = 0, data: bytes | None = None, lane: str = "live"
) -> list[str]:
    """Announce pictures to a broker, or the same bytes under the names of as many minutes; return their subjects."""
    from streams.feeds.announce import Claimed, Sender, announce_bytes

    subjects = [f"{name_minute(number)}-CAM.jpg" for number in range(first, first + count)]
    client.append(
        [
            announce_bytes(
                make_picture(number, bright=number % 2 == 0) if data is None else data,
                Claimed(subject),
                Sender(feed, lane=lane),
            ).to_record(topics.media_arrived)
            for number, subject in enumerate(subjects, first)
        ]
    )
    return subjects


def name_minute(number: int) -> str:
    """Return a minute as the file names of our cameras spell it; one for each number."""
    hour, minute = divmod(number, 60)
    return f"{20240422 + hour // 24}-{hour % 24:02}{minute:02}00"


@dataclass
class Site:
    """A deployment in a folder of its own.

    Attributes
    ----------
    changes
        Further lines of the settings file.
    """

    folder: Path
    broker: str = "embedded:"
    store: str = "file:"
    name: str = "test-site"
    prefix: str = ""
    changes: str = ""
    worker: dict[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> Path:
        """The settings file, written anew."""
        path = self.folder / "observatory.toml"
        worker = {"pause_last": 0, "threads": 2, "commit_every_s": 0.2, **self.worker}
        lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in worker.items())
        path.parent.mkdir(parents=True, exist_ok=True)
        text = f"""
name = "{self.name}"
folder = "data"
[broker]
url = "{self.broker}"
topic_prefix = "{self.prefix}"
[store]
url = "{self.store}"
[worker]
{lines}
[installations.bright]
detector = "scripted"
pictures = "none"
[feeds.cam]
installation = "bright"
owner = "test-institute"
country = "ES"
[feeds.cam.capture]
file_name = "%Y%m%d-%H%M%S-*"
time_zone = "UTC"
{self.changes}
"""
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            # whole or not at all: a worker that is just starting may be reading it
            written = path.with_suffix(".new")
            written.write_text(text, encoding="utf-8")
            written.replace(path)
        return path

    @property
    def store_folder(self) -> Path:
        """The local store."""
        return self.folder / "data" / "store"

    def read_documents(self) -> dict[str, bytes]:
        """Return the result documents of a local store by object key."""
        from sinks.object_store.local import LocalStore

        store = LocalStore(self.store_folder)
        return {info.key: store.read(info.key) for info in store.list("results/") if info.key.endswith("result.json")}
