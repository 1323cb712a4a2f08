"""The card of a classifier: what it learnt from, how good it is beside simpler ways, class by class, and what it gets wrong."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from detectors.models.card import Source
from schemas.errors import FatalFault
from schemas.noun import Label, Name, Noun, Sha

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Version = Annotated[str, Field(min_length=1, max_length=64)]


class ClassScores(Noun):
    """What was measured of one class; a share that would divide by nothing is left out.

    Attributes
    ----------
    support
        Pictures of this class in the tested part.
    predicted
        Pictures that were given this label.
    precision, recall, f1
        Right among those given the label; found among those that are; their harmonic mean.
    """

    label: Label
    support: Count
    predicted: Count
    precision: Share | None = None
    recall: Share | None = None
    f1: Share | None = None


class SimplerWay(Noun):
    """A simpler way, measured on the same pictures: what a network must beat to be worth its trouble."""

    name: str
    macro_f1: Share
    how: str


class Trial(Noun):
    """One measurement: learnt from some runs, tested on others.

    Attributes
    ----------
    learned, tested
        Runs.
    learned_pictures, tested_pictures
        How many pictures of them.
    accuracy
        Share of pictures given the right label.
    macro_f1
        Mean of the classes' F1, each counting alike.
    calibration_error
        Expected calibration error: how far scores are from the share that is right, on average (15 bins).
    unidentified
        Share of pictures whose best class scored below its threshold; they count above by their best class.
    identified_accuracy
        Share given the right label among the others.
    """

    what: str
    learned: tuple[str, ...]
    tested: tuple[str, ...]
    learned_pictures: Count
    tested_pictures: Count
    accuracy: Share
    macro_f1: Share
    calibration_error: Share
    unidentified: Share
    identified_accuracy: Share | None = None
    classes: Annotated[tuple[ClassScores, ...], Field(min_length=1)]
    simpler: tuple[SimplerWay, ...] = ()

    @property
    def headline(self) -> str:
        """The one figure that lists show."""
        return f"macro-F1 {self.macro_f1:.3f}"

    def compare(self) -> str:
        """Return the sentence that sets the network beside the simpler ways."""
        if not self.simpler:
            return f"Macro-F1 {self.macro_f1:.2f}; no simpler way was measured beside it."
        named = [f"{item.name} ({item.macro_f1:.2f})" for item in self.simpler]
        better = [text for text, item in zip(named, self.simpler, strict=True) if item.macro_f1 >= self.macro_f1]
        if not better:
            return f"Macro-F1 {self.macro_f1:.2f} beats {' and '.join(named)}."
        beaten = [text for text in named if text not in better]
        rest = f"; it beats {' and '.join(beaten)}" if beaten else ""
        return f"Macro-F1 {self.macro_f1:.2f} does NOT beat {' and '.join(better)}{rest}."


class ClassifierCard(Noun):
    """A classifier's card (``card.json`` beside the weights).

    Attributes
    ----------
    sha256
        Digest of the weights: of the ONNX file, or over ``{"bin": sha256, "xml": sha256}`` for OpenVINO IR.
    preprocessing_sha256
        Digest of ``preprocessing.json`` as a noun: the same weights behind another preprocessing are another model.
    model, weights
        File names beside the card: ONNX or XML; the ``.bin`` of the XML.
    thresholds
        Score from which a class is believed; classes without one always are.
    figures
        Measured with the very file that is filed; absent of a model made elsewhere that nobody measured.
    others
        Measured with networks trained in the same way on other runs, which are not filed.
    """

    schema_name: Literal["classifier-card/1"] = "classifier-card/1"
    name: Name
    version: Version
    title: str
    provenance: Literal["user", "demonstration"]
    sha256: Sha
    preprocessing_sha256: Sha
    model: str
    weights: str | None = None
    licence: str
    data: Annotated[tuple[Source, ...], Field(min_length=1)]
    classes: Annotated[tuple[Label, ...], Field(min_length=1)]
    thresholds: tuple[tuple[Label, Share], ...] = ()
    training: str
    split: str
    figures: Trial | None = None
    others: tuple[Trial, ...] = ()
    comparison: tuple[str, ...]
    limits: Annotated[tuple[str, ...], Field(min_length=1)]

    @property
    def trials(self) -> tuple[Trial, ...]:
        """All measurements, that of the filed model first."""
        return (*(() if self.figures is None else (self.figures,)), *self.others)

    @model_validator(mode="after")
    def _has_thresholds_of_its_classes(self) -> Self:
        unknown = sorted({label for label, _ in self.thresholds} - set(self.classes))
        if unknown:
            message = f"thresholds of classes the model has not: {', '.join(unknown)}"
            raise ValueError(message)
        return self


def is_classifier_card(data: bytes) -> bool:
    """Return whether a card is a classifier's, whole or not."""
    return b'"classifier-card/' in data


def read_classifier_card(data: bytes) -> ClassifierCard:
    """Return the card in ``card.json``.

    Raises
    ------
    FatalFault
        If it is not a classifier's card, or leaves something out.
    """
    try:
        return ClassifierCard.from_json(data)
    except ValidationError as error:
        wrong = ", ".join(
            sorted({".".join(str(part) for part in item["loc"]) or "not JSON" for item in error.errors()})
        )
        message = f"The card is not a classifier's, or not complete: {wrong}."
        raise FatalFault(message) from error
