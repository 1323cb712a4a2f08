"""Fitting pictures into a network's input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.letterbox import BAR_GREY, make_letterbox

sides = st.integers(1, 4000)
inputs = st.integers(1, 40).map(lambda steps: 32 * steps)


@pytest.mark.parametrize(
    ("picture_px", "input_px", "fitted_px", "corner_px"),
    [
        ((1520, 2688), (416, 416), (235, 416), (90, 0)),
        ((1024, 768), (416, 416), (416, 312), (0, 52)),
        ((480, 640), (640, 640), (480, 640), (80, 0)),
        ((1, 3000), (320, 320), (1, 320), (159, 0)),
        ((100, 100), (320, 640), (320, 320), (0, 160)),
    ],
)
def test_a_picture_lies_centred_between_grey_bars(picture_px, input_px, fitted_px, corner_px):
    top_px, left_px = corner_px
    letterbox = make_letterbox(picture_px, input_px)
    assert (letterbox.fitted_px, letterbox.top_px, letterbox.left_px) == (fitted_px, top_px, left_px)
    fitted = letterbox.fit(np.zeros((*picture_px, 3), dtype=np.uint8))
    inside = fitted[top_px : top_px + fitted_px[0], left_px : left_px + fitted_px[1]]
    assert fitted.shape == (*input_px, 3)
    assert not inside.any()
    assert int(fitted.sum()) == BAR_GREY * 3 * (input_px[0] * input_px[1] - fitted_px[0] * fitted_px[1])


def test_a_picture_of_the_inputs_size_passes_unchanged():
    picture = np.random.default_rng(1).integers(0, 255, (64, 96, 3), dtype=np.uint8)
    assert np.array_equal(make_letterbox((64, 96), (64, 96)).fit(picture), picture)


def test_a_fitted_picture_is_a_copy_so_that_the_view_may_be_given_back():
    picture = np.full((64, 64, 3), 9, dtype=np.uint8)
    fitted = make_letterbox((64, 64), (64, 64)).fit(picture)
    picture[...] = 200
    assert int(fitted.max()) == 9


@given(height=sides, width=sides, input_px=st.tuples(inputs, inputs))
def test_the_scaled_picture_lies_inside_the_input(height, width, input_px):
    letterbox = make_letterbox((height, width), input_px)
    assert min(letterbox.fitted_px) >= 1
    assert letterbox.top_px >= 0
    assert letterbox.left_px >= 0
    assert letterbox.top_px + letterbox.fitted_px[0] <= input_px[0]
    assert letterbox.left_px + letterbox.fitted_px[1] <= input_px[1]
    assert input_px[0] == letterbox.fitted_px[0] or input_px[1] == letterbox.fitted_px[1]


@given(
    height=sides,
    width=sides,
    input_px=st.tuples(inputs, inputs),
    box=st.lists(st.floats(-5000, 5000, width=32), min_size=4, max_size=4),
)
def test_a_box_never_leaves_the_picture(height, width, input_px, box):
    found = make_letterbox((height, width), input_px).to_picture(np.asarray([box], dtype=np.float32))[0]
    assert (found >= 0).all()
    assert (found <= [width, height, width, height]).all()


@given(
    height=sides,
    width=sides,
    input_px=st.tuples(inputs, inputs),
    shares=st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4),
)
def test_carrying_a_box_to_the_input_and_back_changes_nothing(height, width, input_px, shares):
    letterbox = make_letterbox((height, width), input_px)
    box = np.asarray([shares], dtype=np.float32) * np.asarray([width, height] * 2, dtype=np.float32)
    back = letterbox.to_picture(letterbox.to_input(box))
    size = max(1.0, max(height, width) / min(*letterbox.fitted_px, *input_px))
    assert np.abs(back - box).max() <= 0.002 * size
