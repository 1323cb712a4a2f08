"""The numbers that change what a YOLO detector answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field

from schemas.canonical import PARAMETER_DIGITS, to_digest
from schemas.errors import FatalFault
from schemas.finding import FINDINGS_PER_IMAGE
from schemas.noun import Label, Noun

if TYPE_CHECKING:
    from detectors.runtimes.metadata import Network

_SHORT_DIGEST = 16


#: Kept as it is hashed, so that two detectors of one identity cut at the same number.
Share = Annotated[float, Field(ge=0, le=1), AfterValidator(lambda value: float(f"{value:.{PARAMETER_DIGITS}g}"))]


class YoloParameters(Noun):
    """Thresholds and limits.

    Attributes
    ----------
    conf
        Boxes scored at or below are not reported.
    iou
        Of two boxes of one class that overlap by more, the better stays; without effect on networks that choose themselves.
    max_det
        Most boxes of one image.
    classes
        Class names to report; empty = all.
    top_k
        How many labels a classification names, the best included.
    """

    conf: Share = 0.25
    iou: Share = 0.7
    max_det: Annotated[int, Field(ge=1, le=FINDINGS_PER_IMAGE)] = 300
    classes: tuple[Label, ...] = ()
    top_k: Annotated[int, Field(ge=1, le=50)] = 5

    def to_effective(self, network: Network) -> dict[str, Any]:
        """Return those that can change this network's answers, and a digest of its class names.

        The names stand beside the weights, not in them, so the weights' digest does not speak for them.

        Raises
        ------
        FatalFault
            If ``classes`` names one the network does not know.
        """
        unknown = sorted(set(self.classes) - set(network.labels))
        if unknown:
            message = f"The model has no class {', '.join(unknown)}; it has {', '.join(network.labels)}."
            raise FatalFault(message)
        labels = to_digest(list(network.labels))[:_SHORT_DIGEST]
        if network.task == "classify":
            return {"labels": labels, "top_k": self.top_k}
        kept: dict[str, Any] = {"conf": self.conf, "labels": labels, "max_det": self.max_det}
        if not network.end_to_end:
            kept["iou"] = self.iou
        if self.classes:
            kept["classes"] = sorted(set(self.classes))
        return kept
