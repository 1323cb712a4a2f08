"""Measure a classifier on labelled pictures with the very file that is filed, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.flowcam.naming import Naming
from detectors.flowcam.open import RoiOptions, open_runtime
from detectors.models.classifiers.card import Trial
from detectors.models.classifiers.metrics import (
    Answers,
    count_confusions,
    mean_f1,
    measure_calibration_error,
    measure_reliability,
    score_classes,
)
from schemas.canonical import rounded

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from detectors.flowcam.open import Classifier
    from detectors.models.classifiers.card import SimplerWay

_BATCH = 64
_DECIMALS = 4


def answer_pictures(
    classifier: Classifier,
    pictures: Sequence[NDArray[np.uint8]],
    truth: NDArray[np.int64],
    *,
    progress: Callable[[int, int], None] = lambda _, __: None,
) -> Answers:
    """Return what a classifier says of pictures, as it is written down (four decimals).

    Parameters
    ----------
    pictures
        uint8 (height_px, width_px, 3), RGB, of any size; at least one.
    truth
        int64 (n,): their classes.

    Raises
    ------
    FatalFault
        If the model cannot be run, or its answers do not fit its classes.
    """
    runtime = open_runtime(classifier.model, RoiOptions())
    labels = runtime.network.labels
    naming = Naming(labels, (0.0,) * len(labels), 1, "classifier", classifier.preprocessing.answers)
    parts = []
    try:
        for place in range(0, len(pictures), _BATCH):
            batch = classifier.preprocessing.prepare(pictures[place : place + _BATCH])
            parts.append(naming.read_shares(runtime.start(batch).result(), len(batch)))
            progress(min(place + _BATCH, len(pictures)), len(pictures))
    finally:
        runtime.close()
    return Answers(np.concatenate(parts), truth)


def make_trial(
    answers: Answers,
    classifier: Classifier,
    *,
    what: str,
    learned: tuple[tuple[str, ...], int],
    tested: tuple[str, ...],
    simpler: tuple[SimplerWay, ...],
) -> Trial:
    """Return what a card says of one measurement.

    Parameters
    ----------
    learned
        The runs, and how many pictures of them.
    tested
        The runs the answers are of.
    """
    labels = classifier.model.network.labels if classifier.model.network is not None else ()
    scores = score_classes(count_confusions(answers.truth, answers.best, len(labels)), labels)
    limits = np.asarray([classifier.thresholds.get(label, 0.0) for label in labels])
    believed = answers.scores >= limits[answers.best]
    return Trial(
        what=what, learned=learned[0], tested=tested, learned_pictures=learned[1], tested_pictures=len(answers.truth),
        accuracy=_round(answers.right.mean()), macro_f1=mean_f1(scores),
        calibration_error=measure_calibration_error(measure_reliability(answers)),
        unidentified=_round(1 - believed.mean()),
        identified_accuracy=_round(answers.right[believed].mean()) if believed.any() else None,
        classes=scores, simpler=simpler,
    )  # fmt: skip


def _round(value: float | np.floating) -> float:
    return rounded(float(value), _DECIMALS)
