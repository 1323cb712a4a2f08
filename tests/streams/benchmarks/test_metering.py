from __future__ import annotations

import pytest

from streams.benchmarks.metering import measure_metering
from streams.benchmarks.services import open_kafka

USES = 30_000


def test_a_worker_is_measured_from_the_topic_to_facts_and_to_figures_of_all_of_them(tmp_path):
    found = measure_metering(tmp_path, "embedded:", USES, restarts=True)
    assert set(found) == {"per_second", "cpu_us", "again_s", "standing_s"}
    assert all(value > 0 for value in found.values())
    assert list((tmp_path / "data" / "state" / "usage").glob("facts-*.duckdb"))


@pytest.mark.kafka
def test_a_worker_is_measured_on_a_real_broker(tmp_path, kafka_url):
    found = measure_metering(tmp_path, kafka_url, USES, restarts=False)
    assert set(found) == {"per_second", "cpu_us"}
    assert found["per_second"] > 0


def test_without_a_prepared_broker_the_figure_is_left_out_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.delenv("OBSERVATORY_KAFKA", raising=False)
    monkeypatch.setenv("OBSERVATORY_SERVICES_DIR", str(tmp_path / "nothing"))
    with open_kafka(tmp_path / "kafka") as (broker, why):
        assert broker is None
        assert "kafka is not prepared" in why
