"""The first bytes tell the kind of media, and a name tells nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.feeds.decoding.sniff import HEAD_BYTES, sniff
from tests.support.media import encode, encode_jpeg, make_clip, make_pixels, make_sound
from tests.support.opening import find_reason

STILLS = {
    "jpeg": lambda: encode_jpeg(make_pixels()),
    "png": lambda: encode(make_pixels(), "PNG"),
    "gif": lambda: encode(make_pixels(), "GIF"),
    "bmp": lambda: encode(make_pixels(), "BMP"),
    "tiff": lambda: encode(make_pixels(), "TIFF"),
    "webp": lambda: encode(make_pixels(), "WEBP"),
    "jp2": lambda: encode(make_pixels(), "JPEG2000"),
    "pnm": lambda: encode(make_pixels(), "PPM"),
}

CLIPS = {
    "mp4": {},
    "mov": {"form": "mov"},
    "matroska": {"form": "matroska"},
    "webm": {"form": "webm", "codec": "libvpx-vp9"},
    "avi": {"form": "avi", "codec": "mpeg4"},
    "mpegts": {"form": "mpegts"},
    "mpeg": {"form": "mpeg", "codec": "mpeg2video", "rate": 25},
    "mpegvideo": {"form": "mpeg2video", "codec": "mpeg2video", "rate": 25},
    "flv": {"form": "flv"},
    "asf": {"form": "asf", "codec": "wmv2"},
    "y4m": {"form": "yuv4mpegpipe", "codec": "rawvideo"},
    "h264": {"form": "h264"},
    "nut": {"form": "nut", "codec": "ffv1"},
    "mxf": {"form": "mxf", "codec": "mpeg2video", "rate": 25},
    "ivf": {"form": "ivf", "codec": "libvpx-vp9"},
}


@pytest.mark.parametrize("name", STILLS)
def test_a_still_is_known_by_its_bytes(name):
    found = sniff(STILLS[name]()[:HEAD_BYTES])
    assert (found.kind, found.name) == ("still", name)


@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_is_known_by_its_bytes(name):
    found = sniff(make_clip(4, **CLIPS[name])[:HEAD_BYTES])
    assert (found.kind, found.name) == ("clip", name)


def test_sound_in_a_video_container_is_a_clip_until_somebody_looks_for_its_video():
    assert sniff(make_sound()).kind == "clip"


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"", "empty_file"),
        (b"hello, world", "not_media"),
        (b"G" * 400, "mpegts"),
        (b"GIF is a format, this is a text about it" * 20, "not_media"),
        (b"BM" + b"a letter that begins with BM" * 9, "not_media"),
        (b"P6 is a postcode", "pnm"),
        (b"PK\x03\x04" + bytes(40), "not_media"),
        (b"%PDF-1.7", "not_media"),
        (b"#EXTM3U\n#EXT-X-VERSION:3\nhttp://192.0.2.1/segment.ts\n", "not_media"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "not_media"),
        (b"v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\n", "not_media"),
        (b"\0\0\0\x1cftypheic" + bytes(20), "unsupported_picture"),
        (b"\0\0\0\x1cftypavif" + bytes(20), "unsupported_picture"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "not_media"),
        (b"\xff\xd8", "not_media"),
        (b"\0\0\0\x01", "not_media"),
    ],
)
def test_what_is_no_media_is_refused_and_playlists_are_no_media(head, reason):
    assert find_reason(lambda: sniff(head).name) == reason


@given(st.binary(min_size=1, max_size=300))
def test_any_bytes_are_a_format_or_a_rejection(head):
    assert find_reason(lambda: sniff(head).kind) in {"still", "clip", "not_media", "unsupported_picture"}
