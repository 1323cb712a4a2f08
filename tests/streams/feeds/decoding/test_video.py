"""A clip becomes upright frames with their numbers and times, and says what of it could not be read."""

from __future__ import annotations

import numpy as np
import pytest

from streams.feeds.decoding.limits import KEY_FRAMES, Limits, every_nth, every_seconds
from tests.support.media import (
    ENCRYPTION,
    encode_jpeg,
    find_index,
    find_samples,
    make_clip,
    make_noisy_clip,
    make_pixels,
    make_sound,
    spoil,
    strip_box,
    to_grey,
    zero,
)
from tests.support.opening import find_reason, open_here, refuse_here

#: Groups of five frames, and frames stored in another order than shown.
GROUPS = {"g": "5", "keyint_min": "5", "bf": "2", "sc_threshold": "0"}

FORMATS = {
    "mp4": {},
    "fragmented mp4": {"format_options": {"movflags": "frag_keyframe+empty_moov"}},
    "mov": {"form": "mov", "codec": "mjpeg"},
    "matroska": {"form": "matroska"},
    "webm": {"form": "webm", "codec": "libvpx-vp9"},
    "avi": {"form": "avi", "codec": "mpeg4"},
    "mpegts": {"form": "mpegts"},
    "mpeg": {"form": "mpeg", "codec": "mpeg2video", "rate": 25},
    "flv": {"form": "flv"},
    "asf": {"form": "asf", "codec": "wmv2"},
    "hevc in mp4": {"codec": "libx265", "codec_options": {"x265-params": "log-level=none"}},
    "y4m": {"form": "yuv4mpegpipe", "codec": "rawvideo"},
    "raw h264": {"form": "h264"},
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_frame_of_every_container_comes_once_and_in_order(name):
    opened = open_here(make_clip(20, **FORMATS[name]))
    assert opened.indices == list(range(20))
    assert [find_index(picture.pixels) for picture in opened.pictures] == [index % 13 for index in range(20)]
    assert (opened.unread, opened.ending.broken, opened.ending.passed_over) == ([], "", 0)
    assert (opened.header.kind, opened.header.width_px, opened.header.height_px) == ("clip", 64, 48)


@pytest.mark.parametrize("name", ["mp4", "matroska", "mpegts", "avi"])
def test_frames_of_a_steady_clip_are_a_tenth_of_a_second_apart(name):
    opened = open_here(make_clip(20, **FORMATS[name]))
    assert [picture.offset_s for picture in opened.pictures] == pytest.approx([index / 10 for index in range(20)])
    assert opened.ending.duration_s == pytest.approx(2.0)


def test_a_variable_frame_rate_is_told_by_time_stamps():
    times = [0, 40, 500, 520, 2000, *range(2040, 2055)]
    opened = open_here(make_clip(20, times=times))
    assert [picture.offset_s for picture in opened.pictures] == pytest.approx([time / 1000 for time in times])
    places = [picture.pts * picture.time_base[0] / picture.time_base[1] for picture in opened.pictures]
    assert [place - places[0] for place in places] == pytest.approx([time / 1000 for time in times])


def test_a_raw_stream_has_estimated_times_and_says_so():
    opened = open_here(make_clip(20, form="h264"))
    assert opened.pictures[3].flags == ("time_estimated",)
    assert opened.pictures[3].offset_s == pytest.approx(0.3)


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_rotation_in_the_container_is_applied(degrees):
    straight = open_here(make_clip(3, paint=lambda _: make_pixels()))
    turned = open_here(make_clip(3, paint=lambda _: make_pixels(), rotation=degrees))
    wanted = np.rot90(straight.pictures[0].pixels, degrees // 90)
    assert np.array_equal(turned.pictures[0].pixels, wanted)
    assert (turned.header.height_px, turned.header.width_px) == wanted.shape[:2]


def test_colours_stay_what_they_were():
    opened = open_here(
        make_clip(2, size_px=(128, 96), paint=lambda _: make_pixels(128, 96), codec_options={"crf": "5"})
    )
    assert float(np.abs(opened.pictures[0].pixels.astype(float) - make_pixels(128, 96)).mean()) < 4


def test_every_nth_frame_keeps_its_number():
    opened = open_here(make_clip(20), sampling=every_nth(6))
    assert opened.indices == [0, 6, 12, 18]
    assert [find_index(picture.pixels) for picture in opened.pictures] == [0, 6, 12, 5]
    assert opened.ending.passed_over == 16


def test_one_frame_in_so_many_seconds():
    opened = open_here(
        make_clip(20, times=[0, 100, 900, 1000, 1100, 3500, *range(3600, 5000, 100)]), sampling=every_seconds(1)
    )
    assert opened.indices == [0, 3, 5, 10]


@pytest.mark.parametrize("form", ["mp4", "matroska", "mpegts"])
def test_key_frames_have_the_numbers_and_times_they_have_among_all_frames(form):
    data = make_clip(23, form=form, codec_options=GROUPS)
    keys, everything = open_here(data, sampling=KEY_FRAMES), open_here(data)
    assert keys.indices == [0, 5, 10, 15, 20]
    found = {picture.index: picture for picture in everything.pictures}
    for key in keys.pictures:
        same = found[key.index]
        assert (key.pts, key.offset_s) == (same.pts, same.offset_s)
        assert np.array_equal(key.pixels, same.pixels)
    assert keys.ending.passed_over == 18
    assert keys.ending.duration_s == pytest.approx(everything.ending.duration_s)


def test_key_frames_of_open_groups_have_their_numbers_too():
    options = {"x265-params": "log-level=none:keyint=6:min-keyint=6:bframes=3:open-gop=1:scenecut=0:b-adapt=0"}
    data = make_clip(23, codec="libx265", codec_options=options)
    found = {picture.index: picture.pts for picture in open_here(data).pictures}
    keys = open_here(data, sampling=KEY_FRAMES).pictures
    assert len(keys) >= 3
    assert {key.index: key.pts for key in keys}.items() <= found.items()


def test_tags_say_when_it_was_recorded():
    data = make_clip(2, tags={"creation_time": "2021-10-06T16:26:56.000000Z"})
    assert open_here(data, probe=True).header.container_time == "2021-10-06T16:26:56.000000Z"
    assert open_here(make_clip(2), probe=True).header.container_time is None


def test_a_probe_of_a_clip_without_frames_says_so_as_opening_it_does():
    clip = make_clip(format_options=ENCRYPTION)
    assert find_reason(lambda: open_here(clip, probe=True)) == refuse_here(clip) == "encrypted"


def test_a_probe_hands_over_a_header_and_no_frames():
    opened = open_here(make_clip(20), probe=True)
    assert [type(event).__name__ for event in opened.events] == ["Header"]
    header = opened.header
    assert (header.format, header.media_type, header.codec, header.images) == ("mp4", "video/mp4", "h264", 20)
    assert (header.duration_s, header.rate_hz) == (pytest.approx(2.0), pytest.approx(10.0))
    assert header.reader == "video/1"


# --- what is damaged ---


def make_streamable(count=30, **options):
    """Return a clip whose index stands before its frames, as a cut file must have to be read at all."""
    return make_noisy_clip(count, codec_options=GROUPS, is_streamable=True, **options)


def test_a_clip_cut_in_half_keeps_what_was_decodable_and_says_so():
    whole = make_streamable()
    cut = open_here(whole[: len(whole) // 2])
    everything = open_here(whole)
    assert 5 < len(cut.pictures) < 25
    for found, wanted in zip(cut.pictures, everything.pictures, strict=False):
        assert (found.index, found.pts) == (wanted.index, wanted.pts)
    assert cut.ending.broken == "truncated"
    assert cut.ending.looked_until_s == pytest.approx(max(picture.offset_s for picture in cut.pictures), abs=0.2)


def test_a_cut_between_two_packets_is_noticed_too():
    whole = make_streamable()
    offset, _ = find_samples(whole)[20]
    assert open_here(whole[:offset]).ending.broken == "truncated"


@pytest.mark.parametrize("form", ["avi", "matroska"])
def test_other_containers_know_when_they_are_cut(form):
    data = make_noisy_clip(30, form=form, codec="mpeg4")
    cut = open_here(data[: len(data) * 2 // 3])
    assert 10 < len(cut.pictures) < 30
    assert cut.ending.broken == "truncated"


def test_a_lost_packet_costs_the_frames_up_to_the_next_key_frame_and_no_number():
    whole = make_streamable()
    clip = open_here(zero(whole, [find_samples(whole)[11]]))
    everything = {picture.index: picture.pts for picture in open_here(whole).pictures}
    assert clip.ending.broken == "corrupt"
    assert {event.reason for event in clip.unread} == {"corrupt"}
    assert sorted([*clip.indices, *(event.index for event in clip.unread)]) == list(range(30))
    for picture in clip.pictures:
        assert everything[picture.index] == picture.pts
    assert {0, 9, 15, 29} <= set(clip.indices)
    assert clip.ending.looked_until_s == pytest.approx(2.9)


def test_frames_that_the_decoder_made_up_are_not_handed_over_as_seen():
    whole = make_streamable(size_px=(160, 128))
    offset, length = find_samples(whole)[10]
    clip = open_here(spoil(whole, offset + length // 3, length // 2))
    assert [(event.index, event.reason) for event in clip.unread][:1] == [(10, "corrupt")]
    assert clip.ending.broken == "corrupt"
    doubtful = {picture.index for picture in clip.pictures if "corrupt" in picture.flags}
    assert doubtful
    assert doubtful <= set(range(8, 15))


@pytest.mark.parametrize("number", [0, 10])
def test_damage_does_not_shift_the_numbers_of_key_frames(number):
    whole = make_streamable(size_px=(160, 128))
    offset, length = find_samples(whole)[number]
    clip = open_here(spoil(whole, offset + length * 2 // 5, length * 3 // 5), sampling=KEY_FRAMES)
    assert [event.index for event in clip.unread] == [number]
    assert sorted([*clip.indices, *(event.index for event in clip.unread)]) == [0, 5, 10, 15, 20, 25]
    assert clip.ending.broken == "corrupt"


def test_a_packet_of_zeros_that_the_decoder_passes_in_silence_is_missed():
    whole = make_streamable()
    clip = open_here(zero(whole, [find_samples(whole)[10]]))
    assert 10 in {event.index for event in clip.unread}
    assert sorted([*clip.indices, *(event.index for event in clip.unread)]) == list(range(30))
    assert clip.ending.broken == "corrupt"


def test_an_encrypted_clip_says_that_it_is():
    assert refuse_here(make_clip(format_options=ENCRYPTION)) == "encrypted"


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda: strip_box(make_clip(), "moov"), "no_index"),
        (lambda: strip_box(make_clip(), "mdat"), "truncated_video"),
        (lambda: strip_box(strip_box(make_clip(**FORMATS["fragmented mp4"]), "moof"), "mdat"), "no_frames"),
        (make_sound, "no_video"),
        (lambda: make_clip()[:1400], "truncated_video"),
        (lambda: make_streamable()[:1900], "truncated_video"),
        (lambda: make_clip(form="mpegts")[:400], "unreadable_video"),
        (lambda: b"\x1aE\xdf\xa3" + bytes(300), "unreadable_video"),
        (lambda: b"RIFF\xff\xff\0\0AVI " + bytes(300), "truncated_video"),
        (lambda: b"\0\0\0\x01\x67" + bytes(300), "corrupt_video"),
    ],
)
def test_a_clip_without_frames_is_refused_for_its_reason(build, reason):
    assert refuse_here(build()) == reason


def test_a_song_with_a_cover_has_no_video():
    import io

    import av

    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        packet = av.Packet(encode_jpeg(make_pixels()))
        packet.stream, packet.pts, packet.dts = cover, 0, 0
        container.mux(packet)
    assert refuse_here(file.getvalue()) in {"no_video", "no_frames"}


def test_limits_of_size_length_and_count_hold():
    data = make_clip(20)
    assert refuse_here(data, limits=Limits(frame_pixels=64 * 48 - 1)) == "too_many_pixels"
    assert refuse_here(data, limits=Limits(side_px=63)) == "too_many_pixels"
    assert refuse_here(data, limits=Limits(clip_duration_s=1.9)) == "too_long"
    assert refuse_here(data, limits=Limits(clip_images=19)) == "too_long"
    assert refuse_here(data, limits=Limits(clip_images=20, clip_duration_s=2.0, frame_pixels=64 * 48)) == "opened"


def test_a_clip_whose_clock_jumps_beyond_all_bounds_has_an_absurd_time_base():
    data = make_clip(3, form="matroska", times=[0, 100, 400_000_000])
    assert refuse_here(data, limits=Limits(clip_duration_s=300_000)) in {"absurd_time_base", "too_long"}


def test_a_playlist_inside_a_video_name_opens_nothing(tmp_path):
    path = tmp_path / "concat:a|b.mp4"
    path.write_bytes(make_clip(3))
    assert open_here(path).indices == [0, 1, 2]


def test_pixels_of_one_frame_are_not_those_of_the_next():
    pictures = open_here(make_clip(4)).pictures
    assert [round(float(picture.pixels.mean())) for picture in pictures] == pytest.approx(
        [to_grey(k) for k in range(4)], abs=3
    )


# --- real files ---

REAL = {
    "video/decord/corrupted.mp4": ("broken corrupt", 29),
    "video/decord/flipping_a_pancake.mkv": ("", 310),
    "video/decord/unordered.mov": ("", 4),
    "video/decord/video_90.mov": ("", 3),
    "video/derived_bad/h265_video.moovless.mp4": ("no_index", 0),
    "video/derived_bad/h265_video.trunc50.mp4": ("no_index", 0),
    "video/derived_bad/h265_video.trunc_last1k.mp4": ("truncated_video", 0),
    "video/derived_bad/h265_video.zero_mid.mp4": ("broken corrupt", 6),
    "video/derived_bad/prog_8s.flip20.mp4": ("broken corrupt", 231),
    "video/derived_bad/prog_8s.trunc50.mp4": ("broken truncated", 120),
    "video/derived_bad/prog_8s.zero_mid.mp4": ("broken corrupt", 239),
    "video/go_mp4/sample_fragmented.mp4": ("", 10),
    "video/go_mp4/sample_init.enca.mp4": ("no_frames", 0),
    "video/go_mp4/sample_init.encv.mp4": ("encrypted", 0),
    "video/go_mp4/sample_qt.mp4": ("truncated_video", 0),
    "video/mp4ff/2xSencNoMdat.mp4": ("no_index", 0),
    "video/mp4ff/init_prog.mp4": ("truncated_video", 0),
    "video/mp4ff/opus.mp4": ("no_video", 0),
    "video/mp4ff/vvc_400kbps_2s.mp4": ("", 50),
    "video/torchcodec/h264_10bits.mp4": ("", 30),
    "fish/clips/V4361_20211006T162656Z_h265_1sec.mp4": ("", 32),
}


@pytest.mark.parametrize("name", REAL)
def test_real_files_end_as_they_should(real_data, name):
    def read():
        opened = open_here(real_data / name)
        return (f"broken {opened.ending.broken}" if opened.ending.broken else "", len(opened.pictures))

    end, frames = REAL[name]
    assert find_reason(read) == ((end, frames) if frames else end)
    assert find_reason(lambda: open_here(real_data / name, probe=True).header.kind) == ("clip" if frames else end)


def test_all_frames_that_the_flips_damaged_are_named(real_data):
    """Compared with the undamaged file, every frame that differs is unread or flagged, and no other."""
    good = open_here(real_data / "video/mp4ff/prog_8s.mp4", sampling=every_nth(3))
    bad = open_here(real_data / "video/derived_bad/prog_8s.flip20.mp4", sampling=every_nth(3))
    truth = {picture.index: picture.pixels for picture in good.pictures}
    named = {event.index for event in bad.unread} | {picture.index for picture in bad.pictures if picture.flags}
    differing = {picture.index for picture in bad.pictures if not np.array_equal(picture.pixels, truth[picture.index])}
    assert differing | {event.index for event in bad.unread} == named


def test_fuzzed_files_are_refused(real_data):
    files = sorted((real_data / "video/mp4ff_fuzz").iterdir())
    assert len(files) >= 10
    assert {refuse_here(path) for path in files} <= {
        "not_media",
        "no_index",
        "unreadable_video",
        "no_video",
        "no_frames",
    }
