"""The numbers that change what the classifier of whole images answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from schemas.canonical import PARAMETER_DIGITS, to_digest
from schemas.errors import FatalFault
from schemas.noun import Label, Noun

if TYPE_CHECKING:
    from collections.abc import Mapping

    from detectors.flowcam.preprocessing import Preprocessing

_SHORT_DIGEST = 16

#: Kept as it is hashed, so that two detectors of one identity cut at the same number.
Share = Annotated[float, Field(ge=0, le=1), AfterValidator(lambda value: float(f"{value:.{PARAMETER_DIGITS}g}"))]


def _to_pairs(value: object) -> object:
    return tuple(sorted(value.items())) if isinstance(value, dict) else value


#: A threshold a class; a table in a settings file, sorted pairs in memory.
Thresholds = Annotated[
    tuple[tuple[Label, Share], ...], BeforeValidator(_to_pairs), PlainSerializer(dict, return_type=dict[str, float])
]


class RoiParameters(Noun):
    """How much of an answer is said, and when it is believed.

    Attributes
    ----------
    top_k
        How many of the likeliest labels a finding holds.
    min_score
        Threshold of the classes that ``thresholds`` does not name; left out, each has the one on the model's card, or 0.
    thresholds
        Scores by class name; an answer whose best class scores below its threshold is *unidentified*.
    """

    top_k: Annotated[int, Field(ge=1, le=50)] = 5
    min_score: Share | None = None
    thresholds: Thresholds = ()

    def choose_thresholds(self, labels: tuple[str, ...], said: Mapping[str, float]) -> tuple[float, ...]:
        """Return the threshold of each label: the setting's, else ``min_score``, else the card's (``said``), else 0.

        Raises
        ------
        FatalFault
            If ``thresholds`` names a class the model does not know.
        """
        named = dict(self.thresholds)
        unknown = sorted(set(named) - set(labels))
        if unknown:
            message = f"The model has no class {', '.join(unknown)}; it has {', '.join(labels)}."
            raise FatalFault(message)
        others = said if self.min_score is None else dict.fromkeys(labels, self.min_score)
        return tuple(named.get(label, others.get(label, 0.0)) for label in labels)

    def to_effective(
        self,
        labels: tuple[str, ...],
        thresholds: tuple[float, ...],
        preprocessing: Preprocessing,
        aphia_ids: Mapping[str, int],
    ) -> dict[str, Any]:
        """Return what can change the answers, with digests of what stands beside the weights and not in them.

        The believed ids of the classes stand there in full, once for a result and not once for each of its labels.
        """
        return {
            **({"aphia_ids": dict(sorted(aphia_ids.items()))} if aphia_ids else {}),
            "labels": to_digest(list(labels))[:_SHORT_DIGEST],
            "preprocessing": preprocessing.to_digest()[:_SHORT_DIGEST],
            "thresholds": {label: score for label, score in zip(labels, thresholds, strict=True) if score > 0},
            "top_k": self.top_k,
        }
