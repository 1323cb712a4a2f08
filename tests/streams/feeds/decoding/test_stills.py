"""A still becomes upright RGB pixels, or a reason why not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image, ImageFile

from streams.feeds.decoding.limits import Limits
from tests.support.media import (
    encode,
    encode_jpeg,
    make_animation,
    make_deep_png,
    make_exif,
    make_gif_bomb,
    make_noise,
    make_pixels,
    make_png_bomb,
    make_tiff_bomb,
)
from tests.support.opening import open_here, refuse_here

PIXELS = make_pixels()


def read(data, **options):
    (picture,) = open_here(data, **options).pictures
    return picture.pixels


def assert_close(found, wanted, most=12.0):
    assert found.shape == wanted.shape
    assert found.dtype == np.uint8
    assert float(np.abs(found.astype(float) - wanted).mean()) < most


def test_a_plain_jpeg_is_what_opencv_makes_of_it():
    data = encode_jpeg(make_noise(101, 67))
    assert np.array_equal(read(data), cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB))


def test_a_progressive_jpeg_is_what_opencv_makes_of_it():
    data = encode_jpeg(make_noise(), progressive=True)
    assert np.array_equal(read(data), cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_rotated_jpeg_stands_upright_as_opencv_would_turn_it(orientation):
    data = encode_jpeg(PIXELS, exif=make_exif(orientation=orientation))
    opened = open_here(data)
    wanted = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert np.array_equal(opened.pictures[0].pixels, wanted)
    assert (opened.header.height_px, opened.header.width_px) == wanted.shape[:2]


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_rotation_counts_in_every_format_that_has_it(form, orientation):
    opened = open_here(encode(PIXELS, form, exif=make_exif(orientation=orientation)))
    wanted = np.rot90(read(encode(PIXELS, form)), {1: 0, 3: 2, 6: -1, 8: 1}[orientation])
    assert np.array_equal(opened.pictures[0].pixels, wanted)
    assert (opened.header.height_px, opened.header.width_px) == wanted.shape[:2]


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_lose_nothing(form):
    assert np.array_equal(read(encode(PIXELS, form)), PIXELS)


@pytest.mark.parametrize("form", ["WEBP", "JPEG2000"])
def test_other_formats_are_read(form):
    assert_close(read(encode(PIXELS, form)), PIXELS)


def test_a_palette_becomes_its_colours():
    image = Image.fromarray(PIXELS).quantize(64)
    assert np.array_equal(read(encode(image, "PNG")), np.asarray(image.convert("RGB")))
    assert np.array_equal(read(encode(image, "GIF")), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_grey_becomes_equal_colours(form):
    found = read(encode(Image.fromarray(PIXELS).convert("L"), form))
    assert np.array_equal(found[..., 0], found[..., 1])
    assert np.array_equal(found[..., 0], found[..., 2])


def test_a_bit_a_pixel_becomes_black_and_white():
    assert set(np.unique(read(encode(Image.fromarray(PIXELS).convert("1"), "PNG")))) == {0, 255}


def test_alpha_is_dropped_and_what_is_under_it_stays():
    image = Image.fromarray(np.dstack([PIXELS, np.zeros(PIXELS.shape[:2], np.uint8)]))
    assert np.array_equal(read(encode(image, "PNG")), PIXELS)


def test_grey_with_alpha_is_read():
    image = Image.fromarray(PIXELS).convert("LA")
    assert np.array_equal(read(encode(image, "PNG"))[..., 0], np.asarray(image)[..., 0])


def test_sixteen_bits_keep_their_high_byte_unstretched():
    samples = np.array([[0, 255, 256, 511], [32_768, 40_000, 65_279, 65_535]], np.uint16)
    assert read(make_deep_png(samples))[..., 0].tolist() == (samples >> 8).tolist()


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_printing_inks_become_colours(form):
    ink = Image.fromarray(PIXELS).convert("CMYK")
    assert_close(read(encode(ink, form)), np.asarray(ink.convert("RGB")))


def test_one_pixel_is_a_picture():
    assert read(encode_jpeg(make_pixels(1, 1))).shape == (1, 1, 3)
    assert read(encode(make_pixels(1, 1), "PNG")).shape == (1, 1, 3)


def test_float_pictures_are_refused_because_nothing_says_what_white_is():
    assert refuse_here(encode(Image.fromarray(np.zeros((4, 4), np.float32)), "TIFF")) == "unsupported_picture"


@pytest.mark.parametrize("form", ["GIF", "PNG", "TIFF", "WEBP"])
def test_a_file_of_several_pictures_is_refused(form):
    assert refuse_here(make_animation(form)) == "many_pictures"


def test_a_tiff_with_a_reduced_copy_is_one_picture():
    small = Image.fromarray(PIXELS[::2, ::2])
    small.encoderinfo = {"tiffinfo": {254: 1}}
    data = encode(PIXELS, "TIFF", save_all=True, append_images=[small])
    assert np.array_equal(read(data), PIXELS)


def test_a_jpeg_with_a_second_picture_behind_it_is_the_first():
    data = encode_jpeg(PIXELS)
    assert np.array_equal(read(data + encode_jpeg(make_noise())), read(data))


@pytest.mark.parametrize("bomb", [make_gif_bomb, make_png_bomb, make_tiff_bomb])
def test_a_bomb_is_refused_by_its_header(bomb):
    assert refuse_here(bomb()) == "too_many_pixels"


def test_a_jpeg_over_the_limit_is_refused_by_its_header():
    assert refuse_here(encode_jpeg(make_noise(80, 60)), limits=Limits(still_pixels=4_799)) == "too_many_pixels"
    assert refuse_here(encode_jpeg(make_noise(80, 60)), limits=Limits(still_pixels=4_800)) == "opened"


def test_a_file_over_the_limit_is_refused_by_its_size(tmp_path):
    path = tmp_path / "still"
    path.write_bytes(encode(make_noise(), "BMP"))
    assert refuse_here(path, limits=Limits(still_bytes=5_000)) == "too_large"
    assert refuse_here(path.read_bytes(), limits=Limits(still_bytes=5_000)) == "too_large"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP", "TIFF", "WEBP", "GIF"])
@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
def test_a_cut_picture_is_refused(form, kept):
    data = encode(make_noise(), form)
    assert refuse_here(data[: int(len(data) * kept)]) in {"truncated_picture", "unreadable_picture"}


def test_a_cut_picture_is_refused_though_another_library_would_have_it_filled_up(monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = encode(make_noise(), "PNG")
    assert refuse_here(data[: len(data) // 2]) == "truncated_picture"


def test_a_jpeg_cut_by_a_byte_or_filled_up_with_zeros_is_truncated():
    data = encode_jpeg(make_noise())
    assert refuse_here(data[:-1]) == "truncated_picture"
    assert refuse_here(data[: len(data) // 2] + bytes(len(data) // 2)) == "truncated_picture"


@pytest.mark.parametrize(
    ("notes", "outcome"),
    [
        ("", ()),
        ("Corrupt JPEG data: premature end of data segment\n", "corrupt_picture"),
        ("Corrupt JPEG data: bad Huffman code\n", "corrupt_picture"),
        ("Corrupt JPEG data: 14057 extraneous bytes before marker 0xd9\n", "corrupt_picture"),
        ("Corrupt JPEG data: 2 extraneous bytes before marker 0xd9\n", ("left_over_bytes",)),
        ("[ WARN:0@0.1] something else\n", ()),
    ],
)
def test_what_the_jpeg_library_wrote_decides_about_a_damaged_picture(notes, outcome):
    data = encode_jpeg(PIXELS)
    if isinstance(outcome, str):
        assert refuse_here(data, notes=notes) == outcome
    else:
        assert open_here(data, notes=notes).pictures[0].flags == outcome


def test_a_probe_hands_over_a_header_and_no_pixels():
    opened = open_here(encode_jpeg(PIXELS), probe=True)
    assert [type(event).__name__ for event in opened.events] == ["Header"]
    assert (opened.header.kind, opened.header.format, opened.header.media_type) == ("still", "jpeg", "image/jpeg")
    assert opened.header.reader == "still/1"


def test_a_name_that_lies_about_the_kind_is_not_listened_to(tmp_path):
    path = tmp_path / "really.mp4"
    path.write_bytes(encode_jpeg(PIXELS))
    assert open_here(path).header.format == "jpeg"


def test_real_pictures_are_read_without_a_false_alarm(real_data):
    paths = sorted((real_data / "fish").rglob("*.jpg")) + sorted((real_data / "drone_litter").rglob("*.JPG"))
    assert len(paths) >= 8
    for path in paths:
        wanted = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR_RGB)
        assert np.array_equal(read(path), wanted), path.name
