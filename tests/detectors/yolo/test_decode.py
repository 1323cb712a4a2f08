"""From a network's numbers to boxes in its input."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.yolo.decode import read_detections
from detectors.yolo.parameters import YoloParameters
from schemas.errors import FatalFault
from tests.support.networks import make_network

PARAMETERS = YoloParameters(conf=0.25, iou=0.5)


def make_raw(*candidates, masks=0):
    """Return raw predictions (1, 4 + 3 + masks, 20) of candidates (x, y, width, height, three scores)."""
    table = np.zeros((1, 7 + masks, 20), dtype=np.float32)
    for column, candidate in enumerate(candidates):
        table[0, : len(candidate), column] = candidate
    return table


def read(outputs, parameters=PARAMETERS, **network):
    return read_detections(tuple(outputs), make_network(**network), parameters)


def test_a_box_has_the_class_and_score_of_its_best_class():
    found = read([make_raw((30, 20, 10, 8, 0.1, 0.8, 0.3))])
    assert found.boxes.tolist() == [[25, 16, 35, 24]]
    assert found.classes.tolist() == [1]
    assert found.scores == pytest.approx([0.8])


def test_a_score_at_the_threshold_is_not_reported():
    found = read([make_raw((30, 20, 10, 8, 0.25, 0, 0), (60, 20, 10, 8, 0.2501, 0, 0))])
    assert found.scores == pytest.approx([0.2501])


def test_boxes_come_best_first_and_at_most_as_many_as_asked():
    raw = make_raw(*((20 * place, 20, 10, 8, 0.3 + place / 10, 0, 0) for place in range(4)))
    found = read([raw], YoloParameters(max_det=2))
    assert found.scores == pytest.approx([0.6, 0.5])


def test_classes_that_are_not_asked_for_neither_appear_nor_push_others_out():
    raw = make_raw((30, 20, 10, 8, 0.9, 0, 0), (31, 20, 10, 8, 0, 0, 0.8))
    found = read([raw], YoloParameters(classes=("Mújol",)))
    assert found.classes.tolist() == [2]


def test_rows_of_a_network_that_chooses_itself_are_taken_as_they_are():
    rows = np.zeros((1, 300, 6), dtype=np.float32)
    rows[0, 0] = [1, 2, 30, 40, 0.9, 2]
    rows[0, 1] = [1, 2, 30, 40, 0.8, 2]
    found = read([rows], end_to_end=True)
    assert found.boxes.tolist() == [[1, 2, 30, 40]] * 2
    assert found.classes.tolist() == [2, 2]


def test_masks_come_with_the_boxes_that_stay():
    raw = make_raw((30, 20, 10, 8, 0.9, 0, 0, 5, 6), (30, 20, 10, 8, 0.8, 0, 0, 7, 8), masks=2)
    prototypes = np.zeros((1, 2, 16, 24), dtype=np.float32)
    found = read([prototypes, raw], task="segment")
    assert found.coefficients.tolist() == [[5, 6]]
    assert found.prototypes is not None
    assert found.prototypes.shape == (2, 16, 24)


@pytest.mark.parametrize(
    ("outputs", "network", "sentence"),
    [
        ([np.zeros((1, 6, 20))], {}, "numbers a box"),
        ([np.zeros((1, 300, 7))], {"end_to_end": True}, "chooses by itself"),
        ([np.zeros((1, 7, 20)), np.zeros((1, 2, 8, 8))], {}, "are not those of a YOLO network"),
        ([np.zeros((1, 7, 20))], {"task": "segment"}, "are not those of a YOLO network"),
        ([np.full((1, 7, 20), np.nan)], {}, "not finite"),
        ([np.full((1, 300, 6), np.inf)], {"end_to_end": True}, "not finite"),
    ],
)
def test_outputs_of_another_kind_are_a_fatal_fault_and_not_an_empty_picture(outputs, network, sentence):
    with pytest.raises(FatalFault, match=sentence):
        read([output.astype(np.float32) for output in outputs], **network)
