"""From a scene and its sightings to rows of the three tables: pure, cell texts by column name."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from urllib.parse import quote

from schemas.canonical import rounded
from schemas.noun import to_time_text
from sinks.darwin_core.identification import (
    DEMONSTRATION,
    LIST_MARK,
    to_count,
    to_identified_by,
    to_references,
    to_remarks,
)
from sinks.darwin_core.terms import BASIS, P01, PREDICTED, PRESENCE, load_quantities, load_units
from sinks.darwin_core.units import to_breakage

if TYPE_CHECKING:
    from schemas.result import Result
    from sinks.darwin_core.plan import DatasetPlan
    from sinks.darwin_core.tally import Sighting
    from sinks.darwin_core.units import Place, Scene

Row = dict[str, str]

_DEGREE_DECIMALS, _METRE_DECIMALS, _SECOND_DECIMALS = 7, 3, 6

_COUNT_METHODS = {
    "still": "Number of findings in the picture",
    "videoClip": "MaxN: largest number of simultaneous findings in one frame",
}
_PROTOCOLS = {"still": "Still picture", "videoClip": "Video clip"}


def to_number(value: float, decimals: int) -> str:
    """Return a number without exponent, trailing zeros or minus zero."""
    text = f"{rounded(value, decimals):.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def to_date(start_at: dt.datetime, end_at: dt.datetime) -> str:
    """Return an ISO 8601 moment or interval in UTC; milliseconds only where there are any."""
    first, last = (to_time_text(moment).replace(".000Z", "Z") for moment in (start_at, end_at))
    return first if first == last else f"{first}/{last}"


def to_cell(text: str) -> str:
    """Return text fit for a cell: tabs, line ends and other control characters become blanks."""
    if text.isprintable():
        return text.strip()
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


def make_event_row(scene: Scene, result: Result) -> Row:
    """Return the row of one still or clip; everything a reader needs is repeated from its deployment."""
    effort = result.outcome.effort
    looked = f"{to_count(effort.images_looked, 'image')} looked at"
    others = [(effort.images_unread, "unreadable"), (effort.images_passed_over, "passed over")]
    remarks = [DEMONSTRATION] if result.observer.is_demonstration else []
    remarks += [text for text in (to_breakage(result),) if text]
    if result.outcome.flags:
        remarks.append(f"flags: {', '.join(result.outcome.flags)}")
    return {
        "eventID": scene.event_id,
        "parentEventID": scene.parent_id,
        "eventType": scene.event_type,
        **to_date_cells(scene.start_at, scene.end_at),
        **to_place_cells(scene.place),
        "samplingProtocol": f"{_PROTOCOLS[scene.event_type]} ({to_cell(scene.camera)})",
        **_to_sample_size(scene),
        "samplingEffort": ", ".join([looked, *(f"{count} {what}" for count, what in others if count)]),
        "eventRemarks": "; ".join(remarks),
    }


def to_date_cells(start_at: dt.datetime, end_at: dt.datetime) -> Row:
    """Return eventDate, and year, month and day as far as both ends share them."""
    first, last = (moment.astimezone(dt.UTC) for moment in (start_at, end_at))
    row = {"eventDate": to_date(start_at, end_at)}
    if first.year == last.year:
        row["year"] = f"{first.year:04d}"
        if first.month == last.month:
            row["month"] = str(first.month)
            if first.day == last.day:
                row["day"] = str(first.day)
    return row


def to_place_cells(place: Place) -> Row:
    """Return position and depth; of two depths of which one is known, both are that one."""
    row = {
        "decimalLatitude": to_number(place.lat_deg, _DEGREE_DECIMALS),
        "decimalLongitude": to_number(place.lon_deg, _DEGREE_DECIMALS),
        "geodeticDatum": "EPSG:4326",
    }
    metres = {
        "coordinateUncertaintyInMeters": place.uncertainty_m,
        "minimumDepthInMeters": place.depth_min_m if place.depth_min_m is not None else place.depth_max_m,
        "maximumDepthInMeters": place.depth_max_m if place.depth_max_m is not None else place.depth_min_m,
    }
    row.update({name: to_number(value, _METRE_DECIMALS) for name, value in metres.items() if value is not None})
    return row


def _to_sample_size(scene: Scene) -> Row:
    """Return the clip's length as sample size; a picture has none, and unknown stays unknown."""
    if scene.event_type != "videoClip" or not scene.duration_s:
        return {}
    return {"sampleSizeValue": to_number(scene.duration_s, _SECOND_DECIMALS), "sampleSizeUnit": "second"}


def make_occurrence_row(scene: Scene, result: Result, sighting: Sighting, plan: DatasetPlan) -> Row:
    """Return the one row of a taxon in an event, as predicted by machine."""
    taxon, observer = sighting.taxon, result.observer
    row = {
        "eventID": scene.event_id,
        "occurrenceID": f"{scene.event_id}:{taxon.aphia_id}:P",
        "occurrenceStatus": PRESENCE[plan.target],
        "basisOfRecord": BASIS,
        "scientificName": taxon.scientific_name,
        "scientificNameID": taxon.lsid,
        "kingdom": taxon.kingdom,
        "taxonRank": taxon.rank,
        "verbatimIdentification": LIST_MARK.join(to_cell(label) for label in sighting.labels),
        "identifiedBy": to_identified_by(observer, sighting.by),
        "identificationReferences": to_references(observer, sighting.by, plan.model_cards),
        "identificationVerificationStatus": PREDICTED,
        "identificationRemarks": to_remarks(scene, result, sighting),
        "recordedBy": to_cell(scene.camera),
        "associatedMedia": to_media(scene.media, plan.media_url),
    }
    if sighting.most is not None:
        row |= {"organismQuantity": str(sighting.most), "organismQuantityType": "individuals"}
    return row


def to_media(keys: tuple[str, ...], template: str | None) -> str:
    """Return the addresses of stored objects; a reference into another bucket (``s3://``) has none here."""
    if template is None:
        return ""
    addresses = [template.format(key=quote(key, safe="/")) for key in keys if "://" not in key]
    return LIST_MARK.join(dict.fromkeys(addresses))


def make_clip_measurements(scene: Scene) -> list[Row]:
    """Return the measured length of a clip, if it is known."""
    if scene.event_type != "videoClip" or not scene.duration_s:
        return []
    value = to_number(scene.duration_s, _SECOND_DECIMALS)
    return [make_measurement(scene.event_id, "", "AZDRZZ01", value) | {"measurementMethod": "Span of images looked at"}]


def make_count_measurements(scene: Scene, occurrence: Row) -> list[Row]:
    """Return the count of an occurrence, the same number as its organismQuantity."""
    count = occurrence.get("organismQuantity")
    if count is None:
        return []
    row = make_measurement(scene.event_id, occurrence["occurrenceID"], "OCOUNT01", count)
    return [row | {"measurementMethod": _COUNT_METHODS[scene.event_type]}]


def make_measurement(event_id: str, occurrence_id: str, code: str, value: str) -> Row:
    """Return one measurement by its P01 code; about the event itself where ``occurrence_id`` is empty."""
    quantity = load_quantities()[f"{P01}{code}/"]
    unit = quantity.units[0]
    return {
        "eventID": event_id,
        "occurrenceID": occurrence_id,
        "measurementID": f"{occurrence_id or event_id}:{code}",
        "measurementType": quantity.label,
        "measurementTypeID": f"{P01}{code}/",
        "measurementValue": value,
        "measurementUnit": load_units()[unit],
        "measurementUnitID": unit,
    }
