"""The measurement of a large run, seen to measure a small one."""

from __future__ import annotations

from streams.benchmarks.bench import Bench
from tests.support.runs import write_small_run


def test_a_run_is_measured_by_its_particles_its_time_and_the_memory_of_all_processes(tmp_path):
    write_small_run(tmp_path / "sea-1", particles=80)
    readings = Bench(tmp_path, short=True, model="", weights=None).call(
        "streams.benchmarks.runs", tmp_path / "sea-1", tmp_path / "out"
    )
    assert readings["images"] == 80
    assert readings["took_s"] > 0
    # more than one Python with a network's runtime takes, and less than would be wrong
    assert 50 < readings["peak_mib"] < 1_024
