"""Training and showing models, as a person and a machine meet them."""

from __future__ import annotations

import importlib.util

import pytest

from detectors.models.about import TEMPLATE
from tests.detectors.models.classifiers.shapes import write_shapes
from tests.detectors.models.classifiers.test_adopting import write_sorted
from tests.support.classifiers import CLASSES, write_catalogue, write_classifier
from tests.support.deployments import ask, run_observatory
from tests.support.overfitted import require_train_extra

WITHOUT_EXTRA = importlib.util.find_spec("ultralytics") is None


@pytest.mark.skipif(not WITHOUT_EXTRA, reason="the train extra is installed")
def test_training_without_the_extra_says_how_to_get_it(tmp_path):
    told = ask("models", "train", "--task", "classify", write_shapes(tmp_path / "set"), tmp_path / "out")
    assert told["exit"] == 2
    assert "pip install observatory-streams[train]" in told["error"]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--task", "guess"), "--task is detect or classify."),
        (("--task", "detect"), "Name the folder for the weights"),
        (("--task", "classify", "--colours", "blue"), "--colours is grey or rgb."),
        (("--task", "classify", "--fit", "tight"), "--fit is pad, letterbox, stretch or middle."),
        (("--task", "classify", "--name", "No Name"), "is no name and version"),
        (("--task", "classify", "--aphia-ids", "absent.csv"), "needs the columns class and aphia_id"),
    ],
)
def test_wrong_options_are_said_before_any_work(tmp_path, options, sentence):
    told = ask("models", "train", *options, tmp_path)
    assert (told["exit"], sentence in told["error"]) == (2, True), told["error"]


@pytest.mark.train
def test_one_command_trains_files_and_says_the_line_for_the_settings(tmp_path):
    require_train_extra()
    root, catalogue = write_shapes(tmp_path / "my shapes"), tmp_path / "models"
    command = (
        "models", "train", "--task", "classify", root, catalogue, "--held-out", "tow-a", "--epochs", "2", "--input-px", "32",
        "--threads", "2",
    )  # fmt: skip
    told = ask(*command)
    assert told["exit"] == 0, told
    assert told["model"] == "my-shapes@1"
    assert told["card"]["figures"]["tested"] == ["tow-a"]
    shown = ask("models", "show", catalogue / "my-shapes/1")
    assert shown["card"] == told["card"]
    assert "filed already" in ask(*command)["error"]


def test_a_classifier_is_shown_with_what_its_classes_stand_for(tmp_path):
    shown = ask("models", "show", write_classifier(tmp_path / "mine"))
    assert shown["exit"] == 0, shown
    assert [(item["label"], item["verdict"]) for item in shown["classes"]] == [
        ("Chaetoceros", "taken"), ("Detritus", "not_a_taxon"), ("Tripos_fusus", "taken"),
    ]  # fmt: skip
    assert "It has no card" in run_observatory("models", "show", str(tmp_path / "mine")).stdout


@pytest.mark.parametrize(("ids", "overruled"), [(("148985", "Detritus", "1"), 1), (None, 2)])
def test_ids_that_are_overruled_are_counted_and_unknown_ones_are_not(tmp_path, ids, overruled):
    shown = ask("models", "show", write_classifier(tmp_path / "mine", ids=ids))
    assert shown["overruled"] == overruled
    nameless = ask("models", "show", write_classifier(tmp_path / "other", classes=("a1", "b2", "c3"), ids=None))
    assert nameless["overruled"] == 0


def test_the_folder_of_a_classifier_is_filed_and_validated_with_the_commands_for_detectors(tmp_path):
    sent = write_classifier(tmp_path / "sent", ids=("148985", "Detritus", "1"))
    sorted_ = write_sorted(tmp_path / "sorted", {(label, label): 2 for label in CLASSES})
    about = tmp_path / "about.toml"
    about.write_text(TEMPLATE.replace('"..."', '"said"'), encoding="utf-8")
    named = ("--name", "mine", "--version", "1", "--about", about)
    filed = ask("models", "file", sent, *named, "--to", tmp_path / "models", "--data", sorted_)
    assert filed["exit"] == 0, filed
    assert (filed["model"], filed["card"]["figures"]["accuracy"], filed["overruled"]) == ("mine@1", 1.0, 1)
    (wrong,) = [item for item in filed["classes"] if item["verdict"] == "corrected"]
    assert (wrong["label"], wrong["said"], wrong["aphia_id"]) == ("Tripos_fusus", "1", 840626)
    validated = ask("models", "validate", tmp_path / "models/mine/1", sorted_, "--to", tmp_path / "pictures")
    assert (validated["exit"], validated["macro_f1"]) == (0, 1.0), validated
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {"confusions.png", "reliability.png"}


def test_detectors_and_classifiers_stand_in_one_list_each_with_its_own_figure(tmp_path):
    write_catalogue(tmp_path / "models")
    listed = ask("models", "list", tmp_path / "models")
    assert [item["name"] for item in listed["models"]] == ["colours"]
    said = run_observatory("models", "list", str(tmp_path / "models")).stdout
    assert "macro-F1" in said


def test_a_detectors_model_is_shown_too_and_one_that_is_not_there_is_wrong_use():
    shown = ask("models", "show", "demo-aquarium@1")
    assert shown["card"]["name"] == "demo-aquarium"
    assert ask("models", "show", "nothing@9")["exit"] == 2
