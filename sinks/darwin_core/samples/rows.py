"""From a placed sample and its composition to rows of the three tables: pure, cell texts by column name."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from sinks.composition.biovolume import FORMULAS
from sinks.composition.composition import DIGITS, estimate, find_volume_of
from sinks.composition.volumes import UnknownVolume
from sinks.darwin_core.identification import DEMONSTRATION, LIST_MARK, to_count
from sinks.darwin_core.rows import Row, make_measurement, to_cell, to_date_cells, to_media, to_place_cells
from sinks.darwin_core.samples.identification import (
    Share,
    date_share,
    describe_share,
    list_shares,
    name_identifiers,
    name_references,
)
from sinks.darwin_core.samples.published import EVENT_TYPE, PublishedSample, SampleScene, find_sub_sampling
from sinks.darwin_core.terms import BASIS, P06, PREDICTED, PRESENCE, VALIDATED, load_units

if TYPE_CHECKING:
    from fractions import Fraction

    from sinks.darwin_core.plan import DatasetPlan

#: What has no code of its own is given without one rather than with one that is too general.
_NO_CODE = {
    "volume_analysed": ("Volume of the diluted sample that was imaged", "VVML"),
    "dilution": ("Volume after dilution divided by volume before dilution", "UUUU"),
    "abundance": ("Abundance per volume of analysed sample", "UCPL"),
    "biovolume": ("Biovolume per volume of analysed sample", "CMCM"),
}

_LITRES_PER_M3 = 1000


def make_sample_row(scene: SampleScene, item: PublishedSample) -> Row:
    """Return the row of a sample's event."""
    composition, sample = item.composition, scene.sample
    of_sample = find_sub_sampling(item)
    size: Row = {}
    if of_sample is not None:
        size = {"sampleSizeValue": to_plain_number(of_sample[0]), "sampleSizeUnit": "litre"}
    remarks = [DEMONSTRATION] if item.is_demonstration else []
    counts = (
        f"{to_count(composition.every.particles, 'particle')}: {composition.identified.particles} identified, "
        f"{composition.unidentified.particles} not identified, {composition.flagged.particles} flagged"
    )
    flags = ", ".join(f"{flag} {count}" for flag, count in composition.by_flag if count)
    remarks.append(f"{counts} ({flags})" if flags else counts)
    if isinstance(composition.volume, UnknownVolume):
        remarks.append("the volume imaged is not known, so no abundance is given")
    elif composition.volume.sea_ml is None:
        remarks.append("how the sample was made of the sea is not known, so abundance is per volume of analysed sample")
    gear = f"{sample.gear}, " if sample.gear else ""
    return {
        "eventID": scene.event_id,
        "parentEventID": scene.parent_id,
        "eventType": EVENT_TYPE,
        **to_date_cells(scene.start_at, scene.end_at),
        **to_place_cells(scene.place),
        "samplingProtocol": f"Water sample ({to_cell(f'{gear}{scene.instrument}')})",
        **size,
        "samplingEffort": to_cell(f"{to_count(len(composition.runs), 'run')}: {', '.join(composition.runs)}"),
        "eventRemarks": "; ".join(remarks),
    }


def make_sample_measurements(scene: SampleScene, item: PublishedSample) -> list[Row]:
    """Return what is measured of a sample as a whole: instruments, mesh, volumes, dilution."""
    event_id, sample, volume = scene.event_id, scene.sample, item.composition.volume
    rows = [_name_instrument(event_id, "NMANINST", scene.instrument, scene.instrument_uri)]
    if sample.gear is not None:
        rows.append(_name_instrument(event_id, "NMSPINST", sample.gear, sample.gear_uri))
    mesh_um = dict(sample.quantities).get("mesh_um")
    if mesh_um is not None:
        rows.append(make_measurement(event_id, "", "MSHSIZE1", to_plain_number(mesh_um)))
    of_sample = find_sub_sampling(item)
    if of_sample is not None:
        litres, share = of_sample
        rows.append(make_measurement(event_id, "", "VOLWBSMP", to_plain_number(litres / _LITRES_PER_M3)))
        method = "Volume of sample imaged, before dilution, divided by the volume of the sample"
        if sample.water == "whole":
            method = "1: the volume sampled is the volume imaged, before dilution"
        coefficient = make_measurement(event_id, "", "SSAMPC01", to_plain_number(share))
        rows.append(coefficient | {"measurementMethod": method})
    if not isinstance(volume, UnknownVolume):
        rows.append(_measure_plainly(event_id, "", "volume_analysed", to_plain_number(volume.analysed_ml)))
        method = "" if volume.stated else "No dilution is stated, so none is assumed"
        dilution = _measure_plainly(event_id, "", "dilution", to_plain_number(volume.dilution))
        rows.append(dilution | {"measurementMethod": method})
    return rows


def make_occurrences(scene: SampleScene, item: PublishedSample, plan: DatasetPlan) -> tuple[list[Row], list[Row]]:
    """Return the occurrences of a sample, one per taxon and verification status, and what is measured of each."""
    occurrences, measurements = [], []
    for share in list_shares(item.composition):
        row = _make_occurrence(scene, item, share, plan)
        occurrences.append(row)
        measurements += _measure_share(row, item, share)
    return occurrences, measurements


def _make_occurrence(scene: SampleScene, item: PublishedSample, share: Share, plan: DatasetPlan) -> Row:
    taxon, whole = share.line.group.taxon, share.whole
    if taxon is None:  # pragma: no cover - list_shares gives taxa only
        message = "an occurrence is of a taxon"
        raise AssertionError(message)
    return {
        "eventID": scene.event_id,
        "occurrenceID": f"{scene.event_id}:{taxon.aphia_id}:{share.verdict}",
        "occurrenceStatus": PRESENCE[plan.target],
        "basisOfRecord": BASIS,
        "scientificName": taxon.scientific_name,
        "scientificNameID": taxon.lsid,
        "kingdom": taxon.kingdom,
        "taxonRank": taxon.rank,
        "verbatimIdentification": LIST_MARK.join(to_cell(label) for label in sorted(whole.labels)),
        "organismQuantity": str(whole.particles),
        "organismQuantityType": "individuals",
        "identifiedBy": to_cell(name_identifiers(share, item.observers)),
        "dateIdentified": date_share(share),
        "identificationReferences": name_references(share, item.observers, plan.model_cards),
        "identificationVerificationStatus": VALIDATED if share.verdict == "V" else PREDICTED,
        "identificationRemarks": describe_share(share, item),
        "recordedBy": to_cell(scene.instrument),
        "associatedMedia": to_media(item.media, plan.media_url),
    }


def _measure_share(occurrence: Row, item: PublishedSample, share: Share) -> list[Row]:
    """Return count, abundance and biovolume of one occurrence; what is not known has no row."""
    event_id, occurrence_id = occurrence["eventID"], occurrence["occurrenceID"]
    volume, whole = item.composition.volume, share.whole
    counted = make_measurement(event_id, occurrence_id, "OCOUNT01", str(whole.particles))
    rows = [counted | {"measurementMethod": "Particles in all runs over the sample, without flagged ones"}]
    if isinstance(volume, UnknownVolume):
        return rows
    found, room = estimate(whole.particles, volume), find_volume_of(whole, volume)
    of_sea = volume.sea_ml is not None
    if found.per_l is not None:
        value = to_plain_number(found.per_l)
        row = (
            make_measurement(event_id, occurrence_id, "SDBIOL01", value)
            if of_sea
            else _measure_plainly(event_id, occurrence_id, "abundance", value)
        )
        method = "count / sub-sampling coefficient / volume sampled" if of_sea else "count / volume of sample imaged"
        interval = f"{to_plain_number(found.per_l_low or 0)} to {to_plain_number(found.per_l_high or 0)}"
        remarks = f"95 % interval {interval} (exact Poisson interval of the count)"
        rows.append(row | {"measurementMethod": method, "measurementRemarks": remarks})
    if room.mm3_per_l is not None:
        value = to_plain_number(room.mm3_per_l * _LITRES_PER_M3)
        row = (
            make_measurement(event_id, occurrence_id, "CVOLUKNB", value)
            if of_sea
            else _measure_plainly(event_id, occurrence_id, "biovolume", value)
        )
        formula = FORMULAS[item.composition.rules.shape]
        error = to_plain_number((room.mm3_per_l_error or 0.0) * _LITRES_PER_M3)
        method = f"sum of {formula.text} over particles. {formula.source}"
        rows.append(row | {"measurementMethod": method, "measurementRemarks": f"standard error of counting {error}"})
    return rows


def _name_instrument(event_id: str, code: str, name: str, uri: str | None) -> Row:
    return make_measurement(event_id, "", code, to_cell(name)) | {"measurementValueID": uri or ""}


def _measure_plainly(event_id: str, occurrence_id: str, what: str, value: str) -> Row:
    """Return a measurement that has no code, with its unit."""
    name, code = _NO_CODE[what]
    unit = f"{P06}{code}/"
    return {
        "eventID": event_id,
        "occurrenceID": occurrence_id,
        "measurementID": f"{occurrence_id or event_id}:{what}",
        "measurementType": name,
        "measurementTypeID": "",
        "measurementValue": value,
        "measurementUnit": load_units()[unit],
        "measurementUnitID": unit,
    }


def to_plain_number(value: float | Fraction) -> str:
    """Return a number with six significant digits, without exponent and needless zeros."""
    text = f"{Decimal(f'{float(value):.{DIGITS}g}'):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
