"""The pictures beside a classifier's card: what a person reads from them stands in their pixels."""

from __future__ import annotations

import numpy as np

from detectors.models.classifiers.drawing import draw_confusions, draw_reliability
from detectors.models.classifiers.metrics import Reliability

BLUE, DARK, ORANGE = (90, 130, 190), (50, 80, 130), (220, 160, 130)


def count_pixels(picture, *colours):
    """Return how many pixels have one of these colours."""
    return sum(int((picture == colour).all(axis=-1).sum()) for colour in colours)


def test_a_class_that_is_found_is_darker_on_the_diagonal_than_one_that_is_not():
    labels = ("a", "b")
    found = draw_confusions(np.array([[9, 0], [9, 0]]), labels, title="t")
    lost = draw_confusions(np.array([[0, 9], [0, 9]]), labels, title="t")
    assert found.shape == lost.shape
    assert found.dtype == np.uint8
    left, right = slice(-145, -82), slice(-80, -17)
    assert found[70:120, left].mean() < lost[70:120, left].mean()
    assert found[70:120, right].mean() > lost[70:120, right].mean()


def test_many_classes_still_fit_one_picture():
    labels = tuple(f"class {number} with a long name" for number in range(95))
    picture = draw_confusions(np.eye(95, dtype=np.int64), labels, title="t")
    assert max(picture.shape) < 2_200


def test_an_empty_row_is_drawn_without_dividing_by_nothing():
    assert draw_confusions(np.zeros((3, 3), dtype=np.int64), ("a", "b", "c"), title="t").max() == 255


def test_bars_are_as_high_as_the_share_that_was_right():
    low = draw_reliability([Reliability(0.6, 0.8, 10, 0.7, 0.25)], title="t")
    high = draw_reliability([Reliability(0.6, 0.8, 10, 0.7, 0.75)], title="t")
    assert low.shape == high.shape
    assert 2.7 < count_pixels(high, BLUE, DARK) / count_pixels(low, BLUE, DARK) < 3.3


def test_scores_that_promise_too_much_and_too_little_are_told_apart():
    bold, shy = (
        draw_reliability([Reliability(0.6, 0.8, 10, 0.7, right)], title="t") for right in (0.4, 0.95)
    )  # fmt: skip
    assert count_pixels(bold, ORANGE) > 0 == count_pixels(bold, DARK)
    assert count_pixels(shy, DARK) > 0 == count_pixels(shy, ORANGE)


def test_no_answers_give_an_empty_diagram():
    assert count_pixels(draw_reliability([], title="t"), BLUE, DARK, ORANGE) == 0
