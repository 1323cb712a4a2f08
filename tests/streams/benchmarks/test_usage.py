from __future__ import annotations

from streams.benchmarks.usage import measure_usage


def test_every_figure_of_counting_uses_is_measured(tmp_path):
    found = measure_usage(tmp_path, 300)
    assert set(found) == {"imported_per_second", "report_s", "peak_mib", "metered_per_second"}
    assert all(value > 0 for value in found.values())
    assert not list(tmp_path.glob("*.jsonl"))
