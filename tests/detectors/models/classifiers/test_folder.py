"""Reading a classifier's folder: complete ones of two layouts, and every way of being broken."""

from __future__ import annotations

import json

import pytest

from detectors.flowcam.open import RoiOptions, open_classifier
from detectors.models.catalogue import open_model, read_folder
from detectors.models.classifiers.folder import open_classifier_model, read_classifier_folder
from schemas.errors import FatalFault
from tests.support.classifiers import CLASSES, INPUT_PX, PREPROCESSING, make_roi, write_catalogue, write_classifier
from tests.support.networks import make_colour_onnx

SETTINGS = {
    "augmentation": {"train_mode": None, "use_augmentation": False, "val_mode": None},
    "dataset": {"mean_RGB": [158.3, 158.3, 158.3], "std_RGB": [48.9, 48.9, 48.9]},
    "model": {"image_size": 100, "modelname": "Xception", "num_classes": 3, "preprocess_mode": "tf"},
}


def open_and_close(classifier, **options):
    open_classifier(classifier, options=RoiOptions(requests=1, threads=1, **options)).close()


def write_service_layout(folder, *, settings=SETTINGS):
    """Write a folder as the phytoplankton service keeps its models, its Keras weights converted to ONNX."""
    for inner in ("dataset_files", "conf", "ckpts"):
        (folder / inner).mkdir(parents=True)
    (folder / "dataset_files" / "classes.txt").write_text("Artefact\nBellerochea\nTripos\n", encoding="utf-8")
    (folder / "dataset_files" / "aphia_ids.txt").write_text("Artefact\n447730\n494057\n", encoding="utf-8")
    (folder / "conf" / "conf.json").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "ckpts" / "final_model.onnx").write_bytes(make_colour_onnx(input_px=(100, 100), channels_last=True))
    return folder


def test_a_folder_says_its_classes_ids_and_preprocessing(tmp_path):
    classifier = read_classifier_folder(write_classifier(tmp_path / "My Model"))
    assert classifier.model.network is not None
    assert classifier.model.network.labels == CLASSES
    assert classifier.preprocessing == PREPROCESSING
    assert [taxon.aphia_id for taxon in classifier.taxa] == [148985, None, 840626]
    assert (classifier.model.name, classifier.model.provenance) == ("my-model", "user")
    assert classifier.model.version == classifier.model.sha256[:12]


def test_the_services_layout_is_read_with_its_settings(tmp_path):
    classifier = read_classifier_folder(write_service_layout(tmp_path / "phytoplankton_vliz"))
    assert (classifier.preprocessing.fit, classifier.preprocessing.shrinking) == ("stretch", "bilinear")
    assert (classifier.preprocessing.mean[0], classifier.preprocessing.scale[0]) == (158.3, 127.5)
    assert [taxon.verdict for taxon in classifier.taxa] == ["not_a_taxon", "corrected", "taken"]
    for runtime in ("openvino", "onnxruntime"):
        open_and_close(classifier, runtime=runtime)


def test_random_cuts_become_the_middle_square(tmp_path):
    settings = {**SETTINGS, "augmentation": {"val_mode": {"crop": 1.0, "zoom": 0.1}}}
    assert read_classifier_folder(write_service_layout(tmp_path / "m", settings=settings)).preprocessing.fit == "middle"


def test_a_file_may_be_named_where_a_folder_holds_several(tmp_path):
    folder = write_service_layout(tmp_path / "m")
    (folder / "ckpts" / "early.onnx").write_bytes(make_colour_onnx(input_px=(100, 100)))
    with pytest.raises(FatalFault, match=r"2 models \(ckpts/early\.onnx, ckpts/final_model\.onnx\)"):
        read_classifier_folder(folder)
    assert read_classifier_folder(folder / "ckpts" / "final_model.onnx").model.name == "m"


def test_a_catalogued_model_is_found_by_name_with_its_card(tmp_path):
    places = (read_folder(write_catalogue(tmp_path, thresholds=[["Chaetoceros", 0.6]])),)
    classifier = open_classifier_model("colours@1", places)
    assert classifier.card is not None
    assert (classifier.model.version, classifier.thresholds) == ("1", {"Chaetoceros": 0.6})
    assert read_classifier_folder(tmp_path / "colours" / "1") == classifier


def test_a_model_written_for_one_picture_is_run_one_by_one(tmp_path):
    for runtime in ("openvino", "onnxruntime"):
        folder = write_classifier(tmp_path / runtime, onnx=make_colour_onnx(input_px=INPUT_PX, batch=1))
        detector = open_classifier(
            read_classifier_folder(folder), options=RoiOptions(runtime=runtime, requests=1, threads=1)
        )
        colours = [(200, 100, 100), (100, 200, 100), (100, 100, 200)]
        assert [found[0].label for found in detector.look(map(make_roi, colours))] == list(CLASSES)
        detector.close()


BROKEN = {
    "no weights": ({}, "model.onnx", None, "holds no model"),
    "unreadable weights": ({}, "model.onnx", b"not a network", "could not run the model"),
    "cut weights": ({}, "model.onnx", make_colour_onnx(input_px=INPUT_PX)[:100], "could not run the model"),
    "weights of another size": ({}, "model.onnx", make_colour_onnx(input_px=(64, 64)), "takes pictures of"),
    "only Keras weights": ({}, "model.onnx", None, "Keras"),
    "no classes": ({"classes": None}, None, None, r"classes\.txt is missing"),
    "empty classes": ({"classes": ()}, None, None, "holds no class"),
    "an empty line": ({"classes": ("a", "", "b")}, None, None, "empty line"),
    "duplicate classes": ({"classes": ("a", "b", "a")}, None, None, "lists a more than once"),
    "fewer classes than outputs": ({"classes": ("a", "b"), "ids": None}, None, None, "each of its 2 classes"),
    "more classes than outputs": ({"classes": tuple("abcd"), "ids": None}, None, None, "each of its 4 classes"),
    "a class name no one can write": ({"classes": ("a", "b" * 201, "c")}, None, None, "too long"),
    "classes that are no text": ({}, "classes.txt", b"a\n\xff\xfe\nc\n", "not UTF-8"),
    "fewer ids than classes": ({"ids": ("1", "2")}, None, None, "3 classes and 2 lines"),
    "more ids than classes": ({"ids": ("1", "2", "3", "4")}, None, None, "3 classes and 4 lines"),
    "ids that are no text": ({}, "aphia_ids.txt", b"\xff\xff\n", "not UTF-8"),
    "no preprocessing": ({"preprocessing": None}, None, None, "nowhere how its pictures are prepared"),
    "preprocessing that is no JSON": ({}, "preprocessing.json", b"{", "not complete or not right"),
    "answers that are no shares": ({}, "model.onnx", make_colour_onnx(input_px=INPUT_PX, softmax=False), "no shares"),
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_a_broken_folder_stops_at_the_start_and_says_what_is_wrong(tmp_path, case, runtime):
    written, name, data, sentence = BROKEN[case]
    folder = write_classifier(tmp_path / "broken", **written)
    if name is not None:
        (folder / name).unlink()
        if data is not None:
            (folder / name).write_bytes(data)
    if case == "only Keras weights":
        (folder / "final_model.h5").write_bytes(b"HDF")
    with pytest.raises(FatalFault, match=sentence) as caught:
        open_and_close(read_classifier_folder(folder), runtime=runtime)
    assert str(tmp_path) not in caught.value.sentence


def test_ids_may_be_missing_and_the_report_says_so(tmp_path):
    classifier = read_classifier_folder(write_classifier(tmp_path / "m", ids=None))
    assert [taxon.verdict for taxon in classifier.taxa] == ["filled", "not_a_taxon", "filled"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "does not say how pictures are prepared"),
        ({**SETTINGS, "model": {**SETTINGS["model"], "preprocess_mode": "caffe"}}, "does not say"),
        ({**SETTINGS, "model": {**SETTINGS["model"], "image_size": "large"}}, "does not say"),
        ({**SETTINGS, "dataset": {"mean_RGB": [1.0], "std_RGB": [1.0]}}, "does not say"),
        (["not", "settings"], "does not say"),
    ],
)
def test_settings_of_the_service_that_cannot_be_used_are_refused(tmp_path, settings, sentence):
    with pytest.raises(FatalFault, match=sentence):
        read_classifier_folder(write_service_layout(tmp_path / "m", settings=settings))


CARDS = {
    "another model's weights": ({"sha256": "0" * 64}, "is not the one its card describes"),
    "another preprocessing": ({"preprocessing_sha256": "0" * 64}, "preprocessing of the model colours@1"),
    "other classes": ({"classes": ["a", "b", "c"]}, "classes of the model"),
    "another name": ({"name": "others"}, "is that of others@1"),
    "a file outside": ({"model": "../model.onnx"}, "outside its folder"),
    "no licence": ({"licence": None}, "licence"),
    "no data": ({"data": []}, "data"),
    "thresholds of no class": ({"thresholds": [["Copepod", 0.5]]}, "not complete"),
    "a detector's card": ({"schema_name": "model-card/1"}, "not a classifier's"),
}


@pytest.mark.parametrize("case", CARDS)
def test_a_card_that_does_not_fit_is_refused(tmp_path, case):
    changed, sentence = CARDS[case]
    place = tmp_path / "catalogue"
    write_catalogue(place, **{key: value for key, value in changed.items() if key != "name"})
    if "name" in changed:
        card = json.loads((place / "colours" / "1" / "card.json").read_text(encoding="utf-8"))
        (place / "colours" / "1" / "card.json").write_text(json.dumps({**card, **changed}), encoding="utf-8")
    with pytest.raises(FatalFault, match=sentence):
        open_classifier_model("colours@1", (read_folder(place),))


def test_no_such_model_is_fatal(tmp_path):
    with pytest.raises(FatalFault, match="No catalogue has the model colours@2"):
        open_classifier_model("colours@2", (read_folder(write_catalogue(tmp_path)),))


def test_a_classifier_is_not_taken_for_a_yolo_network(tmp_path):
    with pytest.raises(FatalFault, match="the detector roi-classifier runs it"):
        open_model("colours@1", (read_folder(write_catalogue(tmp_path)),))


def test_a_detectors_model_is_not_taken_for_a_classifier():
    with pytest.raises(FatalFault, match="not a classifier's"):
        open_classifier_model("demo-aquarium@1")
