"""How good a classifier is, from its scores and the truth: per class, as a whole, and whether its scores mean what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.models.classifiers.card import ClassScores
from schemas.canonical import rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: Bins of the reliability diagram and of the expected calibration error (Guo et al. 2017, "On calibration of modern neural
#: networks").
BINS = 15
_DECIMALS = 4
#: Fewer answers than this say nothing about how often a class is right at a score.
_FEWEST_ANSWERS = 10
_TEMPERATURES = np.geomspace(0.25, 8.0, 241)


@dataclass(frozen=True)
class Answers:
    """What a classifier said of pictures whose class is known.

    Attributes
    ----------
    shares
        float64 (pictures, classes), rows sum to 1.
    truth
        int64 (pictures,): index of the class.
    """

    shares: NDArray[np.float64]
    truth: NDArray[np.int64]

    @property
    def best(self) -> NDArray[np.int64]:
        """The likeliest class of each picture; of equal ones the first."""
        return np.asarray(self.shares.argmax(axis=1), dtype=np.int64)

    @property
    def scores(self) -> NDArray[np.float64]:
        """The share of the likeliest class."""
        return np.asarray(self.shares.max(axis=1), dtype=np.float64)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether the likeliest class is the true one."""
        return np.asarray(self.best == self.truth)


@dataclass(frozen=True, slots=True)
class Reliability:
    """Pictures whose score fell into one bin: how many, their mean score, and the share of them that was right."""

    low: float
    high: float
    pictures: int
    score: float
    right: float


def count_confusions(truth: NDArray[np.int64], said: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Return int64 (classes, classes): rows are true classes, columns what was said."""
    table = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(table, (truth, said), 1)
    return table


def score_classes(table: NDArray[np.int64], labels: Sequence[str]) -> tuple[ClassScores, ...]:
    """Return precision, recall and F1 of each class from a table of confusions."""
    scored = []
    for place, label in enumerate(labels):
        right, support, predicted = int(table[place, place]), int(table[place].sum()), int(table[:, place].sum())
        scored.append(
            ClassScores(
                label=label,
                support=support,
                predicted=predicted,
                precision=_share(right, predicted),
                recall=_share(right, support),
                f1=_share(2 * right, support + predicted),
            )
        )
    return tuple(scored)


def mean_f1(scores: Sequence[ClassScores]) -> float:
    """Return macro-F1: the mean over the classes that the tested part holds; a class never found counts 0.

    Raises
    ------
    ValueError
        If no class is held.
    """
    held = [item.f1 or 0.0 for item in scores if item.support]
    if not held:
        message = "no picture was tested"
        raise ValueError(message)
    return rounded(sum(held) / len(held), _DECIMALS)


def measure_reliability(answers: Answers) -> tuple[Reliability, ...]:
    """Return the bins of the reliability diagram that hold pictures: scores in ``(low, high]``, equally wide."""
    bins = []
    places = np.clip(np.ceil(answers.scores * BINS).astype(np.int64) - 1, 0, BINS - 1)
    for place in range(BINS):
        inside = places == place
        if inside.any():
            count, score, right = int(inside.sum()), answers.scores[inside].mean(), answers.right[inside].mean()
            bins.append(Reliability(place / BINS, (place + 1) / BINS, count, float(score), float(right)))
    return tuple(bins)


def measure_calibration_error(bins: Sequence[Reliability]) -> float:
    """Return the expected calibration error: the mean distance of score and share right, weighted by pictures."""
    pictures = sum(item.pictures for item in bins)
    return rounded(sum(item.pictures * abs(item.score - item.right) for item in bins) / max(pictures, 1), _DECIMALS)


def find_temperature(logits: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """Return the number that logits are divided by so that shares are least surprised by the truth (Guo et al. 2017).

    The likelihood has one maximum along the temperature; a grid of 1.5 % steps from 1/4 to 8 finds it well enough for scores
    that keep four decimals, and always the same way.
    """
    costs = [_surprise(logits / temperature, truth) for temperature in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmin(costs))])


def to_shares(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the softmax of each row."""
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True), dtype=np.float64)


def choose_thresholds(answers: Answers, labels: Sequence[str], *, precision: float) -> tuple[tuple[str, float], ...]:
    """Return the lowest score of each class from which its answers are right as often as asked.

    A class that reaches it at every score needs no threshold. One that never does, or that was answered too rarely to tell, is
    believed from the score ``precision`` itself, as a calibrated score would be.
    """
    chosen = []
    for place, label in enumerate(labels):
        mine = answers.best == place
        order = np.argsort(-answers.scores[mine], kind="stable")
        scores, right = answers.scores[mine][order], answers.right[mine][order]
        share = np.cumsum(right) / np.arange(1, len(right) + 1)
        enough = np.flatnonzero((share >= precision) & (np.arange(1, len(right) + 1) >= _FEWEST_ANSWERS))
        if enough.size and enough[-1] == len(right) - 1:
            continue
        threshold = float(scores[enough[-1]]) if enough.size else precision
        chosen.append((label, rounded(threshold, _DECIMALS)))
    return tuple(chosen)


def _surprise(logits: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return float((np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(truth)), truth]).mean())


def _share(part: int, whole: int) -> float | None:
    return rounded(part / whole, _DECIMALS) if whole else None
