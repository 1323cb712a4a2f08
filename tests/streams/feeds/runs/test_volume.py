"""The volume that a run imaged."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.feeds.runs.visualspreadsheet.papers.volume import Geometry, compute_factor

RUN = Geometry(
    frames=532,
    region_px=(1_278, 958),
    pixel_um=0.5544,
    depth_um=100,
    width_um=2_000,
    flow_rate_ml_min=0.15,
    frame_rate_hz=532 / 31.351,
    factor=0.8679,
    has_factor=True,
)


def test_each_frame_sees_the_region_times_the_depth_of_the_cell():
    plain = Geometry(frames=10, region_px=(1_000, 1_000), pixel_um=1.0, depth_um=100)
    assert plain.compute_volume_ml() == pytest.approx(10 * 1e-4)  # 1 mm x 1 mm x 0.1 mm is 0.1 µl


def test_a_real_run_has_the_volume_of_its_concentration():
    assert round(1_000 / RUN.compute_volume_ml()) == 57_555


def test_the_computed_factor_has_more_digits_than_the_printed_one():
    assert RUN.find_factor() != RUN.factor
    assert round(RUN.find_factor(), 4) == RUN.factor


@pytest.mark.parametrize(
    ("change", "factor"),
    [
        ({"has_factor": False}, 1.0),
        ({"factor": 0.5}, 0.5),
        ({"width_um": None}, 0.8679),
        ({"width_um": None, "factor": None}, 1.0),
    ],
    ids=["not counted with", "made otherwise", "width unknown", "nothing known"],
)
def test_the_factor_is_the_instruments_where_it_cannot_be_computed(change, factor):
    assert dataclasses.replace(RUN, **change).find_factor() == factor


@given(st.floats(0.001, 1_000))
def test_nothing_is_imaged_more_than_once_and_slow_water_is_imaged_less(speed):
    factor = compute_factor(speed)
    assert 0 < factor <= min(1, speed) + 1e-12
    assert compute_factor(speed * 1.01) >= factor - 1e-12


def test_the_factor_is_the_mean_of_what_is_new_at_each_depth():
    for speed in (0.2, 0.66, 0.7, 1.3869, 5.0):
        depths = [(step + 0.5) / 20_000 for step in range(20_000)]
        new = sum(min(1.5 * speed * (1 - z * z), 1.0) for z in depths) / len(depths)
        assert compute_factor(speed) == pytest.approx(new, abs=1e-6)
