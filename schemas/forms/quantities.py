"""The quantity registry: every measure that may stand in a document, with its unit, decimals and source."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from schemas.canonical import rounded

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Quantity:
    """A registered quantity.

    Attributes
    ----------
    unit
        UCUM unit code; ``1`` for counts and shares.
    decimals
        Digits kept after the point.
    meaning
        One sentence, with the source of the formula where there is one.
    p01, p06
        NERC vocabulary codes of the quantity and its unit; empty where no code fits.
    """

    unit: str
    decimals: int
    meaning: str
    p01: str = ""
    p06: str = ""


#: This table only grows: a changed meaning, unit or precision needs a new name.
QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
        "duration_s": Quantity("s", 6, "Time span of the images looked at.", "AZDRZZ01", "UTBB"),
        "volume_ml": Quantity("mL", 6, "Volume of water imaged.", "VOLWBSMP", "VVML"),
        "area_m2": Quantity("m2", 6, "Area of ground or bed imaged.", "", "UMSQ"),
        "motion_share": Quantity("1", 4, "Share of the picture's pixels that differ from the background.", "", "UUUU"),
        "contrast": Quantity("1", 4, "Mean absolute difference from the background, of 255, inside the finding."),
        "area_px": Quantity("{pixel}", 1, "Area of the finding in image pixels.", "APIXBI01", "PIXY"),
        # particles, as their instrument measured them
        "esd_um": Quantity("um", 4, "Equivalent spherical diameter; FlowCam: the mean of 36 Feret diameters."),
        "abd_um": Quantity("um", 4, "Diameter of the circle of the same area (FlowCam: area based diameter, ABD)."),
        "length_um": Quantity("um", 4, "Longest Feret diameter."),
        "width_um": Quantity("um", 4, "Shortest Feret diameter."),
        # samples, as a person wrote them into the sample sheet
        "volume_filtered_l": Quantity("L", 6, "Volume of sea water from which the sample was concentrated."),
        "volume_concentrate_ml": Quantity("mL", 6, "Volume to which the sample was concentrated."),
        "volume_subsample_ml": Quantity(
            "mL", 6, "Volume of the sample, before dilution, that was given to the instrument."
        ),
        "dilution": Quantity("1", 6, "Volume after dilution by volume before it; 1 is undiluted.", "", "UUUU"),
        "mesh_um": Quantity("um", 3, "Mesh of the net or sieve.", "MSHSIZE1", "UMIC"),
    }
)


def to_measures(values: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    """Return measures sorted by name and rounded to the decimals of their quantity.

    Raises
    ------
    ValueError
        If a name is not registered or a value is not a finite number.
    """
    unknown = sorted(set(values) - set(QUANTITIES))
    if unknown:
        message = f"not registered quantities: {', '.join(unknown)}"
        raise ValueError(message)
    return tuple((name, rounded(value, QUANTITIES[name].decimals)) for name, value in sorted(values.items()))
