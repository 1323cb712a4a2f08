"""Cells and rows that samples and their runs share: numbers, instruments, and measurements that have no code."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from sinks.composition.composition import DIGITS
from sinks.composition.outputs.contact_sheets import to_file_name
from sinks.darwin_core.rows import Row, make_measurement, to_cell
from sinks.darwin_core.terms import P06, load_units

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

#: What has no code of its own is given without one rather than with one that is too general.
NO_CODE = {
    "volume_imaged": ("Volume of the analysed (diluted) sample in the camera's view", "VVML"),
    "volume_processed": ("Volume of the analysed (diluted) sample pumped past the camera", "VVML"),
    "volume_analysed": ("Volume of the analysed (diluted) sample that the counts are of", "VVML"),
    "dilution": ("Volume after dilution divided by volume before dilution", "UUUU"),
    "particles": ("Count of particles imaged", "UUUU"),
    "particles_unidentified": ("Count of particles not identified", "UUUU"),
    "particles_flagged": ("Count of particles seen before, bubbles and calibration beads", "UUUU"),
    "unidentified_sea": ("Abundance of particles not identified per volume of the water body", "UCPL"),
    "unidentified_sample": ("Abundance of particles not identified per volume of analysed sample", "UCPL"),
    "abundance": ("Abundance per volume of analysed sample", "UCPL"),
    "biovolume": ("Biovolume per volume of analysed sample", "CMCM"),
}


#: Object key of a page of a contact sheet: the class, and the number of the page.
_SHEET = re.compile(r"(?:.*/)?(?P<label>[^/]+)-\d{3,}\.png")


def pick_sheets(keys: Iterable[str], labels: Iterable[str]) -> tuple[str, ...]:
    """Return the contact sheets of some labels: an occurrence links pictures of its own particles, not of all in the sample."""
    names = {to_file_name(label) for label in labels}
    return tuple(key for key in keys if (page := _SHEET.fullmatch(key)) is not None and page["label"] in names)


def name_instrument(event_id: str, code: str, name: str, uri: str | None) -> Row:
    """Return the row that names an instrument, with its entry in collection L22 if there is one."""
    return make_measurement(event_id, "", code, to_cell(name)) | {"measurementValueID": uri or ""}


def measure_plainly(event_id: str, occurrence_id: str, what: str, value: str) -> Row:
    """Return a measurement that has no code, with its unit."""
    name, code = NO_CODE[what]
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
