"""The outermost boxes of an MP4 tell whether its index and its end are there."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import RejectedInput
from streams.feeds.decoding.formats.boxes import Boxes, read_boxes
from streams.feeds.decoding.formats.containers import read_structure
from streams.feeds.decoding.sniff import sniff
from tests.support.media import ENCRYPTION, make_clip, strip_box

WHOLE = make_clip()


def test_a_whole_video_has_an_index_and_an_end():
    assert read_boxes(io.BytesIO(WHOLE)) == Boxes(has_index=True, is_cut=False, is_encrypted=False)


def test_a_video_cut_inside_its_last_box_is_cut():
    assert read_boxes(io.BytesIO(WHOLE[:-1])).is_cut


def test_rubbish_behind_a_video_is_no_cut():
    assert not read_boxes(io.BytesIO(WHOLE + b"\0\0\0\0rubbish")).is_cut


def test_an_encrypted_track_is_named_in_the_index():
    assert read_boxes(io.BytesIO(make_clip(format_options=ENCRYPTION))).is_encrypted


def test_the_file_is_left_at_its_start():
    file = io.BytesIO(WHOLE)
    read_boxes(file)
    assert file.tell() == 0


@pytest.mark.parametrize("as_file", [True, False])
def test_a_video_without_its_index_is_refused(as_file, tmp_path):
    video = strip_box(WHOLE, "moov")
    path = tmp_path / "clip"
    path.write_bytes(video)
    with pytest.raises(RejectedInput) as caught:
        read_structure(path if as_file else memoryview(video), sniff(video))
    assert caught.value.reason == "no_index"


@given(st.binary(max_size=200))
def test_any_bytes_have_an_end(data):
    read_boxes(io.BytesIO(data))
