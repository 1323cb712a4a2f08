"""What the classes of a model stand for: its ``aphia_ids.txt`` read against names whose WoRMS ids are known from elsewhere."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Literal

from schemas.errors import FatalFault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemas.forms.taxa import State

#: Names and ids with the public files they were read from. ``P01``: NVS P01 labels in EMODnet/EMODnetBiocheck@38e88f8f;
#: ``planktonzilla``: Inria-Chile/planktonzilla@29838c52; ``EcoTaxa``: ecotaxa/ecotaxa_back, a reference export;
#: ``VLIZ``: the class table of ai4os-hub/phyto-plankton-classification@36a5f424, where nothing contradicts it.
_KNOWN_FILE = "known_labels.csv"

_BINOMIAL = re.compile(r"(?P<genus>[A-Z][a-z-]+)[ _](?P<epithet>[a-z-]{3,})")
_MERGED = re.compile(r"[+/]")
#: What people and programs write where there is nothing, in small letters.
_UNSTATED = frozenset({"", "-", "?", "nan", "na", "n/a", "none", "null"})
_LARGEST_ID = 10_000_000

#: ``taken``: as stated. ``above``: the class is merged, informal, a life stage or a part; the stated taxon stands above it, the
#: label is kept. ``corrected``: the stated id is another taxon's. ``filled``: none was stated, and one is known.
#: ``not_a_taxon``: a bubble. ``withheld``: no id can be believed.
Verdict = Literal["taken", "above", "corrected", "filled", "not_a_taxon", "withheld"]

#: The verdicts by which something else is said than the model's folder says.
OVERRULED: frozenset[Verdict] = frozenset({"corrected", "filled", "withheld"})


@dataclass(frozen=True, slots=True)
class ClassTaxon:
    """What one class of a model stands for.

    Attributes
    ----------
    label
        The class name, verbatim.
    said
        What ``aphia_ids.txt`` says of it; ``None`` without that file, and where the line is empty, ``-`` or ``nan``.
    aphia_id
        The WoRMS id that is believed, or ``None``.
    reason
        Why, for a person.
    """

    label: str
    said: str | None
    aphia_id: int | None
    verdict: Verdict
    reason: str

    @property
    def is_overruled(self) -> bool:
        """Whether something else is believed than the folder says; where it says nothing and nothing is known, nothing is."""
        return self.verdict in OVERRULED and (self.said, self.aphia_id) != (None, None)


@dataclass(frozen=True, slots=True)
class _Known:
    state: State
    aphia_id: int | None
    sources: str


def report_taxa(labels: Sequence[str], said: Sequence[str] | None) -> tuple[ClassTaxon, ...]:
    """Return, for each class, which id is believed and why.

    Parameters
    ----------
    labels
        Class names in the network's order.
    said
        The lines of ``aphia_ids.txt``, in the same order; ``None`` where there is no such file.

    Raises
    ------
    FatalFault
        If there are not as many ids as classes: then no line can be trusted to belong to its class.
    """
    if said is not None and len(said) != len(labels):
        message = (
            f"The model has {len(labels)} classes and {len(said)} lines of AphiaIDs; there must be one for each class."
        )
        raise FatalFault(message)
    lines = (
        [None] * len(labels)
        if said is None
        else [None if line.strip().casefold() in _UNSTATED else line.strip() for line in said]
    )
    sharing: dict[str, list[str]] = defaultdict(list)
    for label, line in zip(labels, lines, strict=True):
        if line is not None:
            sharing[line].append(label)
    return tuple(_judge(label, line, sharing) for label, line in zip(labels, lines, strict=True))


def to_label_ids(taxa: Sequence[ClassTaxon]) -> dict[str, int]:
    """Return the believed ids by label; labels without one are not in it."""
    return {taxon.label: taxon.aphia_id for taxon in taxa if taxon.aphia_id is not None}


def _judge(label: str, line: str | None, sharing: Mapping[str, Sequence[str]]) -> ClassTaxon:
    known = _load_known().get(_to_key(label))
    if known is not None and known.state == "not_a_taxon":
        return ClassTaxon(label, line, None, "not_a_taxon", "the class is no taxon")
    if line is None:
        return _fill(label, known)
    if not re.fullmatch(r"[0-9]+", line) or not 1 <= int(line) <= _LARGEST_ID:
        return _judge_text(label, line, known)
    others = [other for other in sharing[line] if other != label]
    if known is not None and known.state == "taxon":
        return _compare(label, line, known, others)
    if known is not None or _MERGED.search(label):
        return _judge_merged(label, line, others)
    return _judge_unknown(label, line, others)


def _judge_merged(label: str, line: str, others: Sequence[str]) -> ClassTaxon:
    """Judge a class that stands for several taxa, or for none in particular."""
    for part in _MERGED.split(label):
        known = _load_known().get(_to_key(part))
        species = part != label and _BINOMIAL.fullmatch(part)
        if species and known is not None and known.aphia_id == int(line):
            reason = f"the class is merged, and {line} is the id of one of its species only"
            return ClassTaxon(label, line, None, "withheld", reason)
    shared = f"; {_name(others)} too" if others else ""
    reason = f"a merged or informal class: the stated taxon stands above it, the label is kept{shared}"
    return ClassTaxon(label, line, int(line), "above", reason)


def _compare(label: str, line: str, known: _Known, others: Sequence[str]) -> ClassTaxon:
    """Judge a name whose id is known."""
    if int(line) == known.aphia_id:
        basis = (
            f"confirmed by {known.sources}" if known.sources != "VLIZ" else "as in the VLIZ list, by no other source"
        )
        shared = f"; stated of {_name(others)} too, each is judged by itself" if others else ""
        return ClassTaxon(label, line, known.aphia_id, "taken", basis + shared)
    shared = f", which it also gives {_name(others)}" if others else ""
    reason = f"the folder states {line}{shared}; {known.sources} say {known.aphia_id}"
    return ClassTaxon(label, line, known.aphia_id, "corrected", reason)


def _judge_unknown(label: str, line: str, others: Sequence[str]) -> ClassTaxon:
    """Judge a name we know nothing of: believed, unless two different names of taxa share the id."""
    rivals = [other for other in others if _is_rival(label, other)]
    if rivals:
        reason = (
            f"repeated: {line} is stated of {_name(rivals)} too, which is another taxon, and nothing tells whose it is"
        )
        return ClassTaxon(label, line, None, "withheld", reason)
    if others:
        reason = f"stated of {_name(others)} too: taken for the taxon above them"
        return ClassTaxon(label, line, int(line), "above", reason)
    return ClassTaxon(label, line, int(line), "taken", "as stated; not known from elsewhere")


def _judge_text(label: str, line: str, known: _Known | None) -> ClassTaxon:
    """Judge a line that is no id: words say that the class is no taxon, anything else says nothing."""
    if known is not None and known.aphia_id is not None:
        return ClassTaxon(
            label, line, known.aphia_id, "corrected", f"the folder states {line!r}; {known.sources} say an id"
        )
    if re.search(r"[A-Za-z]{2,}", line):
        return ClassTaxon(label, line, None, "not_a_taxon", "the folder states words instead of an id")
    return ClassTaxon(label, line, None, "withheld", "what the folder states is neither an id nor words")


def _fill(label: str, known: _Known | None) -> ClassTaxon:
    if known is None:
        return ClassTaxon(label, None, None, "withheld", "no id is stated, and none is known")
    return ClassTaxon(label, None, known.aphia_id, "filled", f"no id is stated; {known.sources} give one")


def _is_rival(label: str, other: str) -> bool:
    """Return whether two class names that share an id are names of different taxa, one of which must be wrong."""
    first, second = _BINOMIAL.match(label), _BINOMIAL.match(other)
    if first and second:
        return first[0].replace("_", " ") != second[0].replace("_", " ")
    named = first or second
    return named is not None and (other if first else label) == named["genus"]


def _name(labels: Sequence[str]) -> str:
    return ", ".join(sorted(labels))


def _to_key(label: str) -> str:
    """Return a class name without what differs between lists: ``_`` for a space, ``+`` for ``/``, ``:`` for ``-``."""
    plain = unicodedata.normalize("NFC", label).casefold()
    return " ".join(plain.replace("_", " ").replace("+", "/").replace(":", "-").split())


@cache
def _load_known() -> Mapping[str, _Known]:
    text = (resources.files(__package__) / _KNOWN_FILE).read_text(encoding="utf-8")
    return {
        _to_key(row["label"]): _Known(
            _to_state(row["state"]),
            int(row["aphia_id"]) if row["aphia_id"] else None,
            " and ".join(row["sources"].split()),
        )
        for row in csv.DictReader(text.splitlines())
    }


def _to_state(text: str) -> State:
    states: dict[str, State] = {"taxon": "taxon", "composite": "composite", "not_a_taxon": "not_a_taxon"}
    return states[text]
