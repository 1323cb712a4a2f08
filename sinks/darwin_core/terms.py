"""The columns of our three tables, the terms the official definitions allow, and the vocabulary codes we write."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

DWC = "http://rs.tdwg.org/dwc/terms/"
DCTERMS = "http://purl.org/dc/terms/"
OBIS = "http://rs.iobis.org/obis/terms/"

EVENT_ROW = f"{DWC}Event"
OCCURRENCE_ROW = f"{DWC}Occurrence"
MEASUREMENT_ROW = f"{OBIS}ExtendedMeasurementOrFact"

#: These three live in the OBIS name space; every other term of their table is Darwin Core's.
_OBIS_TERMS = frozenset({"measurementTypeID", "measurementValueID", "measurementUnitID"})

P01 = "http://vocab.nerc.ac.uk/collection/P01/current/"
P06 = "http://vocab.nerc.ac.uk/collection/P06/current/"
L22 = "http://vocab.nerc.ac.uk/collection/L22/current/"

#: Licence -> (its name, its address as GBIF knows it).
LICENCES = {
    "CC0": ("Creative Commons Zero 1.0", "http://creativecommons.org/publicdomain/zero/1.0/legalcode"),
    "CC-BY": ("Creative Commons Attribution 4.0", "http://creativecommons.org/licenses/by/4.0/legalcode"),
    "CC-BY-NC": (
        "Creative Commons Attribution Non Commercial 4.0",
        "http://creativecommons.org/licenses/by-nc/4.0/legalcode",
    ),
}

#: Target -> the word for "it was there".
PRESENCE = {"obis": "present", "dwc-2026": "detected"}

#: Event types of a water sample, and of a run over a part of it.
SAMPLE_EVENT, RUN_EVENT = "sample", "subSample"

BASIS = "MachineObservation"
PREDICTED = "PredictedByMachine"
VALIDATED = "ValidatedByHuman"


@dataclass(frozen=True, slots=True)
class Table:
    """One text file of an archive.

    Attributes
    ----------
    name
        Of the file.
    row_type
        What a row is.
    columns
        Local names, in order. The first is the event's id, which links the table to its core.
    """

    name: str
    row_type: str
    columns: tuple[str, ...]

    @property
    def is_core(self) -> bool:
        """Whether the other tables hang on this one."""
        return self.row_type == EVENT_ROW

    def to_fields(self) -> tuple[tuple[int, str], ...]:
        """Return ``(column, term)`` for every mapped column; the measurements' event id is a link and no term."""
        first = 1 if self.row_type == MEASUREMENT_ROW else 0
        return tuple((at, to_term(name)) for at, name in enumerate(self.columns) if at >= first)


def to_term(column: str) -> str:
    """Return the full term of a column's local name."""
    if column in _OBIS_TERMS:
        return f"{OBIS}{column}"
    return f"{DCTERMS}{column}" if column == "license" else f"{DWC}{column}"


EVENTS = Table(
    "event.txt",
    EVENT_ROW,
    (
        "eventID", "parentEventID", "eventType", "eventDate", "year", "month", "day", "decimalLatitude",
        "decimalLongitude", "geodeticDatum", "coordinateUncertaintyInMeters", "minimumDepthInMeters",
        "maximumDepthInMeters", "countryCode", "locality", "locationRemarks", "samplingProtocol", "sampleSizeValue",
        "sampleSizeUnit", "samplingEffort", "eventRemarks", "license", "institutionCode", "datasetID", "datasetName",
    ),
)  # fmt: skip
OCCURRENCES = Table(
    "occurrence.txt",
    OCCURRENCE_ROW,
    (
        "eventID", "occurrenceID", "occurrenceStatus", "basisOfRecord", "scientificName", "scientificNameID", "kingdom",
        "taxonRank", "verbatimIdentification", "organismQuantity", "organismQuantityType", "identifiedBy",
        "identificationReferences", "identificationVerificationStatus", "identificationRemarks", "recordedBy",
        "associatedMedia", "dateIdentified",
    ),
)  # fmt: skip
MEASUREMENTS = Table(
    "extendedmeasurementorfact.txt",
    MEASUREMENT_ROW,
    (
        "eventID", "occurrenceID", "measurementID", "measurementType", "measurementTypeID", "measurementValue",
        "measurementValueID", "measurementUnit", "measurementUnitID", "measurementMethod", "measurementRemarks",
    ),
)  # fmt: skip
TABLES = (EVENTS, OCCURRENCES, MEASUREMENTS)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A code of the NERC collection P01, with the units (P06) it is given in."""

    code: str
    label: str
    units: tuple[str, ...]


@cache
def load_official_terms() -> dict[str, frozenset[str]]:
    """Return, by row type, every term that its official definition allows."""
    plain = tomllib.loads(_read_facts("official_terms.toml"))
    return {
        kind["uri"]: frozenset(f"{space}{name}" for space, names in kind["terms"].items() for name in names)
        for kind in plain["row_type"]
    }


@cache
def load_quantities() -> dict[str, Quantity]:
    """Return the quantities we write, by the full address of their code."""
    plain = tomllib.loads(_read_facts("nvs.toml"))
    return {
        f"{P01}{item['code']}/": Quantity(item["code"], item["label"], tuple(f"{P06}{unit}/" for unit in item["units"]))
        for item in plain["quantity"]
    }


@cache
def load_units() -> dict[str, str]:
    """Return the names of the units we write, by the full address of their code."""
    plain = tomllib.loads(_read_facts("nvs.toml"))
    return {f"{P06}{item['code']}/": item["label"] for item in plain["unit"]}


def _read_facts(name: str) -> str:
    return (resources.files(__package__) / "facts" / name).read_text(encoding="utf-8")
