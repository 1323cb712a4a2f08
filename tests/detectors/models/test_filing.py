"""Filing a model of one's own: found by name and version afterwards, with a card that says what is known."""

from __future__ import annotations

import shutil

import pytest

from detectors.models.about import TEMPLATE, read_about
from detectors.models.card import Figures
from detectors.models.catalogue import SHIPPED_FOLDER, open_model, read_folder
from detectors.models.filing import Shelf, file_own
from schemas.canonical import to_sha256
from schemas.errors import FatalFault
from tests.detectors.models.shelves import ABOUT, file_means
from tests.support.networks import LABELS, make_mean_onnx

SHIPPED = SHIPPED_FOLDER / "demo-aquarium" / "1"


def test_a_filed_model_is_found_by_its_name_and_version_and_is_that_one(tmp_path):
    card = file_means(tmp_path / "models")
    model = open_model("means@1", (read_folder(tmp_path / "models"),))
    assert (model.sha256, model.provenance) == (to_sha256(make_mean_onnx()), "user")
    assert model.card == card
    assert (card.classes, card.limits, card.licence) == (tuple(LABELS), ("means only",), "CC0-1.0")


def test_what_nobody_measured_is_absent_from_the_card_and_not_nought(tmp_path):
    card = file_means(tmp_path / "models")
    assert card.figures is None
    assert b"figures" not in (tmp_path / "models/means/1/card.json").read_bytes()


def test_the_file_that_is_measured_is_the_one_that_is_filed(tmp_path):
    figures = Figures(pictures=3, objects=4, map50=0.5, map50_95=0.25, classes=(), how="by hand")
    seen = []

    def measure(model):
        seen.append(model.sha256)
        return figures

    card = file_means(tmp_path / "models", measure=measure)
    assert (card.figures, seen) == (figures, [card.sha256])


def test_a_name_and_version_never_come_to_mean_another_model(tmp_path):
    file_means(tmp_path / "models")
    with pytest.raises(FatalFault, match="another version"):
        file_means(tmp_path / "models")
    assert file_means(tmp_path / "models", version="2").version == "2"


@pytest.mark.parametrize("form", ["folder", "xml"])
def test_openvino_files_are_filed_with_their_weights_and_metadata(tmp_path, form):
    shutil.copytree(SHIPPED, tmp_path / "sent")
    (tmp_path / "sent" / "model.xml").rename(tmp_path / "sent" / "best.xml")
    (tmp_path / "sent" / "model.bin").rename(tmp_path / "sent" / "best.bin")
    path = tmp_path / "sent" if form == "folder" else tmp_path / "sent" / "best.xml"
    card = file_own(path, ABOUT, Shelf(tmp_path / "models", "animals", "a.1"))
    model = open_model("animals@a.1", (read_folder(tmp_path / "models"),))
    assert model.sha256 == card.sha256 == open_model("demo-aquarium@1").sha256
    assert sorted(path.name for path in (tmp_path / "models/animals/a.1").iterdir()) == [
        "card.json",
        "metadata.yaml",
        "model.bin",
        "model.xml",
    ]


def fail(_model):
    raise FatalFault(sentence="The pictures cannot be read.")


@pytest.mark.parametrize("why", ["no file", "no model", "wrong name", "wrong version", "measuring fails"])
def test_what_cannot_be_filed_leaves_nothing_behind(tmp_path, why):
    sent = tmp_path / "sent.onnx"
    sent.write_bytes(b"no model" if why == "no model" else make_mean_onnx())
    name, version = "Means" if why == "wrong name" else "means", "../1" if why == "wrong version" else "1"
    path = tmp_path / "absent.onnx" if why == "no file" else sent
    shelf = Shelf(tmp_path / "models", name, version)
    with pytest.raises(FatalFault):
        file_own(path, ABOUT, shelf, measure=fail if why == "measuring fails" else None)
    assert [path for path in tmp_path.rglob("*") if path.name not in {"sent.onnx", "models"}] == []


def test_other_versions_stay_where_one_cannot_be_filed(tmp_path):
    file_means(tmp_path / "models")
    with pytest.raises(FatalFault):
        file_means(tmp_path / "models", version="2", measure=fail)
    assert open_model("means@1", (read_folder(tmp_path / "models"),)).version == "1"
    assert not (tmp_path / "models/means/2").exists()


# --- what is said about it ---


def write(folder, text):
    path = folder / "about.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_template_is_refused_until_it_is_written_and_names_what_is_not(tmp_path):
    with pytest.raises(FatalFault) as raised:
        read_about(write(tmp_path, TEMPLATE))
    for line in ("title", "licence", "training", "split", "limits", "data.name", "data.attribution", "data.where"):
        assert line in str(raised.value)


def test_the_template_filled_in_is_what_a_card_says(tmp_path):
    about = read_about(write(tmp_path, TEMPLATE.replace('"..."', '"not known"')))
    assert (about.title, about.limits, about.data[0].pictures) == ("not known", ("not known",), None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title = 'x'\n", "licence"),
        (TEMPLATE.replace('"..."', '"x"').replace("title", "titel"), "titel"),
        ("title = ", "not TOML"),
        (TEMPLATE.replace('"..."', '""'), "title"),
    ],
)
def test_what_is_missing_or_misspelt_is_named(tmp_path, text, says):
    with pytest.raises(FatalFault, match=says):
        read_about(write(tmp_path, text))


def test_a_file_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(FatalFault, match=r"about\.toml cannot be read"):
        read_about(tmp_path / "about.toml")
