"""What counting uses costs: uses of a door outside recorded, a report over three years, and the meter alone."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

from schemas.unit import Undated
from schemas.usage import Person, Processed, UsageEvent, make_usage_id
from sinks.object_store.local import LocalStore
from sinks.object_store.memory import MemoryStore
from streams.benchmarks.runs import PeakMemory
from streams.brokers.records import Stored
from streams.usage.edge.admission import Edge
from streams.usage.edge.bulk import MOST_LINES, import_files
from streams.usage.edge.keys import KeyRing
from streams.usage.meter import Meter
from streams.usage.periods import read_period
from streams.usage.pseudonym import PseudonymKey
from streams.usage.reports.facts import open_facts
from streams.usage.reports.report import make_report
from streams.usage.reports.tables import to_json

_INSTALLATIONS, _MONTHS, _MONTHS_A_YEAR = 7, 36, 12
_START = dt.date(2022, 9, 1)
_PERIODS = ("M1-12", "M13-24", "M25-36", "M1-36")

#: Uses in the files that are recorded by one call, as by one command.
_WRITTEN = 5 * MOST_LINES

#: Uses in the meter's hands at once, as a worker gives them to it.
_METERED_AT_ONCE = 4_096

_DIGEST = "ab" * 32


def measure_usage(folder: Path, count: int) -> dict[str, Any]:
    """Return what was measured on ``count`` generated uses of seven installations in 36 months.

    Returns
    -------
    dict
        ``imported_per_second``, ``report_s``, ``peak_mib`` (of the report, this process and its children),
        ``metered_per_second`` (the meter alone, facts kept in memory, no broker).
    """
    store = LocalStore(folder / "store")
    store.check(create=True)
    edge = Edge(KeyRing("project", PseudonymKey(bytes(range(32)))))
    names = [f"installation-{number}" for number in range(_INSTALLATIONS)]
    spent_s = 0.0
    for first in range(0, count, _WRITTEN):
        paths = []
        for start in range(first, min(count, first + _WRITTEN), MOST_LINES):
            paths.append(folder / f"uses-{start}.jsonl")
            _write_lines(paths[-1], range(start, min(count, start + MOST_LINES)))
        began_s = time.perf_counter()
        recorded = sum(one.uses for one in import_files(paths, edge=edge, store=store, installations=names))
        spent_s += time.perf_counter() - began_s
        if recorded != min(count, first + _WRITTEN) - first:
            message = f"only {recorded} uses were recorded"
            raise RuntimeError(message)
        for path in paths:
            path.unlink()
    metered = _measure_meter(min(count, 100_000))
    with PeakMemory() as peak:
        began_s = time.perf_counter()
        with open_facts(store) as facts:
            to_json(make_report(facts, [read_period(name, project_start=_START) for name in _PERIODS]))
        report_s = time.perf_counter() - began_s
    return {
        "imported_per_second": count / spent_s,
        "report_s": report_s,
        "peak_mib": peak.mib,
        "metered_per_second": metered,
    }


def _write_lines(path: Path, numbers: range) -> None:
    """Write uses of some thousand users, of whom few come often; one image in five is looked at twice."""
    chance = random.Random(numbers.start)  # noqa: S311 - the same uses in each run
    with path.open("w", encoding="utf-8") as file:
        for number in numbers:
            user, month = int(chance.expovariate(1 / 300)), chance.randrange(_MONTHS) + _START.month - 1
            day, second = chance.randrange(1, 29), chance.randrange(86_400)
            year, month = _START.year + month // _MONTHS_A_YEAR, month % _MONTHS_A_YEAR + 1
            at = f"{year}-{month:02d}-{day:02d}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"
            line = {
                "id": f"job-{number}",
                "at": at,
                "installation": f"installation-{user % _INSTALLATIONS}",
                "door": "outside",
                "act": "processed",
                "observer": "yolo",
                "observer_version": "1.0",
                "observer_sha256": _DIGEST,
                "issuer": "https://idp.example.org",
                "subject": f"user-{user}",
                "home_country": chance.choice(("ES", "PT", "FR", "DE", "")),
                "images": chance.randrange(1, 20),
                "bytes": chance.randrange(10**6),
                "content": hashlib.sha256(b"%d" % (number // 5 * 4 + number % 5 % 4)).hexdigest(),
            }
            file.write(json.dumps(line) + "\n")


def _measure_meter(count: int) -> float:
    records = [_make_record(number) for number in range(count)]
    meter = Meter(MemoryStore(), "benchmark")
    began_s = time.perf_counter()
    for start in range(0, count, _METERED_AT_ONCE):
        meter.take(records[start : start + _METERED_AT_ONCE])
    return count / (time.perf_counter() - began_s)


def _make_record(number: int) -> Stored:
    at = dt.datetime(2025, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=number)
    content = hashlib.sha256(b"%d" % number).hexdigest()
    event = UsageEvent(
        event_id=make_usage_id(door="feed", operation="detect", request=str(number), observer_sha256=_DIGEST),
        requested_at=at,
        observed=Undated(why="not_read"),
        installation="installation-0",
        door="feed",
        operation="detect",
        purpose="user",
        traffic="external",
        access="Machine",
        profile="observatory-1",
        act=Processed(processing_id=str(number), observer_name="yolo", observer_version="1.0", observer_sha256=_DIGEST),
        who=Person(pseudonym=content, tier=4),
        country="ES",
        country_source="idp",
        units=(("still", 1),),
        images=(("still", 1),),
        bytes=80_000,
        contents=(content,),
    )
    return Stored("usage.recorded.v1", 0, number, at, b"installation-0", (), event.to_canonical())


def main() -> None:
    """Measure what the arguments name: a folder for everything, and how many uses."""
    sys.stdout.write(json.dumps(measure_usage(Path(sys.argv[1]), int(sys.argv[2]))) + "\n")


if __name__ == "__main__":
    main()
