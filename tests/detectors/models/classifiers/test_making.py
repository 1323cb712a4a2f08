"""From a folder a class to a filed classifier: what is learnt, written down, measured, and run without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detectors import pixels
from detectors.flowcam.open import RoiOptions, open_classifier
from detectors.models.catalogue import read_folder
from detectors.models.classifiers.filing import Filing
from detectors.models.classifiers.folder import open_classifier_model
from detectors.models.classifiers.learning import training
from detectors.models.classifiers.learning.network import fit_regression
from detectors.models.classifiers.learning.tracking import KeptTracker
from detectors.models.classifiers.learning.training import Recipe, Source
from detectors.models.classifiers.making import make_classifier
from schemas.errors import FatalFault
from tests.detectors.models.classifiers.shapes import write_measures, write_shapes
from tests.support.overfitted import require_train_extra

pytestmark = [pytest.mark.train]

ROOT = Path(__file__).resolve().parents[4]
RECIPE = Recipe(input_px=32, colours="grey", epochs=25, batch=8, stages=((8, 2), (12, 2)))
WRITTEN = {
    "aphia_ids.txt", "card.json", "classes.csv", "classes.txt", "confusions.png", "model.onnx", "preprocessing.json",
    "reliability.png",
}  # fmt: skip

#: Run where torch, ultralytics and onnx cannot be imported.
WITHOUT_TORCH = """
import sys
for name in ("torch", "ultralytics", "onnx"):
    sys.modules[name] = None
from pathlib import Path
from detectors import pixels
from detectors.base import View
from detectors.flowcam.open import RoiOptions, open_classifier
from detectors.models.classifiers.folder import read_classifier_folder
from schemas.finding import Image
from schemas.geometry import WholePart
folder, runtime, *paths = sys.argv[1:]
detector = open_classifier(read_classifier_folder(Path(folder)), options=RoiOptions(runtime=runtime, requests=1, threads=1))
views = []
for index, path in enumerate(paths):
    picture = pixels.read_picture(Path(path))
    image = Image(index=index, kind="roi", width_px=picture.shape[1], height_px=picture.shape[0], place=WholePart(part="still"))
    views.append(View(image, picture))
print(*(f"{found.label}:{found.score}" for (found,) in detector.look(views)))
"""


def make(root, catalogue, *, recipe=RECIPE, filing=None, progress=lambda *_: True, **asked):
    """Train on a folder of shapes, tested on one run."""
    source = Source(root, held_out=asked.pop("held_out", ("tow-b",)), measures=asked.pop("measures", ()))
    filing = filing or Filing("shapes", "1", ids={"disc": "148985"})
    return make_classifier(source, recipe, filing, catalogue, progress=progress, **asked)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    require_train_extra()
    return write_shapes(tmp_path_factory.mktemp("shapes") / "set")


@pytest.fixture(scope="module")
def made(shapes, tmp_path_factory):
    """Return the catalogue, the card, and what was written down."""
    catalogue, tracker = tmp_path_factory.mktemp("catalogue"), KeptTracker()
    measures = (write_measures(catalogue / "measures.csv", shapes),)
    return catalogue, make(shapes, catalogue, measures=measures, tracker=tracker, both_ways=True), tracker


def test_it_tells_apart_what_it_has_not_seen_of_another_run(made):
    _, card, _ = made
    assert card.figures.tested == ("tow-b",)
    assert "tow-b" not in card.figures.learned
    assert card.figures.macro_f1 >= 0.9
    assert [(item.label, item.support) for item in card.figures.classes] == [("disc", 12), ("ring", 6)]


def test_everything_is_written_and_the_card_proves_it(made):
    catalogue, card, _ = made
    folder = catalogue / "shapes/1"
    assert {path.name for path in folder.iterdir()} == WRITTEN
    opened = open_classifier_model("shapes@1", (read_folder(catalogue),))
    assert opened.card == card
    assert [taxon.aphia_id for taxon in opened.taxa] == [148985, None]
    rows = (folder / "classes.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0] == "class,support,predicted,precision,recall,f1"
    assert rows[1].startswith("disc,12,")
    for name in ("confusions.png", "reliability.png"):
        assert pixels.read_picture(folder / name).shape[2] == 3


def test_simpler_ways_stand_beside_it_and_the_other_way_round_too(made):
    _, card, _ = made
    assert [way.name.split()[0:3] for way in card.figures.simpler] == [
        ["the", "commonest", "class"],
        ["a", "logistic", "regression"],
    ]
    assert card.figures.simpler[0].macro_f1 == pytest.approx(0.4, abs=1e-3)
    assert len(card.comparison) == 2
    (turned,) = card.others
    assert (turned.learned, turned.tested) == (card.figures.tested, card.figures.learned)
    assert "not filed" in turned.what


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_it_runs_where_there_is_no_torch(made, shapes, runtime):
    catalogue, card, _ = made
    paths = sorted(shapes.rglob("tow-b_*.png"))
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, str(catalogue / "shapes/1"), runtime, *map(str, paths)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    said = [word.partition(":")[0] for word in ran.stdout.split()]
    right = sum(label == path.parent.name for label, path in zip(said, paths, strict=True))
    assert right / len(paths) == pytest.approx(card.figures.accuracy, abs=1e-4)


def test_one_seed_gives_one_file_and_another_seed_another(shapes, tmp_path):
    short = replace(RECIPE, epochs=2)
    made = [
        make(shapes, tmp_path / str(place), recipe=replace(short, seed=seed)) for place, seed in enumerate((4, 4, 5))
    ]
    assert made[0] == made[1]
    assert made[0].sha256 != made[2].sha256


def test_settings_every_epoch_and_the_figures_are_written_down(made):
    catalogue, card, tracker = made
    assert (tracker.settings["seed"], tracker.settings["name"]) == (0, "shapes")
    assert [epoch for epoch, _ in tracker.epochs] == list(range(1, len(tracker.epochs) + 1))
    assert tracker.finished is not None
    assert tracker.finished[0]["macro_f1"] == card.figures.macro_f1
    assert tracker.finished[1] == catalogue / "shapes/1"


def test_it_stops_when_nothing_more_is_gained_or_when_told(shapes, tmp_path):
    epochs = []

    def stop(stage, done, of, figure):
        epochs.append((stage, done))
        return (stage, done) != ("learn", 2)

    make(shapes, tmp_path / "told", progress=stop)
    assert max(done for stage, done in epochs if stage == "learn") == 2
    tracker = KeptTracker()
    make(shapes, tmp_path / "early", recipe=replace(RECIPE, epochs=200, patience=1), tracker=tracker)
    assert len(tracker.epochs) < 200


@pytest.mark.parametrize("asked", [(1.0, [0.75, 1.5]), (0.0, [1.0, 1.0])])
def test_rare_classes_weigh_more_as_asked(shapes, tmp_path, monkeypatch, asked):
    evenness, weights = asked
    lessons = []

    def note(lesson, *, progress):
        lessons.append(lesson)
        message = "enough seen"
        raise FatalFault(message)

    monkeypatch.setattr("detectors.models.classifiers.learning.network.learn", note)
    tracker = KeptTracker()
    with pytest.raises(FatalFault, match="enough seen"):
        make(shapes, tmp_path, recipe=replace(RECIPE, evenness=evenness), tracker=tracker)
    assert lessons[0].class_weights.tolist() == pytest.approx(weights, rel=0.15)
    assert tracker.finished == ({}, None)
    assert not list(tmp_path.rglob("*.onnx"))


def test_a_version_that_is_filed_is_refused_before_anything_is_trained(made, shapes):
    catalogue, _, _ = made
    seen = []
    with pytest.raises(FatalFault, match="shapes@1 is filed already"):
        make(shapes, catalogue, progress=lambda *said: seen.append(said) or True)
    assert seen == []


def test_thresholds_leave_the_doubtful_unidentified(tmp_path):
    require_train_extra()
    root = write_shapes(tmp_path / "many", discs=40, rings=40, mistaken_every=4)
    card = make(root, tmp_path, recipe=replace(RECIPE, epochs=6, precision=0.95))
    assert card.thresholds
    opened = open_classifier_model("shapes@1", (read_folder(tmp_path),))
    assert dict(opened.thresholds) == dict(card.thresholds)
    assert card.figures.unidentified > 0
    detector = open_classifier(opened, options=RoiOptions(requests=1, threads=1))
    assert json.loads(detector.identity.to_observer(reader="still/1").to_canonical())
    detector.close()


def test_a_regression_finds_what_one_measure_tells_and_classes_weigh_alike():
    require_train_extra()
    random = np.random.default_rng(0)
    truth = np.repeat([0, 1], [190, 10])
    numbers = np.stack([truth * 3 + random.normal(0, 1, 200), random.normal(0, 1, 200)], axis=1)
    say = fit_regression(numbers, truth, 2)
    assert say(np.array([[1.7, 0.0], [1.3, 0.0]])).tolist() == [1, 0]
    assert (say(numbers) == truth).mean() > 0.88


def test_ids_of_classes_that_are_not_there_are_refused(shapes, tmp_path):
    with pytest.raises(FatalFault, match="classes that are not there: copepod"):
        make(shapes, tmp_path, filing=Filing("x", "1", ids={"copepod": "1"}))


def test_what_fails_leaves_nothing_behind(shapes, tmp_path):
    def fail(stage, done, of, figure):
        if stage == "measure":
            raise KeyboardInterrupt
        return True

    with pytest.raises(KeyboardInterrupt):
        make(shapes, tmp_path / "models", recipe=replace(RECIPE, epochs=1), progress=fail)
    assert list((tmp_path / "models").iterdir()) == []


def test_a_catalogue_that_cannot_be_written_is_said_before_training(shapes, tmp_path):
    (tmp_path / "models").write_text("a file where a folder should be", encoding="utf-8")
    seen = []
    with pytest.raises(FatalFault, match="The catalogue models cannot be written"):
        make(shapes, tmp_path / "models", progress=lambda *said: seen.append(said) or True)
    assert seen == []


def test_preprocessing_is_measured_on_the_pictures_learnt_from(shapes, tmp_path):
    make(shapes, tmp_path, recipe=replace(RECIPE, epochs=1))
    said = json.loads((tmp_path / "shapes/1/preprocessing.json").read_text(encoding="utf-8"))
    assert 120 < said["mean"][0] < 180
    assert training.Recipe().input_px == 100
