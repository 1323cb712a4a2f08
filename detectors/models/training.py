"""Train a model on one's own marked pictures: split by capture block, pretrain on generated scenes, learn, export."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from detectors.models.animals import KINDS
from detectors.models.dataset import read_picture_set, write_scene, write_scenes, write_split
from detectors.models.split import BLOCK_GAP, Split, split_blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from detectors.models.dataset import PictureSet

#: How pretraining on scenes differs: no colour games (the scenes vary enough) and little mosaic (they are crowded already).
SCENE_OPTIONS: Mapping[str, Any] = {
    "optimizer": "AdamW", "lr0": 0.002, "lrf": 0.1, "warmup_epochs": 1, "mosaic": 0.3, "close_mosaic": 0,
}  # fmt: skip
#: Learning from few real pictures: strong augmentation, a cosine to a small end, the last epochs without mosaic.
REAL_OPTIONS: Mapping[str, Any] = {
    "optimizer": "AdamW", "lr0": 0.0015, "lrf": 0.02, "cos_lr": True, "warmup_epochs": 2, "weight_decay": 0.001,
    "mosaic": 1.0, "close_mosaic": 12, "mixup": 0.1, "degrees": 5.0, "scale": 0.6, "translate": 0.15, "fliplr": 0.5,
    "hsv_h": 0.03, "hsv_s": 0.7, "hsv_v": 0.5, "patience": 0,
}  # fmt: skip


class Progress(Protocol):
    """Told after each step of the work; answers whether to go on."""

    def __call__(self, stage: str, done: int, of: int, figure: float) -> bool:
        """``figure`` is the mAP50-95 of the epoch, 0 for stages that have none."""
        ...


@dataclass(frozen=True)
class Recipe:
    """How a model is trained.

    Attributes
    ----------
    architecture
        Name of a network the trainer can build from nothing, for example ``yolo11n``; or a ``.pt`` file to go on from.
    epochs, input_px, batch, seed
        As usual.
    scenes, scene_epochs, scene_px
        Generated scenes to pretrain on; 0 scenes leaves that out.
    mixed
        Generated scenes learnt from beside the real pictures, so that what scenes taught is not forgotten.
    gap
        See :func:`detectors.models.split.group_blocks`.
    limit_s
        Training ends with the epoch in which this many seconds have passed; the best epoch until then is kept.
    threads
        Processor threads to use.
    """

    architecture: str = "yolo11n"
    epochs: int = 100
    input_px: int = 416
    batch: int = 16
    seed: int = 0
    scenes: int = 0
    scene_epochs: int = 8
    scene_px: int = 320
    mixed: int = 0
    gap: int = BLOCK_GAP
    limit_s: float | None = None
    threads: int = 2


@dataclass(frozen=True)
class Trained:
    """Weights, and the picture set and split they were learnt from."""

    weights: Path
    pictures: PictureSet
    split: Split


def train_model(data: Path, out: Path, recipe: Recipe, *, progress: Progress) -> Trained:
    """Train on a picture set and return the weights of the best epoch.

    Parameters
    ----------
    data
        Folder with ``images/``, ``labels/`` (YOLO lines) and ``data.yaml``; it is only read.
    out
        Folder for everything that is written.

    Raises
    ------
    FatalFault
        If the ``train`` extra is missing, the pictures cannot be read, or training fails.
    """
    from detectors import ultralytics_door as door  # noqa: PLC0415 - gigabytes: only when asked for

    begun = time.monotonic()
    pictures = read_picture_set(data)
    split = split_blocks(pictures.names, pictures.read_classes(), gap=recipe.gap)
    listing = write_split(pictures, split, out / "pictures")
    for seed in range(recipe.mixed):
        write_scene(out / "pictures", "learned", seed=seed, side_px=recipe.input_px, labels=pictures.labels)
    start = recipe.architecture
    if recipe.scenes:
        start = str(_pretrain(out, recipe, pictures.labels, progress=progress))

    def go_on(epoch: int, epochs: int, figure: float) -> bool:
        in_time = recipe.limit_s is None or time.monotonic() - begun < recipe.limit_s
        return progress("learn", epoch, epochs, figure) and in_time

    lesson = door.Lesson(
        start=start, listing=listing, out=out / "learn", epochs=recipe.epochs, input_px=recipe.input_px,
        batch=recipe.batch, seed=recipe.seed, threads=recipe.threads, options=REAL_OPTIONS,
    )  # fmt: skip
    return Trained(weights=door.train(lesson, progress=go_on), pictures=pictures, split=split)


def _pretrain(out: Path, recipe: Recipe, labels: tuple[str, ...], *, progress: Progress) -> Path:
    """Learn from generated scenes and return the weights."""
    from detectors import ultralytics_door as door  # noqa: PLC0415

    classes = labels if any(label in KINDS for label in labels) else KINDS
    listing = write_scenes(
        out / "scenes", count=recipe.scenes, side_px=recipe.scene_px, seed=recipe.seed, labels=classes,
        progress=lambda done, of: _ignore(progress("draw", done, of, 0.0)),
    )  # fmt: skip
    lesson = door.Lesson(
        start=recipe.architecture, listing=listing, out=out / "pretrain", epochs=recipe.scene_epochs,
        input_px=recipe.scene_px, batch=recipe.batch, seed=recipe.seed, threads=recipe.threads, options=SCENE_OPTIONS,
    )  # fmt: skip
    return door.train(lesson, progress=_stage(progress, "pretrain"))


def _stage(progress: Progress, stage: str) -> Callable[[int, int, float], bool]:
    return lambda epoch, epochs, figure: progress(stage, epoch, epochs, figure)


def _ignore(answer: bool) -> None:  # noqa: FBT001
    """Drawing scenes is short and is not broken off."""
