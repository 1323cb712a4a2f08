"""Pictures to learn from: turned, mirrored and lit otherwise, and still the same particle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.flowcam.preprocessing import Preprocessing
from detectors.models.classifiers.learning.augment import MOST_LIGHT, lighten, prepare_augmented, turn

SQUARE = Preprocessing(input_px=(32, 32), colours="rgb", fit="pad", mean=(0.0,) * 3, scale=(1.0,) * 3)


def make_picture(height_px=9, width_px=14, seed=0):
    """Return noise that no turn leaves as it is."""
    return np.random.default_rng(seed).integers(60, 190, (height_px, width_px, 3)).astype(np.uint8)


def test_the_eight_ways_to_lie_are_all_different_and_keep_every_pixel():
    picture = make_picture()
    ways = [turn(picture, place) for place in range(8)]
    assert len({(way.shape, way.tobytes()) for way in ways}) == 8
    assert all(sorted(way.reshape(-1, 3).tolist()) == sorted(picture.reshape(-1, 3).tolist()) for way in ways)


@settings(deadline=None)
@given(st.integers(-MOST_LIGHT, MOST_LIGHT))
def test_light_changes_all_values_alike_and_never_wraps(step):
    ends = np.array([[[0, 128, 255]]], dtype=np.uint8)
    assert lighten(ends, step).tolist() == [[[max(step, 0), 128 + step, min(255 + step, 255)]]]


def test_a_particle_never_leaves_the_input():
    picture = np.full((20, 20, 3), 128, dtype=np.uint8)
    picture[5:15, 5:15] = 20
    random = np.random.default_rng(3)
    for batch in (prepare_augmented([picture] * 16, SQUARE, random) for _ in range(4)):
        dark = (batch < 60).all(axis=-1)
        assert (dark.sum(axis=(1, 2)) == 100).all()
        assert not dark[:, [0, -1]].any()
        assert not dark[:, :, [0, -1]].any()


def test_one_seed_gives_one_batch_and_another_seed_another():
    pictures = [make_picture(seed=seed) for seed in range(8)]
    drawn = [prepare_augmented(pictures, SQUARE, np.random.default_rng(seed)).tobytes() for seed in (5, 5, 6)]
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize("fit", ["stretch", "middle"])
def test_inputs_without_padding_are_not_moved(fit):
    filled = SQUARE.model_copy(update={"fit": fit})
    flat = np.full((10, 10, 3), 100, dtype=np.uint8)
    batch = prepare_augmented([flat] * 8, filled, np.random.default_rng(0))
    assert all(np.ptp(one) == 0 for one in batch)
