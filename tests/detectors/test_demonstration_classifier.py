"""The classifier that comes with the package: small, honest about itself, and as good as its card says."""

from __future__ import annotations

import json

import numpy as np
import pytest

from detectors import pixels
from detectors.base import View
from detectors.flowcam.open import RoiOptions, open_classifier
from detectors.models.catalogue import SHIPPED_FOLDER, read_folder
from detectors.models.classifiers.filing import CONFUSIONS_FILE, RELIABILITY_FILE, SCORES_FILE, to_score_table
from detectors.models.classifiers.folder import open_classifier_model
from detectors.models.classifiers.learning.design import Design, choose_stages
from detectors.models.classifiers.learning.pictures import find_pictures
from detectors.models.classifiers.measuring import answer_pictures, make_trial
from detectors.registry import BuildContext, build_detector
from schemas.finding import UNIDENTIFIED, Image
from schemas.geometry import WholePart

SPEC = "demo-plankton@1"
FOLDER = SHIPPED_FOLDER / "demo-plankton" / "1"
NITRATE = "7-Pygsuia-SF-SW-NITRATE-day5-sample3-replicate3-08April2024"
SULFATE = "7-Pygsuia-SF-SW-sulfate-day5-sample2-replicate3-08April2024"
SUPPORT = {NITRATE: (845, 135, 20), SULFATE: (717, 96, 187)}


@pytest.fixture(scope="module")
def classifier():
    return open_classifier_model(SPEC)


def read_run(real_data, run):
    """Return the labelled pictures of a run, and their classes."""
    found = find_pictures(real_data / "plankton/flowcam_roi")
    mine = [picture for picture in found.pictures if picture.run == run]
    truth = np.asarray([found.labels.index(picture.label) for picture in mine], dtype=np.int64)
    return [pixels.read_picture(picture.path) for picture in mine], truth


def test_it_is_small_enough_to_come_along(classifier):
    assert len(classifier.model.data) < 300_000
    height_px, width_px = classifier.preprocessing.input_px
    operations = Design(classifier.preprocessing.channels, 3, choose_stages(width_px)).count_operations(
        (height_px, width_px)
    )
    assert operations < 20_000_000


def test_its_card_says_what_it_is_and_where_it_comes_from(classifier):
    card = classifier.card
    assert (card.provenance, card.classes) == ("demonstration", ("Junk", "Missed", "Protist"))
    (source,) = card.data
    assert (source.licence, source.pictures) == ("MIT", 2_000)
    assert "theLabUpstairs" in source.attribution
    assert "5d73e30c" in source.where
    assert any("never for counting" in limit for limit in card.limits)


def test_both_ways_of_learning_and_testing_stand_on_its_card_with_class_support(classifier):
    shipped, turned = classifier.card.figures, *classifier.card.others
    assert (shipped.learned, shipped.tested) == ((SULFATE,), (NITRATE,))
    assert (turned.learned, turned.tested) == ((NITRATE,), (SULFATE,))
    for trial in (shipped, turned):
        assert tuple(item.support for item in trial.classes) == SUPPORT[trial.tested[0]]


def test_it_beats_what_it_must_beat_both_ways(classifier):
    for trial, majority, regression in zip(
        (classifier.card.figures, *classifier.card.others), (0.3053, 0.2784), (0.549, 0.7583), strict=True
    ):
        assert [way.macro_f1 for way in trial.simpler] == pytest.approx([majority, regression], abs=2e-3)
        assert trial.macro_f1 > max(way.macro_f1 for way in trial.simpler)
        assert "does NOT" not in trial.compare()


def test_the_figures_on_its_card_are_those_of_the_very_file(classifier, real_data):
    said = classifier.card.figures
    read, truth = read_run(real_data, NITRATE)
    measured = make_trial(
        answer_pictures(classifier, read, truth), classifier, what=said.what,
        learned=(said.learned, said.learned_pictures), tested=said.tested, simpler=said.simpler,
    )  # fmt: skip
    assert [item.support for item in measured.classes] == [item.support for item in said.classes]
    for figure in ("accuracy", "macro_f1", "calibration_error", "unidentified"):
        assert getattr(measured, figure) == pytest.approx(getattr(said, figure), abs=2e-3), figure
    assert (FOLDER / SCORES_FILE).read_text(encoding="utf-8") == to_score_table(said)


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_it_names_particles_by_name_and_version_and_every_result_says_demonstration(classifier, real_data, runtime):
    read, truth = read_run(real_data, NITRATE)
    place = WholePart(part="still")
    views = [
        View(Image(index=index, kind="roi", width_px=roi.shape[1], height_px=roi.shape[0], place=place), roi)
        for index, roi in enumerate(read)
    ]
    detector = open_classifier(classifier, options=RoiOptions(runtime=runtime, requests=2, threads=1))
    answers = [finding for (finding,) in detector.look(views)]
    observer = detector.identity.to_observer(reader="run/1")
    detector.close()
    assert observer.is_demonstration
    assert (observer.models[0].name, observer.models[0].version) == ("demo-plankton", "1")
    named = np.asarray(
        [answer.label == classifier.card.classes[place] for answer, place in zip(answers, truth, strict=True)]
    )
    doubtful = np.asarray([answer.label == UNIDENTIFIED for answer in answers])
    assert doubtful.mean() == pytest.approx(classifier.card.figures.unidentified, abs=2e-3)
    assert named[~doubtful].mean() == pytest.approx(classifier.card.figures.identified_accuracy, abs=2e-3)


def test_settings_ask_for_it_by_name_and_version():
    detector = build_detector(
        "roi-classifier", {"model": SPEC}, BuildContext(read_folder(FOLDER / "nothing"), threads=1)
    )
    assert detector.identity.models[0].provenance == "demonstration"
    detector.close()


def test_its_classes_are_no_taxa_and_get_no_id(classifier):
    assert [taxon.aphia_id for taxon in classifier.taxa] == [None, None, None]
    assert [taxon.verdict for taxon in classifier.taxa][:2] == ["not_a_taxon", "not_a_taxon"]


def test_its_files_name_no_place_on_the_machine_it_was_trained_on(classifier):
    for path in FOLDER.glob("*.*"):
        data = path.read_bytes()
        assert not any(word in data for word in (b"/tmp/", b"/home")), path.name
    assert b"torch" not in classifier.model.data
    assert json.loads((FOLDER / "card.json").read_text(encoding="utf-8"))["model"] == "model.onnx"
    for name in (CONFUSIONS_FILE, RELIABILITY_FILE):
        assert pixels.read_picture(FOLDER / name).size
