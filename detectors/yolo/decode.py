"""From the numbers of a YOLO network to boxes in its input: pure, for v8, 11 and 26."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.boxes import from_centres, suppress
from schemas.errors import FatalFault

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.runtimes.base import Outputs
    from detectors.runtimes.metadata import Network
    from detectors.yolo.parameters import YoloParameters

#: Only this many of the best candidates enter the choice among overlapping ones, as in the trainer's own prediction.
CANDIDATE_LIMIT = 30_000
#: Columns before the mask coefficients: four of the box and the scores; end to end: box, score, class.
_BOX, _END_TO_END = 4, 6
_PREDICTION_AXES, _PROTOTYPE_AXES = 3, 4


@dataclass(frozen=True, slots=True)
class Detections:
    """Boxes in the network's input, best score first.

    Attributes
    ----------
    boxes
        float32 (n, 4): left, top, right, bottom in input pixels.
    scores, classes
        float32 (n,) in 0..1 and int64 (n,).
    coefficients
        float32 (n, k): weights of the mask prototypes; k = 0 without masks.
    prototypes
        float32 (k, height, width) of the mask prototypes, or ``None``.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]
    coefficients: NDArray[np.float32]
    prototypes: NDArray[np.float32] | None = None


def read_detections(outputs: Outputs, network: Network, parameters: YoloParameters) -> Detections:
    """Return what the network saw in one picture.

    Raises
    ------
    FatalFault
        If the outputs are not those of such a network, or not finite.
    """
    prediction, prototypes = _sort_outputs(outputs, network)
    masks = 0 if prototypes is None else prototypes.shape[0]
    wanted = [place for place, label in enumerate(network.labels) if label in parameters.classes]
    if network.end_to_end:
        return _read_chosen(prediction, prototypes, masks=masks, wanted=wanted, parameters=parameters)
    if prediction.shape[0] != _BOX + len(network.labels) + masks:
        message = (
            f"The model gives {prediction.shape[0]} numbers a box; {len(network.labels)} classes and {masks} mask numbers "
            f"need {_BOX + len(network.labels) + masks}."
        )
        raise FatalFault(message)
    return _choose(prediction, prototypes, masks=masks, wanted=wanted, parameters=parameters)


def _sort_outputs(outputs: Outputs, network: Network) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """Return the predictions and the prototypes of one picture, told apart by their number of axes."""
    predictions = [output for output in outputs if output.ndim == _PREDICTION_AXES]
    prototypes = [output for output in outputs if output.ndim == _PROTOTYPE_AXES]
    if len(predictions) != 1 or len(prototypes) != (network.task == "segment"):
        shapes = ", ".join(str(output.shape) for output in outputs)
        message = f"The model's outputs {shapes} are not those of a YOLO network for the task {network.task}."
        raise FatalFault(message)
    return predictions[0][0], (prototypes[0][0] if prototypes else None)


def _read_chosen(
    rows: NDArray[np.float32],
    prototypes: NDArray[np.float32] | None,
    *,
    masks: int,
    wanted: list[int],
    parameters: YoloParameters,
) -> Detections:
    """Read rows (left, top, right, bottom, score, class, mask numbers) that the network has already chosen."""
    if rows.shape[1] != _END_TO_END + masks:
        message = (
            f"The model gives {rows.shape[1]} numbers a box; one that chooses by itself gives {_END_TO_END + masks}."
        )
        raise FatalFault(message)
    _refuse_nonsense(rows[:, :_END_TO_END])
    kept = rows[:, _BOX] > np.float32(parameters.conf)
    classes = rows[:, _BOX + 1].astype(np.int64)
    if wanted:
        kept &= np.isin(classes, wanted)
    places = np.flatnonzero(kept)[: parameters.max_det]
    return Detections(
        boxes=rows[places, :_BOX],
        scores=rows[places, _BOX],
        classes=classes[places],
        coefficients=rows[places, _END_TO_END:],
        prototypes=prototypes,
    )


def _choose(
    table: NDArray[np.float32],
    prototypes: NDArray[np.float32] | None,
    *,
    masks: int,
    wanted: list[int],
    parameters: YoloParameters,
) -> Detections:
    """Choose among candidates: columns of (centre x, centre y, width, height, a score a class, mask numbers)."""
    by_class = table[_BOX : table.shape[0] - masks]
    best = by_class.max(axis=0)
    _refuse_nonsense(best)
    places = np.flatnonzero(best > np.float32(parameters.conf))
    classes = by_class[:, places].argmax(axis=0).astype(np.int64)
    if wanted:
        some = np.isin(classes, wanted)
        places, classes = places[some], classes[some]
    scores = best[places]
    if places.size > CANDIDATE_LIMIT:
        order = np.argsort(-scores, kind="stable")[:CANDIDATE_LIMIT]
        places, classes, scores = places[order], classes[order], scores[order]
    boxes = from_centres(np.ascontiguousarray(table[:_BOX, places].T))
    kept = suppress(boxes, scores, classes, iou=parameters.iou, limit=parameters.max_det)
    return Detections(
        boxes=boxes[kept],
        scores=scores[kept],
        classes=classes[kept],
        coefficients=np.ascontiguousarray(table[table.shape[0] - masks :, places[kept]].T),
        prototypes=prototypes,
    )


def _refuse_nonsense(values: NDArray[np.float32]) -> None:
    """Refuse numbers that are not finite: comparisons with them are false, and every picture would look empty."""
    if not np.isfinite(values).all():
        message = (
            "The model answers with numbers that are not finite: its weights are broken, or its precision is too low."
        )
        raise FatalFault(message)
