"""What a person decides about a data set: its name, licence and people, where the camera was, which observer speaks."""

from __future__ import annotations

import datetime as dt
import string
import tomllib
import unicodedata
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator

from schemas.errors import FatalFault
from schemas.geometry import Nowhere, Where
from schemas.noun import Name, Noun, Time

if TYPE_CHECKING:
    from collections.abc import Iterable

Licence = Literal["CC0", "CC-BY", "CC-BY-NC"]

#: Which words an archive uses: OBIS, GBIF and their checkers know ``present``; the vocabulary that Darwin Core got on
#: 2026-05-26 says ``detected``.
Target = Literal["obis", "dwc-2026"]

#: The one placeholder of a media address: the object key, percent-encoded.
_MEDIA_FIELDS = {"key"}


def _to_one_line(text: str) -> str:
    line = " ".join(unicodedata.normalize("NFC", text).split())
    if not line.isprintable():
        message = "a character in it cannot be printed"
        raise ValueError(message)
    return line


def _is_address(text: str) -> str:
    if not text.startswith(("https://", "http://")) or " " in text:
        message = "an address starts with https:// or http:// and has no blanks"
        raise ValueError(message)
    return text


def _has_one_field(text: str) -> str:
    try:
        fields = {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}
    except ValueError as error:
        message = f"not a template: {error}"
        raise ValueError(message) from error
    if fields != _MEDIA_FIELDS:
        message = "a media address has the placeholder {key} and no other"
        raise ValueError(message)
    return text


Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=4000),
    AfterValidator(_to_one_line),
]
Address = Annotated[Text, AfterValidator(_is_address)]
MediaAddress = Annotated[Address, AfterValidator(_has_one_field)]


class Party(Noun):
    """A person, an organisation, or a person of an organisation."""

    given_name: Text | None = None
    surname: Text | None = None
    organisation: Text | None = None
    position: Text | None = None
    email: Annotated[Text, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    orcid: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{4}-\d{4}-\d{3}[\dX]$")] | None = None

    @model_validator(mode="after")
    def _is_somebody(self) -> Self:
        if not (self.surname or self.organisation):
            message = "a party has a surname or an organisation"
            raise ValueError(message)
        return self

    @property
    def name(self) -> str:
        """Surname and initial, or the organisation: as a citation names it."""
        if self.surname is None:
            return self.organisation or ""
        return f"{self.surname} {self.given_name[0]}" if self.given_name else self.surname


class ModelCard(Noun):
    """Where a model is described: a DOI, an address, or the name of its card.

    Attributes
    ----------
    name, version
        The model's, as results name it; without a version the reference serves all versions.
    """

    name: Name
    version: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    reference: Text


class Camera(Noun):
    """How the archive calls an instrument, and its entry in the NERC collection L22, if there is one."""

    instrument: Name
    name: Text
    uri: Annotated[str, StringConstraints(pattern=r"^http://vocab\.nerc\.ac\.uk/collection/L22/\S+$")] | None = None


class PublishedDeployment(Noun):
    """Where a feed's camera was from a moment on; ended by the next one.

    Attributes
    ----------
    instrument
        The camera; the unit's own instrument where it is absent.
    where
        With a position its depths count too, and the unit's own place is not looked at.
    """

    feed: Name
    valid_from_at: Time
    instrument: Name | None = None
    where: Where = Nowhere(why="not_declared")


class DatasetPlan(Noun):
    """Everything about an archive that is not in the results.

    Attributes
    ----------
    dataset_id
        Short and lasting: every event and occurrence id starts with it, so changing it renames every record.
    identifier
        DOI or address of the data set, if it has one.
    country_code
        ISO 3166-1 alpha-2, of the waters the cameras stand in; absent in the high sea.
    locality
        Name of the place, the same for all events.
    media_url
        Address of a stored object, with ``{key}`` where its key goes; without one the archive links no media.
    observers
        Which results speak, best first: ``name``, ``name version`` or the first 16 digits of an observer's digest.
        Needed only where units have results of several observers; results of others are then left out.
    published_on
        Day of this release; without it the day of the newest event, so that a replay gives the same bytes.
    """

    title: Annotated[Text, StringConstraints(max_length=300)]
    dataset_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
    institution_code: Annotated[Text, StringConstraints(max_length=100)]
    licence: Licence
    abstract: Annotated[tuple[Text, ...], Field(min_length=1)]
    creators: Annotated[tuple[Party, ...], Field(min_length=1)]
    contacts: Annotated[tuple[Party, ...], Field(min_length=1)]
    geographic_description: Text
    sampling_description: Text
    identifier: Text | None = None
    country_code: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    locality: Text | None = None
    cameras: tuple[Camera, ...] = ()
    keywords: tuple[Text, ...] = ()
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{3}$")] = "eng"
    media_url: MediaAddress | None = None
    model_cards: tuple[ModelCard, ...] = ()
    observers: tuple[Text, ...] = ()
    target: Target = "obis"
    published_on: dt.date | None = None


def read_plan(text: str, *, of: str = "the data set file") -> DatasetPlan:
    """Read a plan from TOML.

    Raises
    ------
    FatalFault
        If the text is no TOML, or fields are missing, unknown or wrong: all are named at once.
    """
    try:
        plain = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"{of} is not TOML: {error}."
        raise FatalFault(message) from error
    try:
        return DatasetPlan.model_validate(plain)
    except ValidationError as error:
        complaints = "\n".join(
            f"  {'.'.join(str(step) for step in item['loc']) or 'the whole'}: {item['msg']}"
            for item in error.errors(include_url=False, include_input=False)
        )
        message = f"{of} has {error.error_count()} faults:\n{complaints}"
        raise FatalFault(message) from error


class DeploymentBook:
    """Deployments by feed, newest first."""

    def __init__(self, deployments: Iterable[PublishedDeployment]) -> None:
        self._of_feed: dict[str, list[PublishedDeployment]] = {}
        for deployment in sorted(deployments, key=lambda item: (item.valid_from_at, item.to_canonical()), reverse=True):
            self._of_feed.setdefault(deployment.feed, []).append(deployment)

    def find(self, feed: str, at: dt.datetime) -> PublishedDeployment | None:
        """Return the newest deployment of a feed that had begun at a moment, if any."""
        return next((item for item in self._of_feed.get(feed, ()) if item.valid_from_at <= at), None)
