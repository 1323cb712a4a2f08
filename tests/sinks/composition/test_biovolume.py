"""Volumes of particles, held against geometry and against what the instrument prints."""

from __future__ import annotations

import csv
import math

import pytest

from sinks.composition.biovolume import FORMULAS, find_biovolume

RUNS = "plankton/flowcam_runs"


def test_a_ball_has_the_same_volume_by_every_formula():
    ball = {"abd_um": 10, "esd_um": 10, "length_um": 10, "width_um": 10}
    for shape in FORMULAS:
        assert find_biovolume(shape, ball) == pytest.approx(4 / 3 * math.pi * 5**3)


def test_a_spheroid_grows_with_its_length_and_with_the_square_of_its_width():
    assert find_biovolume("prolate_spheroid", {"length_um": 20, "width_um": 10}) == pytest.approx(
        2 * 523.5988, rel=1e-6
    )
    assert find_biovolume("prolate_spheroid", {"length_um": 10, "width_um": 20}) == pytest.approx(
        4 * 523.5988, rel=1e-6
    )


@pytest.mark.parametrize("shape", list(FORMULAS))
def test_a_missing_measure_gives_no_volume(shape):
    assert find_biovolume(shape, {}) is None
    assert find_biovolume(shape, {"length_um": 3}) is None


@pytest.mark.parametrize(
    ("shape", "name", "kind"), [("sphere_of_area", "abd_um", "ABD"), ("sphere_of_esd", "esd_um", "ESD")]
)
def test_the_spheres_are_those_that_the_instrument_prints(shape, name, kind, real_data):
    tables = sorted(path for path in (real_data / RUNS).glob("*/*.csv") if not path.stem.endswith("_summary"))
    assert len(tables) == 3
    for table in tables:
        with table.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.DictReader(lines))
        assert len(rows) == 1000
        for row in rows:
            # the diameter is printed with four decimals
            volume = find_biovolume(shape, {name: float(row[f"Diameter ({kind})"])})
            assert volume == pytest.approx(float(row[f"Volume ({kind})"]), rel=5e-4)
