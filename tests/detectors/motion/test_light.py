"""What counts as a change, and what is only light."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.motion.light import compare, to_logarithms, to_work_size
from tests.support.motion import make_bed, put


def look(picture, background=None):
    background = make_bed(noise=0) if background is None else background
    return compare(to_logarithms(picture, work_px=320), to_logarithms(background, work_px=320))


@pytest.mark.parametrize("light", [0.5, 0.8, 1.0, 1.5])
def test_brighter_or_darker_light_is_no_change(light):
    change = look(make_bed(light=light))
    assert np.percentile(change.strength, 99) < 4


def test_light_that_falls_off_across_the_picture_is_no_change():
    shade = np.linspace(0.6, 1.3, 320)[None, :, None]
    change = look(np.clip(make_bed(noise=0) * shade, 0, 255).astype(np.uint8))
    assert np.percentile(change.strength, 99) < 4


def test_light_of_another_colour_is_no_change():
    change = look(np.clip(make_bed() * np.asarray((0.7, 1.0, 1.2)), 0, 255).astype(np.uint8))
    assert np.percentile(change.strength, 99) < 4


def test_a_thing_stands_out_from_where_it_is_not():
    change = look(put(make_bed(), (100, 80, 140, 100)))
    assert np.median(change.strength[82:98, 104:136]) > 8
    assert np.median(change.strength[150:, :]) < 2


def test_a_bright_line_of_light_leaves_colour_at_rest():
    lit = make_bed(noise=0).astype(float)
    lit[120:124] *= 1.5
    change = look(np.clip(lit, 0, 255).astype(np.uint8))
    assert np.median(change.strength[120:124]) > 6
    assert np.median(change.colour[120:124]) < 2


def test_the_background_is_expected_under_the_light_of_the_picture():
    change = look(make_bed(light=0.5))
    expected = np.exp(change.expected.mean())
    seen = np.exp(to_logarithms(make_bed(light=0.5), work_px=320).mean())
    assert expected == pytest.approx(seen, rel=0.02)


def test_a_picture_without_colours_is_judged_by_its_brightness():
    def grey(picture):
        return np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)

    change = look(grey(put(make_bed(), (100, 80, 140, 100))), grey(make_bed(noise=0)))
    assert np.median(change.colour[82:98, 104:136]) > 3


@pytest.mark.parametrize(
    ("size", "work_px", "expected"),
    [
        ((640, 480), 400, (400, 300)),
        ((320, 240), 400, (320, 240)),
        ((2688, 1520), 400, (400, 226)),
        ((1, 1), 400, (16, 12)),
    ],
)
def test_pictures_are_shrunk_and_never_enlarged_but_for_specks(size, work_px, expected):
    assert to_work_size(*size, work_px) == expected
