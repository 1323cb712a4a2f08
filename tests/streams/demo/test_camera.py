"""What the generated camera shows, and that its truth is true."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from streams.demo.camera import VISIBLE_PX, build_camera
from streams.demo.cast import choose_cast
from streams.demo.fish import SPECIES, Pose, paint_fish
from streams.demo.light import to_daylight

WIDTH_PX, HEIGHT_PX = 320, 240


@pytest.fixture(scope="module")
def camera():
    return build_camera(3, width_px=WIDTH_PX, height_px=HEIGHT_PX)


def choose(seed, groups=2):
    return choose_cast(np.random.default_rng(seed), groups=groups, width_px=WIDTH_PX, height_px=HEIGHT_PX)


def take(camera, cast, *, daylight=0.9, clock_s=60.0):
    return camera.take(cast, daylight=daylight, seconds_s=0.0, clock_s=clock_s)


@pytest.mark.parametrize("seed", range(6))
def test_pixels_change_only_where_the_truth_has_an_animal(camera, seed):
    cast = choose(seed)
    with_animals, animals = take(camera, cast)
    without, _ = take(camera, ())
    changed = np.abs(with_animals.astype(int) - without).max(axis=2) > 12
    inside = np.zeros_like(changed)
    for swimmer in cast:  # those too small or hidden to be in the truth change pixels too
        patch = paint_fish(swimmer.species, swimmer.pose_at(0.0))
        high, wide = patch.cover.shape
        inside[max(patch.top, 0) : max(patch.top + high, 0), max(patch.left, 0) : max(patch.left + wide, 0)] = True
    assert not (changed & ~inside).any()
    for animal in animals:
        left, top, right, bottom = animal.box
        assert changed[top:bottom, left:right].mean() > 0.25


@pytest.mark.parametrize("seed", range(6))
def test_boxes_touch_the_animal_on_every_side(camera, seed):
    (swimmer, *_) = choose(seed, groups=1)
    picture, animals = take(camera, (swimmer,))
    empty, _ = take(camera, ())
    changed = np.abs(picture.astype(int) - empty).max(axis=2) > 6
    for animal in animals:
        left, top, right, bottom = animal.box
        rows, columns = np.nonzero(changed)
        assert abs(columns.min() - left) <= 3
        assert abs(columns.max() + 1 - right) <= 3
        assert abs(rows.min() - top) <= 3
        assert abs(rows.max() + 1 - bottom) <= 3


def test_boxes_lie_in_the_picture_and_are_not_tiny(camera):
    for seed in range(12):
        _, animals = take(camera, choose(seed, groups=3))
        for animal in animals:
            left, top, right, bottom = animal.box
            assert 0 <= left < right <= WIDTH_PX
            assert 0 <= top < bottom <= HEIGHT_PX
            assert (right - left) * (bottom - top) >= VISIBLE_PX


def test_an_empty_cast_is_an_empty_scene(camera):
    assert take(camera, choose(1, groups=0))[1] == ()


def test_what_nobody_can_see_in_the_dark_is_not_in_the_truth(camera):
    lit = sum(len(take(camera, choose(seed))[1]) for seed in range(8))
    dark = sum(len(take(camera, choose(seed), daylight=0.0)[1]) for seed in range(8))
    assert dark < lit / 2


def test_the_light_drifts_and_the_bed_stays(camera):
    first, second = (take(camera, (), clock_s=clock_s)[0].astype(float) for clock_s in (0.0, 14.0))
    assert abs(first.mean() / second.mean() - 1) > 0.05
    together = np.corrcoef(first[180:].mean(axis=2).ravel(), second[180:].mean(axis=2).ravel())[0, 1]
    assert together > 0.3


def test_equal_seeds_make_equal_cameras():
    one, two = (build_camera(5, width_px=64, height_px=64) for _ in range(2))
    other = build_camera(6, width_px=64, height_px=64)
    assert np.array_equal(take(one, ())[0], take(two, ())[0])
    assert not np.array_equal(take(one, ())[0], take(other, ())[0])


@pytest.mark.parametrize(("hour", "strength"), [(0, 0.0), (3, 0.0), (12, 1.0), (22, 0.0)])
def test_noon_is_bright_and_night_is_dark(hour, strength):
    assert to_daylight(dt.datetime(2024, 6, 12, hour, tzinfo=dt.UTC)) == pytest.approx(strength, abs=0.01)


@pytest.mark.parametrize("species", SPECIES, ids=lambda species: species.name)
def test_a_fish_has_a_body_a_tail_and_an_eye(species):
    patch = paint_fish(species, Pose(200, 150, 200, 1, 0.0, 0.0))
    columns = np.nonzero((patch.cover > 0.5).any(axis=0))[0]
    heights = (patch.cover > 0.5).sum(axis=0)[columns]
    assert 180 <= columns.size <= 204
    narrowest = heights[10:60].min()  # the root of the tail, between the fin and the body
    assert heights[: columns.size // 8].max() > 1.5 * narrowest
    assert heights.max() > 4 * narrowest
    head = patch.colour[:, columns[-60:]] * (patch.cover[:, columns[-60:], None] > 0.5)
    assert head.max() > 0.75
