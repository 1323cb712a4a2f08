"""The model that comes with the package: small, honest about itself, and able to see something."""

from __future__ import annotations

import pytest

from detectors import pixels
from detectors.base import View
from detectors.models.catalogue import SHIPPED_FOLDER, open_model
from detectors.models.dataset import read_picture_set
from detectors.models.measuring import look_at_pictures
from detectors.models.metrics import count_confusions
from detectors.models.split import split_blocks
from detectors.yolo.open import YoloOptions, open_yolo
from schemas.finding import Image, LookedImage, to_bounds
from schemas.geometry import WholePart

SPEC = "demo-aquarium@1"
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def model():
    return open_model(SPEC)


@pytest.fixture(scope="module")
def detector(model):
    opened = open_yolo(model, options=YoloOptions(role="animals"))
    yield opened
    opened.close()


def read_views(paths):
    for index, path in enumerate(paths):
        picture = pixels.read_picture(path)
        place = WholePart(part="still")
        image = Image(index=index, kind="still", width_px=picture.shape[1], height_px=picture.shape[0], place=place)
        yield View(image, picture)


def test_it_is_small_enough_to_come_along(model):
    assert len(model.data) + len(model.weights) <= 12 * MEGABYTE


def test_its_card_says_what_it_is_and_where_it_comes_from(model):
    assert model.card is not None
    assert model.card.provenance == "demonstration"
    assert "AGPL-3.0" in model.card.licence
    aquarium = model.card.data[0]
    assert aquarium.licence == "CC-BY-4.0"
    assert "Roboflow" in aquarium.attribution
    assert model.card.figures.pictures == 74
    assert [figures.label for figures in model.card.figures.classes] == list(model.card.classes)


def test_its_files_name_no_place_on_the_machine_it_was_trained_on(model):
    folder = SHIPPED_FOLDER / "demo-aquarium" / "1"
    for name in ("card.json", "metadata.yaml", "model.xml"):
        text = (folder / name).read_text(encoding="utf-8")
        assert "/tmp/" not in text  # noqa: S108 - looked for, not used
        assert "/home" not in text
        assert ".pt" not in text


def test_every_result_made_with_it_says_demonstration(detector):
    observer = detector.identity.to_observer(reader="still/1")
    assert observer.is_demonstration
    assert observer.models[0].precision == "f32"
    assert observer.models[0].input_px == (416, 416)


def test_it_looks_at_observatory_stills_and_answers_inside_the_picture(detector, real_data):
    paths = sorted((real_data / "fish" / "obsea").glob("*.jpg"))
    views = list(read_views(paths))
    answers = list(detector.look(views))
    assert len(answers) == len(paths)
    for view, findings in zip(views, answers, strict=True):
        entry = LookedImage(image=view.image, findings=findings)
        for finding in entry.findings:
            left, top, right, bottom = to_bounds(finding.geometry)
            assert 0 <= left < right <= view.image.width_px
            assert 0 <= top < bottom <= view.image.height_px
    assert list(detector.look(views)) == answers


def test_it_sees_some_of_the_animals_it_has_not_learnt_from(detector, real_data):
    pictures = read_picture_set(real_data / "fish" / "aquarium")
    held_out = split_blocks(pictures.names, pictures.read_classes()).held_out[::4]
    table = count_confusions(
        look_at_pictures(detector, pictures, held_out, progress=lambda done, of: None), len(pictures.labels)
    )
    right = int(table.diagonal()[:-1].sum())
    assert right >= 10
