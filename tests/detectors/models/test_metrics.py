"""Average precision and confusions."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.models.metrics import Sighting, count_confusions, measure_figures


def make_sighting(predicted, true):
    """Return a sighting of predicted (class, score, box) and true (class, box)."""
    return Sighting(
        boxes=np.asarray([box for _, _, box in predicted], dtype=np.float64).reshape(-1, 4),
        scores=np.asarray([score for _, score, _ in predicted], dtype=np.float64),
        classes=np.asarray([index for index, _, _ in predicted], dtype=np.int64),
        true_boxes=np.asarray([box for _, box in true], dtype=np.float64).reshape(-1, 4),
        true_classes=np.asarray([index for index, _ in true], dtype=np.int64),
    )


BOX, FAR = (0, 0, 10, 10), (100, 100, 110, 110)


def measure(*sightings, labels=("fish", "ray")):
    return measure_figures(sightings, labels, how="test")


def test_finding_everything_exactly_is_perfect():
    figures = measure(make_sighting([(0, 0.9, BOX), (1, 0.8, FAR)], [(0, BOX), (1, FAR)]))
    assert (figures.map50, figures.map50_95) == (1.0, 1.0)


def test_finding_nothing_is_worth_nothing():
    assert measure(make_sighting([], [(0, BOX)])).map50 == 0.0


def test_a_class_that_does_not_occur_is_not_counted():
    figures = measure(make_sighting([(0, 0.9, BOX), (1, 0.9, FAR)], [(0, BOX)]))
    assert [row.label for row in figures.classes] == ["fish"]
    assert figures.map50 == 1.0


def test_a_loose_box_counts_at_loose_overlaps_only():
    # overlap 0.6: found at 0.50, 0.55 and 0.60 of the ten
    figures = measure(make_sighting([(0, 0.9, (0, 0, 10, 6))], [(0, BOX)]))
    assert (figures.map50, figures.map50_95) == (1.0, pytest.approx(0.3))


def test_a_second_box_on_one_object_is_a_false_one():
    twice = make_sighting([(0, 0.9, BOX), (0, 0.8, BOX)], [(0, BOX), (0, FAR)])
    # recall stops at a half with precision one: 51 of 101 recalls
    assert measure(twice).map50 == pytest.approx(51 / 101, abs=1e-4)


def test_a_false_box_hurts_only_when_it_is_scored_above_a_true_one():
    above = make_sighting([(0, 0.9, FAR), (0, 0.8, BOX)], [(0, BOX)])
    below = make_sighting([(0, 0.9, BOX), (0, 0.8, FAR)], [(0, BOX)])
    assert (measure(above).map50, measure(below).map50) == (pytest.approx(0.5), 1.0)


def test_scores_are_compared_between_pictures():
    first = make_sighting([(0, 0.3, BOX)], [(0, BOX)])
    second = make_sighting([(0, 0.9, FAR)], [(0, BOX)])
    # the false box of the second picture outranks the true one of the first: precision 1/2 up to recall 1/2
    assert measure(first, second).map50 == pytest.approx(0.5 * 51 / 101, abs=1e-4)


def test_confusions_have_marked_rows_and_predicted_columns():
    sighting = make_sighting([(1, 0.9, BOX), (0, 0.9, (50, 50, 60, 60)), (0, 0.1, FAR)], [(0, BOX), (0, FAR)])
    assert count_confusions([sighting], 2).tolist() == [[0, 1, 1], [0, 0, 0], [1, 0, 0]]


def test_an_object_is_counted_once_however_many_boxes_lie_on_it():
    sighting = make_sighting([(0, 0.9, BOX), (0, 0.8, BOX)], [(0, BOX)])
    assert count_confusions([sighting], 1).tolist() == [[1, 0], [1, 0]]
