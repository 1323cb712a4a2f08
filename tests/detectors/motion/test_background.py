"""What a background picture is made of, and what it refuses."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from detectors import pixels
from detectors.motion.background import ClipBackground, build_background, load_background
from detectors.motion.light import to_logarithms
from detectors.motion.parameters import MotionParameters
from schemas.canonical import to_sha256
from schemas.errors import RejectedInput
from tests.support.motion import make_bed, put


def test_animals_are_not_in_the_background():
    pictures = [put(make_bed(seed=n), (40 * n % 280, 60, 40 * n % 280 + 30, 90)) for n in range(12)]
    background = build_background(pictures)
    assert np.abs(background[..., :3].astype(int) - make_bed(noise=0)).max() <= 6


def test_a_day_from_dawn_to_dusk_makes_one_background():
    dim, bright = make_bed(noise=0, light=0.4), make_bed(noise=0, light=1.6)
    background = build_background([make_bed(seed=n, light=0.4 + 0.1 * n) for n in range(13)])[..., :3].astype(float)
    ratio = background / bright
    assert ratio.std() / ratio.mean() < 0.03
    assert dim.mean() < background.mean() < bright.mean()


def test_pictures_of_the_night_do_not_darken_it():
    day, night = [make_bed(seed=n) for n in range(5)], [make_bed(seed=n, light=0.04) for n in range(9)]
    background = build_background([*day, *night])
    assert np.abs(background[..., :3].astype(int) - make_bed(noise=0)).mean() < 2


def test_a_place_that_flickers_is_known_to_be_restless():
    flicker = [put(make_bed(seed=n), (100, 100, 140, 140), (90 + 40 * (n % 3),) * 3) for n in range(12)]
    unrest = 255 - build_background(flicker)[..., 3].astype(int)
    assert unrest[110:130, 110:130].mean() > 15
    assert unrest[10:50, 10:50].mean() < 5


def test_the_order_of_the_pictures_does_not_matter():
    pictures = [make_bed(seed=n) for n in range(10)]
    assert np.array_equal(build_background(pictures), build_background(reversed(pictures)))


def test_many_pictures_need_no_more_memory_than_a_few():
    base = make_bed(width_px=160, height_px=120)
    tracemalloc.start()
    try:
        build_background(np.roll(base, shift, axis=1) for shift in range(1_500))
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 0.4 * 1_500 * base.nbytes


def test_the_digest_is_that_of_the_file():
    data = pixels.encode_png(build_background([make_bed()]))
    background = load_background(data)
    assert background.sha256 == to_sha256(data)
    assert np.array_equal(background.picture, build_background([make_bed()]))


def test_a_background_without_unrest_can_be_given_too():
    background = load_background(pixels.encode_png(make_bed(noise=0)))
    logarithms, unrest = background.to_work(width_px=160, height_px=120)
    assert logarithms.shape == (120, 160, 3)
    assert unrest is None


@pytest.mark.parametrize("data", [b"", b"GIF89a", pixels.encode_jpeg(make_bed())[:200]])
def test_what_is_no_picture_is_no_background(data):
    with pytest.raises(RejectedInput) as caught:
        load_background(data)
    assert caught.value.reason == "not_an_image"


def test_no_pictures_make_no_background():
    with pytest.raises(RejectedInput) as caught:
        build_background([])
    assert caught.value.reason == "no_pictures"


def test_pictures_of_two_sizes_make_no_background():
    with pytest.raises(RejectedInput) as caught:
        build_background([make_bed(), make_bed(width_px=160, height_px=120)])
    assert caught.value.reason == "changing_size"


def test_a_background_of_another_shape_is_refused():
    background = load_background(pixels.encode_png(make_bed()))
    with pytest.raises(RejectedInput) as caught:
        background.to_work(width_px=400, height_px=225)
    assert caught.value.reason == "background_mismatch"


def test_a_clip_forgets_what_is_long_gone():
    model = ClipBackground(MotionParameters(background_views=5, background_every_s=1))
    for second in range(20):
        scene = put(make_bed(seed=second), (100, 100, 160, 160)) if second < 10 else make_bed(seed=second)
        model.learn(to_logarithms(scene, work_px=320), float(second))
    kept, _ = model.recall()
    empty = to_logarithms(make_bed(noise=0), work_px=320)
    difference = kept - (empty - np.median(empty, axis=(0, 1)))
    assert np.abs(difference[100:160, 100:160]).mean() < 0.05
