"""Train a classifier on one's own pictures: split by run, learn, calibrate, compare with simpler ways."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from detectors.flowcam.preprocessing import Preprocessing
from detectors.models.classifiers.card import SimplerWay
from detectors.models.classifiers.learning.augment import FURTHEST_PX, MOST_LIGHT, prepare_augmented
from detectors.models.classifiers.learning.design import Design, choose_stages
from detectors.models.classifiers.learning.measures import read_measures
from detectors.models.classifiers.learning.pictures import (
    PictureFiles,
    PreparedFiles,
    choose_distinct,
    count_pictures,
    find_pictures,
)
from detectors.models.classifiers.learning.runs import split_runs
from detectors.models.classifiers.metrics import (
    Answers,
    choose_thresholds,
    count_confusions,
    find_temperature,
    mean_f1,
    score_classes,
    to_shares,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from detectors.models.classifiers.learning.design import Weights
    from detectors.models.classifiers.learning.pictures import LabelledPicture
    from detectors.models.classifiers.learning.runs import RunSplit

_DECIMALS = 2
#: Fewer watched pictures than this say nothing about a temperature or a threshold.
_ENOUGH_WATCHED = 50


class Progress(Protocol):
    """Told after each step of the work; answers whether to go on."""

    def __call__(self, stage: str, done: int, of: int, figure: float) -> bool:
        """``figure`` is the surprise at the watched pictures after an epoch, 0 for stages that have none."""
        ...


@dataclass(frozen=True)
class Source:
    """Where pictures are, and how their runs are told.

    Attributes
    ----------
    root
        A folder with a folder for each class; it is only read.
    rule, table
        See :func:`detectors.models.classifiers.learning.pictures.find_pictures`.
    held_out
        Runs to test on; none: chosen so that classes are shared out evenly.
    measures
        Tables of the instrument's own measures, for a regression to compare with.
    """

    root: Path
    rule: str | None = None
    table: Path | None = None
    held_out: tuple[str, ...] = ()
    measures: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """How a classifier is trained.

    Attributes
    ----------
    input_px
        Side of the network's input.
    colours, fit
        See :class:`detectors.flowcam.preprocessing.Preprocessing`.
    stages
        Channels and stride of each convolution; ``None``: as the input's size asks.
    evenness
        How far rare classes are made to weigh as much as common ones: a mistake costs ``(mean count / count) ** evenness``.
    precision
        Thresholds are chosen so that answers of each class are right this often on the watched pictures; ``None`` sets none.
    epochs, patience
        Most epochs; how many in a row may bring nothing.
    limit_s
        Training ends with the epoch in which this many seconds have passed; the best epoch until then is kept.
    """

    input_px: int = 100
    colours: Literal["grey", "rgb"] = "rgb"
    fit: Literal["pad", "letterbox", "stretch", "middle"] = "pad"
    stages: tuple[tuple[int, int], ...] | None = None
    evenness: float = 1.0
    precision: float | None = None
    epochs: int = 60
    patience: int = 20
    batch: int = 32
    seed: int = 0
    threads: int = 1
    limit_s: float | None = None


@dataclass(frozen=True)
class TrainedClassifier:
    """A network that was trained, and everything its card says of how.

    Attributes
    ----------
    weights
        Calibrated: logits are divided by the temperature in the last layer.
    held_out, held_out_truth
        Pictures to test on, and their classes.
    simpler
        Simpler ways, measured on the same pictures.
    counts
        Pictures of each class that were learnt from.
    """

    labels: tuple[str, ...]
    design: Design
    weights: Weights
    preprocessing: Preprocessing
    recipe: Recipe
    split: RunSplit
    held_out: PictureFiles
    held_out_truth: NDArray[np.int64]
    thresholds: tuple[tuple[str, float], ...]
    simpler: tuple[SimplerWay, ...]
    counts: Mapping[str, int]
    how: str
    history: tuple[float, ...] = field(default=())


def train_classifier(source: Source, recipe: Recipe, *, progress: Progress) -> TrainedClassifier:
    """Train on labelled pictures and return the calibrated network of the best epoch.

    Raises
    ------
    FatalFault
        If the ``train`` extra is missing, the pictures cannot be read or split, or training fails.
    """
    from detectors.models.classifiers.learning.network import Lesson, learn, load_torch  # noqa: PLC0415 - gigabytes: when asked for

    load_torch()
    begun = time.monotonic()
    found = find_pictures(source.root, rule=source.rule, table=source.table)
    kept = choose_distinct(found.pictures, progress=lambda done, of: _ignore(progress("read", done, of, 0.0)))
    split = split_runs(kept, found.labels, held_out=source.held_out, seed=recipe.seed)
    truth = np.asarray([found.labels.index(picture.label) for picture in kept], dtype=np.int64)
    sides = _Sides(kept, truth, split)
    preprocessing = _measure_preprocessing(sides.take(split.learned), recipe)
    counts = np.bincount(truth[list(split.learned)], minlength=len(found.labels))
    design = Design(preprocessing.channels, len(found.labels), recipe.stages or choose_stages(recipe.input_px))
    watched = split.watched or split.learned
    pictures, history = sides.take(split.learned), []

    def go_on(epoch: int, epochs: int, surprise: float) -> bool:
        history.append(surprise)
        in_time = recipe.limit_s is None or time.monotonic() - begun < recipe.limit_s
        return progress("learn", epoch, epochs, surprise) and in_time

    def draw(places: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.uint8]:
        return prepare_augmented([pictures[int(place)] for place in places], preprocessing, random)

    lesson = Lesson(
        design=design, draw=draw,
        truth=truth[list(split.learned)], watched=PreparedFiles(sides.take(watched), preprocessing),
        watched_truth=truth[list(watched)], scaling=preprocessing.scaling,
        class_weights=((counts.mean() / counts) ** recipe.evenness).astype(np.float32), epochs=recipe.epochs,
        patience=recipe.patience, batch=min(recipe.batch, len(split.learned)), seed=recipe.seed, threads=recipe.threads,
    )  # fmt: skip
    learned = learn(lesson, progress=go_on)
    enough = len(split.watched) >= _ENOUGH_WATCHED
    temperature = find_temperature(learned.logits, lesson.watched_truth) if enough else 1.0
    answers = Answers(to_shares(learned.logits / temperature), lesson.watched_truth)
    thresholds = (
        () if recipe.precision is None else choose_thresholds(answers, found.labels, precision=recipe.precision)
    )
    how = _describe(
        design, preprocessing, recipe, f"best epoch {learned.epoch} of {learned.epochs}", temperature=temperature
    )
    dropped = len(found.pictures) - len(kept)
    return TrainedClassifier(
        labels=found.labels, design=design, weights=learned.weights.cool(temperature), preprocessing=preprocessing,
        recipe=recipe, split=split, held_out=sides.take(split.held_out), held_out_truth=truth[list(split.held_out)],
        thresholds=thresholds, simpler=_measure_simpler(source, sides, found.labels),
        counts=count_pictures([kept[place] for place in split.learned], found.labels), history=tuple(history),
        how=how + (f" {dropped} pictures of equal or contradictory content were left out." if dropped else ""),
    )  # fmt: skip


@dataclass(frozen=True)
class _Sides:
    """The pictures, and who is on which side."""

    pictures: Sequence[LabelledPicture]
    truth: NDArray[np.int64]
    split: RunSplit

    def take(self, places: Sequence[int]) -> PictureFiles:
        return PictureFiles(tuple(self.pictures[place] for place in places))


def _measure_preprocessing(pictures: Sequence[NDArray[np.uint8]], recipe: Recipe) -> Preprocessing:
    """Return the preprocessing whose mean and scale are those of the pictures learnt from."""
    plain = Preprocessing(
        input_px=(recipe.input_px, recipe.input_px), colours=recipe.colours, fit=recipe.fit,
        mean=(0.0,) * (1 if recipe.colours == "grey" else 3), scale=(1.0,) * (1 if recipe.colours == "grey" else 3),
    )  # fmt: skip
    sums, squares, count = np.zeros(plain.channels), np.zeros(plain.channels), 0
    for picture in pictures:
        values = plain.prepare([picture]).reshape(-1, plain.channels).astype(np.float64)
        sums, squares, count = sums + values.sum(axis=0), squares + np.square(values).sum(axis=0), count + len(values)
    middle = sums / count
    spread = np.sqrt(np.maximum(squares / count - middle**2, 1.0))
    return plain.model_copy(update={"mean": _to_numbers(middle), "scale": _to_numbers(spread)})


def _measure_simpler(source: Source, sides: _Sides, labels: tuple[str, ...]) -> tuple[SimplerWay, ...]:
    """Measure what a network must beat: always the commonest class; a regression on the instrument's own measures."""
    from detectors.models.classifiers.learning.network import fit_regression  # noqa: PLC0415

    near, away = [*sides.split.learned, *sides.split.watched], list(sides.split.held_out)
    truth = sides.truth[away]

    def score(said: NDArray[np.int64]) -> float:
        return mean_f1(score_classes(count_confusions(truth, said, len(labels)), labels))

    commonest = int(np.bincount(sides.truth[near], minlength=len(labels)).argmax())
    ways = [
        SimplerWay(
            name="the commonest class for every picture",
            macro_f1=score(np.full(len(truth), commonest)),
            how=f"every picture is called {labels[commonest]}",
        )
    ]
    if source.measures:
        measures = read_measures(source.measures, sides.pictures)
        say = fit_regression(measures.numbers[near], sides.truth[near], len(labels))
        how = (
            f"multinomial, L2 of weight 1, classes weighing alike, on {len(measures.names)} standardised measures of the "
            f"instrument ({measures.found} of {len(sides.pictures)} pictures have a row)"
        )
        ways.append(
            SimplerWay(
                name="a logistic regression on the instrument's own measures",
                macro_f1=score(say(measures.numbers[away])),
                how=how,
            )
        )
    return tuple(ways)


def _describe(design: Design, preprocessing: Preprocessing, recipe: Recipe, course: str, *, temperature: float) -> str:
    stages = ", ".join(f"{made}{'/2' if stride > 1 else ''}" for made, stride in design.stages)
    operations = design.count_operations(preprocessing.input_px) / 1e6
    height, width = preprocessing.input_px
    return (
        f"Plain 3 x 3 convolutions ({stages}; /2 halves the sides), mean and maximum of each plane, one linear layer: "
        f"{operations:.1f} million operations at {height} x {width} px, {preprocessing.colours}. From nothing, AdamW, at most "
        f"{recipe.epochs} epochs of {recipe.batch} pictures a step, {course} by the watched pictures, mean of the weights of the "
        f"last steps, class weights (mean count / count) ** {recipe.evenness:g}, seed {recipe.seed}. Pictures were turned by "
        f"quarters, mirrored, moved by up to {FURTHEST_PX} px and made lighter or darker by up to {MOST_LIGHT} of 255; size and "
        f"colour were left alone. Logits are divided by {temperature:.2f}, fitted on the watched pictures."
    )


def _to_numbers(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(value), _DECIMALS) for value in values)


def _ignore(answer: bool) -> None:  # noqa: FBT001
    """Reading is short and is not broken off."""
