"""Figures of a classifier: against counts made by hand, and what holds for any answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from detectors.models.classifiers.metrics import (
    Answers,
    choose_thresholds,
    count_confusions,
    find_temperature,
    mean_f1,
    measure_calibration_error,
    measure_reliability,
    score_classes,
    to_shares,
)

LABELS = ("Junk", "Missed", "Protist")


def make_answers(scores, rights):
    """Return answers of two classes: the first is said with each score, and is right where told."""
    scores = np.asarray(scores, dtype=np.float64)
    return Answers(np.stack([scores, 1 - scores], axis=1), np.where(rights, 0, 1).astype(np.int64))


def test_precision_recall_and_f1_are_those_counted_by_hand():
    truth, said = np.array([0, 0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 2, 1, 0, 1])
    table = count_confusions(truth, said, 3)
    assert table.tolist() == [[2, 1, 1], [1, 1, 0], [0, 1, 0]]
    junk, missed, protist = score_classes(table, LABELS)
    assert (junk.support, junk.predicted, junk.precision, junk.recall) == (4, 3, 0.6667, 0.5)
    assert (missed.precision, missed.recall, missed.f1) == (0.3333, 0.5, 0.4)
    assert (protist.support, protist.f1) == (1, 0.0)
    assert mean_f1((junk, missed, protist)) == pytest.approx((4 / 7 + 0.4 + 0) / 3, abs=1e-4)


def test_a_class_nobody_named_has_no_precision_and_one_without_pictures_no_recall():
    scored = score_classes(count_confusions(np.array([0, 1]), np.array([0, 0]), 3), LABELS)
    assert (scored[1].precision, scored[1].recall, scored[1].f1) == (None, 0.0, 0.0)
    assert (scored[2].precision, scored[2].recall, scored[2].f1) == (None, None, None)


def test_macro_f1_counts_a_class_never_found_as_nought_and_leaves_out_classes_without_pictures():
    assert mean_f1(score_classes(count_confusions(np.array([0, 1]), np.array([0, 0]), 3), LABELS)) == pytest.approx(
        1 / 3, abs=1e-4
    )
    with pytest.raises(ValueError, match="no picture was tested"):
        mean_f1(score_classes(np.zeros((3, 3), dtype=np.int64), LABELS))


def test_naming_everything_by_the_commonest_class_scores_as_the_majority_baseline():
    truth = np.repeat([0, 1, 2], [845, 135, 20])
    assert mean_f1(score_classes(count_confusions(truth, np.zeros_like(truth), 3), LABELS)) == 0.3053


def test_scores_that_mean_what_they_say_have_no_calibration_error():
    answers = make_answers([0.75] * 8, [True] * 6 + [False] * 2)
    (single,) = measure_reliability(answers)
    assert (single.pictures, single.score, single.right) == (8, 0.75, 0.75)
    assert measure_calibration_error((single,)) == 0.0


def test_scores_that_promise_too_much_are_off_by_the_difference():
    assert measure_calibration_error(measure_reliability(make_answers([0.95] * 4, [True, True, False, False]))) == 0.45


@settings(deadline=None)
@given(
    arrays.arrays(np.float64, st.tuples(st.integers(1, 40), st.just(3)), elements=st.floats(-20, 20)),
    st.randoms(use_true_random=False),
)
def test_every_answer_is_in_one_bin_and_figures_are_shares(logits, random):
    truth = np.asarray([random.randrange(3) for _ in logits], dtype=np.int64)
    answers = Answers(to_shares(logits), truth)
    bins = measure_reliability(answers)
    assert sum(item.pictures for item in bins) == len(truth)
    assert all(item.low - 1e-9 <= item.score <= item.high + 1e-9 for item in bins)
    assert 0 <= measure_calibration_error(bins) <= 1
    table = count_confusions(truth, answers.best, 3)
    assert table.sum() == len(truth)
    assert np.trace(table) == answers.right.sum()
    assert 0 <= mean_f1(score_classes(table, LABELS)) <= 1


@pytest.mark.parametrize("planted", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_planted_is_found(planted):
    random = np.random.default_rng(1)
    logits = random.normal(0, 2, (6_000, 3))
    shares = to_shares(logits)
    truth = (random.random((6_000, 1)) > shares.cumsum(axis=1)).sum(axis=1)
    assert find_temperature(logits * planted, truth) == pytest.approx(planted, rel=0.08)


def test_a_threshold_is_the_lowest_score_from_which_a_class_is_right_as_often_as_asked():
    scores = np.linspace(0.99, 0.6, 40)
    answers = make_answers(scores, np.arange(40) < 20)
    threshold = dict(choose_thresholds(answers, LABELS[:2], precision=0.8))["Junk"]
    believed = scores >= threshold
    assert answers.right[believed].mean() >= 0.8
    assert answers.right[: believed.sum() + 1].mean() < 0.8


def test_a_class_always_right_needs_no_threshold_and_one_seldom_answered_takes_the_precision_itself():
    assert choose_thresholds(make_answers([0.9] * 20, [True] * 20), LABELS[:2], precision=0.9) == (("Missed", 0.9),)
    assert dict(choose_thresholds(make_answers([0.9] * 5, [True] * 5), LABELS[:2], precision=0.9))["Junk"] == 0.9
