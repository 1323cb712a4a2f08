"""A JPEG's markers tell its size, its EXIF block, and whether its end is there."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import RejectedInput
from streams.feeds.decoding.formats.jpeg import read_structure
from tests.support.media import encode_jpeg, make_exif, make_noise, make_pixels
from tests.support.opening import find_reason

WHOLE = encode_jpeg(make_noise(64, 48))


def test_size_components_and_depth_are_read():
    structure = read_structure(WHOLE)
    assert (structure.width_px, structure.height_px, structure.components, structure.bits) == (64, 48, 3, 8)
    assert structure.ending == "complete"


def test_the_exif_block_is_handed_out_without_its_name():
    structure = read_structure(encode_jpeg(make_pixels(), exif=make_exif(orientation=6)))
    assert structure.exif[:2] in {b"II", b"MM"}


def test_a_progressive_picture_has_an_end_too():
    assert read_structure(encode_jpeg(make_noise(), progressive=True)).ending == "complete"


@pytest.mark.parametrize("tail", [b"\0" * 5_000, b"trailing rubbish", WHOLE])
def test_bytes_after_the_end_are_not_looked_at(tail):
    assert read_structure(WHOLE + tail).ending == "complete"


@given(st.integers(min_value=1, max_value=len(WHOLE) - 3))
def test_a_cut_is_noticed_wherever_it_is(length):
    assert find_reason(lambda: read_structure(WHOLE[:-length]).ending) in {"cut", "truncated_picture"}


@given(st.integers(min_value=700, max_value=len(WHOLE) - 3))
def test_a_cut_is_noticed_though_the_rest_of_the_file_is_zeros(kept):
    assert read_structure(WHOLE[:kept] + bytes(len(WHOLE) - kept)).ending == "cut"


def test_damage_between_a_beginning_and_an_end_is_not_called_a_cut():
    spoilt = bytearray(WHOLE)
    at = WHOLE.index(b"\xff\xda") + 200
    spoilt[at : at + 2] = b"\xff\xc8"
    assert read_structure(bytes(spoilt)).ending == "broken"


def test_a_picture_without_a_size_is_unreadable():
    with pytest.raises(RejectedInput) as caught:
        read_structure(b"\xff\xd8\xff\xd9")
    assert caught.value.reason == "unreadable_picture"


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_structure_or_a_rejection(tail):
    ends = {"complete", "cut", "broken", "truncated_picture", "unreadable_picture"}
    assert find_reason(lambda: read_structure(b"\xff\xd8\xff" + tail).ending) in ends


def test_millions_of_empty_segments_take_no_more_than_a_moment():
    began = time.monotonic()
    read_structure(WHOLE[:2] + b"\xff\xfe\x00\x02" * 500_000 + WHOLE[2:])
    assert time.monotonic() - began < 10
