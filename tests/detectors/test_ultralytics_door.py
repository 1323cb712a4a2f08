"""The door to the trainer: it trains, exports and runs weights, and leaves the machine and the network alone."""

from __future__ import annotations

import importlib.util
import os
import socket
from pathlib import Path

import numpy as np
import pytest

from detectors import pixels
from detectors import ultralytics_door as door
from detectors.models.animals import KINDS
from detectors.models.catalogue import open_model, read_folder, read_model_file
from detectors.models.dataset import write_scenes
from detectors.models.filing import Filing, export_model, file_model, measure_model, validate_model
from detectors.models.scenes import make_scene
from detectors.models.training import Recipe, train_model
from detectors.yolo.bench import measure_bare_loop, measure_network
from detectors.yolo.open import YoloOptions, open_yolo
from schemas.errors import FatalFault
from tests.support.overfitted import require_train_extra

WITHOUT_EXTRA = importlib.util.find_spec("ultralytics") is None
SIDE_PX = 64


@pytest.fixture
def extra():
    require_train_extra()


def write_marked_pictures(root, blocks=4, pictures=4):
    """Write a picture set of generated scenes in several capture blocks."""
    (root / "labels").mkdir(parents=True)
    for block in range(blocks):
        for place in range(pictures):
            scene = make_scene(100 * block + place, width_px=SIDE_PX, height_px=SIDE_PX)
            stem = f"IMG_{1000 + 100 * block + place}"
            pixels.write_picture(root / "images" / f"{stem}.jpg", scene.picture)
            lines = [
                f"{KINDS.index(label)} {(left + right) / 2} {(top + bottom) / 2} {right - left} {bottom - top}"
                for label, (left, top, right, bottom) in zip(scene.labels, scene.boxes / SIDE_PX, strict=True)
            ]
            (root / "labels" / f"{stem}.txt").write_text("\n".join(lines), encoding="utf-8")
    names = "".join(f"- {kind}\n" for kind in KINDS)
    (root / "data.yaml").write_text(f"names:\n{names}", encoding="utf-8")
    return root


def list_files(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@pytest.mark.skipif(not WITHOUT_EXTRA, reason="the train extra is installed")
def test_without_the_extra_the_sentence_says_what_to_install(tmp_path):
    with pytest.raises(FatalFault, match=r"pip install observatory-streams\[train\]"):
        door.load_ultralytics()
    with pytest.raises(FatalFault, match="train extra"):
        train_model(write_marked_pictures(tmp_path / "set"), tmp_path / "out", Recipe(), progress=lambda *_: True)


@pytest.mark.parametrize(
    "kind", [RuntimeError, ValueError, KeyError, OSError, AssertionError, ImportError, SystemError]
)
def test_whatever_the_trainer_raises_becomes_a_fatal_fault(kind):
    with pytest.raises(FatalFault, match="Ultralytics could not train") as caught, door.translate("train"):
        raise kind("boom")
    assert isinstance(caught.value.__cause__, kind)


def test_an_interrupt_stays_an_interrupt():
    with pytest.raises(KeyboardInterrupt), door.translate("train"):
        raise KeyboardInterrupt


@pytest.mark.train
def test_torchs_exception_classes_become_fatal_faults(extra):
    import torch

    kinds = {value for value in vars(torch).values() if isinstance(value, type) and issubclass(value, Exception)}
    assert kinds
    for kind in kinds:
        with pytest.raises(FatalFault), door.translate("train"):
            raise kind("boom")


@pytest.mark.train
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_model_is_trained_filed_and_found_again_without_network_or_traces(extra, tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        message = "nothing may be looked up or fetched"
        raise OSError(message)

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(tmp_path / "home")
    data = write_marked_pictures(tmp_path / "set")
    before, told = list_files(data), []

    def progress(stage, done, of, figure):
        told.append((stage, done, of))
        return True

    recipe = Recipe(epochs=2, input_px=SIDE_PX, batch=4, scenes=10, scene_epochs=1, scene_px=SIDE_PX, threads=1)
    trained = train_model(data, tmp_path / "out", recipe, progress=progress)
    filing = Filing("tiny", "1", "Tiny", sources=(make_source(),), training="two epochs", limits=("sees nothing",))
    card = file_model(trained, filing, tmp_path / "catalogue", input_px=SIDE_PX, progress=lambda done, of: None)

    assert ("draw", 10, 10) in told
    assert ("pretrain", 1, 1) in told
    assert ("learn", 2, 2) in told
    assert list_files(data) == before
    assert list_files(home) == []
    assert card.figures.pictures == len(trained.split.held_out)
    model = open_model("tiny@1", (read_folder(tmp_path / "catalogue"),))
    assert model.sha256 == card.sha256
    assert str(tmp_path) not in (tmp_path / "catalogue/tiny/1/metadata.yaml").read_text(encoding="utf-8")
    assert str(tmp_path) not in (tmp_path / "catalogue/tiny/1/model.xml").read_text(encoding="utf-8")
    assert os.environ["YOLO_OFFLINE"] == "true"


def make_source():
    from detectors.models.card import Source

    return Source(name="scenes", licence="AGPL-3.0-or-later", attribution="drawn", where="here", pictures=16)


@pytest.mark.train
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_training_goes_on_from_the_weights_it_is_given_and_ends_when_told(extra, tmp_path):
    listing = write_scenes(
        tmp_path / "scenes", count=20, side_px=SIDE_PX, seed=1, labels=KINDS, progress=lambda done, of: None
    )
    epochs = []

    def learn(start, out, *, lr0, go_on):
        def progress(epoch, of, figure):
            epochs.append(epoch)
            return go_on

        options = {"optimizer": "SGD", "lr0": lr0, "warmup_epochs": 0}
        lesson = door.Lesson(start, listing, out, epochs=3, input_px=SIDE_PX, batch=10, threads=1, options=options)
        return door.train(lesson, progress=progress)

    def answer(weights):
        picture = np.full((1, SIDE_PX, SIDE_PX, 3), 90, dtype=np.uint8)
        return door.TorchRuntime(weights).start(picture).result()[0][:, :4]

    taught = learn("yolo11n", tmp_path / "taught", lr0=0.05, go_on=True)
    assert max(epochs) >= 3
    epochs.clear()
    # a learning rate of nothing leaves weights as they were
    untaught = learn("yolo11n", tmp_path / "untaught", lr0=0.0, go_on=False)
    assert max(epochs) <= 2
    kept = learn(str(taught), tmp_path / "kept", lr0=0.0, go_on=False)
    assert np.abs(answer(kept) - answer(taught)).mean() < 0.5 * np.abs(answer(kept) - answer(untaught)).mean()


@pytest.mark.train
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_figures_agree_with_the_trainers_own(extra, real_data, tmp_path):
    shipped = os.environ.get("OBSERVATORY_DEMO_WEIGHTS")
    if shipped is None:
        pytest.skip("compares figures of real weights: give a .pt in OBSERVATORY_DEMO_WEIGHTS")
    from detectors.models.dataset import read_picture_set, write_split
    from detectors.models.split import split_blocks

    pictures = read_picture_set(real_data / "fish" / "aquarium")
    split = split_blocks(pictures.names, pictures.read_classes())
    listing = write_split(pictures, split, tmp_path / "split")
    theirs = door.validate(Path(shipped), listing, input_px=416, out=tmp_path / "val")
    ours = validate_model(shipped, pictures.root, out=tmp_path, progress=lambda done, of: None)
    assert ours.map50 == pytest.approx(theirs["map50"], abs=0.03)
    assert ours.map50_95 == pytest.approx(theirs["map50_95"], abs=0.02)
    assert (tmp_path / "confusions.png").stat().st_size > 0


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")
def test_a_file_that_is_no_weights_is_a_fatal_fault(extra, tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(b"not weights")
    with pytest.raises(FatalFault, match=r"read model\.pt"):
        open_yolo(read_model_file(path))
    with pytest.raises(FatalFault, match="export"):
        export_model(path, tmp_path / "out", input_px=SIDE_PX)


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")
def test_an_int8_export_is_calibrated_on_pictures_and_runs_as_int8_only(extra, tmp_path):
    pytest.importorskip("nncf", reason="int8 exports need nncf, which the train extra of the lock brings")
    weights = door.write_untrained("yolo11n", KINDS, tmp_path / "untrained.pt")
    data = write_marked_pictures(tmp_path / "set")
    with pytest.raises(FatalFault, match="calibrated on pictures"):
        export_model(weights, tmp_path / "out", input_px=SIDE_PX, stored="int8")
    whole = read_model_file(export_model(weights, tmp_path / "f32", input_px=SIDE_PX))
    model = read_model_file(export_model(weights, tmp_path / "int8", input_px=SIDE_PX, stored="int8", data=data))
    assert len(model.weights) < 0.3 * len(whole.weights)
    with pytest.raises(FatalFault, match="is quantised to int8, so it cannot run as f32"):
        open_yolo(model)
    detector = open_yolo(model, options=YoloOptions(precision="int8"))
    assert detector.identity.models[0].precision == "int8"
    assert measure_network(model, pictures=2, options=YoloOptions(precision="int8")).pictures == 2
    figures, _ = measure_model(model, data, part="all", precision="int8", progress=lambda done, of: None)
    assert "int8" in figures.how


@pytest.mark.train
@pytest.mark.skipif(importlib.util.find_spec("nncf") is not None, reason="nncf is installed")
def test_without_the_quantiser_the_sentence_says_what_to_install(extra, tmp_path):
    with pytest.raises(FatalFault, match="An int8 export needs nncf"):
        door.export(tmp_path / "x.pt", form="openvino", input_px=SIDE_PX, stored="int8", listing=tmp_path / "data.yaml")


def test_an_int8_export_as_onnx_is_refused(tmp_path):
    with pytest.raises(FatalFault, match="OpenVINO IR only"):
        export_model(tmp_path / "x.pt", tmp_path / "out", form="onnx", input_px=SIDE_PX, stored="int8", data=tmp_path)


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")
def test_untrained_weights_have_their_classes_and_find_next_to_nothing(extra, tmp_path):
    model = read_model_file(
        export_model(door.write_untrained("yolo11n", KINDS, tmp_path / "u.pt"), tmp_path, input_px=SIDE_PX)
    )
    assert model.network.labels == tuple(KINDS)
    pixels.write_picture(tmp_path / "in" / "a.jpg", make_scene(1, width_px=SIDE_PX, height_px=SIDE_PX).picture)
    assert measure_bare_loop(model, [tmp_path / "in" / "a.jpg"]).findings == 0
