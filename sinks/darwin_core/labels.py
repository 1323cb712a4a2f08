"""Label maps: from a model's class names to taxa, each row with its source; nothing else makes an occurrence."""

from __future__ import annotations

import tomllib
import unicodedata
from importlib import resources
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from schemas.errors import FatalFault
from schemas.forms.taxa import Meaning, State, Taxon
from schemas.noun import Label, Name, Noun

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Marks of an uncertain name. They belong to a qualifier, never to a scientific name.
_QUALIFIERS = frozenset({"cf.", "aff.", "sp.", "spp.", "indet."})

_FOLDER = "maps"

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class LabelRow(Noun):
    """What one class name of a model means.

    Attributes
    ----------
    state
        ``taxon`` (the label is one), ``composite`` (it stands for several, or is a common name: published as the taxon
        above them), ``not_a_taxon`` (diver, bubbles) or ``trace`` (a burrow: of an animal, not an animal).
    aphia_id
        The WoRMS id; absent when no source gives one, and then the label is reported and not published.
    source
        Where the row's facts were read.
    """

    label: Label
    state: State
    scientific_name: Text | None = None
    aphia_id: Annotated[int, Field(ge=1)] | None = None
    rank: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,30}$")] | None = None
    kingdom: Annotated[str, StringConstraints(pattern=r"^[A-Z][a-z]{2,30}$")] | None = None
    source: Text
    note: Text | None = None

    @model_validator(mode="after")
    def _says_all_or_nothing_of_a_taxon(self) -> Self:
        named = {"scientific_name": self.scientific_name, "rank": self.rank, "kingdom": self.kingdom}
        missing = [field for field, value in named.items() if value is None]
        if self.state == "not_a_taxon" and (self.aphia_id is not None or len(missing) < len(named)):
            message = "a label that is not a taxon has no name, id, rank or kingdom"
            raise ValueError(message)
        if self.aphia_id is not None and missing:
            message = f"a row with an aphia_id needs {', '.join(missing)} too"
            raise ValueError(message)
        if " | " in self.label or not self.label.isprintable():
            message = "a label may hold neither ' | ', which parts labels in a cell, nor what cannot be printed"
            raise ValueError(message)
        words = set((self.scientific_name or "").split())
        if words & _QUALIFIERS or "?" in (self.scientific_name or ""):
            message = f"a scientific name has no qualifier: {self.scientific_name!r}"
            raise ValueError(message)
        return self

    @property
    def taxon(self) -> Taxon | None:
        """The taxon published for this label; ``None`` for what is none, a trace, or has no id."""
        if self.state not in {"taxon", "composite"} or self.aphia_id is None:
            return None
        return Taxon(self.aphia_id, self.scientific_name or "", self.rank or "", self.kingdom or "")


class LabelMap(Noun):
    """A versioned table of labels, made by :func:`read_label_map`; a changed row is a new version.

    Attributes
    ----------
    kingdom_source
        Why the kingdoms of the rows are what they are.
    label
        The rows, as the file calls them.
    """

    name: Name
    version: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    description: Text
    kingdom_source: Text
    label: tuple[LabelRow, ...]

    def to_index(self) -> dict[str, LabelRow]:
        """Return the rows by label."""
        return {row.label: row for row in self.label}

    def to_meanings(self) -> dict[str, Meaning]:
        """Return what each label stands for."""
        return {row.label: Meaning(row.state, row.taxon) for row in self.label}

    def to_taxa(self) -> dict[int, Taxon]:
        """Return the taxa that may be published, by AphiaID."""
        return {taxon.aphia_id: taxon for row in self.label if (taxon := row.taxon) is not None}


def _find_contradictions(rows: tuple[LabelRow, ...]) -> Iterator[str]:
    seen: set[str] = set()
    taxon_of_id: dict[int, Taxon] = {}
    id_of_name: dict[str, int] = {}
    for row in rows:
        if row.label in seen:
            yield f"the label {row.label!r} stands there twice"
        seen.add(row.label)
        taxon = row.taxon
        if taxon is None:
            continue
        if taxon_of_id.setdefault(taxon.aphia_id, taxon) != taxon:
            yield f"{row.label!r} gives AphiaID {taxon.aphia_id} another name, rank or kingdom than an earlier row"
        if id_of_name.setdefault(taxon.scientific_name, taxon.aphia_id) != taxon.aphia_id:
            yield f"{row.label!r} gives the name {taxon.scientific_name} another AphiaID than an earlier row"


def read_label_map(text: str, *, of: str = "the label map") -> LabelMap:
    """Read a label map from TOML.

    Parameters
    ----------
    text
        The file's content, as described in ``docs/darwin-core.md``.
    of
        What error sentences call the file.

    Raises
    ------
    FatalFault
        If the text is no TOML, or rows are wrong: every wrong row is named at once.
    """
    try:
        plain = tomllib.loads(unicodedata.normalize("NFC", text))
    except tomllib.TOMLDecodeError as error:
        message = f"{of} is not TOML: {error}."
        raise FatalFault(message) from error
    rows = plain.pop("label", [])
    complaints: list[str] = []
    if not isinstance(rows, list) or not rows:
        rows = []
        complaints.append("there is no [[label]] in it")
    good = tuple(_read_rows(rows, complaints))
    complaints.extend(_find_contradictions(good))
    try:
        read = LabelMap.model_validate({**plain, "label": ()})
    except ValidationError as error:
        complaints.extend(_to_sentences(error))
    if complaints:
        listed = "\n".join(f"  {complaint}" for complaint in complaints)
        message = f"{of} has {len(complaints)} faults:\n{listed}"
        raise FatalFault(message)
    return read.model_copy(update={"label": good})


def _read_rows(rows: list[Any], complaints: list[str]) -> Iterator[LabelRow]:
    for number, row in enumerate(rows, start=1):
        try:
            yield LabelRow.model_validate(row)
        except ValidationError as error:
            name = row.get("label") if isinstance(row, dict) else None
            complaints.extend(f"label {number} ({name!r}) {sentence}" for sentence in _to_sentences(error))


def _to_sentences(error: ValidationError) -> Iterator[str]:
    for item in error.errors(include_url=False, include_input=False):
        place = ".".join(str(step) for step in item["loc"])
        yield f"{place}: {item['msg']}" if place else item["msg"]


def list_shipped_maps() -> tuple[str, ...]:
    """Return the names of the label maps that come with the program."""
    folder = resources.files(__package__) / _FOLDER
    return tuple(sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml")))


def load_shipped_map(name: str) -> LabelMap:
    """Return a label map that comes with the program.

    Raises
    ------
    FatalFault
        If there is none of that name.
    """
    if name not in list_shipped_maps():
        message = f"There is no label map {name!r} here; there are {', '.join(list_shipped_maps())}."
        raise FatalFault(message)
    text = (resources.files(__package__) / _FOLDER / f"{name}.toml").read_text(encoding="utf-8")
    return read_label_map(text, of=f"the label map {name!r}")
