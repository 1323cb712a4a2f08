"""Folders of a small classifier that names the strongest colour of an image, and images for it."""

from __future__ import annotations

import json

import numpy as np

from detectors.base import View
from detectors.flowcam.preprocessing import Preprocessing
from detectors.models.classifiers.folder import read_classifier_folder
from schemas.canonical import to_sha256
from schemas.finding import Image
from schemas.geometry import WholePart
from tests.support.networks import make_colour_onnx

CLASSES = ("Chaetoceros", "Detritus", "Tripos_fusus")
APHIA_IDS = ("148985", "Detritus", "840626")
INPUT_PX = (32, 48)

#: Differences between colours are made large enough for a softmax to be sure.
PREPROCESSING = Preprocessing(
    input_px=INPUT_PX, colours="rgb", fit="pad", padding="border", mean=(120.0, 120.0, 120.0), scale=(16.0, 16.0, 16.0)
)


def write_classifier(folder, *, classes=CLASSES, ids=APHIA_IDS, onnx=None, preprocessing=PREPROCESSING):
    """Write the folder of a classifier without a card and return it; ``None`` leaves a file out."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(make_colour_onnx(input_px=INPUT_PX) if onnx is None else onnx)
    if classes is not None:
        (folder / "classes.txt").write_text("\n".join(classes) + "\n", encoding="utf-8")
    if ids is not None:
        (folder / "aphia_ids.txt").write_text("\n".join(ids) + "\n", encoding="utf-8")
    if preprocessing is not None:
        (folder / "preprocessing.json").write_bytes(preprocessing.to_canonical())
    return folder


def make_card(folder, *, name="colours", version="1", **changed):
    """Return the card of the classifier in a folder, as JSON values."""
    classes = (folder / "classes.txt").read_text(encoding="utf-8").split()
    preprocessing = Preprocessing.from_json((folder / "preprocessing.json").read_bytes())
    source = {"name": "none", "licence": "CC0-1.0", "attribution": "nobody", "where": "nowhere", "pictures": 2}
    trial = {
        "what": "the model", "learned": ["a"], "tested": ["b"], "learned_pictures": 1, "tested_pictures": 1,
        "accuracy": 0.5, "macro_f1": 0.5, "calibration_error": 0.1, "unidentified": 0.0,
        "classes": [{"label": label, "support": 1, "predicted": 0, "recall": 0.0} for label in classes],
    }  # fmt: skip
    card = {
        "schema_name": "classifier-card/1", "name": name, "version": version, "title": "Colours",
        "provenance": "demonstration", "sha256": to_sha256((folder / "model.onnx").read_bytes()),
        "preprocessing_sha256": preprocessing.to_digest(), "model": "model.onnx", "licence": "CC0-1.0", "data": [source],
        "classes": classes, "thresholds": [], "training": "none", "split": "by run", "figures": trial,
        "comparison": ["none"], "limits": ["colours only"],
    }  # fmt: skip
    card.update(changed)
    return {key: value for key, value in card.items() if value is not None}


def write_catalogue(root, *, name="colours", version="1", **changed):
    """Write a catalogue that holds one classifier with its card, and return the catalogue."""
    folder = write_classifier(root / name / version)
    (folder / "card.json").write_text(
        json.dumps(make_card(folder, name=name, version=version, **changed)), encoding="utf-8"
    )
    return root


def open_colours(tmp_path, **written):
    """Return the classifier written into a folder."""
    return read_classifier_folder(write_classifier(tmp_path / "colours", **written))


def make_roi(colour, *, height_px=20, width_px=24, index=0):
    """Return a view of one image of a colour (RGB)."""
    pixels = np.empty((height_px, width_px, 3), dtype=np.uint8)
    pixels[...] = colour
    image = Image(index=index, kind="roi", width_px=width_px, height_px=height_px, place=WholePart(part="still"))
    return View(image=image, pixels=pixels)


def make_rois(count, *, seed=0, largest_px=60):
    """Return views of noisy images of many sizes, a few larger than the input."""
    random = np.random.default_rng(seed)
    views = []
    for index in range(count):
        height_px, width_px = (int(side) for side in random.integers(1, largest_px, 2))
        view = make_roi(random.integers(60, 200, 3), height_px=height_px, width_px=width_px, index=index)
        noise = random.integers(-20, 21, view.pixels.shape)
        view.pixels[...] = np.clip(view.pixels + noise, 0, 255)
        views.append(view)
    return views
