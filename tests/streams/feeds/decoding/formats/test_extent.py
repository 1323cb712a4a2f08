"""AVI and Matroska say how long they are; a shorter file was cut."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.feeds.decoding.formats.extent import is_shorter_than_said
from tests.support.media import make_clip

WHOLE = {"avi": make_clip(form="avi", codec="mpeg4"), "matroska": make_clip(form="matroska")}


@pytest.mark.parametrize("demuxer", WHOLE)
def test_a_whole_file_is_as_long_as_it_says(demuxer):
    assert not is_shorter_than_said(io.BytesIO(WHOLE[demuxer]), demuxer)


@pytest.mark.parametrize("demuxer", WHOLE)
def test_a_file_that_lacks_its_last_byte_is_shorter(demuxer):
    assert is_shorter_than_said(io.BytesIO(WHOLE[demuxer][:-1]), demuxer)


def test_a_live_recording_of_unknown_length_is_not_called_cut():
    header = WHOLE["matroska"]
    at = header.index(b"\x18S\x80g") + 4
    live = header[:at] + b"\x01" + b"\xff" * 7 + header[at + 8 :]
    assert not is_shorter_than_said(io.BytesIO(live[:-50]), "matroska")


def test_an_unfinished_avi_without_a_length_is_not_called_cut():
    assert not is_shorter_than_said(io.BytesIO(b"RIFF\0\0\0\0AVI "), "avi")


def test_formats_made_to_be_cut_say_nothing():
    assert not is_shorter_than_said(io.BytesIO(b"G"), "mpegts")


@given(st.binary(max_size=64), st.sampled_from(["avi", "matroska", "mpegts"]))
def test_any_bytes_are_judged(data, demuxer):
    is_shorter_than_said(io.BytesIO(data), demuxer)
