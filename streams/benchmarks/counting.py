"""What counting uses costs, as figures: recorded from files, reported, metered by a real worker on two brokers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.benchmarks.bench import Measured
from streams.benchmarks.services import open_kafka

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.benchmarks.bench import Bench


def measure_usage(bench: Bench) -> Iterator[Measured]:
    """Yield what counting uses costs: recording those of a door outside, a report over three years, the meter alone."""
    count = 20_000 if bench.short else 5_000_000
    readings = bench.call("streams.benchmarks.usage", bench.folder, str(count))
    told = f"{count:,} uses, 7 installations, 36 months"
    yield Measured(
        "uses recorded from files", readings["imported_per_second"], "/s", 100_000, at_least=True, detail=told
    )
    yield Measured("usage report, all of it", readings["report_s"], "s", 30, detail=told)
    yield Measured("peak memory, usage report", readings["peak_mib"], "MiB", 1_536, detail=told)
    detail = "the meter alone: no broker, facts in memory"
    yield Measured("uses metered", readings["metered_per_second"], "/s", detail=detail)


def measure_metering(bench: Bench) -> Iterator[Measured]:
    """Yield how fast a worker makes durable facts of uses on a topic, and how soon after a restart it tells current figures."""
    count = 20_000 if bench.short else 1_000_000
    readings = bench.call("streams.benchmarks.metering", bench.folder / "metered", "embedded:", str(count), "restarts")
    told = f"{count:,} uses, {readings['cpu_us']:.1f} us of the worker's processor time each"
    yield Measured("uses metered, embedded broker", readings["per_second"], "/s", 20_000, at_least=True, detail=told)
    told = f"{count:,} facts, from the start of the program"
    yield Measured("restart to current figures, facts standing", readings["standing_s"], "s", 5, detail=told)
    yield Measured("restart to current figures, all facts read", readings["again_s"], "s", detail=told)
    name = "uses metered, Kafka"
    with open_kafka(bench.folder / "kafka") as (broker, why):
        if broker is None:
            yield Measured(name, None, "/s", 10_000, at_least=True, detail=why)
            return
        count = 20_000 if bench.short else 300_000
        readings = bench.call("streams.benchmarks.metering", bench.folder / "metered-kafka", broker, str(count))
        told = f"{count:,} uses, {readings['cpu_us']:.1f} us of the worker's processor time each"
        yield Measured(name, readings["per_second"], "/s", 10_000, at_least=True, detail=told)
