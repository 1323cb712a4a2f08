"""From the numbers of a network to findings: the likeliest classes of each image, or *unidentified*."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from schemas.errors import FatalFault
from schemas.finding import UNIDENTIFIED, Alternative, Finding
from schemas.geometry import Whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from numpy.typing import NDArray

    from detectors.runtimes.base import Outputs

#: How far from 1 the shares of an image may sum: 16-bit arithmetic leaves less than this, logits far more.
_SUM_SLACK = 0.02
_SCORE_DECIMALS = 4
_AXES = 2


@dataclass(frozen=True, slots=True)
class Naming:
    """How shares become words.

    Attributes
    ----------
    labels
        Class names in the network's order.
    thresholds
        For each, the score from which it is believed.
    top_k
        Labels a finding holds.
    role
        What findings call the model in ``by``.
    answers
        What the network gives.
    """

    labels: tuple[str, ...]
    thresholds: tuple[float, ...]
    top_k: int
    role: str
    answers: Literal["shares", "logits"] = "shares"

    def name_images(self, outputs: Outputs, count: int) -> Iterator[Finding]:
        """Yield one finding for each of the ``count`` images.

        Raises
        ------
        FatalFault
            If the network does not answer with one finite share for each class.
        """
        shares = self.read_shares(outputs, count)
        order = np.argsort(-shares, axis=1, kind="stable")[:, : self.top_k]
        scores = np.take_along_axis(shares, order, axis=1).tolist()
        for places, row in zip(order.tolist(), scores, strict=True):
            yield self._name_image(places, row)

    def _name_image(self, places: list[int], scores: list[float]) -> Finding:
        named = tuple(
            Alternative(label=self.labels[place], score=score) for place, score in zip(places, scores, strict=True)
        )
        best = named[0]
        # compared as it is written down, so that a document never holds a score at its threshold that was not believed
        if best.score < self.thresholds[places[0]]:
            return Finding(
                n=0, by=self.role, label=UNIDENTIFIED, geometry=_WHOLE, alternatives=named, flags=(UNIDENTIFIED,)
            )
        return Finding(n=0, by=self.role, label=best.label, score=best.score, geometry=_WHOLE, alternatives=named[1:])

    def read_shares(self, outputs: Outputs, count: int) -> NDArray[np.float64]:
        """Return the shares as they are written down, float64 (count, classes), rounded to four decimals.

        Raises
        ------
        FatalFault
            If the network does not answer with one finite share for each class.
        """
        found = outputs[0] if len(outputs) == 1 else np.empty(0)
        if found.ndim != _AXES or found.shape != (count, len(self.labels)) or not np.isfinite(found).all():
            shapes = ", ".join(str(output.shape[1:]) for output in outputs) or "nothing"
            message = f"The model answers with {shapes}, not with one finite number for each of its {len(self.labels)} classes."
            raise FatalFault(message)
        shares = found.astype(np.float64)
        if self.answers == "logits":
            shares = np.exp(shares - shares.max(axis=1, keepdims=True))
            shares /= shares.sum(axis=1, keepdims=True)
        elif shares.min() < -_SUM_SLACK or np.abs(shares.sum(axis=1) - 1).max() > _SUM_SLACK:
            message = "The model's answers do not sum to 1: they are no shares. If they are logits, preprocessing must say so."
            raise FatalFault(message)
        return np.asarray(np.round(np.clip(shares, 0, 1), _SCORE_DECIMALS), dtype=np.float64)


_WHOLE = Whole()
