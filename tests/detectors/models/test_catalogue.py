"""Finding a model and proving that it is that one."""

from __future__ import annotations

import json

import pytest

from detectors.models.catalogue import open_model, read_folder
from schemas.canonical import to_sha256
from schemas.errors import FatalFault, RejectedInput
from tests.support.networks import LABELS, make_mean_onnx


def make_card(**changed):
    figures = {"pictures": 1, "objects": 1, "map50": 0.5, "map50_95": 0.2, "classes": [], "how": "test"}
    source = {"name": "none", "licence": "CC0-1.0", "attribution": "nobody", "where": "nowhere", "pictures": 1}
    card = {
        "schema_name": "model-card/1", "name": "means", "version": "1", "title": "Means", "provenance": "demonstration",
        "sha256": to_sha256(make_mean_onnx()), "model": "model.onnx", "licence": "AGPL-3.0-or-later", "data": [source],
        "classes": list(LABELS), "training": "none", "split": "none", "figures": figures, "limits": ["means only"],
    }  # fmt: skip
    card.update(changed)
    return {key: value for key, value in card.items() if value is not None}


@pytest.fixture
def catalogue(tmp_path):
    folder = tmp_path / "catalogue" / "means" / "1"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(make_mean_onnx())
    (folder / "card.json").write_text(json.dumps(make_card()), encoding="utf-8")
    return tmp_path / "catalogue"


def write_card(catalogue, **changed):
    (catalogue / "means" / "1" / "card.json").write_text(json.dumps(make_card(**changed)), encoding="utf-8")


def test_a_model_is_found_by_name_and_version(catalogue):
    model = open_model("means@1", (read_folder(catalogue),))
    assert (model.name, model.version, model.provenance) == ("means", "1", "demonstration")
    assert model.card is not None
    assert model.card.limits == ("means only",)


def test_a_model_is_found_in_any_place_that_gives_bytes_by_key(catalogue):
    objects = {f"means/1/{path.name}": path.read_bytes() for path in (catalogue / "means" / "1").iterdir()}
    model = open_model("means@1", (objects.__getitem__,))
    assert model.sha256 == to_sha256(make_mean_onnx())


def test_a_store_that_rejects_an_absent_key_is_passed_over(catalogue):
    def read(key):
        reason = "missing_object"
        raise RejectedInput(reason, key)

    assert open_model("means@1", (read, read_folder(catalogue))).name == "means"


def test_an_unknown_model_is_a_fatal_fault(catalogue):
    with pytest.raises(FatalFault, match=r"No catalogue has the model means@2"):
        open_model("means@2", (read_folder(catalogue),))


def test_a_model_file_that_is_gone_is_a_fatal_fault(catalogue):
    (catalogue / "means" / "1" / "model.onnx").unlink()
    with pytest.raises(FatalFault, match="is not there"):
        open_model("means@1", (read_folder(catalogue),))


def test_a_model_that_was_changed_is_refused(catalogue):
    (catalogue / "means" / "1" / "model.onnx").write_bytes(make_mean_onnx(input_px=(32, 32)))
    with pytest.raises(FatalFault, match="is not the one its card describes"):
        open_model("means@1", (read_folder(catalogue),))


def test_a_card_that_names_other_classes_is_refused(catalogue):
    write_card(catalogue, classes=["fish"])
    with pytest.raises(FatalFault, match="classes"):
        open_model("means@1", (read_folder(catalogue),))


@pytest.mark.parametrize("missing", ["licence", "data", "classes", "limits", "sha256", "split"])
def test_a_card_that_leaves_something_out_is_refused_and_says_what(catalogue, missing):
    write_card(catalogue, **{missing: None})
    with pytest.raises(FatalFault, match=missing):
        open_model("means@1", (read_folder(catalogue),))


def test_a_card_filed_under_another_name_is_refused(catalogue):
    write_card(catalogue, name="others")
    with pytest.raises(FatalFault, match="is that of others@1"):
        open_model("means@1", (read_folder(catalogue),))


@pytest.mark.parametrize("path", ["../secret.onnx", "/etc/passwd", "a\\b.onnx", ".hidden"])
def test_a_card_cannot_reach_outside_its_folder(catalogue, path):
    (catalogue / "means" / "secret.onnx").write_bytes(make_mean_onnx())
    write_card(catalogue, model=path)
    with pytest.raises(FatalFault, match="is not there"):
        open_model("means@1", (read_folder(catalogue),))


def test_a_file_of_the_users_own_needs_no_card(tmp_path):
    path = tmp_path / "My Fish_v2.onnx"
    path.write_bytes(make_mean_onnx())
    model = open_model(str(path))
    assert (model.name, model.version, model.provenance) == ("my-fish-v2", model.sha256[:12], "user")
    assert model.network is not None
    assert model.network.labels == LABELS


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gone.onnx", "cannot be read"),
        ("model.h5", "is no model file"),
        ("alone.xml", "cannot be read"),
        ("", "0 .xml"),
    ],
)
def test_a_path_that_is_no_model_says_why(tmp_path, name, sentence):
    (tmp_path / "model.h5").write_bytes(b"x")
    if name:
        (tmp_path / "alone.xml").write_bytes(b"<net/>")
    with pytest.raises(FatalFault, match=sentence):
        open_model(str(tmp_path / name))
