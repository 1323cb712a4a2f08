"""Turned pictures stand as the camera was held."""

from __future__ import annotations

import numpy as np
import pytest

from streams.feeds.decoding.upright import copy_pixels, is_sideways, to_orientation, turn_upright

#: 2 x 3 pixels named by where they belong: row and column in the upright picture.
UPRIGHT = np.array([[[r, c, 0] for c in range(3)] for r in range(2)], np.uint8)

#: How a camera stores the upright picture under each EXIF orientation (EXIF 2.32, tag 274: where row 0 and column 0 are).
STORED = {
    1: UPRIGHT,
    2: UPRIGHT[:, ::-1],
    3: UPRIGHT[::-1, ::-1],
    4: UPRIGHT[::-1],
    5: UPRIGHT.transpose(1, 0, 2),
    6: np.rot90(UPRIGHT, 1),
    7: UPRIGHT.transpose(1, 0, 2)[::-1, ::-1],
    8: np.rot90(UPRIGHT, -1),
}


@pytest.mark.parametrize("orientation", STORED)
def test_every_orientation_is_undone(orientation):
    turned = turn_upright(STORED[orientation], orientation)
    assert np.array_equal(turned, UPRIGHT)
    assert is_sideways(orientation) == (STORED[orientation].shape != UPRIGHT.shape)


@pytest.mark.parametrize("orientation", [0, 9, -1])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation):
    assert np.array_equal(turn_upright(UPRIGHT, orientation), UPRIGHT)


@pytest.mark.parametrize("orientation", STORED)
def test_copying_a_turned_picture_copies_its_pixels(orientation):
    picture = np.random.default_rng(1).integers(0, 255, (150, 70, 3), dtype=np.uint8)
    source = turn_upright(picture, orientation)
    target = np.zeros(source.shape, np.uint8)
    copy_pixels(target, source)
    assert np.array_equal(target, source)


def test_rows_with_padding_are_copied_too():
    padded = np.arange(5 * 16 * 3, dtype=np.uint8).reshape(5, 16, 3)[:, :10]
    target = np.zeros((5, 10, 3), np.uint8)
    copy_pixels(target, padded)
    assert np.array_equal(target, padded)


#: Display matrices as ISO/IEC 14496-12 writes them, 16.16 fixed point: quarter turns clockwise, and a mirror.
@pytest.mark.parametrize(
    ("matrix", "orientation"),
    [
        ((1, 0, 0, 0, 1, 0, 0, 0, 1), 1),
        ((0, 1, 0, -1, 0, 0, 0, 0, 1), 6),
        ((-1, 0, 0, 0, -1, 0, 0, 0, 1), 3),
        ((0, -1, 0, 1, 0, 0, 0, 0, 1), 8),
        ((-1, 0, 0, 0, 1, 0, 0, 0, 1), 2),
        ((0, 0, 0, 0, 0, 0, 0, 0, 0), 1),
    ],
)
def test_a_display_matrix_is_an_orientation(matrix, orientation):
    assert to_orientation(np.array(matrix, np.int32) * 65_536) == orientation
