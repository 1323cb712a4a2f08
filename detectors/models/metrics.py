"""How good a detector is on marked pictures: average precision as COCO defines it, and which classes it confuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.boxes import measure_overlaps
from detectors.models.card import ClassFigures, Figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: Overlaps at which a box counts as found, from loose to strict: COCO's ten.
OVERLAPS = np.linspace(0.5, 0.95, 10)
#: Recalls at which precision is read: COCO's 101.
_RECALLS = np.linspace(0, 1, 101)
#: Score and overlap from which a box enters the table of confusions: what a person would look at.
CONFUSION_SCORE, CONFUSION_OVERLAP = 0.25, 0.5


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was predicted and what is true in one picture; boxes are xyxy in one unit.

    Attributes
    ----------
    boxes, scores, classes
        Predicted: float64 (n, 4), float64 (n,), int64 (n,), at a score threshold near 0.
    true_boxes, true_classes
        Marked by people: float64 (m, 4), int64 (m,).
    """

    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    classes: NDArray[np.int64]
    true_boxes: NDArray[np.float64]
    true_classes: NDArray[np.int64]


def measure_figures(sightings: Sequence[Sighting], labels: Sequence[str], *, how: str) -> Figures:
    """Return average precision for each class that occurs, and its mean over them.

    Predictions of a class are matched to marked objects by score, best first, each to the object of the picture it overlaps
    most of those still free; precision is made falling and read at 101 recalls (COCO's definition, pycocotools 2.0).
    """
    classes = []
    for index, label in enumerate(labels):
        objects = sum(int((sighting.true_classes == index).sum()) for sighting in sightings)
        if objects:
            precisions = _measure_class(sightings, index, objects)
            classes.append(
                ClassFigures(
                    label=label, objects=objects, map50=_rounded(precisions[0]), map50_95=_rounded(precisions.mean())
                )
            )
    return Figures(
        pictures=len(sightings),
        objects=sum(figures.objects for figures in classes),
        map50=_rounded(np.mean([figures.map50 for figures in classes]) if classes else 0.0),
        map50_95=_rounded(np.mean([figures.map50_95 for figures in classes]) if classes else 0.0),
        classes=tuple(classes),
        how=how,
    )


def count_confusions(sightings: Sequence[Sighting], classes: int) -> NDArray[np.int64]:
    """Return int64 (classes + 1, classes + 1): rows what was marked, columns what was predicted, the last of each nothing."""
    table = np.zeros((classes + 1, classes + 1), dtype=np.int64)
    for sighting in sightings:
        kept = sighting.scores >= CONFUSION_SCORE
        boxes, predicted = sighting.boxes[kept], sighting.classes[kept]
        overlaps = measure_overlaps(sighting.true_boxes, boxes)
        pairs = np.argwhere(overlaps >= CONFUSION_OVERLAP)
        order = np.argsort(-overlaps[pairs[:, 0], pairs[:, 1]], kind="stable")
        seen: set[int] = set()
        used: set[int] = set()
        for true, found in pairs[order].tolist():
            if true not in seen and found not in used:
                seen.add(true)
                used.add(found)
                table[sighting.true_classes[true], predicted[found]] += 1
        for true in set(range(len(sighting.true_classes))) - seen:
            table[sighting.true_classes[true], classes] += 1
        for found in set(range(len(predicted))) - used:
            table[classes, predicted[found]] += 1
    return table


def _measure_class(sightings: Sequence[Sighting], index: int, objects: int) -> NDArray[np.float64]:
    """Return average precision at each overlap, (10,)."""
    scores, hits = [np.zeros(0)], [np.zeros((0, len(OVERLAPS)), dtype=bool)]
    for sighting in sightings:
        kept = np.flatnonzero(sighting.classes == index)
        order = kept[np.argsort(-sighting.scores[kept], kind="stable")]
        overlaps = measure_overlaps(sighting.boxes[order], sighting.true_boxes[sighting.true_classes == index])
        scores.append(sighting.scores[order])
        hits.append(_match(overlaps))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    found = np.cumsum(np.concatenate(hits)[order], axis=0)
    return np.asarray([_average_precision(found[:, column], objects) for column in range(len(OVERLAPS))])


def _match(overlaps: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return bool (predictions, 10): whether each prediction, best first, takes a free object at each overlap."""
    hits = np.zeros((overlaps.shape[0], len(OVERLAPS)), dtype=bool)
    for column, least in enumerate(OVERLAPS):
        free = np.ones(overlaps.shape[1], dtype=bool)
        for row in range(overlaps.shape[0]):
            reachable = np.where(free, overlaps[row], -1.0)
            if reachable.size and reachable.max() >= least:
                free[int(reachable.argmax())] = False
                hits[row, column] = True
    return hits


def _average_precision(found: NDArray[np.int64], objects: int) -> float:
    """Return the area under precision over recall, read at 101 recalls."""
    if not found.size:
        return 0.0
    recall = found / objects
    precision = found / np.arange(1, len(found) + 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, _RECALLS, side="left")
    return float(np.where(places < len(falling), falling[np.minimum(places, len(falling) - 1)], 0.0).mean())


def _rounded(value: float | np.floating) -> float:
    return round(float(value), 4)
