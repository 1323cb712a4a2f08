"""The classifier of regions of interest: names each image as a whole, several images to one call of the network."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from detectors.base import ROI_LOOKAHEAD, Identity, find_lookahead
from detectors.flowcam.naming import Naming
from detectors.flowcam.parameters import RoiParameters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from detectors.base import View
    from detectors.flowcam.preprocessing import Preprocessing
    from detectors.runtimes.base import Answer, Runtime
    from schemas.finding import Finding
    from schemas.result import ModelRef
    from schemas.unit import UnitKind

#: Changes with anything that changes a label or score for the same pixels, model and parameters.
VERSION = "1"

#: Images of one call. Half of what may be drawn ahead, so that one call is computed while the next is being filled.
BATCH = ROI_LOOKAHEAD // 2


class RoiClassifier:
    """Looks at images with one classifying network; several threads may look at once, one unit each."""

    def __init__(
        self,
        runtime: Runtime,
        model: ModelRef,
        preprocessing: Preprocessing,
        *,
        parameters: RoiParameters | None = None,
        thresholds: Mapping[str, float] | None = None,
        aphia_ids: Mapping[str, int] | None = None,
    ) -> None:
        """Put a running network, its reference, its preprocessing and the parameters together.

        Parameters
        ----------
        thresholds
            What the model's card says of its classes, by label.
        aphia_ids
            WoRMS ids that are believed, by label; every result holds them.

        Raises
        ------
        FatalFault
            If the parameters name a class the network does not know.
        """
        parameters = parameters or RoiParameters()
        labels = runtime.network.labels
        chosen = parameters.choose_thresholds(labels, thresholds or {})
        self._runtime = runtime
        self._preprocessing = preprocessing
        self._naming = Naming(labels, chosen, parameters.top_k, model.role, preprocessing.answers)
        self._identity = Identity(
            name="roi-classifier",
            version=VERSION,
            models=(model,),
            parameters=parameters.to_effective(labels, chosen, preprocessing, aphia_ids or {}),
        )

    @property
    def identity(self) -> Identity:
        """``roi-classifier``, its version, the model and the parameters that can change its answers."""
        return self._identity

    def decline(self, kind: UnitKind) -> str | None:  # noqa: ARG002 - the promise asks
        """Decline nothing: every picture can be named."""
        return None

    def look(self, views: Iterable[View]) -> Iterator[tuple[Finding, ...]]:
        """Yield one finding for each view, in the order drawn; as many are under way as may be held.

        Pixels are copied into the network's input as they are drawn.

        Raises
        ------
        RejectedInput
            If pixels cannot be scaled.
        FatalFault
            If the network does not run or answers nonsense.
        """
        waiting: deque[tuple[int, Answer]] = deque()
        batch, filled, under_way, most = self._preprocessing.make_batch(BATCH), 0, 0, 0
        for view in views:
            most = most or find_lookahead(view.image)
            self._preprocessing.fit_into(view.pixels, batch[filled])
            filled, under_way = filled + 1, under_way + 1
            if filled == most // 2:
                waiting.append((filled, self._runtime.start(batch[:filled])))
                batch, filled = self._preprocessing.make_batch(BATCH), 0
            if under_way == most:
                count, answer = waiting.popleft()
                yield from self._finish(count, answer)
                under_way -= count
        if filled:
            waiting.append((filled, self._runtime.start(batch[:filled])))
        while waiting:
            yield from self._finish(*waiting.popleft())

    def try_out(self) -> None:
        """Run one empty image, so that a model that does not fit its list of classes stops at the start and not in a run.

        Raises
        ------
        FatalFault
            If the network does not run, or does not answer with one share for each class.
        """
        list(self._finish(1, self._runtime.start(self._preprocessing.make_batch(1))))

    def close(self) -> None:
        """Let go of the network."""
        self._runtime.close()

    def _finish(self, count: int, answer: Answer) -> Iterator[tuple[Finding, ...]]:
        for finding in self._naming.name_images(answer.result(), count):
            yield (finding,)
