"""Make a classifier: train it, file it, write it down where a tracking server is configured."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from detectors.models.classifiers.filing import Filing, file_classifier, refuse_filed, refuse_ids
from detectors.models.classifiers.learning.network import load_torch
from detectors.models.classifiers.learning.pictures import find_pictures
from detectors.models.classifiers.learning.tracking import KeptTracker
from detectors.models.classifiers.learning.training import train_classifier
from detectors.models.placing import make_folder

if TYPE_CHECKING:
    from detectors.models.classifiers.card import ClassifierCard, Trial
    from detectors.models.classifiers.learning.tracking import Tracker
    from detectors.models.classifiers.learning.training import Progress, Recipe, Source, TrainedClassifier


def make_classifier(
    source: Source,
    recipe: Recipe,
    filing: Filing,
    catalogue: Path,
    *,
    progress: Progress,
    tracker: Tracker | None = None,
    both_ways: bool = False,
) -> ClassifierCard:
    """Train on labelled pictures, file the network in ``<catalogue>/<name>/<version>/``, and return its card.

    Parameters
    ----------
    both_ways
        Train a second network the other way round (learnt from the runs that were tested on, tested on those learnt from): only
        its figures are kept, on the card. One measurement on one run says little of the next run.

    Raises
    ------
    FatalFault
        If the ``train`` extra is missing, the pictures cannot be used, training fails, or the version is there already.
    """
    refuse_filed(filing, catalogue)
    load_torch()
    refuse_ids(filing, find_pictures(source.root, rule=source.rule, table=source.table).labels)
    record = tracker or KeptTracker()
    record.note_settings({**asdict(recipe), "name": filing.name, "version": filing.version})
    home = catalogue / filing.name / filing.version

    def go_on(stage: str, done: int, of: int, figure: float) -> bool:
        if stage == "learn":
            record.note_epoch(done, {"surprise": figure})
        return progress(stage, done, of, figure)

    try:
        with make_folder(home) as folder:
            trained = train_classifier(source, recipe, progress=go_on)
            if both_ways:
                turned = _turn_round(trained, source, recipe, progress=progress)
                filing = replace(filing, others=(*filing.others, turned))
            card = file_classifier(
                trained, filing, folder, progress=lambda done, of: _ignore(progress("measure", done, of, 0.0))
            )
    except BaseException:
        record.finish({}, None)
        raise
    trial = card.trials[0]
    figures = {"accuracy": trial.accuracy, "macro_f1": trial.macro_f1, "calibration_error": trial.calibration_error}
    record.finish(figures, home)
    return card


def _turn_round(trained: TrainedClassifier, source: Source, recipe: Recipe, *, progress: Progress) -> Trial:
    """Return what a network measures that learnt from the runs the other was tested on; the network is not kept."""

    def pass_on(stage: str, done: int, of: int, figure: float) -> bool:
        return progress(f"{stage}, the other way round", done, of, figure)

    turned = train_classifier(replace(source, held_out=trained.split.learned_runs), recipe, progress=pass_on)
    with TemporaryDirectory(prefix="observatory-models-") as place:
        card = file_classifier(turned, Filing("turned", "1"), Path(place))
    return card.trials[0].model_copy(update={"what": "the other way round, a network that is not filed"})


def _ignore(answer: bool) -> None:  # noqa: FBT001
    """Measuring is short and is not broken off."""
