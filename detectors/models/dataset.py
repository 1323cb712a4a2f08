"""Picture sets as folders of pictures and YOLO label files: read one, write one, and write generated scenes as one."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from detectors import pixels
from detectors.models.scenes import make_scene
from detectors.runtimes.metadata import read_yaml
from schemas.errors import FatalFault

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from detectors.models.split import Split

PICTURE_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
#: Columns of a label line: class, then centre x, centre y, width, height as shares of the picture.
_BOX_COLUMNS = 5
#: Keeps the scenes of neighbouring seeds apart.
_SEED_STEP = 1_000_003


@dataclass(frozen=True, slots=True)
class Truth:
    """What is marked in one picture: class indexes (n,) and boxes as shares of the picture, float64 (n, 4) xyxy."""

    classes: NDArray[np.int64]
    boxes: NDArray[np.float64]


@dataclass(frozen=True)
class PictureSet:
    """A folder with ``images/``, ``labels/`` and ``data.yaml``.

    Attributes
    ----------
    root
        The folder.
    names
        File names of the pictures, sorted.
    labels
        Class names, in the order of their index.
    """

    root: Path
    names: tuple[str, ...]
    labels: tuple[str, ...]

    def read_truth(self, name: str) -> Truth:
        """Return what is marked in a picture; a picture without a label file has nothing in it.

        Polygon lines are taken as the box around them.

        Raises
        ------
        FatalFault
            If a label line is not numbers or names a class that is not listed.
        """
        path = self.root / "labels" / f"{Path(name).stem}.txt"
        lines = path.read_text(encoding="utf-8").split("\n") if path.exists() else []
        rows = [self._read_line(line, path) for line in lines if line.strip()]
        boxes = np.asarray([box for _, box in rows], dtype=np.float64).reshape(-1, 4)
        return Truth(classes=np.asarray([index for index, _ in rows], dtype=np.int64), boxes=boxes)

    def read_classes(self) -> dict[str, list[int]]:
        """Return for each picture the class index of every object marked in it."""
        return {name: [int(index) for index in self.read_truth(name).classes] for name in self.names}

    def _read_line(self, line: str, path: Path) -> tuple[int, tuple[float, float, float, float]]:
        try:
            first, *numbers = line.split()
            index, values = int(first), [float(number) for number in numbers]
        except ValueError:
            index, values = -1, []
        if not 0 <= index < len(self.labels) or len(values) < _BOX_COLUMNS - 1:
            message = f"The label file {path.name} has a line that is not a class and a box: {line[:60]!r}."
            raise FatalFault(message)
        if len(values) == _BOX_COLUMNS - 1:
            x, y, width, height = values
            return index, (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        return index, (min(values[::2]), min(values[1::2]), max(values[::2]), max(values[1::2]))


def read_picture_set(root: Path) -> PictureSet:
    """Open a folder with ``images/``, ``labels/`` and a ``data.yaml`` that lists the class ``names``.

    Raises
    ------
    FatalFault
        If one of them is missing, or there is no picture.
    """
    listing, images = root / "data.yaml", root / "images"
    if not listing.is_file() or not images.is_dir():
        message = f"The folder {root.name} is not a picture set: it needs images/, labels/ and data.yaml."
        raise FatalFault(message)
    names = read_yaml(listing.read_bytes()).get("names")
    labels = [names[index] for index in sorted(names)] if isinstance(names, dict) else names
    if not isinstance(labels, list) or not labels:
        message = f"data.yaml in {root.name} lists no class names."
        raise FatalFault(message)
    pictures = sorted(path.name for path in images.iterdir() if path.suffix.lower() in PICTURE_ENDINGS)
    if not pictures:
        message = f"There is no picture in {root.name}/images."
        raise FatalFault(message)
    return PictureSet(root=root, names=tuple(pictures), labels=tuple(str(label) for label in labels))


def write_split(source: PictureSet, split: Split, out: Path) -> Path:
    """Copy a picture set into ``out`` as ``images|labels/{learned,held_out}`` and return the listing a trainer reads.

    The source stays untouched (trainers like to leave caches beside the pictures).
    """
    for part, names in (("learned", split.learned), ("held_out", split.held_out)):
        for name in names:
            _copy(source.root / "images" / name, out / "images" / part / name)
            label = f"{Path(name).stem}.txt"
            if (source.root / "labels" / label).exists():
                _copy(source.root / "labels" / label, out / "labels" / part / label)
    return _write_listing(out, source.labels)


def write_scenes(
    out: Path, *, count: int, side_px: int, seed: int, labels: Sequence[str], progress: Callable[[int, int], None]
) -> Path:
    """Write generated scenes as a picture set with a tenth held out, and return its listing.

    Parameters
    ----------
    labels
        Class names; animals of other kinds are drawn but not marked.
    progress
        Called with (scenes written, scenes in all).
    """
    for index in range(count):
        part = "held_out" if index % 10 == 9 else "learned"  # noqa: PLR2004 - a tenth
        write_scene(out, part, seed=seed * _SEED_STEP + index, side_px=side_px, labels=labels)
        progress(index + 1, count)
    return _write_listing(out, labels)


def write_scene(out: Path, part: str, *, seed: int, side_px: int, labels: Sequence[str]) -> None:
    """Write one generated scene and its truth into a part (``learned`` or ``held_out``) of a picture set."""
    scene = make_scene(seed, width_px=side_px, height_px=side_px)
    stem = f"scene_{seed:06d}"
    pixels.write_picture(out / "images" / part / f"{stem}.jpg", scene.picture)
    lines = [
        _to_line(labels.index(kind), box / side_px)
        for kind, box in zip(scene.labels, scene.boxes, strict=True)
        if kind in labels
    ]
    path = out / "labels" / part / f"{stem}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines), encoding="utf-8")


def _to_line(index: int, share: NDArray[np.float64]) -> str:
    left, top, right, bottom = (float(value) for value in share)
    return f"{index} {(left + right) / 2:.6f} {(top + bottom) / 2:.6f} {right - left:.6f} {bottom - top:.6f}"


def _write_listing(out: Path, labels: Sequence[str]) -> Path:
    """Write ``data.yaml``: JSON strings are YAML strings, so no name can break it."""
    names = "".join(f"  {index}: {json.dumps(label)}\n" for index, label in enumerate(labels))
    text = f"path: {json.dumps(str(out.resolve()))}\ntrain: images/learned\nval: images/held_out\nnames:\n{names}"
    listing = out / "data.yaml"
    listing.write_text(text, encoding="utf-8")
    return listing


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
