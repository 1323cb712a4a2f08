"""What the motion detector says of clips and stills."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import pixels
from detectors.boxes import measure_overlaps
from detectors.motion.background import build_background, load_background
from detectors.motion.detector import MOVING, SCENE_CHANGE, MotionDetector
from detectors.motion.parameters import MotionParameters
from schemas.errors import RejectedInput
from schemas.geometry import Whole
from tests.support.motion import FISH, SPECK, make_bed, make_clip, make_still, put, swim


def make_background():
    return load_background(pixels.encode_png(build_background([make_bed(seed=n) for n in range(7)])))


def overlap(finding, box):
    return float(measure_overlaps(np.asarray([finding.geometry.xyxy]), np.asarray([box], dtype=float))[0, 0])


# --- clips ---


def test_a_fish_that_crosses_the_view_is_followed_with_one_number():
    pictures, boxes = swim(60)
    found = list(MotionDetector().look(make_clip(pictures)))
    for findings, box in list(zip(found, boxes, strict=True))[25:]:
        (fish,) = findings
        assert (fish.label, fish.by, fish.score) == (MOVING, "method", None)
        assert overlap(fish, box) > 0.7
    assert len({findings[0].track for findings in found[25:]}) == 1


def test_an_empty_scene_is_answered_with_nothing():
    empty = make_clip([make_bed(seed=n) for n in range(30)])
    assert list(MotionDetector().look(empty)) == [()] * 30


def test_light_that_drifts_is_not_a_thing():
    drifting = make_clip([make_bed(seed=n, light=1 + 0.3 * np.sin(n / 6)) for n in range(40)])
    assert list(MotionDetector().look(drifting)) == [()] * 40


def test_a_fish_is_found_while_the_light_drifts():
    pictures, boxes = swim(60, light=lambda n: 1 + 0.3 * np.sin(n / 9))
    found = list(MotionDetector().look(make_clip(pictures)))
    hits = [any(overlap(f, box) > 0.5 for f in findings) for findings, box in zip(found, boxes, strict=True)]
    assert sum(hits[25:]) >= 33


def test_marine_snow_is_not_a_thing():
    random = np.random.default_rng(4)
    places, drift = random.uniform(0, 1, (60, 2)) * (310, 230), np.asarray((2, 1)) + random.normal(0, 3, (60, 2))
    snowing = []
    for number in range(40):
        picture = make_bed(seed=number)
        for x, y in np.mod(places + drift * number, (312, 232)).astype(int):
            picture = put(picture, (x, y, x + 3, y + 3), SPECK)
        snowing.append(picture)
    assert sum(len(findings) for findings in MotionDetector().look(make_clip(snowing))) == 0


def test_what_flashes_up_for_two_views_is_not_a_thing():
    pictures = [make_bed(seed=n) for n in range(40)]
    for number in (20, 21):
        pictures[number] = put(pictures[number], (100, 100, 140, 120))
    assert list(MotionDetector().look(make_clip(pictures))) == [()] * 40


def test_the_place_a_fish_left_is_not_a_thing_for_long():
    stayed = [put(make_bed(seed=n), (60, 60, 100, 80)) for n in range(20)]
    left = [make_bed(seed=100 + n) for n in range(40)]
    found = list(MotionDetector().look(make_clip([*stayed, *left])))
    assert [len(findings) for findings in found[30:]] == [0] * 30


def test_a_camera_that_is_moved_is_said_to_have_moved():
    still = [make_bed(seed=n) for n in range(30)]
    texture = np.random.default_rng(5).integers(0, 255, (30, 40, 3)).astype(np.uint8)
    elsewhere = np.kron(texture, np.ones((8, 8, 1), dtype=np.uint8))
    found = list(MotionDetector().look(make_clip([*still, *[elsewhere] * 5])))
    (change,) = found[30]
    assert (change.label, change.geometry) == (SCENE_CHANGE, Whole())
    assert dict(change.measures)["motion_share"] > 0.5


def test_boxes_are_in_the_pixels_of_the_picture_however_small_it_is_looked_at():
    pictures, boxes = swim(60)
    found = list(MotionDetector(MotionParameters(work_px=160, least_area_px=8)).look(make_clip(pictures)))
    assert overlap(found[40][0], boxes[40]) > 0.6


def test_a_fish_at_the_border_says_so():
    pictures, _ = swim(80)
    found = list(MotionDetector().look(make_clip(pictures)))
    assert found[70][0].flags == ("edge",)
    assert found[70][0].geometry.xyxy[2] == 320


def test_measures_say_how_large_and_how_clear_a_thing_is():
    pictures, _ = swim(60)
    findings = list(MotionDetector().look(make_clip(pictures)))[40]
    measures = dict(findings[0].measures)
    assert measures["area_px"] == pytest.approx(40 * 18, rel=0.2)
    assert 20 < measures["contrast"] < 80
    assert measures["motion_share"] == pytest.approx(40 * 18 / (320 * 240), rel=0.5)


@pytest.mark.parametrize("count", [1, 2])
def test_a_clip_of_one_or_two_views_is_refused(count):
    with pytest.raises(RejectedInput) as caught:
        list(MotionDetector().look(make_clip([make_bed()] * count)))
    assert caught.value.reason == "too_few_views"


def test_no_views_are_answered_with_nothing():
    assert list(MotionDetector().look([])) == []


def test_a_clip_whose_size_changes_is_refused():
    with pytest.raises(RejectedInput) as caught:
        list(MotionDetector().look(make_clip([make_bed()] * 4 + [make_bed(width_px=160, height_px=120)])))
    assert caught.value.reason == "changing_size"


def test_a_clip_without_colours_can_be_looked_at():
    pictures, boxes = swim(60)
    grey = [np.repeat(p.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8) for p in pictures]
    found = list(MotionDetector().look(make_clip(grey)))
    assert overlap(found[40][0], boxes[40]) > 0.6


# --- stills ---


def test_a_still_is_compared_with_its_background():
    box = (120, 90, 160, 110)
    still = put(make_bed(seed=50, light=0.7), box, tuple(int(0.7 * value) for value in FISH))
    (findings,) = MotionDetector(background=make_background()).look([make_still(still)])
    (fish,) = findings
    assert overlap(fish, box) > 0.8
    assert fish.track is None


def test_an_animal_that_fills_much_of_the_picture_is_one_thing():
    box = (40, 40, 260, 170)
    (findings,) = MotionDetector(background=make_background()).look([make_still(put(make_bed(seed=50), box))])
    (fish,) = findings
    assert overlap(fish, box) > 0.8


def test_each_still_of_a_unit_is_looked_at_on_its_own():
    detector = MotionDetector(background=make_background())
    box = (120, 90, 160, 110)
    views = [make_still(make_bed(seed=50)), make_still(put(make_bed(seed=51), box), index=1)]
    assert [len(findings) for findings in detector.look(views)] == [0, 1]


def test_without_a_background_stills_are_skipped_and_say_why():
    assert MotionDetector().decline("still") == "no_background"
    assert MotionDetector(background=make_background()).decline("still") is None
    assert MotionDetector().decline("clip") is None
    assert MotionDetector().decline("orthophoto") == "no_fixed_camera"


def test_a_still_that_comes_without_a_background_all_the_same_is_refused():
    with pytest.raises(RejectedInput) as caught:
        list(MotionDetector().look([make_still(make_bed())]))
    assert caught.value.reason == "no_background"


def test_a_still_of_another_shape_than_the_background_is_refused():
    with pytest.raises(RejectedInput) as caught:
        list(MotionDetector(background=make_background()).look([make_still(make_bed(height_px=180))]))
    assert caught.value.reason == "background_mismatch"


def test_another_background_is_another_observer():
    one = MotionDetector(background=make_background())
    two = MotionDetector(background=load_background(pixels.encode_png(make_bed())))
    observers = [detector.identity.to_observer(reader="still/1") for detector in (one, two, MotionDetector())]
    assert len({observer.to_digest() for observer in observers}) == 3


def test_where_the_background_lies_is_not_part_of_the_identity():
    background = make_background()
    one = MotionDetector(MotionParameters(background="here.png"), background)
    two = MotionDetector(MotionParameters(background="there.png"), background)
    assert one.identity.to_observer(reader="still/1") == two.identity.to_observer(reader="still/1")


def test_a_day_of_real_pictures_shows_fishes_and_not_the_reef(real_data):
    files = sorted((real_data / "fish" / "obsea").glob("*.jpg"))
    pictures = [pixels.read_picture(path) for path in files]
    background = load_background(pixels.encode_png(build_background(pictures)))
    found = list(MotionDetector(background=background).look([make_still(picture) for picture in pictures]))
    assert all(4 <= len(findings) <= 12 for findings in found)
    # the large fish of the first picture, marked by hand
    assert max(overlap(finding, (2288, 735, 2412, 852)) for finding in found[0]) > 0.7
