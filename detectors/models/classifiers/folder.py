"""Read a classifier's folder: weights, classes, AphiaIDs and preprocessing, ours or the phytoplankton service's."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from detectors.flowcam.open import Classifier
from detectors.flowcam.preprocessing import FILE_NAME, Preprocessing, read_preprocessing
from detectors.flowcam.taxa import report_taxa
from detectors.models.catalogue import (
    SHIPPED_FOLDER,
    Model,
    ReadBytes,
    digest_ir,
    read_folder,
    read_if_there,
    split_spec,
    to_model_name,
)
from detectors.models.classifiers.card import is_classifier_card, read_classifier_card
from detectors.runtimes.metadata import Network
from schemas.canonical import to_sha256
from schemas.errors import FatalFault

if TYPE_CHECKING:
    from detectors.models.classifiers.card import ClassifierCard

CLASSES_FILE, APHIA_FILE, CARD_FILE = "classes.txt", "aphia_ids.txt", "card.json"

#: Where the phytoplankton service keeps its lists and settings, beside the folder's own files.
_SERVICE_LISTS, _SERVICE_SETTINGS = "dataset_files", "conf/conf.json"
_WEIGHT_FOLDERS = ("", "ckpts")
_KERAS = (".h5", ".hdf5", ".keras")
_SHORT_DIGEST = 12
_LABEL_LIMIT = 200
_HALF_RANGE = 127.5


@dataclass(frozen=True)
class _Weights:
    """Bytes of a model file, and where it was found, relative to the folder."""

    name: str
    data: bytes
    bin: bytes | None

    @property
    def sha256(self) -> str:
        return to_sha256(self.data) if self.bin is None else digest_ir(self.data, self.bin)


def open_classifier_model(spec: str, places: tuple[ReadBytes, ...] = ()) -> Classifier:
    """Return the classifier ``name@version`` of a catalogue, or the one in a folder of the user's own.

    Parameters
    ----------
    spec
        ``demo-plankton@1``; or the path of a model folder, or of the ``.onnx`` or ``.xml`` file in it.
    places
        Catalogues to look in, in this order, before the one that comes with the package.

    Raises
    ------
    FatalFault
        If there is none, or the folder does not say, or contradicts, what is needed to name an image.
    """
    named = split_spec(spec)
    if named is None:
        return read_classifier_folder(Path(spec))
    name, version = named
    for place in (*places, read_folder(SHIPPED_FOLDER)):
        data = read_if_there(place, f"{name}/{version}/{CARD_FILE}")
        if data is None:
            continue
        card = read_classifier_card(data)
        if (card.name, card.version) != (name, version):
            message = f"The card filed under {name}@{version} is that of {card.name}@{card.version}."
            raise FatalFault(message)
        return _read_carded(_Folder(place, f"{name}/{version}/"), card)
    message = f"No catalogue has the model {name}@{version} (a card {name}/{version}/card.json was looked for)."
    raise FatalFault(message)


def is_classifier(spec: str, places: tuple[ReadBytes, ...] = ()) -> bool:
    """Return whether a model is a classifier of whole images, by its card or by the lists in its folder."""
    named = split_spec(spec)
    if named is None:
        path = Path(spec)
        homes = (path, path.parent, path.parent.parent)
        return any((home / inner / CLASSES_FILE).is_file() for home in homes for inner in ("", _SERVICE_LISTS))
    key = f"{named[0]}/{named[1]}/{CARD_FILE}"
    cards = (read_if_there(place, key) for place in (*places, read_folder(SHIPPED_FOLDER)))
    return is_classifier_card(next((card for card in cards if card is not None), b""))


def read_classifier_folder(path: Path) -> Classifier:
    """Return the classifier in a folder, or of a model file in it; proven by its card where there is one.

    Raises
    ------
    FatalFault
        If something is missing, unreadable or contradictory.
    """
    home = path if path.is_dir() else path.parent
    if home.name in _WEIGHT_FOLDERS[1:] and not (home / CLASSES_FILE).is_file():
        home = home.parent
    folder = _Folder(read_folder(home), "")
    data = folder.read(CARD_FILE) if path.is_dir() else None
    if data is not None:
        return _read_carded(folder, read_classifier_card(data))
    name = _find_weights(home) if path.is_dir() else path.relative_to(home).as_posix()
    weights = folder.read_weights(name, name.removesuffix(".xml") + ".bin" if name.endswith(".xml") else None)
    return _put_together(folder, weights, name=to_model_name(home), version=weights.sha256[:_SHORT_DIGEST])


@dataclass(frozen=True)
class _Folder:
    """The files of one model."""

    place: ReadBytes
    prefix: str

    def read(self, name: str) -> bytes | None:
        try:
            return read_if_there(self.place, self.prefix + name)
        except OSError as error:
            message = f"The model's {name} cannot be read: {error.strerror or type(error).__name__}."
            raise FatalFault(message) from error

    def read_text(self, name: str) -> str | None:
        data = self.read(name)
        if data is None:
            data = self.read(f"{_SERVICE_LISTS}/{name}")
        try:
            return None if data is None else data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            message = f"The model's {name} is not UTF-8 text."
            raise FatalFault(message) from error

    def read_weights(self, name: str, weights: str | None) -> _Weights:
        found = [self.read(file) for file in (name, weights) if file is not None]
        if any(data is None for data in found):
            message = f"The model file {weights if found[0] is not None else name} is not there."
            raise FatalFault(message)
        data, *rest = (data or b"" for data in found)
        return _Weights(name, data, rest[0] if rest else None)


def _read_carded(folder: _Folder, card: ClassifierCard) -> Classifier:
    for name in (card.model, card.weights):
        if name is not None and re.search(r"[/\\]|^\.", name):
            message = f"The card of {card.name}@{card.version} names a file outside its folder."
            raise FatalFault(message)
    weights = folder.read_weights(card.model, card.weights)
    if weights.sha256 != card.sha256:
        message = (
            f"The model {card.name}@{card.version} is not the one its card describes: "
            f"its digest is {weights.sha256[:16]}..., the card's {card.sha256[:16]}..."
        )
        raise FatalFault(message)
    made = _put_together(folder, weights, name=card.name, version=card.version, card=card)
    if made.preprocessing.to_digest() != card.preprocessing_sha256:
        message = f"The preprocessing of the model {card.name}@{card.version} is not the one its card describes."
        raise FatalFault(message)
    if made.model.network is None or made.model.network.labels != card.classes:
        message = f"The classes of the model {card.name}@{card.version} are not those on its card."
        raise FatalFault(message)
    return made


def _put_together(
    folder: _Folder, weights: _Weights, *, name: str, version: str, card: ClassifierCard | None = None
) -> Classifier:
    labels = _read_labels(folder)
    preprocessing = _read_preprocessing(folder)
    ids = folder.read_text(APHIA_FILE)
    network = Network("classify", labels, preprocessing.input_px, end_to_end=False, scaling=preprocessing.scaling)
    model = Model(
        name, version, weights.sha256, "user" if card is None else card.provenance,
        "onnx" if weights.bin is None else "openvino", data=weights.data, weights=weights.bin, network=network,
    )  # fmt: skip
    return Classifier(
        model=model,
        preprocessing=preprocessing,
        thresholds={} if card is None else dict(card.thresholds),
        taxa=report_taxa(labels, None if ids is None else _to_lines(ids)),
        card=card,
    )


def _find_weights(home: Path) -> str:
    """Return the one model file of a folder, relative to it."""
    found = sorted(
        path.relative_to(home).as_posix()
        for inner in _WEIGHT_FOLDERS
        for path in (home / inner).glob("*")
        if path.suffix in {".onnx", ".xml"}
    )
    if len(found) == 1:
        return found[0]
    if found:
        message = f"The folder {home.name} holds {len(found)} models ({', '.join(found)}); name the file that is meant."
        raise FatalFault(message)
    keras = [path for inner in _WEIGHT_FOLDERS for path in (home / inner).glob("*") if path.suffix in _KERAS]
    if keras:
        message = (
            f"{keras[0].name} is a Keras file, which needs TensorFlow to be read: convert it to ONNX once, as docs/models.md "
            f"describes, and leave the .onnx beside it."
        )
        raise FatalFault(message)
    message = f"The folder {home.name} holds no model: no .onnx and no .xml, there or in ckpts."
    raise FatalFault(message)


def _to_lines(text: str) -> tuple[str, ...]:
    """Return the lines, without the empty ones at the end."""
    return tuple(line.strip() for line in text.rstrip().splitlines())


def _read_labels(folder: _Folder) -> tuple[str, ...]:
    text = folder.read_text(CLASSES_FILE)
    labels = () if text is None else _to_lines(text)
    if not labels or not all(labels):
        missing = (
            "is missing" if text is None else "holds no class" if not labels else "has an empty line among its classes"
        )
        message = (
            f"The model's {CLASSES_FILE} {missing}: it lists one class a line, in the order of the network's outputs."
        )
        raise FatalFault(message)
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        message = (
            f"The model's {CLASSES_FILE} lists {', '.join(twice)} more than once: two outputs cannot have one name."
        )
        raise FatalFault(message)
    wrong = [label for label in labels if len(label) > _LABEL_LIMIT or not label.isprintable()]
    if wrong:
        message = (
            f"The model's {CLASSES_FILE} holds a class name that is too long or cannot be printed: {wrong[0][:40]!r}."
        )
        raise FatalFault(message)
    return labels


def _read_preprocessing(folder: _Folder) -> Preprocessing:
    data = folder.read(FILE_NAME)
    if data is not None:
        return read_preprocessing(data)
    settings = folder.read(_SERVICE_SETTINGS)
    if settings is None:
        message = f"The model says nowhere how its pictures are prepared: neither {FILE_NAME} nor {_SERVICE_SETTINGS} is there."
        raise FatalFault(message)
    try:
        return _to_preprocessing(json.loads(settings))
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        message = f"The model's {_SERVICE_SETTINGS} does not say how pictures are prepared as the service's training writes it."
        raise FatalFault(message) from error


def _to_preprocessing(settings: dict[str, Any]) -> Preprocessing:
    """Return the preprocessing of the phytoplankton service (planktonclas), from its settings.

    It scales by bilinear samples and subtracts ``mean_RGB``; mode ``tf`` divides by 127.5, ``torch`` by ``std_RGB``. Where it
    averages random cuts, the middle square is taken instead: an answer must not depend on chance.
    """
    side, mode = int(settings["model"]["image_size"]), settings["model"]["preprocess_mode"]
    cuts = settings.get("augmentation", {}).get("val_mode") is not None
    scales = {"tf": (_HALF_RANGE,) * 3, "torch": tuple(settings["dataset"]["std_RGB"])}
    if mode not in scales:
        raise ValueError(mode)
    return Preprocessing(
        input_px=(side, side),
        colours="rgb",
        fit="middle" if cuts else "stretch",
        shrinking="bilinear",
        mean=tuple(settings["dataset"]["mean_RGB"]),
        scale=scales[mode],
    )
