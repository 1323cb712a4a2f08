"""How an image of any size becomes the input of a network."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.flowcam.preprocessing import Preprocessing, read_preprocessing
from schemas.errors import FatalFault

SIDES = st.integers(1, 90)


def make_picture(height_px, width_px, *, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height_px, width_px, 3), dtype=np.uint8)


def fit(preprocessing, picture):
    batch = preprocessing.make_batch(1)
    preprocessing.fit_into(picture, batch[0])
    return batch[0]


def make(**said):
    values = {"input_px": (32, 48), "colours": "rgb", "mean": (0.0,) * 3, "scale": (255.0,) * 3, **said}
    if values["colours"] == "grey":
        values |= {"mean": (0.0,), "scale": (255.0,)}
    return Preprocessing(**values)


EVERY = [
    make(fit=fit, colours=colours, padding=padding, shrinking=shrinking)
    for fit in ("pad", "letterbox", "stretch", "middle")
    for colours in ("grey", "rgb")
    for padding in ("border", 7)
    for shrinking in ("average", "bilinear")
]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(EVERY), SIDES, SIDES, st.integers(0, 5))
def test_the_input_depends_on_the_image_and_on_nothing_that_was_there_before(preprocessing, height, width, seed):
    picture = make_picture(height, width, seed=seed)
    picture.setflags(write=False)
    targets = [np.full((*preprocessing.input_px, preprocessing.channels), value, dtype=np.uint8) for value in (0, 255)]
    for target in targets:
        preprocessing.fit_into(picture, target)
    assert np.array_equal(*targets)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 32), st.integers(1, 48), st.integers(0, 5))
def test_what_fits_is_kept_pixel_by_pixel_in_the_middle(height, width, seed):
    picture = make_picture(height, width, seed=seed)
    canvas = fit(make(fit="pad", padding=9), picture)
    top, left = (32 - height) // 2, (48 - width) // 2
    assert np.array_equal(canvas[top : top + height, left : left + width], picture)
    canvas[top : top + height, left : left + width] = 9
    assert (canvas == 9).all()


def test_two_images_of_one_shape_and_different_size_stay_different():
    small, large = (np.full((side, side, 3), 90, dtype=np.uint8) for side in (10, 20))
    padded = make(fit="pad", padding=200)
    assert (fit(padded, small) == 90).sum() * 4 == (fit(padded, large) == 90).sum()
    boxed = make(fit="letterbox", padding=200)
    assert np.array_equal(fit(boxed, small), fit(boxed, large))


@pytest.mark.parametrize(("height", "width"), [(64, 48), (64, 96), (33, 10), (10, 490)])
def test_what_is_too_large_is_scaled_by_one_factor_until_it_fits(height, width):
    canvas = fit(make(fit="pad", padding=0), np.full((height, width, 3), 255, dtype=np.uint8))
    rows, columns = np.flatnonzero(canvas.any(axis=(1, 2))), np.flatnonzero(canvas.any(axis=(0, 2)))
    factor = min(32 / height, 48 / width)
    assert (len(rows), len(columns)) == (max(int(height * factor + 0.5), 1), max(int(width * factor + 0.5), 1))


def test_padding_by_the_border_is_the_mean_of_the_outermost_pixels():
    picture = np.full((9, 9, 3), (10, 20, 30), dtype=np.uint8)
    picture[1:-1, 1:-1] = 250
    assert tuple(fit(make(fit="pad"), picture)[0, 0]) == (10, 20, 30)
    assert fit(make(fit="pad", colours="grey"), picture)[0, 0] == round(0.299 * 10 + 0.587 * 20 + 0.114 * 30)


def test_grey_images_stay_what_they_are_whether_sent_as_grey_or_rgb():
    grey = np.random.default_rng(1).integers(0, 256, (20, 20, 1), dtype=np.uint8)
    canvas = fit(make(fit="pad", padding=0, colours="grey"), np.repeat(grey, 3, axis=2))
    assert np.array_equal(canvas[6:26, 14:34], grey)


def test_stretching_bilinearly_is_what_the_service_does():
    picture = make_picture(83, 211)
    made = fit(make(fit="stretch", shrinking="bilinear"), picture)
    assert np.array_equal(made, cv2.resize(picture, (48, 32), interpolation=cv2.INTER_LINEAR))


def test_the_middle_square_is_taken_before_scaling():
    picture = np.zeros((20, 60, 3), dtype=np.uint8)
    picture[:, 20:40] = 200
    assert (fit(make(fit="middle", input_px=(32, 32)), picture) == 200).all()


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"not json", "not JSON"),
        (b"{}", "input_px"),
        (b'{"input_px": [4, 4]}', "input_px"),
        (b'{"input_px": [32, 32], "fit": "guess"}', "fit"),
        (b'{"input_px": [32, 32], "padding": 300}', "padding"),
        (b'{"input_px": [32, 32], "scale": [0]}', "scale"),
        (b'{"input_px": [32, 32], "colours": "rgb"}', "not JSON"),
        (b'{"input_px": [32, 32], "mean": [1e400]}', "mean"),
    ],
)
def test_a_preprocessing_that_is_incomplete_or_wrong_is_named(data, named):
    with pytest.raises(FatalFault, match=r"preprocessing\.json") as caught:
        read_preprocessing(data)
    assert named in caught.value.sentence
