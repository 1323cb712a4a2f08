"""What EXIF claims is handed on as it stands, and what it garbles claims nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL.TiffImagePlugin import IFDRational

from streams.feeds.decoding.events import GpsClaim
from streams.feeds.decoding.formats.jpeg import read_structure
from streams.feeds.decoding.pictures import Exif, read_exif
from tests.support.media import encode, encode_jpeg, make_exif, make_pixels
from tests.support.opening import open_here

TAKEN = "2024:04:22 08:00:01"


def claim(**fields):
    return open_here(encode_jpeg(make_pixels(), exif=make_exif(**fields)), probe=True).header


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"taken": TAKEN}, TAKEN),
        ({"taken": TAKEN, "fraction": "303", "offset": "+02:00"}, f"{TAKEN}.303+02:00"),
        ({"taken": TAKEN, "offset": "Z"}, f"{TAKEN}Z"),
        ({"taken": TAKEN + "\0\0\0\0", "fraction": "07 \0", "offset": "-01:00\0\0"}, f"{TAKEN}.07-01:00"),
        ({"taken": TAKEN, "fraction": "xx"}, TAKEN),
        ({"taken": "0000:00:00 00:00:00"}, None),
        ({"taken": "    :  :     :  :  "}, None),
        ({"orientation": 1}, None),
    ],
)
def test_a_time_is_handed_on_as_written_without_its_padding(fields, wanted):
    assert claim(**fields).exif_time == wanted


def test_a_position_becomes_signed_degrees():
    gps = {1: "S", 2: (41.0, 30.0, 36.0), 3: "W", 4: (1.0, 45.0, 0.0), 5: b"\x01", 6: 19.5}
    assert claim(gps=gps).gps == GpsClaim(pytest.approx(-41.51), pytest.approx(-1.75), -19.5)


@pytest.mark.parametrize(
    "gps",
    [
        {1: "N", 2: (IFDRational(1, 0), 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)},
        {1: "N", 2: (91.0, 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)},
        {1: "N", 2: (41.0, 0.0, 0.0)},
    ],
)
def test_a_position_that_cannot_be_is_no_claim(gps):
    assert claim(gps=gps).gps is None


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
def test_other_formats_claim_times_too(form):
    data = encode(make_pixels(), form, exif=make_exif(taken=TAKEN, offset="+00:00"))
    assert open_here(data, probe=True).header.exif_time == f"{TAKEN}+00:00"


def test_no_exif_claims_nothing():
    header = open_here(encode_jpeg(make_pixels()), probe=True).header
    assert (header.exif_time, header.container_time, header.gps) == (None, None, None)


def test_an_orientation_that_does_not_exist_is_none():
    assert open_here(encode_jpeg(make_pixels(64, 48), exif=make_exif(orientation=77))).header.width_px == 64


@given(st.binary(max_size=300))
def test_a_garbled_block_claims_nothing_and_spoils_no_picture(block):
    assert isinstance(read_exif(block), Exif)


BLOCK = read_structure(encode_jpeg(make_pixels(), exif=make_exif(orientation=6, taken=TAKEN, gps={1: "N"}))).exif


@given(st.integers(0, len(BLOCK) - 1), st.binary(min_size=1, max_size=8))
def test_a_spoilt_block_is_read_as_far_as_it_goes(at, noise):
    exif = read_exif(BLOCK[:at] + noise + BLOCK[at + len(noise) :])
    assert exif.orientation in range(1, 9)


@pytest.mark.parametrize("length", range(0, len(BLOCK), 7))
def test_a_cut_block_is_read_as_far_as_it_goes(length):
    assert isinstance(read_exif(BLOCK[:length]), Exif)
