"""A classifier that was made elsewhere: measured on sorted pictures, and filed with its own classes, ids and preprocessing."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image as Pillow

from detectors.models.catalogue import SHIPPED_FOLDER, read_folder
from detectors.models.classifiers.adopting import adopt_classifier, measure_on_folder
from detectors.models.classifiers.folder import open_classifier_model, read_classifier_folder
from detectors.models.filing import Shelf
from schemas.errors import FatalFault
from tests.detectors.models.shelves import ABOUT
from tests.support.classifiers import CLASSES, write_classifier
from tests.support.networks import make_colour_onnx

COLOURS = dict(zip(CLASSES, ((200, 20, 20), (20, 200, 20), (20, 20, 200)), strict=True))


def write_sorted(root, counts):
    """Write pictures of the colour of each class into its folder; ``(folder, colour of)`` -> how many."""
    for (folder, label), count in counts.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            pixels = np.full((12 + number, 15, 3), COLOURS[label], dtype=np.uint8)
            Pillow.fromarray(pixels).save(root / folder / f"{label}{number}.png")
    return root


def adopt(tmp_path, sent, **given):
    return adopt_classifier(sent, ABOUT, Shelf(tmp_path / "models", "colours", "1"), **given)


def test_a_filed_classifier_is_the_one_that_was_sent_with_its_ids_and_preprocessing(tmp_path):
    sent = write_classifier(tmp_path / "sent", ids=("148985", "Detritus", "1"))
    card = adopt(tmp_path, sent)
    found, given = open_classifier_model("colours@1", (read_folder(tmp_path / "models"),)), read_classifier_folder(sent)
    assert (found.model.sha256, found.preprocessing, found.taxa) == (
        given.model.sha256,
        given.preprocessing,
        given.taxa,
    )
    assert found.card == card
    assert (card.figures, card.trials, card.comparison, card.limits) == (None, (), (), ABOUT.limits)
    assert b"figures" not in (tmp_path / "models/colours/1/card.json").read_bytes()


@pytest.mark.parametrize(("image_size", "runs"), [(32, True), (48, False)])
def test_the_layout_of_the_phytoplankton_service_is_filed_in_ours_if_its_network_takes_such_pictures(
    tmp_path, image_size, runs
):
    sent = write_classifier(tmp_path / "sent", preprocessing=None, onnx=make_colour_onnx(input_px=(32, 32)))
    (sent / "dataset_files").mkdir()
    for name in ("classes.txt", "aphia_ids.txt"):
        (sent / name).rename(sent / "dataset_files" / name)
    (sent / "ckpts").mkdir()
    (sent / "model.onnx").rename(sent / "ckpts" / "best.onnx")
    (sent / "conf").mkdir()
    settings = {
        "model": {"image_size": image_size, "preprocess_mode": "tf"},
        "dataset": {"mean_RGB": [107.6, 107.6, 107.6], "std_RGB": [47.9, 47.9, 47.9]},
        "augmentation": {"val_mode": {"central_crop": True}},
    }
    (sent / "conf" / "conf.json").write_text(json.dumps(settings), encoding="utf-8")
    if not runs:
        with pytest.raises(FatalFault):
            adopt(tmp_path, sent)
        assert not (tmp_path / "models").exists()
        return
    assert adopt(tmp_path, sent).classes == CLASSES
    found = open_classifier_model("colours@1", (read_folder(tmp_path / "models"),))
    assert (found.preprocessing.input_px, found.preprocessing.mean) == ((32, 32), (107.6, 107.6, 107.6))
    assert [taxon.aphia_id for taxon in found.taxa] == [148985, None, 840626]


def test_it_is_measured_on_sorted_pictures_and_classes_without_any_count_for_nothing(tmp_path):
    root = write_sorted(
        tmp_path / "sorted",
        {("Chaetoceros", "Chaetoceros"): 3, ("Detritus", "Detritus"): 2, ("Detritus", "Chaetoceros"): 1},
    )
    card = adopt(tmp_path, write_classifier(tmp_path / "sent"), pictures=root)
    (trial,) = card.trials
    scores = {item.label: (item.support, item.predicted, item.f1) for item in trial.classes}
    assert scores["Chaetoceros"] == (3, 4, pytest.approx(6 / 7, abs=1e-4))
    assert scores["Detritus"] == (3, 2, pytest.approx(4 / 5, abs=1e-4))
    assert scores["Tripos_fusus"][:2] == (0, 0)
    assert trial.macro_f1 == pytest.approx((6 / 7 + 4 / 5) / 2, abs=1e-3)
    assert (trial.tested_pictures, trial.learned, trial.tested) == (6, (), ("sorted",))
    made = {path.name for path in (tmp_path / "models/colours/1").iterdir()}
    assert {"confusions.png", "reliability.png", "classes.csv", "card.json"} <= made


def test_folders_that_are_none_of_its_classes_are_named_and_nothing_is_filed(tmp_path):
    root = write_sorted(tmp_path / "sorted", {("Chaetoceros", "Chaetoceros"): 1, ("Misspelt", "Detritus"): 1})
    sent = write_classifier(tmp_path / "sent")
    with pytest.raises(FatalFault, match=r"no class Misspelt: .* Chaetoceros, Detritus, Tripos_fusus"):
        adopt(tmp_path, sent, pictures=root)
    assert not (tmp_path / "models" / "colours").exists()


def test_a_name_and_version_never_come_to_mean_another_classifier(tmp_path):
    sent = write_classifier(tmp_path / "sent")
    adopt(tmp_path, sent)
    with pytest.raises(FatalFault, match="another version"):
        adopt(tmp_path, sent)
    with pytest.raises(FatalFault, match="no name and version"):
        adopt_classifier(sent, ABOUT, Shelf(tmp_path / "models", "Colours", "1"))


def test_a_demonstration_model_stays_one_and_keeps_its_thresholds_whoever_files_it(tmp_path):
    shutil.copytree(SHIPPED_FOLDER / "demo-plankton" / "1", tmp_path / "sent")
    card = adopt(tmp_path, tmp_path / "sent")
    assert card.provenance == "demonstration"
    shipped = open_classifier_model("demo-plankton@1")
    found = open_classifier_model("colours@1", (read_folder(tmp_path / "models"),))
    assert found.thresholds == shipped.thresholds != {}
    assert found.model.provenance == "demonstration"


def test_measuring_alone_gives_the_same_figures_as_filing(tmp_path):
    root = write_sorted(tmp_path / "sorted", {(label, label): 2 for label in CLASSES})
    trial, answers = measure_on_folder(read_classifier_folder(write_classifier(tmp_path / "sent")), root)
    assert (trial.macro_f1, trial.accuracy, len(answers.truth)) == (1.0, 1.0, 6)
