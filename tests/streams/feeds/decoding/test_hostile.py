"""Every bad input ends in its reason, quickly, in little memory, and the next unit is served."""

from __future__ import annotations

import sys
import time

import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from schemas.errors import RejectedInput
from streams.feeds.decoding.limits import KEY_FRAMES, Limits
from streams.feeds.decoding.pool import DecodingPool
from tests.support.media import (
    ENCRYPTION,
    encode,
    encode_jpeg,
    find_samples,
    make_animation,
    make_clip,
    make_exif,
    make_gif_bomb,
    make_noise,
    make_noisy_clip,
    make_pixels,
    make_png_bomb,
    make_sound,
    make_tiff_bomb,
    spoil,
    strip_box,
    zero,
)
from tests.support.opening import find_reason

NOISE = make_noise(160, 120)
JPEG = encode_jpeg(NOISE)
GROUPS = {"g": "5", "keyint_min": "5", "bf": "2", "sc_threshold": "0"}
CLIP = make_noisy_clip(30, size_px=(160, 128), codec_options=GROUPS, is_streamable=True)


def _swap_dimensions(data, width_px, height_px):
    at = data.index(b"\xff\xc0")
    return data[: at + 5] + height_px.to_bytes(2, "big") + width_px.to_bytes(2, "big") + data[at + 9 :]


#: (what it is, its bytes, the reason it is refused for, or the coverage or the number of pictures it ends with)
HOSTILE = [
    ("not an image", lambda: b"a letter, not a picture", "not_media"),
    ("an empty file", lambda: b"", "empty_file"),
    ("a web page called picture.jpg", lambda: b"<!DOCTYPE html><title>404</title>", "not_media"),
    ("a playlist that names other files", lambda: b"#EXTM3U\nfile:///etc/passwd\n", "not_media"),
    ("a zip", lambda: b"PK\x03\x04" + bytes(100), "not_media"),
    ("a truncated JPEG", lambda: JPEG[: len(JPEG) // 2], "truncated_picture"),
    ("a JPEG that lacks its last two bytes", lambda: JPEG[:-2], "truncated_picture"),
    (
        "a JPEG cut and filled up with zeros",
        lambda: JPEG[: len(JPEG) // 2] + bytes(len(JPEG) // 2),
        "truncated_picture",
    ),
    ("a JPEG whose middle is noise", lambda: spoil(JPEG, len(JPEG) // 3, len(JPEG) // 3), "corrupt_picture"),
    ("a JPEG that lacks a piece", lambda: JPEG[: len(JPEG) // 3] + JPEG[len(JPEG) // 2 :], "corrupt_picture"),
    ("a JPEG that says it is large", lambda: _swap_dimensions(JPEG, 60_000, 60_000), "too_many_pixels"),
    ("a JPEG that says it is a bit larger", lambda: _swap_dimensions(JPEG, 160, 480), "corrupt_picture"),
    ("a JPEG of no pixels", lambda: _swap_dimensions(JPEG, 0, 0), "unreadable_picture"),
    ("only a JPEG's start", lambda: b"\xff\xd8\xff\xe0", "truncated_picture"),
    ("a palette picture", lambda: encode(Image.fromarray(NOISE).quantize(16), "PNG"), 1),
    ("a grey picture", lambda: encode(Image.fromarray(NOISE).convert("L"), "JPEG"), 1),
    ("a 16-bit picture", lambda: encode(Image.fromarray(np.full((9, 9), 40_000, np.uint16)), "PNG"), 1),
    ("a picture in printing inks", lambda: encode(Image.fromarray(NOISE).convert("CMYK"), "JPEG"), 1),
    ("a rotated picture", lambda: encode_jpeg(NOISE, exif=make_exif(orientation=6)), 1),
    (
        "a picture with NUL-padded EXIF",
        lambda: encode_jpeg(NOISE, exif=make_exif(taken="2024:04:22 08:00:01\0\0\0\0\0")),
        1,
    ),
    ("one pixel", lambda: encode_jpeg(make_pixels(1, 1)), 1),
    ("a GIF of 367 million pixels", make_gif_bomb, "too_many_pixels"),
    ("a PNG of 400 million pixels", make_png_bomb, "too_many_pixels"),
    ("a TIFF of 900 million pixels", make_tiff_bomb, "too_many_pixels"),
    ("an animation", make_animation, "many_pictures"),
    ("a truncated PNG", lambda: encode(NOISE, "PNG")[:9_000], "truncated_picture"),
    ("a PNG with a wrong sum", lambda: spoil(encode(NOISE, "PNG"), 9_000, 400), "unreadable_picture"),
    ("a truncated GIF", lambda: encode(Image.fromarray(NOISE).quantize(64), "GIF")[:3_000], "truncated_picture"),
    ("a truncated TIFF", lambda: encode(NOISE, "TIFF")[:9_000], "truncated_picture"),
    ("a clip cut in half", lambda: CLIP[: len(CLIP) // 2], "broken truncated"),
    ("a clip without moov", lambda: strip_box(CLIP, "moov"), "no_index"),
    ("a clip without mdat", lambda: strip_box(CLIP, "mdat"), "truncated_video"),
    ("an encrypted clip", lambda: make_clip(format_options=ENCRYPTION), "encrypted"),
    ("a clip with lost packets", lambda: zero(CLIP, find_samples(CLIP)[7:9]), "broken corrupt"),
    ("a clip of noise packets", lambda: _spoil_all(CLIP), "corrupt_video"),
    (
        "a clip whose frames the decoder made up",
        lambda: spoil(CLIP, find_samples(CLIP)[10][0] + 3_000, 3_000),
        "broken corrupt",
    ),
    ("sound", make_sound, "no_video"),
    ("a box that says it is huge", lambda: b"\xff\xff\xff\xffftypisom" + bytes(60), "no_index"),
    ("a Matroska header and nothing else", lambda: b"\x1aE\xdf\xa3" + bytes(200), "unreadable_video"),
    ("a transport stream of nothing", lambda: (b"G\x1f\xff\x10" + bytes(184)) * 20, "unreadable_video"),
]


def _spoil_all(clip):
    for offset, length in find_samples(clip):
        clip = spoil(clip, offset + 5, length - 5, seed=offset)
    return clip


def read(pool, data, **options):
    """Return the reason a unit was refused for, its damage, or the number of its pictures."""

    def count():
        with pool.open_unit(data, part="part", **options) as unit:
            shapes = [view.pixels.shape == (view.image.height_px, view.image.width_px, 3) for view in unit.views]
            assert all(shapes)
            return f"broken {unit.ending.broken}" if unit.ending.broken else len(shapes)

    return find_reason(count)


@pytest.mark.parametrize(("name", "build", "outcome"), HOSTILE, ids=[row[0] for row in HOSTILE])
def test_bad_input_ends_in_its_reason_and_the_next_is_served(pool, name, build, outcome):
    data = build()
    began = time.monotonic()
    # what routes a unit probes it first
    assert find_reason(lambda: pool.probe(data) and outcome) == outcome
    assert read(pool, data) == outcome
    assert time.monotonic() - began < 20
    assert read(pool, JPEG) == 1


def test_a_refusal_is_a_sentence_without_a_path_of_ours(pool, tmp_path):
    for _name, build, outcome in HOSTILE:
        if isinstance(outcome, str) and not outcome.startswith("broken"):
            path = tmp_path / "unit"
            path.write_bytes(build())
            with pytest.raises(RejectedInput) as caught, pool.open_unit(path) as unit:
                list(unit.views)
            assert caught.value.sentence.endswith(".")
            assert "/" not in caught.value.sentence


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from Linux's account")
@pytest.mark.parametrize("bomb", [make_gif_bomb, make_png_bomb, make_tiff_bomb])
def test_a_bomb_is_refused_before_memory_is_taken_for_it(bomb):
    with DecodingPool(size=1) as pool:
        assert read(pool, JPEG) == 1
        (decoder,) = pool._idle
        before = _read_peak(decoder.process.pid)
        assert read(pool, bomb()) == "too_many_pixels"
        assert _read_peak(decoder.process.pid) - before < 32 << 20


def _read_peak(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:  # noqa: PTH123 - one line
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's addresses reliably")
def test_a_picture_within_the_limits_that_needs_more_memory_than_allowed_is_refused():
    limits = Limits(still_pixels=400_000_000, side_px=20_000, memory_mib=300)
    with DecodingPool(size=1) as pool:
        assert read(pool, encode(Image.new("L", (14_000, 14_000)), "PNG"), limits=limits) == "too_much_memory"
        assert read(pool, JPEG) == 1


def test_bad_inputs_do_not_make_processes_grow(pool):
    for _ in range(3):
        for _name, build, outcome in HOSTILE[:8]:
            assert read(pool, build()) == outcome
    for decoder in pool._idle:
        assert psutil.Process(decoder.process.pid).memory_info().rss < 400 << 20


# --- any bytes at all ---

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def end(pool, data, **options):
    """Open whatever the bytes are: whatever is not a rejection comes out and fails the test."""
    read(pool, data, limits=Limits(image_wait_s=15.0), **options)


HEADS = st.sampled_from(
    [
        b"",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        b"II*\0",
        b"BM",
        b"RIFF\0\0\0\0WEBP",
        b"\0\0\0\x1cftypisom",
        b"G",
    ]
)


@QUICK
@given(HEADS, st.binary(max_size=600))
def test_random_bytes_end(pool, head, tail):
    end(pool, head + tail)


@QUICK
@given(st.integers(0, len(JPEG)))
def test_a_picture_cut_anywhere_ends(pool, length):
    end(pool, JPEG[:length])


@QUICK
@given(st.integers(0, len(CLIP)), st.booleans())
def test_a_clip_cut_anywhere_ends(pool, length, only_keys):
    end(pool, CLIP[:length], **({"sampling": KEY_FRAMES} if only_keys else {}))


@QUICK
@given(st.sampled_from([JPEG, CLIP, encode(NOISE, "PNG"), encode(NOISE, "TIFF"), encode(NOISE, "WEBP")]), st.data())
def test_a_file_spoilt_anywhere_ends(pool, whole, data):
    at = data.draw(st.integers(0, len(whole) - 1))
    length = data.draw(st.sampled_from([1, 2, 4, 64, 2_000]))
    end(pool, spoil(whole, at, length, seed=data.draw(st.integers(0, 99)))[: len(whole)])


@QUICK
@given(st.integers(0, 900), st.binary(min_size=1, max_size=4))
def test_a_clip_with_a_spoilt_index_ends(pool, at, noise):
    start = CLIP.index(b"moov")
    end(pool, CLIP[: start + at] + noise + CLIP[start + at + len(noise) :])
