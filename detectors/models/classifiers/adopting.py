"""Take in a classifier that was made elsewhere: measure it on sorted pictures, and file it with its ids and a card."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from detectors.flowcam.open import open_classifier
from detectors.flowcam.preprocessing import FILE_NAME
from detectors.models.catalogue import split_spec
from detectors.models.classifiers.card import ClassifierCard
from detectors.models.classifiers.filing import MODEL_FILE, SCORES_FILE, draw_figures, to_score_table
from detectors.models.classifiers.folder import APHIA_FILE, CARD_FILE, CLASSES_FILE, read_classifier_folder
from detectors.models.classifiers.learning.pictures import PictureFiles, find_pictures
from detectors.models.classifiers.measuring import answer_pictures, make_trial
from detectors.models.placing import make_folder
from schemas.errors import FatalFault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detectors.flowcam.open import Classifier
    from detectors.models.about import About
    from detectors.models.classifiers.card import Trial
    from detectors.models.classifiers.metrics import Answers
    from detectors.models.filing import Shelf

#: Which run a picture is of plays no part where nothing is learnt.
_ANY_RUN = r"(?P<run>.*)"

#: A demonstration model stays one, whoever files it.
Provenance = Literal["user", "demonstration"]

_IR_FILES = ("model.xml", "model.bin")


def measure_on_folder(
    classifier: Classifier, root: Path, *, progress: Callable[[int, int], None] = lambda _, __: None
) -> tuple[Trial, Answers]:
    """Return what is measured of a classifier on pictures in a folder for each class, all of them; and its answers.

    Nothing is known of what it learnt from: pictures that it has seen make any figure better than it is.

    Raises
    ------
    FatalFault
        If a folder is none of the model's classes, a picture cannot be read, or the model cannot be run.
    """
    found = find_pictures(root, rule=_ANY_RUN)
    labels = () if classifier.model.network is None else classifier.model.network.labels
    unknown = [label for label in found.labels if label not in labels]
    if unknown:
        message = (
            f"The model has no class {', '.join(unknown[:5])}{' and others' if len(unknown) > 5 else ''}: the folders of "  # noqa: PLR2004 - how many are named
            f"pictures must have the names of its classes, such as {', '.join(labels[:3])}."
        )
        raise FatalFault(message)
    truth = np.asarray([labels.index(picture.label) for picture in found.pictures], dtype=np.int64)
    answers = answer_pictures(classifier, PictureFiles(found.pictures), truth, progress=progress)
    what = f"{classifier.model.name}@{classifier.model.version}, f32"
    trial = make_trial(answers, classifier, what=what, learned=((), 0), tested=(root.resolve().name,), simpler=())
    return trial, answers


def adopt_classifier(
    path: Path,
    about: About,
    shelf: Shelf,
    *,
    pictures: Path | None = None,
    progress: Callable[[int, int], None] = lambda _, __: None,
) -> ClassifierCard:
    """File the classifier in a folder, ours or in the layout of the phytoplankton service, and return its card.

    Its classes, what it states of their ids, and its preprocessing are filed with it, so that they belong to the version.

    Parameters
    ----------
    pictures
        A folder for each class to measure it on; without them the card holds no figures.

    Raises
    ------
    FatalFault
        If the folder cannot be read, the model does not answer with its classes, or the place holds a model already; or from
        measuring. Nothing is filed then.
    """
    spec = f"{shelf.name}@{shelf.version}"
    if split_spec(spec) is None:
        message = f"{spec} is no name and version: a name has a-z, 0-9 and hyphens, a version letters, digits, dots and hyphens."
        raise FatalFault(message)
    if shelf.folder.exists():
        message = f"The catalogue has {spec} already; results name it, so give another version."
        raise FatalFault(message)
    given = read_classifier_folder(path)
    open_classifier(given).close()
    with make_folder(shelf.folder) as made:
        _copy_files(given, made)
        read = read_classifier_folder(made / (MODEL_FILE if given.model.weights is None else _IR_FILES[0]))
        filed = replace(read, thresholds=given.thresholds)
        trial = None
        if pictures is not None:
            trial, answers = measure_on_folder(filed, pictures, progress=progress)
            trial = trial.model_copy(update={"what": "the model that is filed"})
            labels = () if filed.model.network is None else filed.model.network.labels
            draw_figures(made, answers, labels, name=spec)
            (made / SCORES_FILE).write_text(to_score_table(trial), encoding="utf-8")
        card = _make_card(filed, given.model.provenance, about, shelf, trial=trial)
        text = json.dumps(card.to_plain(), indent=2, ensure_ascii=False) + "\n"
        (made / CARD_FILE).write_text(text, encoding="utf-8")
    return card


def _copy_files(given: Classifier, folder: Path) -> None:
    names = (MODEL_FILE,) if given.model.weights is None else _IR_FILES
    for name, data in zip(names, (given.model.data, given.model.weights), strict=False):
        (folder / name).write_bytes(data or b"")
    (folder / CLASSES_FILE).write_text("".join(f"{taxon.label}\n" for taxon in given.taxa), encoding="utf-8")
    if any(taxon.said for taxon in given.taxa):
        # as it was stated: what is believed of it is judged when it is read
        (folder / APHIA_FILE).write_text("".join(f"{taxon.said or '-'}\n" for taxon in given.taxa), encoding="utf-8")
    (folder / FILE_NAME).write_text(json.dumps(given.preprocessing.to_plain(), indent=2) + "\n", encoding="utf-8")


def _make_card(
    filed: Classifier, provenance: Provenance, about: About, shelf: Shelf, *, trial: Trial | None
) -> ClassifierCard:
    is_ir = filed.model.weights is not None
    return ClassifierCard(
        name=shelf.name,
        version=shelf.version,
        title=about.title,
        provenance=provenance,
        sha256=filed.model.sha256,
        preprocessing_sha256=filed.preprocessing.to_digest(),
        model=_IR_FILES[0] if is_ir else MODEL_FILE,
        weights=_IR_FILES[1] if is_ir else None,
        licence=about.licence,
        data=about.data,
        classes=tuple(taxon.label for taxon in filed.taxa),
        thresholds=tuple(filed.thresholds.items()),
        training=about.training,
        split=about.split,
        figures=trial,
        comparison=() if trial is None else (trial.compare(),),
        limits=about.limits,
    )
