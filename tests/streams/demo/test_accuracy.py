"""How boxes are matched with the truth, and that the motion detector is worth its name."""

from __future__ import annotations

import pytest

from streams.demo.accuracy import Accuracy, Score, match_boxes, measure_motion

BOX, MOVED, ELSEWHERE = (10, 10, 50, 30), (20, 10, 60, 30), (200, 10, 240, 30)


@pytest.mark.parametrize(
    ("found", "true", "matched"),
    [
        ([], [], 0),
        ([BOX], [], 0),
        ([], [BOX], 0),
        ([BOX], [BOX], 1),
        ([MOVED], [BOX], 1),
        ([ELSEWHERE], [BOX], 0),
        ([BOX, MOVED], [BOX], 1),
        ([BOX, MOVED], [MOVED, BOX], 2),
        ([BOX, BOX, ELSEWHERE], [BOX, ELSEWHERE], 2),
    ],
)
def test_each_box_is_matched_once(found, true, matched):
    assert match_boxes(found, true) == matched


def test_a_box_that_shares_too_little_does_not_match():
    assert match_boxes([(10, 10, 20, 30)], [(10, 10, 50, 30)]) == 0


def test_scores_of_images_add_up():
    score = Score(1, 2, 4, 2) + Score(1, 2, 0, 0)
    assert score == Score(2, 4, 4, 2)
    assert (score.precision, score.recall, score.f1) == (0.5, 0.5, 0.5)


def test_saying_nothing_where_nothing_is_is_right():
    assert (Score(1).precision, Score(1).recall, Score(1).f1) == (1.0, 1.0, 1.0)


@pytest.mark.slow
def test_most_animals_of_a_generated_day_are_found_and_little_else():
    measured = measure_motion(seeds=(21,))
    assert isinstance(measured, Accuracy)
    assert measured.stills.images == 24
    assert measured.stills.f1 > 0.75
    assert measured.settled.f1 > 0.75
    assert measured.clips.images == 80
