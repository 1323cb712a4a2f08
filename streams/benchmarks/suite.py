"""The suite: each figure with its goal, as a ratio of measurements of the same run wherever that is possible."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from detectors.flowcam.bench import make_images, measure_classifier
from detectors.models.catalogue import open_model
from detectors.models.classifiers.folder import open_classifier_model
from detectors.yolo.bench import measure_bare_loop, measure_vendor
from schemas.errors import FatalFault
from sinks.object_store.local import LocalStore
from sinks.object_store.memory import MemoryStore
from streams.benchmarks.bench import Bench, Measured
from streams.benchmarks.counting import measure_metering, measure_usage
from streams.benchmarks.material import make_clip_file
from streams.benchmarks.vendor import (
    SAME_FILE,
    TORCH_FILE,
    WITHOUT_EXTRA,
    WITHOUT_WEIGHTS,
    export_weights,
    has_vendor,
    open_contest,
)
from streams.demo.accuracy import measure_motion
from streams.demo.flowcam.run import RunPlan, write_run
from streams.settings.builtin import DEMONSTRATION_MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sinks.object_store.store import ObjectStore
    from streams.benchmarks.vendor import Contest

#: The classifier that is measured: about 20 million operations an image.
DEMONSTRATION_CLASSIFIER = "demo-plankton@1"


def measure_help(bench: Bench) -> Iterator[Measured]:
    """Yield how long ``observatory --help`` takes: the best of three."""
    del bench
    seconds = min(_time([sys.executable, "-m", "streams.cli", "--help"]) for _ in range(3))
    yield Measured("observatory --help", seconds, "s", 0.5)


def measure_start(bench: Bench) -> Iterator[Measured]:
    """Yield the time from starting ``observatory run`` on one still to its stored result: the best of three."""
    folder, _ = bench.stills("start", 1, 640, 480)
    waits = [_wait_for_result(bench.folder / f"start-{turn}", folder) for turn in range(1 if bench.short else 3)]
    yield Measured("start to first stored result", min(waits), "s", 3.0, detail=f"{len(waits)} starts, the best")


def _wait_for_result(out: Path, pictures: Path) -> float:
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "streams.cli", "run", str(pictures), "--out", str(out), "--no-page", "--json"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while process.poll() is None:
            if next((out / "store").glob("results/**/result.json"), None) is not None:
                return time.perf_counter() - began
            time.sleep(0.01)
        if next((out / "store").glob("results/**/result.json"), None) is None:
            message = "The run ended without a result."
            raise FatalFault(message)
        return time.perf_counter() - began
    finally:
        process.wait(120)


def measure_rates(bench: Bench) -> Iterator[Measured]:
    """Yield the end-to-end rate of stills against the bare loop over the same files, at two sizes: in turns, the best of each.

    What else runs on the machine makes a turn slower and never faster.
    """
    model = open_model(bench.model)
    for width_px, height_px, count in ((640, 480, 600), (2688, 1520, 120)):
        count_now = min(count, 40) if bench.short else count
        name = f"{width_px}x{height_px}"
        folder, paths = bench.stills(name, count_now, width_px, height_px)
        whole, bare = _take_turns(
            1 if bench.short else 3,
            lambda turn: bench.run(f"{name}-{turn}", folder, "yolo", bench.yolo())["per_second"],  # noqa: B023
            lambda: measure_bare_loop(model, paths).per_second,  # noqa: B023
        )
        detail = f"{_tell(whole)} stills/s, the bare loop {_tell(bare)}; {count_now} stills, f32, pictures off"
        ratio = max(whole) / max(bare)
        yield Measured(f"end to end / bare loop, {name}", ratio, "x", 0.8, at_least=True, detail=detail)


def _take_turns(
    turns: int, ours: Callable[[int], float], theirs: Callable[[], float]
) -> tuple[list[float], list[float]]:
    """Return the rates of some turns of ours, and those of theirs before, between and after them."""
    rates, others = [], [theirs()]
    for turn in range(turns):
        rates.append(ours(turn))
        others.append(theirs())
    return rates, others


def _tell(rates: Iterable[float]) -> str:
    return ", ".join(f"{rate:.1f}" for rate in rates)


def compare_with_vendor(bench: Bench) -> Iterator[Measured]:
    """Yield the end-to-end rate of stills against ``yolo predict`` over the same folder: the same OpenVINO file, a ``.pt``."""
    if not has_vendor():
        yield Measured(SAME_FILE, None, "x", 1.0, at_least=True, detail=WITHOUT_EXTRA)
        yield Measured(TORCH_FILE, None, "x", detail=WITHOUT_EXTRA)
        return
    contest = open_contest(bench.model, bench.weights, bench.folder)
    for width_px, height_px, count in ((640, 480, 300), (2688, 1520, 60)):
        count_now, size = min(count, 40) if bench.short else count, f"{width_px}x{height_px}"
        folder, _ = bench.stills(f"vendor-{size}", count_now, width_px, height_px)
        yield from _compare(bench, contest, folder, size)


def _compare(bench: Bench, contest: Contest, folder: Path, size: str) -> Iterator[Measured]:
    """Yield the figures of one size: held to f32, as the vendor comes, and the ``.pt``; of each the best of some turns."""
    own, name = contest.precision, f"{SAME_FILE}, {size}"
    for precision in dict.fromkeys(("f32", own)):
        parameters = {**bench.yolo(), "precision": precision}
        rates, others = _take_turns(
            1 if bench.short else 3,
            lambda turn: bench.run(f"vendor-{size}-{precision}-{turn}", folder, "yolo", parameters)["per_second"],  # noqa: B023
            lambda: measure_vendor(contest.exported, folder, precision=precision).per_second,  # noqa: B023
        )
        ours, vendor = max(rates), max(others)
        detail = f"{_tell(rates)} stills/s, the vendor {_tell(others)}; both {precision}"
        if precision == "f32":
            full = ours
            yield Measured(name, ours / vendor, "x", 1.0, at_least=True, detail=detail)
            continue
        yield Measured(f"{name}, {precision} as it comes", ours / vendor, "x", detail=detail)
    if contest.weights is None:
        yield Measured(f"{TORCH_FILE}, {size}", None, "x", detail=WITHOUT_WEIGHTS)
        return
    vendor = measure_vendor(contest.weights, folder, input_px=contest.input_px).per_second
    detail = f"{full:.1f} of {vendor:.1f} stills/s, both f32; {contest.told}"
    yield Measured(f"{TORCH_FILE}, {size}", full / vendor, "x", detail=detail)


def measure_overhead(bench: Bench) -> Iterator[Measured]:
    """Yield this process's own processor time: decoding happens elsewhere, the detector is the fake, the store is taken off.

    With the store in memory, so that nothing of a file system is in the figure; the least of some turns, for what other
    programs on the machine do to the caches only adds. And with a local folder, whose flushes make threads wait in turn.
    """
    count, calls, turns = (200, 200, 1) if bench.short else (3_000, 1_000, 5)
    folder, _ = bench.stills("overhead", count, 64, 48)
    store_ms = _measure_store(MemoryStore(), calls)
    runs = [
        bench.run(f"overhead-{turn}", folder, "scripted", {}, store="memory://bench")["cpu_ms_per_unit"]
        for turn in range(turns)
    ]
    told = ", ".join(f"{spent_ms:.2f}" for spent_ms in runs)
    detail = f"{told} ms, the least less {store_ms:.2f} ms for five objects in memory, {count} stills of 64 x 48"
    yield Measured("own processor time per still", min(runs) - store_ms, "ms", 1.5, detail=detail)
    store = LocalStore(bench.folder / "store-alone")
    store.check(create=True)
    store_ms, whole_ms = _measure_store(store, calls), bench.run("overhead", folder, "scripted", {})["cpu_ms_per_unit"]
    detail = f"{whole_ms:.2f} ms less {store_ms:.2f} ms for five files"
    yield Measured("the same with a local folder", whole_ms - store_ms, "ms", detail=detail)
    yield _measure_further_images(bench)


def _measure_further_images(bench: Bench) -> Measured:
    """Return what an image costs that a unit has more: the slope between a short and a long clip, so that no start counts."""
    found = []
    for seconds in (20, 60) if bench.short else (100, 500):
        clips = bench.folder / f"in-clip-{seconds}"
        make_clip_file(clips, seconds, width_px=64, height_px=48)
        found.append(bench.run(f"clip-{seconds}", clips, "scripted", {}))
    short, long = found
    images = long["images"] - short["images"]
    per_image = 1000 * (long["cpu_s"] - short["cpu_s"]) / images
    detail = f"{images} frames more in one clip, the fake detector's {long['look_ms']:.3f} ms taken off"
    return Measured("own processor time per further image", per_image - long["look_ms"], "ms", 0.2, detail=detail)


def _measure_store(store: ObjectStore, count: int) -> float:
    """Return the processor milliseconds of storing one still's five objects: original, claim, announcement, document, look."""
    began = time.process_time()
    for number in range(count):
        store.write_once(f"originals/{number % 256:02x}/{number}", b"x" * 2_000, media_type="image/jpeg")
        store.write_once(f"units/camera/2024/04/22/{number}.json", b"x" * 900, media_type="application/json")
        place = f"results/camera/2024/04/22/{number}/observer"
        store.stat(f"{place}/result.json")
        store.write(f"{place}/announcement.json", b"x" * 1_300, media_type="application/json")
        store.write(f"{place}/result.json", b"x" * 1_200, media_type="application/json")
        store.read(f"originals/{number % 256:02x}/{number}")
    return 1000 * (time.process_time() - began) / count


def measure_memory(bench: Bench) -> Iterator[Measured]:
    """Yield peak memory over very many small stills, how flat it is, and over a long clip."""
    count = 600 if bench.short else 20_000
    folder, _ = bench.stills("many", count, 64, 48)
    readings = bench.run("many", folder, "scripted", {})
    grown = readings["resident_end_mib"] / readings["resident_quarter_mib"]
    yield Measured("peak memory, many stills", readings["peak_mib"], "MiB", 1024, detail=f"{count} stills")
    yield Measured("memory at the end / at a quarter", grown, "x", 1.25, detail=f"{count} stills")
    clips, seconds = bench.folder / "in-long", 20 if bench.short else 600
    make_clip_file(clips, seconds)
    readings = bench.run("long", clips, "scripted", {})
    detail = f"{readings['images']} frames, {seconds} s at 640 x 480"
    yield Measured("peak memory, one long clip", readings["peak_mib"], "MiB", 1024, detail=detail)


def measure_naming(bench: Bench) -> Iterator[Measured]:
    """Yield how many cut-outs a second the demonstration classifier names, alone: from memory, and nothing is stored."""
    classifier = open_classifier_model(DEMONSTRATION_CLASSIFIER)
    images = make_images(500 if bench.short else 20_000)
    best = max((measure_classifier(classifier, images) for _ in range(3)), key=lambda rate: rate.per_second)
    detail = f"{DEMONSTRATION_CLASSIFIER}, f32, {best.images} images in memory, the best of three"
    yield Measured("images of particles named a second", best.per_second, "ROI/s", detail=detail)


def measure_runs(bench: Bench) -> Iterator[Measured]:
    """Yield how fast a large generated run goes the whole way, and what memory all processes take together."""
    particles = 3_000 if bench.short else 100_000
    began_s = time.perf_counter()
    write_run(RunPlan(particles=particles, name="large", frames=particles // 5), bench.folder / "in-run" / "large")
    made_s = time.perf_counter() - began_s
    readings = bench.call("streams.benchmarks.runs", bench.folder / "in-run" / "large", bench.folder / "out-run")
    detail = f"{readings['images']} particles in {readings['took_s']:.1f} s, {DEMONSTRATION_CLASSIFIER}, sheets and tables too"
    rate = readings["images"] / readings["took_s"]
    yield Measured("particles of one run, end to end", rate, "ROI/s", 1_500, at_least=True, detail=detail)
    detail = f"{readings['images']} particles, all processes together"
    yield Measured("peak memory, one large run", readings["peak_mib"], "MiB", 1024, detail=detail)
    yield Measured("writing that run", made_s, "s", detail=f"{particles} particles, one process")


SUITE: dict[str, Callable[[Bench], Iterator[Measured]]] = {
    "help": measure_help,
    "start": measure_start,
    "rates": measure_rates,
    "overhead": measure_overhead,
    "memory": measure_memory,
    "naming": measure_naming,
    "runs": measure_runs,
    "usage": measure_usage,
    "metering": measure_metering,
    "vendor": compare_with_vendor,
}


def run_suite(*, short: bool, only: tuple[str, ...] = (), model: str = "") -> Iterator[Measured]:
    """Yield every figure as it is measured.

    Parameters
    ----------
    model
        What is measured instead of the demonstration model; a ``.pt`` is exported first.

    Raises
    ------
    FatalFault
        If a measurement is unknown or a workload fails.
    """
    unknown = sorted(set(only) - set(SUITE))
    if unknown:
        message = f"There is no measurement {', '.join(unknown)}; there are {', '.join(SUITE)}."
        raise FatalFault(message)
    with tempfile.TemporaryDirectory(prefix="observatory-bench-") as scratch:
        folder, weights = Path(scratch), Path(model) if model.endswith(".pt") else None
        measured = str(export_weights(weights, folder)) if weights else (model or DEMONSTRATION_MODEL)
        bench = Bench(folder, short, measured, weights)
        for name, measure in SUITE.items():
            if not only or name in only:
                yield from measure(bench)


def measure_accuracy(installation: str) -> dict[str, str]:
    """Return the accuracy of a method on generated truth.

    Raises
    ------
    FatalFault
        If there is no generated truth for it.
    """
    if installation != "motion":
        message = f"Accuracy is measured for motion; not for {installation!r}."
        raise FatalFault(message)
    return measure_motion().to_rows()


def describe_machine() -> str:
    """Return processor count, kind and system, without a name."""
    return f"{os.cpu_count()} {platform.machine()} cores, {platform.system()}, Python {platform.python_version()}"


def to_markdown(measured: Iterable[Measured]) -> str:
    """Return the figures as a table."""
    lines = [f"Measured on {describe_machine()}.", "", "| figure | measured | goal | met |", "|---|---|---|---|"]
    lines += [f"| {item.name} | {item.text} | {item.goal} | {item.verdict} |" for item in measured]
    return "\n".join(lines) + "\n"


def _time(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - our own command line
    return time.perf_counter() - began
