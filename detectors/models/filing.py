"""File trained weights in a catalogue: export, measure the very file that is shipped, write its card."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from detectors import pixels
from detectors.models.card import Card
from detectors.models.catalogue import Model, open_model, read_folder, read_model_file, split_spec
from detectors.models.dataset import read_picture_set, write_split
from detectors.models.measuring import SCORE_FLOOR, draw_confusions, look_at_pictures
from detectors.models.metrics import count_confusions, measure_figures
from detectors.models.placing import make_folder
from detectors.models.split import Split, split_blocks
from detectors.yolo.open import YoloOptions, open_yolo
from detectors.yolo.parameters import YoloParameters
from schemas.errors import FatalFault

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from detectors.models.about import About
    from detectors.models.card import Figures, Source
    from detectors.models.training import Trained
    from detectors.runtimes.base import Precision
    from detectors.runtimes.metadata import Network

#: Ultralytics marks its exports so; weights made with it are no exception.
WEIGHTS_LICENCE = "AGPL-3.0 (ultralytics marks its exports so)"
_CONFUSIONS_FILE = "confusions.png"

Part = Literal["held_out", "all"]
Stored = Literal["f32", "f16", "int8"]


@dataclass(frozen=True)
class Filing:
    """What a card says that cannot be measured.

    Attributes
    ----------
    name, version, title
        Where the model is filed, and what it is in a line.
    sources
        Pictures it learnt from, with licence and attribution.
    training, limits
        How it was trained; what it gets wrong and must not be used for.
    provenance
        ``demonstration`` models are named as such in every product made with them.
    stored
        Number format of the weights in the file.
    """

    name: str
    version: str
    title: str
    sources: tuple[Source, ...]
    training: str
    limits: tuple[str, ...]
    provenance: Literal["user", "demonstration"] = "user"
    stored: Stored = "f16"


def file_model(
    trained: Trained, filing: Filing, catalogue: Path, *, input_px: int, progress: Callable[[int, int], None]
) -> Card:
    """Export weights as OpenVINO IR into ``<catalogue>/<name>/<version>/`` and write the card with what was measured.

    Raises
    ------
    FatalFault
        If the ``train`` extra is missing, or the export cannot be made or run.
    """
    folder = catalogue / filing.name / filing.version
    export_model(trained.weights, folder, form="openvino", input_px=input_px, stored=filing.stored)
    model = read_model_file(folder / "model.xml")
    root = trained.pictures.root
    figures, table = measure_model(model, root, part="held_out", progress=progress)
    labels = trained.pictures.labels
    pixels.write_picture(folder / _CONFUSIONS_FILE, draw_confusions(table, labels))
    card = Card(
        name=filing.name, version=filing.version, title=filing.title, provenance=filing.provenance, sha256=model.sha256,
        model="model.xml", weights="model.bin", metadata="metadata.yaml", licence=WEIGHTS_LICENCE, data=filing.sources,
        classes=labels, training=filing.training, split=_describe_split(trained), figures=figures, limits=filing.limits,
    )  # fmt: skip
    write_card(folder, card)
    return card


@dataclass(frozen=True)
class Shelf:
    """Where a model is filed: ``<catalogue>/<name>/<version>/``."""

    catalogue: Path
    name: str
    version: str

    @property
    def folder(self) -> Path:
        """The model's own folder."""
        return self.catalogue / self.name / self.version


def file_own(
    path: Path, about: About, shelf: Shelf, *, measure: Callable[[Model], Figures] | None = None, input_px: int = 640
) -> Card:
    """File a model that was made elsewhere, or trained here, in a catalogue: its files, proven, and its card.

    Parameters
    ----------
    path
        An ``.onnx`` or ``.xml`` file, a folder holding one ``.xml``, or a ``.pt``, which is exported as OpenVINO IR.
    measure
        Measures the very file that is filed; without it the card holds no figures.
    input_px
        Side of the picture that a ``.pt`` is exported for.

    Raises
    ------
    FatalFault
        If the model cannot be read, does not say what it is for, or the place holds a model already; or from measuring.
        Nothing is filed then.
    """
    if split_spec(f"{shelf.name}@{shelf.version}") is None:
        message = (
            f"{shelf.name}@{shelf.version} is no name of a model: the name takes a-z, 0-9 and hyphens, the version letters, "
            "digits, dots, hyphens and underscores."
        )
        raise FatalFault(message)
    if shelf.folder.exists():
        message = f"The catalogue has {shelf.name}@{shelf.version} already; results name it, so give another version."
        raise FatalFault(message)
    with make_folder(shelf.folder) as made:
        model = _take_in(path, made, input_px=input_px)
        if model.network is None:
            message = f"{path.name} does not say what it is for."
            raise FatalFault(message)
        is_onnx = model.form == "onnx"
        card = Card(
            name=shelf.name, version=shelf.version, title=about.title, provenance="user", sha256=model.sha256,
            model="model.onnx" if is_onnx else "model.xml", weights=None if is_onnx else "model.bin",
            metadata=None if is_onnx else "metadata.yaml", licence=about.licence, data=about.data,
            classes=model.network.labels, training=about.training, split=about.split,
            figures=None if measure is None else measure(model), limits=about.limits,
        )  # fmt: skip
        write_card(made, card)
    open_model(f"{shelf.name}@{shelf.version}", (read_folder(shelf.catalogue),))
    return card


def _take_in(path: Path, folder: Path, *, input_px: int) -> Model:
    """Copy a model's files into a folder under the names that cards use, and read it there."""
    model = read_model_file(path)
    if model.form == "torch":
        return read_model_file(export_model(path, folder, input_px=input_px))
    if model.form == "onnx":
        (folder / "model.onnx").write_bytes(model.data)
        return read_model_file(folder / "model.onnx")
    source = path if path.is_file() else next(path.glob("*.xml"))
    (folder / "model.xml").write_bytes(model.data)
    (folder / "model.bin").write_bytes(model.weights or b"")
    shutil.copyfile(source.parent / "metadata.yaml", folder / "metadata.yaml")
    return read_model_file(folder / "model.xml")


def write_card(folder: Path, card: Card) -> None:
    """Write ``card.json`` for people to read as well."""
    text = json.dumps(card.to_plain(), indent=2, ensure_ascii=False)
    (folder / "card.json").write_text(text + "\n", encoding="utf-8")


def validate_model(
    spec: str,
    data: Path,
    *,
    part: Part = "held_out",
    precision: Precision = "f32",
    out: Path | None = None,
    progress: Callable[[int, int], None],
) -> Figures:
    """Measure a model (``name@version`` or a path) on marked pictures; needs no torch unless it is a ``.pt``.

    Parameters
    ----------
    data
        Folder with ``images/``, ``labels/`` and ``data.yaml``.
    part
        The part held out by capture block, or all pictures (when none of them was learnt from).
    precision
        The number format it is run in, as in the settings: other formats give other boxes.
    out
        Folder for the picture of confusions; ``None`` draws none.

    Raises
    ------
    FatalFault
        If model or pictures cannot be read.
    """
    figures, table = measure_model(open_model(spec), data, part=part, precision=precision, progress=progress)
    if out is not None:
        pixels.write_picture(out / _CONFUSIONS_FILE, draw_confusions(table, read_picture_set(data).labels))
    return figures


def measure_model(
    model: Model, data: Path, *, part: Part, precision: Precision = "f32", progress: Callable[[int, int], None]
) -> tuple[Figures, NDArray[np.int64]]:
    """Return figures and the table of confusions of a model on marked pictures."""
    pictures = read_picture_set(data)
    names = pictures.names if part == "all" else split_blocks(pictures.names, pictures.read_classes()).held_out
    parameters = YoloParameters(conf=SCORE_FLOOR, iou=0.7, max_det=300)
    detector = open_yolo(model, parameters, options=YoloOptions(precision=precision))
    try:
        sightings = look_at_pictures(detector, pictures, names, progress=progress)
    finally:
        detector.close()
    looked_at = f"{part.replace('_', ' ')} pictures, {precision}, score > {SCORE_FLOOR}, iou 0.7"
    how = f"average precision as COCO defines it, {looked_at}"
    figures = measure_figures(sightings, pictures.labels, how=how)
    return figures, count_confusions(sightings, len(pictures.labels))


def export_model(
    weights: Path,
    out: Path,
    *,
    form: Literal["openvino", "onnx"] = "openvino",
    input_px: int,
    stored: Stored = "f32",
    end_to_end: bool = False,
    data: Path | None = None,
) -> Path:
    """Write a ``.pt`` as OpenVINO IR or ONNX into ``out`` and return the model file.

    The vendor's metadata is kept without its date and without the paths of the machine it was trained on.

    Parameters
    ----------
    stored
        Number format of the weights in the file; ``int8`` quantises the network, and is for OpenVINO IR only.
    data
        Picture set that an int8 export is calibrated on.

    Raises
    ------
    FatalFault
        If the ``train`` extra is missing, or the export fails; of ``int8`` without ``data``, or as ONNX.
    """
    from detectors import ultralytics_door as door  # noqa: PLC0415 - gigabytes: only when asked for

    if (form, stored) == ("onnx", "int8"):
        message = "An int8 export is written as OpenVINO IR only: the second runtime computes in f32."
        raise FatalFault(message)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="observatory-export-") as scratch:
        copied = Path(scratch) / "model.pt"
        shutil.copyfile(weights, copied)
        listing = None if data is None else _list_learned(data, Path(scratch) / "pictures")
        made = door.export(copied, form=form, input_px=input_px, stored=stored, end_to_end=end_to_end, listing=listing)
        if form == "onnx":
            shutil.copyfile(made, out / "model.onnx")
            return out / "model.onnx"
        for name in ("model.xml", "model.bin"):
            shutil.copyfile(made / name, out / name)
        network = read_model_file(made).network
        if network is not None:
            (out / "metadata.yaml").write_text(_to_metadata(network), encoding="utf-8")
    return out / "model.xml"


def write_ir(model: Model, folder: Path) -> None:
    """Write a model of OpenVINO IR into a folder of its own, as an export would have."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.xml").write_bytes(model.data)
    (folder / "model.bin").write_bytes(model.weights or b"")
    if model.network is not None:
        (folder / "metadata.yaml").write_text(_to_metadata(model.network), encoding="utf-8")


def _list_learned(data: Path, folder: Path) -> Path:
    """Return the listing of a copy of a picture set whose both parts are the pictures learnt from.

    An int8 export is calibrated on the part that trainers call held out; ours must stay unseen.
    """
    pictures = read_picture_set(data)
    split = split_blocks(pictures.names, pictures.read_classes())
    return write_split(pictures, Split(split.learned, split.learned, split.blocks), folder)


def _to_metadata(network: Network) -> str:
    """Return what a detector needs, as YAML (JSON strings are YAML strings)."""
    names = "".join(
        f"  {index}: {json.dumps(label, ensure_ascii=False)}\n" for index, label in enumerate(network.labels)
    )
    height_px, width_px = network.input_px
    return (
        f"task: {network.task}\nimgsz:\n- {height_px}\n- {width_px}\nend2end: {str(network.end_to_end).lower()}\n"
        f"license: {json.dumps(WEIGHTS_LICENCE)}\nnames:\n{names}"
    )


def _describe_split(trained: Trained) -> str:
    held_out = set(trained.split.held_out)
    blocks = [block for block in trained.split.blocks if block[0] in held_out]
    named = "; ".join(f"{block[0].split('.')[0]} to {block[-1].split('.')[0]}" for block in blocks)
    return (
        f"By capture block (file numbers without a jump of more than the gap; detectors/models/split.py): "
        f"{len(trained.split.learned)} pictures learnt from, {len(trained.split.held_out)} held out in {len(blocks)} of "
        f"{len(trained.split.blocks)} blocks: {named}."
    )
