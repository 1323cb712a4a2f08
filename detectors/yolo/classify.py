"""Classification: cut the middle of a picture as the network was trained on it, and name the likeliest classes."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from schemas.errors import FatalFault
from schemas.finding import Alternative, Finding
from schemas.geometry import Whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.runtimes.base import Outputs

_PREDICTION_AXES = 2


def fit_middle(picture: NDArray[np.uint8], input_px: tuple[int, int]) -> NDArray[np.uint8]:
    """Return uint8 (input height, input width, 3): the picture scaled by its shorter side, its middle cut out.

    A square input keeps the picture's proportions; any other stretches it, as the trainer does. Scaling down averages over
    all pixels a new one covers (triangle filter), which is what Pillow's bilinear does and networks were trained with; a plain
    bilinear sample would alias and change the scores.
    """
    height, width = picture.shape[:2]
    high, wide = input_px
    if high == wide:
        scale = high / min(height, width)
        new_height = high if height <= width else int(height * scale)
        new_width = wide if width <= height else int(width * scale)
    else:
        new_height, new_width = high, wide
    top, left = round((new_height - high) / 2), round((new_width - wide) / 2)
    rows = _average(picture, new_height, slice(top, top + high))
    columns = _average(rows.transpose(1, 0, 2), new_width, slice(left, left + wide))
    return np.ascontiguousarray(np.clip(np.floor(columns.transpose(1, 0, 2) + np.float32(0.5)), 0, 255), dtype=np.uint8)


def read_classes(outputs: Outputs, labels: tuple[str, ...], *, top_k: int, role: str) -> Finding:
    """Return the likeliest label, with the next ones as alternatives.

    Raises
    ------
    FatalFault
        If the output is not one finite share a class.
    """
    shares = outputs[0][0] if len(outputs) == 1 and outputs[0].ndim == _PREDICTION_AXES else np.empty(0)
    if shares.shape != (len(labels),) or not np.isfinite(shares).all():
        message = f"The model does not answer with one share for each of its {len(labels)} classes."
        raise FatalFault(message)
    order = np.argsort(-shares, kind="stable")[:top_k]
    named = [(labels[place], min(max(float(shares[place]), 0.0), 1.0)) for place in order]
    alternatives = tuple(Alternative(label=label, score=score) for label, score in named[1:])
    return Finding(n=0, by=role, label=named[0][0], score=named[0][1], geometry=Whole(), alternatives=alternatives)


def _average(picture: NDArray[np.uint8] | NDArray[np.float32], size: int, window: slice) -> NDArray[np.float32]:
    """Scale the first axis to ``size`` and return the rows of ``window``."""
    if picture.shape[0] == size:
        return picture[window].astype(np.float32)
    places, weights = _make_taps(picture.shape[0], size)
    places, weights = places[window], weights[window]
    total = np.zeros((len(places), *picture.shape[1:]), dtype=np.float32)
    for tap in range(places.shape[1]):
        total += weights[:, tap, None, None] * picture[places[:, tap]]
    return total


@lru_cache(maxsize=32)
def _make_taps(old: int, new: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return, for each new row, which old rows it averages and how much each counts, both (new, taps)."""
    scale = old / new
    reach = max(scale, 1.0)
    centres = (np.arange(new) + 0.5) * scale
    first = np.maximum((centres - reach + 0.5).astype(np.int64), 0)
    last = np.minimum((centres + reach + 0.5).astype(np.int64), old)
    places = first[:, None] + np.arange(int((last - first).max()))
    weights = np.maximum(1 - np.abs((places + 0.5 - centres[:, None]) / reach), 0) * (places < last[:, None])
    weights = weights / weights.sum(axis=1, keepdims=True)
    return np.minimum(places, old - 1), weights.astype(np.float32)
