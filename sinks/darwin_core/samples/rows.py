"""From a placed sample and its composition to rows of the three tables: pure, cell texts by column name."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

from schemas.forms.quantities import QUANTITIES
from sinks.composition.biovolume import FORMULAS
from sinks.composition.composition import estimate, find_volume_of
from sinks.composition.tally import DIAMETER_UNITS
from sinks.composition.volumes import UnknownVolume
from sinks.darwin_core.identification import DEMONSTRATION, LIST_MARK, to_count
from sinks.darwin_core.rows import Row, make_measurement, to_cell, to_date_cells, to_media, to_place_cells
from sinks.darwin_core.samples.cells import measure_plainly, name_instrument, pick_sheets, to_plain_number
from sinks.darwin_core.samples.identification import (
    Share,
    date_share,
    describe_share,
    list_shares,
    name_identifiers,
    name_references,
)
from sinks.darwin_core.samples.published import PublishedSample, SampleScene, find_sub_sampling
from sinks.darwin_core.terms import BASIS, PREDICTED, PRESENCE, SAMPLE_EVENT, VALIDATED

if TYPE_CHECKING:
    from sinks.composition.composition import Composition
    from sinks.composition.tally import Part
    from sinks.darwin_core.plan import DatasetPlan

_LITRES_PER_M3 = 1000

_UM_PER_MM = 1000

#: Diameters that are an equivalent spherical one; of another measure no size is published.
_EQUIVALENT = frozenset({"esd_um", "abd_um"})


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
        whys = ", ".join(composition.volume.whys)
        remarks.append(f"the volume imaged is not known ({whys}), so no abundance is given")
    elif composition.volume.sea_ml is None:
        remarks.append("how the sample was made of the sea is not known, so abundance is per volume of analysed sample")
    gear = f"{sample.gear}, " if sample.gear else ""
    return {
        "eventID": scene.event_id,
        "parentEventID": scene.parent_id,
        "eventType": SAMPLE_EVENT,
        **to_date_cells(scene.start_at, scene.end_at),
        **to_place_cells(scene.place),
        "samplingProtocol": f"Water sample ({to_cell(f'{gear}{scene.instrument}')})",
        **size,
        "samplingEffort": to_cell(f"{to_count(len(composition.runs), 'run')}: {', '.join(composition.runs)}"),
        "eventRemarks": "; ".join(remarks),
    }


def make_sample_measurements(scene: SampleScene, item: PublishedSample) -> list[Row]:
    """Return what is measured of a sample as a whole: gear, mesh, volume and share, and the particles of no taxon."""
    event_id, sample, composition = scene.event_id, scene.sample, item.composition
    rows = []
    if sample.gear is not None:
        rows.append(name_instrument(event_id, "NMSPINST", sample.gear, sample.gear_uri))
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
    for what, found in (
        ("particles", composition.every),
        ("particles_unidentified", composition.unidentified),
        ("particles_flagged", composition.flagged),
    ):
        rows.append(measure_plainly(event_id, "", what, str(found.particles)))
    return rows + _measure_unidentified(event_id, composition)


def _measure_unidentified(event_id: str, composition: Composition) -> list[Row]:
    """Return the abundance of particles without a believed name: counted like the others, and in no occurrence."""
    found = composition.unidentified
    if found.per_l is None or isinstance(composition.volume, UnknownVolume):
        return []
    what = "unidentified_sea" if composition.volume.sea_ml is not None else "unidentified_sample"
    row = measure_plainly(event_id, "", what, to_plain_number(found.per_l))
    interval = f"{to_plain_number(found.per_l_low or 0)} to {to_plain_number(found.per_l_high or 0)}"
    return [row | {"measurementRemarks": f"95 % interval {interval} (exact Poisson interval of the count)"}]


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
        "associatedMedia": to_media(pick_sheets(item.media, whole.labels), plan.media_url),
    }


def _measure_share(occurrence: Row, item: PublishedSample, share: Share) -> list[Row]:
    """Return count, abundance and biovolume of one occurrence; what is not known has no row."""
    event_id, occurrence_id = occurrence["eventID"], occurrence["occurrenceID"]
    volume, whole = item.composition.volume, share.whole
    counted = make_measurement(event_id, occurrence_id, "OCOUNT01", str(whole.particles))
    rows = [counted | {"measurementMethod": "Particles in all runs over the sample, without flagged ones"}]
    rows += _measure_size(event_id, occurrence_id, whole, item.composition.rules.size_measure)
    if isinstance(volume, UnknownVolume):
        return rows
    found, room = estimate(whole.particles, volume), find_volume_of(whole, volume)
    of_sea = volume.sea_ml is not None
    if found.per_l is not None:
        value = to_plain_number(found.per_l)
        row = (
            make_measurement(event_id, occurrence_id, "SDBIOL01", value)
            if of_sea
            else measure_plainly(event_id, occurrence_id, "abundance", value)
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
            else measure_plainly(event_id, occurrence_id, "biovolume", value)
        )
        formula = FORMULAS[item.composition.rules.shape]
        error = to_plain_number((room.mm3_per_l_error or 0.0) * _LITRES_PER_M3)
        method = f"sum of {formula.text} over particles. {formula.source}"
        rows.append(row | {"measurementMethod": method, "measurementRemarks": f"standard error of counting {error}"})
    return rows


def _measure_size(event_id: str, occurrence_id: str, whole: Part, measure: str) -> list[Row]:
    """Return the mean diameter, with how many it is of and how they differ; nothing where one particle has none."""
    if whole.unsized or measure not in _EQUIVALENT:
        return []
    mean_um = whole.diameters / whole.particles / DIAMETER_UNITS
    row = make_measurement(event_id, occurrence_id, "OBSINESD", to_plain_number(mean_um / _UM_PER_MM))
    remarks = f"mean of {to_count(whole.particles, 'particle')}"
    if whole.particles > 1:
        squares = whole.particles * whole.diameter_squares - whole.diameters**2
        deviation_um = sqrt(squares / (whole.particles * (whole.particles - 1))) / DIAMETER_UNITS
        remarks += f"; standard deviation {to_plain_number(deviation_um / _UM_PER_MM)}"
    return [row | {"measurementMethod": f"{measure}: {QUANTITIES[measure].meaning}", "measurementRemarks": remarks}]
