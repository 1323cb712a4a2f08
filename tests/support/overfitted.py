"""Weights over-fitted on a few real pictures: nothing can be downloaded, and weights that see nothing prove nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from detectors.models.dataset import PictureSet, read_picture_set, write_split
from detectors.models.split import Split

#: Pictures of a school of fish: about 27 marked animals each.
CROWDED = ("IMG_2274", "IMG_2275", "IMG_2276", "IMG_2277", "IMG_2278", "IMG_2279", "IMG_2280")
INPUT_PX = 256
EPOCHS = {"detect": 70, "segment": 70}
OPTIONS = {
    "optimizer": "AdamW", "lr0": 0.003, "lrf": 0.1, "warmup_epochs": 3, "mosaic": 0.0, "scale": 0.0, "translate": 0.0,
    "fliplr": 0.0, "hsv_h": 0.0, "hsv_s": 0.0, "hsv_v": 0.0, "erasing": 0.0, "val": False, "patience": 0,
}  # fmt: skip


def require_train_extra():
    """Skip unless ultralytics is installed."""
    pytest.importorskip("ultralytics", reason="needs the train extra: pip install observatory-streams[train]")


def choose_pictures(real_data: Path) -> PictureSet:
    """Return the crowded pictures of the aquarium set."""
    pictures = read_picture_set(real_data / "fish" / "aquarium")
    names = tuple(name for name in pictures.names if name.split("_jpeg")[0] in CROWDED)
    return PictureSet(pictures.root, names, pictures.labels)


def train_overfitted(architecture: str, real_data: Path, folder: Path, *, task="detect") -> Path:
    """Return weights of an architecture over-fitted on the crowded pictures.

    A folder in OBSERVATORY_PARITY_CACHE keeps them between runs: training takes minutes.
    """
    from detectors import ultralytics_door as door

    cached = os.environ.get("OBSERVATORY_PARITY_CACHE")
    kept = Path(cached) / f"{architecture}.pt" if cached else None
    if kept is not None and kept.is_file():
        return kept
    pictures = choose_pictures(real_data)
    listing = write_split(pictures, Split(pictures.names, pictures.names, (pictures.names,)), folder / "pictures")
    if task == "segment":
        outline_boxes(folder / "pictures" / "labels")
    lesson = door.Lesson(
        start=architecture, listing=listing, out=folder / "weights", epochs=EPOCHS[task], input_px=INPUT_PX,
        batch=2, threads=2, options=OPTIONS,
    )  # fmt: skip
    weights = door.train(lesson, progress=lambda epoch, epochs, figure: True)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(weights, kept)
    return weights


def outline_boxes(labels: Path) -> None:
    """Turn box lines into polygons: the ellipse inside each box, so that masks differ from boxes."""
    import math

    for path in labels.rglob("*.txt"):
        lines = []
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line.strip():
                index, x, y, width, height = line.split()
                turns = [math.tau * step / 16 for step in range(16)]
                ring = [
                    f"{min(max(float(x) + float(width) / 2 * math.cos(turn), 0), 1):.5f} "
                    f"{min(max(float(y) + float(height) / 2 * math.sin(turn), 0), 1):.5f}"
                    for turn in turns
                ]
                lines.append(f"{index} {' '.join(ring)}")
        path.write_text("\n".join(lines), encoding="utf-8")
