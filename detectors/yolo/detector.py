"""The YOLO detector: letterbox, run several images at once, choose, and answer in the image's own pixels."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from detectors.base import LOOKAHEAD, Identity
from detectors.boxes import measure_areas
from detectors.letterbox import make_letterbox
from detectors.yolo.classify import fit_middle, read_classes
from detectors.yolo.decode import read_detections
from detectors.yolo.masks import to_mask
from detectors.yolo.parameters import YoloParameters
from schemas.finding import Finding, number_findings
from schemas.geometry import Box, Mask

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from detectors.base import View
    from detectors.letterbox import Letterbox
    from detectors.runtimes.base import Answer, Outputs, Runtime
    from schemas.result import ModelRef
    from schemas.unit import UnitKind

#: Changes with anything that changes a box or score for the same pixels, model and parameters.
VERSION = "1"


class YoloDetector:
    """Looks at images with one YOLO network; several threads may look at once, one unit each."""

    def __init__(self, runtime: Runtime, model: ModelRef, parameters: YoloParameters | None = None) -> None:
        """Put a running network, its reference and the parameters together.

        Raises
        ------
        FatalFault
            If the parameters name a class the network does not know.
        """
        self._runtime = runtime
        self._network = runtime.network
        self._parameters = parameters or YoloParameters()
        self._role = model.role
        self._identity = Identity(
            name="yolo", version=VERSION, models=(model,), parameters=self._parameters.to_effective(self._network)
        )

    @property
    def identity(self) -> Identity:
        """``yolo``, its version, the model and the parameters that can change its answers."""
        return self._identity

    def decline(self, kind: UnitKind) -> str | None:  # noqa: ARG002 - the promise asks
        """Decline nothing: every picture can be looked at."""
        return None

    def look(self, views: Iterable[View]) -> Iterator[tuple[Finding, ...]]:
        """Yield the findings of each view; up to ``LOOKAHEAD`` images are in the network at once.

        Raises
        ------
        RejectedInput
            If pixels cannot be scaled, or a mask is too ragged to be written.
        FatalFault
            If the network does not run or answers nonsense.
        """
        waiting: deque[tuple[Letterbox, Answer]] = deque()
        for view in views:
            waiting.append(self._start(view.pixels))
            if len(waiting) == LOOKAHEAD:
                yield self._finish(*waiting.popleft())
        while waiting:
            yield self._finish(*waiting.popleft())

    def close(self) -> None:
        """Let go of the network."""
        self._runtime.close()

    def _start(self, picture: NDArray[np.uint8]) -> tuple[Letterbox, Answer]:
        """Copy the picture into the network's input, so that the view may be given back, and begin to run it."""
        letterbox = make_letterbox((picture.shape[0], picture.shape[1]), self._network.input_px)
        classify = self._network.task == "classify"
        fitted = fit_middle(picture, self._network.input_px) if classify else letterbox.fit(picture)
        return letterbox, self._runtime.start(fitted[None])

    def _finish(self, letterbox: Letterbox, answer: Answer) -> tuple[Finding, ...]:
        outputs = answer.result()
        if self._network.task == "classify":
            labels, top_k = self._network.labels, self._parameters.top_k
            return (read_classes(outputs, labels, top_k=top_k, role=self._role),)
        return number_findings(self._read_findings(outputs, letterbox))

    def _read_findings(self, outputs: Outputs, letterbox: Letterbox) -> Iterator[Finding]:
        """Yield findings in the picture's pixels; what lies wholly in the grey bars is not in the picture."""
        found = read_detections(outputs, self._network, self._parameters)
        boxes = letterbox.to_picture(found.boxes)
        for place in np.flatnonzero(measure_areas(boxes) > 0):
            left, top, right, bottom = boxes[place].tolist()
            geometry: Box | Mask | None = Box(xyxy=(left, top, right, bottom))
            if found.prototypes is not None:
                geometry = to_mask(found.coefficients[place], found.prototypes, boxes[place], letterbox)
            if geometry is None:
                continue
            label, score = self._network.labels[found.classes[place]], min(float(found.scores[place]), 1.0)
            yield Finding(n=0, by=self._role, label=label, score=score, geometry=geometry)
