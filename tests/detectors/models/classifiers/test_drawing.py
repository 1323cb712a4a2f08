"""The pictures beside a classifier's card: what a person reads from them stands in their pixels."""

from __future__ import annotations

import numpy as np

from detectors.models.classifiers.drawing import draw_confusions, draw_reliability
from detectors.models.classifiers.metrics import Reliability

BLUE = (90, 130, 190)


def count_blue(picture):
    """Return how many pixels are bar."""
    return int((picture == BLUE).all(axis=-1).sum())


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
    assert 2.7 < count_blue(high) / count_blue(low) < 3.3


def test_no_answers_give_an_empty_diagram():
    assert count_blue(draw_reliability([], title="t")) == 0
