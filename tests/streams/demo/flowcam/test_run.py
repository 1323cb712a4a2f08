"""The generated FlowCam run is always the same, and as dense as the water it is drawn from."""

from __future__ import annotations

import math

import pytest

from streams.demo.flowcam.run import RunPlan, draw_plan, write_run
from streams.demo.flowcam.shapes import KINDS, make_shapes


def test_the_same_plan_gives_the_same_files(tmp_path):
    for name in ("a", "b"):
        write_run(RunPlan(particles=40, seed=3, edges=True, table=True), tmp_path / name)
    files = {name: {p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("a", "b")}
    assert files["a"] == files["b"]
    write_run(RunPlan(particles=40, seed=4), tmp_path / "c")
    assert (tmp_path / "c/generated-run.lst").read_bytes() != files["a"]["generated-run.lst"]


@pytest.mark.parametrize("mode", ["auto_image", "trigger"])
def test_runs_hold_what_the_water_holds_within_the_counting_error(mode):
    plans = [draw_plan(RunPlan(seed=seed, mode=mode, dilution=5.0, frames=200), 40_000) for seed in range(200)]
    expected = sum(40_000 / 5 * plan.counted_ml for plan in plans)
    counted = sum(plan.particles for plan in plans)
    assert abs(counted - expected) < 4 * math.sqrt(expected)
    spread = sum((plan.particles - expected / 200) ** 2 for plan in plans) / 199
    assert spread == pytest.approx(expected / 200, rel=0.4)


def test_shapes_are_of_all_kinds_with_the_border_the_instrument_leaves():
    shapes = make_shapes(20, seed=1)
    assert {shape.kind for shape in shapes} == set(KINDS)
    for shape in shapes:
        assert not shape.mask[:5].any()
        assert not shape.mask[:, -5:].any()
        assert shape.columns["raw_area"] == shape.mask.sum()
        assert shape.columns["raw_filled_area"] >= shape.columns["raw_area"]
        assert len(shape.outlines) == shape.columns["ppc"]
