"""The card of a model: what it may be used for, what it learnt from, how good it is as measured, and what it gets wrong."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationError

from schemas.errors import FatalFault
from schemas.noun import Label, Name, Noun, Sha


class Source(Noun):
    """Pictures or other data a model learnt from; how many, where that is known."""

    name: str
    licence: str
    attribution: str
    where: str
    pictures: Annotated[int, Field(ge=0)] | None = None


class ClassFigures(Noun):
    """What was measured of one class: objects in the held-out part, mean average precision, and recall and precision."""

    label: Label
    objects: Annotated[int, Field(ge=0)]
    map50: Annotated[float, Field(ge=0, le=1)]
    map50_95: Annotated[float, Field(ge=0, le=1)]


class Figures(Noun):
    """What was measured on the held-out part, with the very file that is shipped."""

    pictures: Annotated[int, Field(ge=0)]
    objects: Annotated[int, Field(ge=0)]
    map50: Annotated[float, Field(ge=0, le=1)]
    map50_95: Annotated[float, Field(ge=0, le=1)]
    classes: tuple[ClassFigures, ...]
    how: str

    @property
    def headline(self) -> str:
        """The one figure that lists show."""
        return f"mAP50 {self.map50:.3f}"


class Card(Noun):
    """A model's card (``card.json`` beside the weights); without it a catalogued model is not used.

    Attributes
    ----------
    name, version
        As the catalogue files it.
    sha256
        Digest of the weights: of the ONNX file, or over ``{"bin": sha256, "xml": sha256}`` for OpenVINO IR.
    model, weights, metadata
        File names beside the card: ONNX or XML; the ``.bin`` of the XML; the vendor's metadata.
    split
        How the held-out part was chosen.
    figures
        What was measured; absent where nobody measured this file.
    limits
        What the model gets wrong and must not be used for.
    """

    schema_name: Literal["model-card/1"] = "model-card/1"
    name: Name
    version: Annotated[str, Field(min_length=1, max_length=64)]
    title: str
    provenance: Literal["user", "demonstration"]
    sha256: Sha
    model: str
    weights: str | None = None
    metadata: str | None = None
    licence: str
    data: Annotated[tuple[Source, ...], Field(min_length=1)]
    classes: Annotated[tuple[Label, ...], Field(min_length=1)]
    training: str
    split: str
    figures: Figures | None = None
    limits: Annotated[tuple[str, ...], Field(min_length=1)]


def read_card(data: bytes, *, name: str, version: str) -> Card:
    """Return the card filed under a name and version.

    Raises
    ------
    FatalFault
        If it is not a card, leaves something out, or is another model's.
    """
    try:
        card = Card.from_json(data)
    except ValidationError as error:
        if b'"classifier-card/' in data:
            message = f"The model {name}@{version} names whole images: the detector roi-classifier runs it."
            raise FatalFault(message) from error
        missing = ", ".join(sorted({".".join(str(part) for part in item["loc"]) for item in error.errors()}))
        message = f"The card of the model {name}@{version} is not complete or not right: {missing or 'not JSON'}."
        raise FatalFault(message) from error
    if (card.name, card.version) != (name, version):
        message = f"The card filed under {name}@{version} is that of {card.name}@{card.version}."
        raise FatalFault(message)
    return card
