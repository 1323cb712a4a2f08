"""Masks as COCO's compressed text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from schemas.forms.runlength import decode_mask, encode_mask


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        # computed with pycocotools 2.0 mask.encode(np.asfortranarray(rows))["counts"]
        (["..", ".."], "4"),
        (["##", "##"], "04"),
        (["#.", ".#"], "0120"),
        ([".#", ".#"], "22"),
    ],
)
def test_small_masks_have_the_text_coco_gives_them(rows, text):
    mask = np.asarray([[cell == "#" for cell in row] for row in rows])
    assert encode_mask(mask) == text


def test_long_runs_take_more_than_one_character():
    mask = np.zeros((100, 100), dtype=bool)
    mask[:, 50:] = True
    assert encode_mask(mask) == "Xl4Xl4"
    assert np.array_equal(decode_mask("Xl4Xl4", width_px=100, height_px=100), mask)


@given(mask=arrays.arrays(np.bool_, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_a_mask_survives_the_round_trip(mask):
    height_px, width_px = mask.shape
    assert np.array_equal(decode_mask(encode_mask(mask), width_px=width_px, height_px=height_px), mask)


@pytest.mark.parametrize("text", ["", "5", "04X", "~~~~"])
def test_text_that_does_not_fill_the_box_is_refused(text):
    with pytest.raises(ValueError, match=r"pixels|breaks off"):
        decode_mask(text, width_px=2, height_px=2)
