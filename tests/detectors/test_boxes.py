"""Overlap of boxes, and the choice among overlapping ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from detectors.boxes import from_centres, measure_areas, measure_overlaps, suppress


def choose(boxes, scores, classes, *, iou=0.5, limit=300):
    places = suppress(
        np.asarray(boxes, dtype=np.float32),
        np.asarray(scores, dtype=np.float32),
        np.asarray(classes, dtype=np.int64),
        iou=iou,
        limit=limit,
    )
    return places.tolist()


def test_of_two_overlapping_boxes_of_one_class_the_better_stays():
    assert choose([[0, 0, 10, 10], [1, 0, 11, 10]], [0.5, 0.9], [0, 0]) == [1]


def test_boxes_of_different_classes_do_not_push_each_other_out():
    assert choose([[0, 0, 10, 10], [0, 0, 10, 10]], [0.5, 0.9], [0, 1]) == [1, 0]


def test_a_box_falls_only_when_it_overlaps_by_more_than_the_threshold():
    half = [[0, 0, 10, 10], [0, 0, 10, 5]]
    assert choose(half, [0.9, 0.8], [0, 0], iou=0.5) == [0, 1]
    assert choose(half, [0.9, 0.8], [0, 0], iou=0.49) == [0]


def test_a_box_that_fell_does_not_push_others_out():
    chain = [[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]]
    assert choose(chain, [0.9, 0.8, 0.7], [0, 0, 0], iou=0.3) == [0, 2]


def test_equal_scores_keep_their_order():
    apart = [[20 * place, 0, 20 * place + 10, 10] for place in range(4)]
    assert choose(apart, [0.5] * 4, [0] * 4) == [0, 1, 2, 3]


def test_no_more_than_the_limit_are_chosen_and_the_best_of_them():
    apart = [[20 * place, 0, 20 * place + 10, 10] for place in range(4)]
    assert choose(apart, [0.1, 0.4, 0.3, 0.2], [0] * 4, limit=2) == [1, 2]


def test_nothing_is_chosen_from_nothing():
    assert choose(np.zeros((0, 4)), [], []) == []


def test_centre_and_size_become_corners():
    assert from_centres(np.asarray([[10, 20, 4, 6]], dtype=np.float32)).tolist() == [[8, 17, 12, 23]]


@pytest.mark.parametrize(
    ("first", "second", "overlap"),
    [
        ([0, 0, 10, 10], [0, 0, 10, 10], 1.0),
        ([0, 0, 10, 10], [5, 0, 15, 10], 1 / 3),
        ([0, 0, 10, 10], [10, 0, 20, 10], 0.0),
        ([5, 5, 5, 5], [5, 5, 5, 5], 0.0),
    ],
)
def test_overlap_is_intersection_over_union(first, second, overlap):
    found = measure_overlaps(np.asarray([first], dtype=np.float64), np.asarray([second], dtype=np.float64))
    assert found[0, 0] == pytest.approx(overlap)


def test_an_inside_out_box_has_no_area():
    assert measure_areas(np.asarray([[5.0, 5.0, 1.0, 9.0]])).tolist() == [0.0]


corners = arrays.arrays(np.float32, st.tuples(st.integers(0, 30), st.just(2)), elements=st.integers(0, 200).map(float))


@given(corners=corners, seed=st.integers(0, 1000), iou=st.sampled_from([0.1, 0.45, 0.7]))
def test_what_stays_does_not_overlap_and_what_falls_overlaps_a_better_one(corners, seed, iou):
    random = np.random.default_rng(seed)
    boxes = np.concatenate([corners, corners + random.integers(1, 80, corners.shape)], axis=1).astype(np.float32)
    scores = random.random(len(boxes)).astype(np.float32)
    classes = random.integers(0, 2, len(boxes))
    kept = choose(boxes, scores, classes, iou=iou)
    overlaps = measure_overlaps(boxes.astype(np.float64), boxes.astype(np.float64))
    same = classes[:, None] == classes[None, :]
    for place in range(len(boxes)):
        better = [other for other in kept if other != place and same[place, other] and scores[other] >= scores[place]]
        clashes = [other for other in better if overlaps[place, other] > iou + 1e-3]
        if place in kept:
            assert not clashes
        else:
            assert any(overlaps[place, other] > iou - 1e-3 for other in better)
