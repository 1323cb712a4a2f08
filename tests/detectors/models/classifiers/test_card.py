"""A classifier's card: what it says of simpler ways, and which card is which."""

from __future__ import annotations

import json

import pytest

from detectors.models.classifiers.card import ClassScores, SimplerWay, Trial, is_classifier_card, read_classifier_card
from schemas.errors import FatalFault
from tests.support.classifiers import make_card, write_classifier

MAJORITY = SimplerWay(name="the commonest class", macro_f1=0.31, how="every picture is Junk")
REGRESSION = SimplerWay(name="a regression", macro_f1=0.55, how="on 39 measures")


def make_trial(macro_f1, *simpler):
    """Return a measurement beside simpler ways."""
    return Trial(
        what="the model", learned=("a",), tested=("b",), learned_pictures=2, tested_pictures=2, accuracy=0.5,
        macro_f1=macro_f1, calibration_error=0.0, unidentified=0.0,
        classes=(ClassScores(label="Junk", support=2, predicted=2),), simpler=simpler,
    )  # fmt: skip


def test_it_names_every_simpler_way_it_beats():
    said = make_trial(0.66, MAJORITY, REGRESSION).compare()
    assert said == "Macro-F1 0.66 beats the commonest class (0.31) and a regression (0.55)."


@pytest.mark.parametrize("macro_f1", [0.55, 0.4])
def test_it_says_plainly_what_it_does_not_beat_and_a_draw_is_no_victory(macro_f1):
    said = make_trial(macro_f1, MAJORITY, REGRESSION).compare()
    assert said == f"Macro-F1 {macro_f1:.2f} does NOT beat a regression (0.55); it beats the commonest class (0.31)."


def test_it_says_plainly_that_it_beats_nothing():
    said = make_trial(0.2, MAJORITY, REGRESSION).compare()
    assert said == "Macro-F1 0.20 does NOT beat the commonest class (0.31) and a regression (0.55)."


def test_it_says_when_nothing_was_measured_beside_it():
    assert "no simpler way was measured" in make_trial(0.9).compare()


def test_lists_show_its_macro_f1():
    assert make_trial(0.6595).headline == "macro-F1 0.659"


def test_a_card_goes_through_json_unchanged(tmp_path):
    card = make_card(write_classifier(tmp_path / "m"))
    read = read_classifier_card(json.dumps(card).encode())
    assert read_classifier_card(json.dumps(read.to_plain()).encode()) == read
    assert is_classifier_card(json.dumps(card).encode())
    assert not is_classifier_card(b'{"schema_name": "model-card/1"}')


def test_a_card_that_is_no_json_says_so():
    with pytest.raises(FatalFault, match="not JSON"):
        read_classifier_card(b"{")
