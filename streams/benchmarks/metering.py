"""The meter in a real worker: uses on a topic become durable facts; started again, the worker sends current figures."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.noun import to_time_text
from schemas.topics import Topics
from schemas.unit import Undated
from schemas.usage import Measured, MetricValue, Person, Processed, UsageEvent
from streams.brokers.records import Record
from streams.places import open_broker, open_objects, plan_topics, to_app_id
from streams.settings.read import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from streams.brokers.client import Client
    from streams.brokers.records import Partition

_INSTALLATIONS, _USERS, _APPENDED_AT_ONCE = 7, 1_000, 5_000

_DIGEST = "ab" * 32

#: The worker's start, and all its work, take no longer.
_PATIENCE_S = 1_200.0

_LOOK_EVERY_S = 0.02

_SETTINGS = """
name = "benchmark"
folder = "data"
[broker]
url = "{broker}"
topic_prefix = "{prefix}"
[store]
url = "file:"
[worker]
commit_every_s = 0.2
"""

_INSTALLATION = """
[installations.installation-{number}]
detector = "scripted"
pictures = "none"
"""


def measure_metering(folder: Path, broker: str, count: int, *, restarts: bool) -> dict[str, Any]:
    """Meter ``count`` uses that wait on a topic, and start the worker twice more if ``restarts``.

    Returns
    -------
    dict
        ``per_second`` from the first commit to the last, and ``cpu_us``, what a use took of the worker's processor time then;
        ``again_s`` and ``standing_s``, from the start of a worker to the first current figures of all uses, when it has read
        none of the facts before and when those that no longer change stand in its folder.

    Raises
    ------
    RuntimeError
        If the worker ended, or figures are not those of all uses: then nothing was measured.
    """
    settings = _write_settings(folder, broker)
    deployment = read_settings(settings, dict(os.environ)).deployment
    open_objects(deployment, create=True)
    with closing(open_broker(deployment)) as client:
        client.create(plan_topics(deployment))
        topics = Topics(deployment.broker.topic_prefix)
        for records in _make_records(topics.usage_recorded, count):
            client.append(records)
        ends = client.end_offsets([topics.usage_recorded])  # the worker's own heartbeats come behind them
        with _open_worker(settings) as worker:
            readings = _watch_metering(lambda: client.committed(to_app_id(deployment)), worker, ends)
        _age(deployment.folder)
        for name in ("again_s", "standing_s") if restarts else ():
            begins = client.end_offsets([topics.metric_period])
            began_s = time.perf_counter()
            with _open_worker(settings) as worker:
                _wait(worker, lambda begins=begins: client.end_offsets([topics.metric_period]) != begins)  # type: ignore[misc]
                readings[name] = time.perf_counter() - began_s
            _check_figures(client, topics, begins, count)
    return readings


def _write_settings(folder: Path, broker: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "observatory.toml"
    prefix = f"bench-{os.getpid()}-{time.time_ns() // 1_000_000}"
    installations = (_INSTALLATION.format(number=number) for number in range(_INSTALLATIONS))
    path.write_text(_SETTINGS.format(broker=broker, prefix=prefix) + "".join(installations), encoding="utf-8")
    return path


def _make_records(topic: str, count: int) -> Iterator[list[Record]]:
    """Yield uses of this moment, as many as are appended at once; each is written after the example of its installation's."""
    now_at = dt.datetime.now(dt.UTC)
    examples = [_make_example(number, now_at) for number in range(_INSTALLATIONS)]
    for start in range(0, count, _APPENDED_AT_ONCE):
        records = []
        for number in range(start, min(count, start + _APPENDED_AT_ONCE)):
            own = hashlib.sha256(b"%d" % number).hexdigest()
            user = hashlib.sha256(b"user-%d" % (number * number % _USERS)).hexdigest()
            text = examples[number % _INSTALLATIONS]
            for mark, value in (
                ("0" * 32, own[:32]),
                ("request-0", f"request-{number}"),
                ("1" * 64, own),
                ("2" * 64, user),
            ):
                text = text.replace(mark, value)
            at = to_time_text(now_at - dt.timedelta(milliseconds=number % 60_000))
            key = b"installation-%d" % (number % _INSTALLATIONS)
            records.append(Record(topic, key, text.replace(to_time_text(now_at), at).encode()))
        yield records


def _make_example(number: int, now_at: dt.datetime) -> str:
    event = UsageEvent(
        event_id="0" * 32,
        requested_at=now_at,
        observed=Undated(why="not_read"),
        installation=f"installation-{number}",
        door="feed",
        operation="detect",
        purpose="user",
        traffic="external",
        access="Machine",
        profile="observatory-1",
        act=Processed(processing_id="request-0", observer_name="yolo", observer_version="1.0", observer_sha256=_DIGEST),
        who=Person(pseudonym="2" * 64, tier=4),
        country="ES",
        country_source="idp",
        units=(("still", 1),),
        images=(("still", 1),),
        bytes=80_000,
        contents=("1" * 64,),
    )
    return event.to_canonical().decode()


@contextmanager
def _open_worker(settings: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``observatory worker`` for the time of the block; its log lies beside the settings."""
    command = [sys.executable, "-m", "streams.cli", "worker", "--settings", str(settings)]
    with (
        (settings.parent / "worker.log").open("ab") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as worker,  # noqa: S603 - our own command
    ):
        try:
            yield worker
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(_PATIENCE_S)


def _wait(worker: subprocess.Popen[bytes], is_over: Callable[[], bool]) -> None:
    until_s = time.monotonic() + _PATIENCE_S
    while not is_over():
        if worker.poll() is not None or time.monotonic() > until_s:
            message = "the worker ended, or did not come to an end of its work"
            raise RuntimeError(message)
        time.sleep(_LOOK_EVERY_S)


def _watch_metering(
    read_committed: Callable[[], Mapping[Partition, int]],
    worker: subprocess.Popen[bytes],
    ends: Mapping[Partition, int],
) -> dict[str, Any]:
    """Return how fast uses became durable facts, from the first commit to the last."""

    def count_metered() -> int:
        committed = read_committed()
        return sum(min(end, committed.get(partition, 0)) for partition, end in ends.items())

    count = sum(ends.values())
    _wait(worker, lambda: count_metered() > 0)
    first, began_s, began_cpu_s = count_metered(), time.perf_counter(), _read_cpu_s(worker.pid)
    _wait(worker, lambda: count_metered() >= count)
    spent_s, spent_cpu_s = time.perf_counter() - began_s, _read_cpu_s(worker.pid) - began_cpu_s
    if first >= count:
        message = "all uses were metered at the first look, so nothing was measured; take more of them"
        raise RuntimeError(message)
    return {"per_second": (count - first) / spent_s, "cpu_us": 1e6 * spent_cpu_s / (count - first)}


def _check_figures(client: Client, topics: Topics, begins: Mapping[Partition, int], count: int) -> None:
    """Have the figures that were sent be those of all uses."""
    start = {partition: offset for (_, partition), offset in begins.items()}
    values = [MetricValue.from_json(record.value or b"") for record in client.read(topics.metric_period, start)]
    delivered: dict[str, float] = {}
    for value in values:
        if value.metric == "deliveries" and isinstance(value.value, Measured):
            delivered[value.installation] = max(value.value.value, delivered.get(value.installation, 0))
    if sum(delivered.values()) != count:
        message = f"the figures are of {sum(delivered.values()):,} deliveries, not of {count:,}"
        raise RuntimeError(message)


def _age(folder: Path) -> None:
    """Let every fact be some minutes old, as it is when a worker is started again."""
    old_s = time.time() - 600
    for path in (folder / "store" / "usage").rglob("*.parquet"):
        os.utime(path, (old_s, old_s))


def _read_cpu_s(pid: int) -> float:
    """Return the processor seconds of a process, user and system (``/proc``, Linux only)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure what the arguments name: a folder for everything, the broker's address, how many uses, and ``restarts``."""
    folder, broker, count, *more = sys.argv[1:]
    readings = measure_metering(Path(folder), broker, int(count), restarts=more == ["restarts"])
    sys.stdout.write(json.dumps(readings) + "\n")


if __name__ == "__main__":
    main()
