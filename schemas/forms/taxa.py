"""What a label stands for: a taxon with its identity, or one of the things that are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: How WoRMS spells the identity of a taxon; GBIF and OBIS read no other spelling.
LSID_PREFIX = "urn:lsid:marinespecies.org:taxname:"

#: ``taxon``: the label is one. ``composite``: it stands for several, or is an everyday word, and the taxon above them is meant.
#: ``not_a_taxon``: a bubble, a diver. ``trace``: made by an animal, no animal.
State = Literal["taxon", "composite", "not_a_taxon", "trace"]


@dataclass(frozen=True, slots=True)
class Taxon:
    """A taxon as it is published: the name belongs to the id, the kingdom tells homonyms apart."""

    aphia_id: int
    scientific_name: str
    rank: str
    kingdom: str

    @property
    def lsid(self) -> str:
        """The WoRMS life science identifier."""
        return f"{LSID_PREFIX}{self.aphia_id}"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one label stands for.

    Attributes
    ----------
    taxon
        Absent for what is none, and for a taxon whose id no source gives.
    """

    state: State
    taxon: Taxon | None = None
