"""Many threads open units in few processes; pixels cross without a copy, in order, and nothing is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from schemas.errors import FatalFault, RejectedInput, TransientFault
from schemas.geometry import FramePlace, WholePart
from streams.feeds.decoding.channel.arena import Arena
from streams.feeds.decoding.limits import KEY_FRAMES, Limits, every_nth
from streams.feeds.decoding.pool import DecodingPool
from tests.support.media import encode_jpeg, find_index, make_clip, make_exif, make_noise, make_pixels, strip_box
from tests.support.opening import BY_WORD, count_descriptors


def read_still(pool, data, **options):
    with pool.open_unit(data, **options) as unit:
        (view,) = unit.views
        return view.image, view.pixels.copy()


def test_a_still_comes_as_an_image_with_the_pixels_opencv_makes(pool):
    data = encode_jpeg(make_noise(101, 67))
    image, pixels = read_still(pool, data)
    assert np.array_equal(pixels, cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB))
    assert (image.index, image.kind, image.width_px, image.height_px, image.offset_s) == (0, "still", 101, 67, 0.0)
    assert image.place == WholePart(part="still")


def test_a_still_has_a_header_and_an_ending(pool):
    data = encode_jpeg(make_pixels(64, 48), exif=make_exif(orientation=6, taken="2024:04:22 08:00:01"))
    with pool.open_unit(data) as unit:
        assert (unit.header.kind, unit.header.width_px, unit.header.height_px) == ("still", 48, 64)
        assert unit.header.exif_time == "2024:04:22 08:00:01"
        assert [view.pixels.shape for view in unit.views] == [(64, 48, 3)]
        assert (unit.ending.broken, unit.ending.duration_s, unit.unread) == ("", None, [])


@pytest.mark.parametrize("as_file", [True, False])
def test_a_clip_comes_frame_by_frame(pool, tmp_path, as_file):
    data = make_clip(40)
    path = tmp_path / "clip"
    path.write_bytes(data)
    with pool.open_unit(path if as_file else data, part="clip") as unit:
        seen = [(view.image.index, find_index(view.pixels)) for view in unit.views]
        assert seen == [(index, index % 13) for index in range(40)]
        assert unit.ending.duration_s == pytest.approx(4.0)


def test_a_frame_knows_its_place_in_the_part(pool):
    with pool.open_unit(make_clip(3), part="clip") as unit:
        images = [view.image for view in unit.views]
    assert all(isinstance(image.place, FramePlace) and image.place.part == "clip" for image in images)
    assert [image.offset_s for image in images] == [0.0, 0.1, 0.2]


def test_the_last_eight_views_stay_valid(pool):
    with pool.open_unit(make_clip(60), part="clip", depth=8) as unit:
        last = []
        for view in unit.views:
            last = [*last, view][-8:]
            assert [find_index(each.pixels) for each in last] == [each.image.index % 13 for each in last]


def test_nobody_writes_into_borrowed_pixels(pool):
    with pool.open_unit(encode_jpeg(make_pixels())) as unit:
        (view,) = unit.views
        with pytest.raises(ValueError, match="read-only"):
            view.pixels[0, 0, 0] = 1


def test_a_sampled_clip_counts_what_it_passed_over(pool):
    with pool.open_unit(make_clip(20), part="clip", sampling=every_nth(7)) as unit:
        assert [view.image.index for view in unit.views] == [0, 7, 14]
        assert unit.ending.passed_over == 17
    with pool.open_unit(make_clip(20, codec_options={"g": "10", "sc_threshold": "0"}), sampling=KEY_FRAMES) as unit:
        assert [view.image.index for view in unit.views] == [0, 10]


def test_a_probe_tells_what_it_is_without_pixels(pool):
    assert pool.probe(encode_jpeg(make_pixels())).format == "jpeg"
    header = pool.probe(make_clip(5, tags={"creation_time": "2021-10-06T16:26:56.000000Z"}))
    assert (header.kind, header.images, header.container_time) == ("clip", 5, "2021-10-06T16:26:56.000000Z")


def test_a_bad_unit_between_good_ones_spoils_none(pool):
    good = encode_jpeg(make_noise())
    _, wanted = read_still(pool, good)
    for bad in (b"rubbish", good[:-10], strip_box(make_clip(), "moov"), b""):
        with pytest.raises(RejectedInput), pool.open_unit(bad):
            pass
        assert np.array_equal(read_still(pool, good)[1], wanted)


def test_what_makes_a_clip_unusable_may_come_at_its_end(pool):
    data = make_clip(20)
    with pytest.raises(RejectedInput) as caught, pool.open_unit(data, limits=Limits(clip_images=15)) as unit:
        for _ in unit.views:
            pass
    assert caught.value.reason == "too_long"


def test_a_local_file_that_vanished_is_an_outage_and_no_fault_of_the_unit(pool, tmp_path):
    with pytest.raises(TransientFault), pool.open_unit(tmp_path / "gone"):
        pass


def test_a_reader_that_leaves_early_leaves_a_working_pool(pool):
    with pool.open_unit(make_clip(200), part="clip") as unit:
        next(iter(unit.views))
    assert read_still(pool, encode_jpeg(make_pixels()))[0].width_px == 64


def test_many_threads_get_their_own_pictures(pool):
    pictures = [encode_jpeg(make_noise(40 + seed, 30 + seed, seed=seed)) for seed in range(12)]
    clip = make_clip(30)

    def work(number):
        if number % 5 == 0:
            with pool.open_unit(clip, part="clip") as unit:
                return [find_index(view.pixels) for view in unit.views] == [index % 13 for index in range(30)]
        data = pictures[number % 12]
        wanted = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
        return np.array_equal(read_still(pool, data)[1], wanted)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(80)))


def test_pixels_held_while_others_decode_do_not_change(pool):
    first = encode_jpeg(make_noise(64, 48, seed=1))
    with pool.open_unit(first) as unit:
        (view,) = unit.views
        before = view.pixels.copy()
        for seed in range(2, 8):
            read_still(pool, encode_jpeg(make_noise(64, 48, seed=seed)))
        assert np.array_equal(view.pixels, before)


def test_frames_that_grow_get_larger_slots_and_none_is_mixed_up(word_pool):
    with word_pool.open_unit(b"grow:12", depth=3) as unit:
        last = []
        for view in unit.views:
            last = [*last, view][-3:]
            assert [int(each.pixels.mean()) for each in last] == [each.image.index for each in last]
    assert view.image.width_px == 8 + 40 * 11


@pytest.mark.parametrize("backing", ["unlinked", "named"])
@pytest.mark.skipif(os.name == "nt", reason="what Windows can do is the named kind alone")
def test_other_kinds_of_shared_memory_serve_too(backing):
    with DecodingPool(size=1, arena=Arena(backing)) as pool:
        assert read_still(pool, encode_jpeg(make_pixels()))[0].width_px == 64


# --- costs and leftovers ---


def test_the_parent_imports_no_decoder():
    script = (
        "import sys, streams.feeds.decoding.pool\nprint([name for name in ('av', 'cv2', 'PIL') if name in sys.modules])"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_process_opens_nothing_it_was_not_asked_for(pool):
    children = [decoder.process.pid for decoder in pool._idle]
    assert children
    for pid in children:
        names = {Path(mapping.path).name for mapping in psutil.Process(pid).memory_maps()}
        assert not any("pydantic" in name or "openvino" in name or "duckdb" in name for name in names)


def test_closing_ends_all_processes_and_descriptors():
    def work(pool):
        with pool.open_unit(make_clip(50), part="clip") as unit:
            next(iter(unit.views))  # which leaves a process in the middle
        read_still(pool, encode_jpeg(make_pixels()))

    with DecodingPool(size=2) as pool:
        work(pool)  # whatever is opened once and for all is open now
    threads = threading.active_count()
    before = count_descriptors()
    with DecodingPool(size=2) as pool:
        work(pool)
        children = [decoder.process for decoder in pool._idle]
    assert children
    assert all(child.poll() is not None for child in children)
    assert threading.active_count() == threads
    assert count_descriptors() == before


def test_a_closed_pool_opens_nothing():
    pool = DecodingPool(size=1)
    pool.close()
    with pytest.raises(TransientFault, match="closed"), pool.open_unit(b"anything"):
        pass


def test_closing_wakes_who_waits_for_a_picture():
    pool = DecodingPool(size=1, opener=BY_WORD, preload=())
    caught, asked = [], threading.Event()

    def wait():
        with pool.open_unit(b"clip:1"):
            asked.set()
        try:
            with pool.open_unit(b"hang:"):
                pass
        except TransientFault as fault:
            caught.append(fault)

    thread = threading.Thread(target=wait)
    thread.start()
    assert asked.wait(30)
    while not any(decoder.due_at for decoder in list(pool._busy)):
        thread.join(0.01)
    pool.close()
    thread.join(30)
    assert len(caught) == 1


def test_a_process_that_served_long_enough_is_replaced():
    with DecodingPool(size=1, units_per_process=3, preload=()) as pool:
        pids = []
        for _ in range(6):
            read_still(pool, encode_jpeg(make_pixels()))
            pids += [decoder.process.pid for decoder in pool._idle]
        assert len(set(pids)) == 2
        assert pool._count == 0


def test_a_pool_of_nothing_is_a_wrong_setting():
    with pytest.raises(FatalFault):
        DecodingPool(size=0)


def test_a_process_that_cannot_start_is_a_wrong_installation():
    with (
        DecodingPool(size=1, opener="no.such.module:open_any") as pool,
        pytest.raises(FatalFault, match="does not start"),
    ):
        read_still(pool, b"anything")


def test_no_password_of_ours_is_in_a_processs_environment(monkeypatch):
    monkeypatch.setenv("OBSERVATORY_STORE_SECRET_KEY", "hunter2")
    with DecodingPool(size=1) as pool:
        read_still(pool, encode_jpeg(make_pixels()))
        (decoder,) = pool._idle
        assert "hunter2" not in str(psutil.Process(decoder.process.pid).environ())


def test_hundreds_of_stills_leave_the_parents_memory_flat():
    data = encode_jpeg(make_noise(160, 120))
    parent = psutil.Process()
    with DecodingPool(size=2) as pool:
        for _ in range(100):
            read_still(pool, data)
        before = parent.memory_info().rss
        for _ in range(400):
            read_still(pool, data)
        assert parent.memory_info().rss - before < 4 << 20


def test_a_long_clip_takes_the_memory_of_a_few_frames():
    data = make_clip(1_500, size_px=(320, 240), codec_options={"preset": "ultrafast"})
    frame_bytes = 320 * 240 * 3
    with DecodingPool(size=1) as pool, pool.open_unit(data, part="clip") as unit:
        (decoder,) = pool._busy
        child = psutil.Process(decoder.process.pid)
        sizes = [child.memory_info().rss for view in unit.views if view.image.index in {20, 200, 1_499}]
        assert len(sizes) == 3
        assert max(sizes) - min(sizes) < 10 * frame_bytes
        assert os.fstat(pool.arena.descriptor).st_size < len(data) + 12 * 2 * frame_bytes
