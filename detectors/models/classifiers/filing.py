"""File a trained classifier: its folder with weights, classes, ids, preprocessing, card and pictures, all measured as filed."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from detectors import pixels
from detectors.flowcam.open import Classifier
from detectors.flowcam.preprocessing import FILE_NAME
from detectors.models.card import Source
from detectors.models.catalogue import split_spec
from detectors.models.classifiers.card import ClassifierCard
from detectors.models.classifiers.drawing import draw_confusions, draw_reliability
from detectors.models.classifiers.folder import (
    APHIA_FILE,
    CARD_FILE,
    CLASSES_FILE,
    read_classifier_folder,
)
from detectors.models.classifiers.learning.onnx_file import write_onnx
from detectors.models.classifiers.measuring import answer_pictures, make_trial
from detectors.models.classifiers.metrics import count_confusions, measure_reliability
from schemas.errors import FatalFault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from detectors.models.about import About
    from detectors.models.classifiers.card import Trial
    from detectors.models.classifiers.learning.training import TrainedClassifier
    from detectors.models.classifiers.metrics import Answers

MODEL_FILE, CONFUSIONS_FILE, RELIABILITY_FILE, SCORES_FILE = (
    "model.onnx",
    "confusions.png",
    "reliability.png",
    "classes.csv",
)
_UNSAID = "not said by whoever trained it"


@dataclass(frozen=True)
class Filing:
    """What a card says that cannot be measured.

    Attributes
    ----------
    name, version
        Where it is filed.
    about
        Title, licence, sources and limits; ``None``: the card says that nobody said.
    ids
        AphiaIDs, or words for what is no taxon, by class; classes without one have an empty line.
    others
        Measurements of networks trained in the same way on other runs.
    """

    name: str
    version: str
    about: About | None = None
    provenance: Literal["user", "demonstration"] = "user"
    ids: Mapping[str, str] | None = None
    others: tuple[Trial, ...] = ()


def file_classifier(
    trained: TrainedClassifier,
    filing: Filing,
    folder: Path,
    *,
    progress: Callable[[int, int], None] = lambda _, __: None,
) -> ClassifierCard:
    """Write everything into an empty folder and return the card, measured with the file that was written.

    Raises
    ------
    FatalFault
        If the ``train`` extra is missing, or the network cannot be written or run.
    """
    _write_model(trained, filing, folder)
    plain = read_classifier_folder(folder / MODEL_FILE)
    classifier = Classifier(plain.model, plain.preprocessing, dict(trained.thresholds), plain.taxa)
    answers = answer_pictures(classifier, trained.held_out, trained.held_out_truth, progress=progress)
    split = trained.split
    trial = make_trial(
        answers, classifier, what="the model that is filed", learned=(split.learned_runs, len(split.learned)),
        tested=split.held_out_runs, simpler=trained.simpler,
    )  # fmt: skip
    card = _write_card(trained, filing, classifier, trial)
    draw_figures(folder, answers, trained.labels, name=f"{filing.name}@{filing.version}")
    (folder / SCORES_FILE).write_text(to_score_table(trial), encoding="utf-8")
    text = json.dumps(card.to_plain(), indent=2, ensure_ascii=False) + "\n"
    (folder / CARD_FILE).write_text(text, encoding="utf-8")  # last: a model without its card is not used
    return card


def refuse_filed(filing: Filing, catalogue: Path) -> None:
    """Refuse a name and version that are there already, or that cannot be a name.

    Raises
    ------
    FatalFault
        If a model cannot be filed so.
    """
    spec = f"{filing.name}@{filing.version}"
    if split_spec(spec) is None:
        message = f"{spec} is no name and version: a name has a-z, 0-9 and hyphens, a version letters, digits, dots and hyphens."
        raise FatalFault(message)
    if (catalogue / filing.name / filing.version / CARD_FILE).exists():
        message = f"{spec} is filed already; results name it, so give another version."
        raise FatalFault(message)


def refuse_ids(filing: Filing, labels: Sequence[str]) -> None:
    """Refuse AphiaIDs of classes that are not there: a misspelt class would go without its id.

    Raises
    ------
    FatalFault
        Naming them.
    """
    unknown = sorted(set(filing.ids or ()) - set(labels))
    if unknown:
        message = f"Ids are given of classes that are not there: {', '.join(unknown)}."
        raise FatalFault(message)


def to_score_table(trial: Trial) -> str:
    """Return a measurement as CSV: a row a class, empty where nothing can be divided."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("class", "support", "predicted", "precision", "recall", "f1"))
    for item in trial.classes:
        writer.writerow((item.label, item.support, item.predicted, item.precision, item.recall, item.f1))
    return out.getvalue()


def _write_model(trained: TrainedClassifier, filing: Filing, folder: Path) -> None:
    data = write_onnx(trained.design, trained.weights, input_px=trained.preprocessing.input_px, name=filing.name)
    (folder / MODEL_FILE).write_bytes(data)
    (folder / CLASSES_FILE).write_text("".join(f"{label}\n" for label in trained.labels), encoding="utf-8")
    if filing.ids is not None:
        lines = "".join(f"{filing.ids.get(label, '-')}\n" for label in trained.labels)
        (folder / APHIA_FILE).write_text(lines, encoding="utf-8")
    preprocessing = json.dumps(trained.preprocessing.to_plain(), indent=2)
    (folder / FILE_NAME).write_text(preprocessing + "\n", encoding="utf-8")


def _write_card(trained: TrainedClassifier, filing: Filing, classifier: Classifier, trial: Trial) -> ClassifierCard:
    about, network = filing.about, classifier.model
    counted = ", ".join(f"{label} {count}" for label, count in trained.counts.items())
    training = f"Learnt from {counted}. {trained.how}"
    unsaid = Source(
        name=_UNSAID, licence=_UNSAID, attribution=_UNSAID, where=_UNSAID, pictures=sum(trained.counts.values())
    )
    return ClassifierCard(
        name=filing.name,
        version=filing.version,
        title=f"Classifier of {len(trained.labels)} classes" if about is None else about.title,
        provenance=filing.provenance,
        sha256=network.sha256,
        preprocessing_sha256=classifier.preprocessing.to_digest(),
        model=MODEL_FILE,
        licence=_UNSAID if about is None else about.licence,
        data=(unsaid,) if about is None else about.data,
        classes=trained.labels,
        thresholds=trained.thresholds,
        training=training if about is None else f"{about.training} {training}",
        split=trained.split.how if about is None else f"{trained.split.how} {about.split}",
        figures=trial,
        others=filing.others,
        comparison=tuple(f"{item.what}: {item.compare()}" for item in (trial, *filing.others)),
        limits=(f"What it gets wrong is {_UNSAID}; see the figures.",) if about is None else about.limits,
    )


def draw_figures(folder: Path, answers: Answers, labels: tuple[str, ...], *, name: str) -> None:
    """Draw the table of confusions and the reliability diagram of a model into a folder."""
    table = count_confusions(answers.truth, answers.best, len(labels))
    pixels.write_picture(
        folder / CONFUSIONS_FILE, draw_confusions(table, labels, title=f"{name}: true (down), said (across)")
    )
    picture = draw_reliability(measure_reliability(answers), title=f"{name}: do scores mean what they say?")
    pixels.write_picture(folder / RELIABILITY_FILE, picture)
