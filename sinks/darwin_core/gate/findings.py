"""The gate's look at what hangs on one event: its occurrences against the label map, its measurements against codes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.forms.taxa import LSID_PREFIX
from sinks.darwin_core.gate.events import check_pairs
from sinks.darwin_core.identification import LIST_MARK
from sinks.darwin_core.terms import BASIS, L22, P01, PREDICTED, PRESENCE, VALIDATED, load_quantities, load_units

if TYPE_CHECKING:
    from schemas.forms.taxa import Taxon
    from sinks.darwin_core.gate.complaints import Complaints
    from sinks.darwin_core.labels import LabelMap
    from sinks.darwin_core.plan import Target
    from sinks.darwin_core.rows import Row

Placed = tuple[str, "Row"]

_NEEDED = (
    "occurrenceID",
    "scientificName",
    "scientificNameID",
    "kingdom",
    "taxonRank",
    "verbatimIdentification",
    "identifiedBy",
    "identificationReferences",
    "identificationRemarks",
)
_PAIRS = (("organismQuantity", "organismQuantityType"),)
_MEASUREMENT_PAIRS = (("measurementType", "measurementValue"), ("measurementUnit", "measurementUnitID"))
_COUNT, _DURATION = f"{P01}OCOUNT01/", f"{P01}AZDRZZ01/"


@dataclass(frozen=True, slots=True)
class Authority:
    """What names and words are held against: the label map's taxa by LSID, its labels, and the target's word."""

    taxa: dict[str, Taxon]
    lsid_of_label: dict[str, str]
    presence: str


def make_authority(labels: LabelMap, target: Target) -> Authority:
    """Return what a label map and a target allow."""
    return Authority(
        taxa={taxon.lsid: taxon for taxon in labels.to_taxa().values()},
        lsid_of_label={row.label: taxon.lsid for row in labels.label if (taxon := row.taxon) is not None},
        presence=PRESENCE[target],
    )


def check_occurrences(event_id: str, rows: list[Placed], authority: Authority, complaints: Complaints) -> None:
    """Check the occurrences of one event: each by itself, then against each other."""
    for where, row in rows:
        for name in _NEEDED:
            if not row[name]:
                complaints.add("required", where, f"{name} is empty")
        if not row["occurrenceID"].startswith(f"{event_id}:"):
            complaints.add("id", where, f"the occurrenceID does not start with its event's id {event_id!r}")
        check_pairs(where, row, _PAIRS, complaints)
        _check_words(where, row, authority, complaints)
        _check_name(where, row, authority, complaints)
    _check_repeats(rows, complaints)


def _check_words(where: str, row: Row, authority: Authority, complaints: Complaints) -> None:
    if row["occurrenceStatus"] != authority.presence:
        complaints.add("status", where, f"occurrenceStatus {row['occurrenceStatus']!r} is not {authority.presence!r}")
    if row["basisOfRecord"] != BASIS:
        complaints.add("status", where, f"basisOfRecord {row['basisOfRecord']!r} is not {BASIS!r}")
    if row["identificationVerificationStatus"] not in {PREDICTED, VALIDATED}:
        complaints.add("status", where, f"identified as {row['identificationVerificationStatus']!r}")
    quantity = row["organismQuantity"]
    if quantity and not (quantity.isdecimal() and int(quantity) > 0):
        complaints.add("quantity", where, f"{quantity!r} individuals were not counted")


def _check_name(where: str, row: Row, authority: Authority, complaints: Complaints) -> None:
    lsid = row["scientificNameID"]
    taxon = authority.taxa.get(lsid)
    if not lsid.startswith(LSID_PREFIX):
        complaints.add("name", where, f"{lsid!r} is not a WoRMS LSID as {LSID_PREFIX}<AphiaID>")
    elif taxon is None:
        complaints.add("name", where, f"{lsid} is no taxon of the label map")
    else:
        for cell, name in (("scientificName", taxon.scientific_name), ("taxonRank", taxon.rank)):
            if row[cell] != name:
                complaints.add("name", where, f"{cell} {row[cell]!r} is not {name!r}, to which {lsid} belongs")
        if row["kingdom"] and row["kingdom"] != taxon.kingdom:
            complaints.add("name", where, f"kingdom {row['kingdom']!r} is not {taxon.kingdom!r}")
    for label in row["verbatimIdentification"].split(LIST_MARK):
        if label and authority.lsid_of_label.get(label) != lsid:
            complaints.add("label", where, f"the label map does not make {lsid} of {label!r}")


def _check_repeats(rows: list[Placed], complaints: Complaints) -> None:
    """Complain of a taxon with two rows of one status, or whose rows tell nothing apart in their remarks."""
    ids = Counter(row["occurrenceID"] for _, row in rows)
    kept = Counter((row["scientificNameID"], row["identificationVerificationStatus"]) for _, row in rows)
    said = Counter((row["scientificNameID"], row["identificationRemarks"]) for _, row in rows)
    for where, row in rows:
        taxon = row["scientificNameID"]
        if ids[row["occurrenceID"]] > 1:
            complaints.add("duplicate", where, f"the id {row['occurrenceID']} stands there twice")
        if kept[taxon, row["identificationVerificationStatus"]] > 1:
            complaints.add("duplicate", where, f"a second row of {taxon} with the same verification status")
        elif said[taxon, row["identificationRemarks"]] > 1:
            complaints.add("duplicate", where, f"two rows of {taxon} have the same identificationRemarks")


def check_measurements(event: Row, occurrences: list[Placed], rows: list[Placed], complaints: Complaints) -> None:
    """Check the measurements of one event, and that they say the same numbers as the other tables."""
    quantities = {row["occurrenceID"]: row["organismQuantity"] for _, row in occurrences}
    ids = Counter(row["measurementID"] for _, row in rows)
    counted: dict[str, str] = {}
    for where, row in rows:
        about = row["occurrenceID"]
        check_pairs(where, row, _MEASUREMENT_PAIRS, complaints)
        _check_code(where, row, complaints)
        if ids[row["measurementID"]] > 1 or not row["measurementID"]:
            complaints.add("duplicate", where, f"the id {row['measurementID']!r} is empty or stands there twice")
        if about and about not in quantities:
            complaints.add("link", where, f"there is no occurrence {about!r} in this event")
        if row["measurementTypeID"] == _COUNT:
            if about in counted:
                complaints.add("duplicate", where, f"a second count of {about}")
            counted[about] = row["measurementValue"]
        if row["measurementTypeID"] == _DURATION and row["measurementValue"] != event["sampleSizeValue"]:
            complaints.add("sum", where, f"{row['measurementValue']} s is not the sampleSizeValue of the event")
    for where, row in occurrences:
        if row["organismQuantity"] != counted.get(row["occurrenceID"], ""):
            complaints.add("sum", where, "organismQuantity and the measured count are not the same number")


def _check_code(where: str, row: Row, complaints: Complaints) -> None:
    code = row["measurementTypeID"]
    quantity = load_quantities().get(code)
    if code and quantity is None:
        complaints.add("code", where, f"{code} is none of the P01 codes this program writes (Q01 is deprecated)")
    elif quantity is not None:
        if row["measurementType"] != quantity.label:
            complaints.add("code", where, f"{row['measurementType']!r} is not what {quantity.code} is called")
        if row["measurementUnitID"] not in quantity.units:
            complaints.add("unit", where, f"{row['measurementUnitID'] or 'no unit'} does not measure {quantity.code}")
    unit = row["measurementUnitID"]
    if unit and load_units().get(unit) != row["measurementUnit"]:
        complaints.add(
            "unit", where, f"{row['measurementUnit']!r} is not what {unit} is called, or is none of our units"
        )
    if row["measurementValueID"] and not row["measurementValueID"].startswith(L22):
        complaints.add("code", where, f"{row['measurementValueID']} is no instrument of collection L22")
