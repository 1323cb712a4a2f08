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


#: Further measures of particles. Those of a FlowCam as the user guide of VisualSpreadsheet defines them; its lengths and areas
#: in micrometres are less the bright fringe around a particle, those in pixels are not (docs/flowcam.md has the formulas).
_PARTICLES: Mapping[str, Quantity] = {
    "area_um2": Quantity("um2", 4, "Area; FlowCam: of the circle whose diameter is abd_um."),
    "filled_area_um2": Quantity("um2", 4, "Area with its holes filled."),
    "filled_area_px": Quantity("{pixel}", 1, "Area with its holes filled."),
    "hull_area_px": Quantity("{pixel}", 1, "Area of the convex hull."),
    "filled_diameter_um": Quantity("um", 4, "Diameter of the circle that has the area with holes filled."),
    "feret_max_px": Quantity("{pixel}", 4, "Longest Feret diameter."),
    "feret_min_px": Quantity("{pixel}", 4, "Shortest Feret diameter."),
    "feret_mean_px": Quantity("{pixel}", 4, "Mean of 36 Feret diameters."),
    "feret_max_deg": Quantity("deg", 2, "Direction of the longest Feret diameter, from -90 to 90."),
    "feret_min_deg": Quantity("deg", 2, "Direction of the shortest Feret diameter, from -90 to 90."),
    "legendre_major_px": Quantity("{pixel}", 4, "Major axis of the ellipse of the same moments of inertia."),
    "legendre_minor_px": Quantity("{pixel}", 4, "Minor axis of the ellipse of the same moments of inertia."),
    "major_axis_um": Quantity("um", 4, "Major axis of the ellipse fitted to the particle."),
    "minor_axis_um": Quantity("um", 4, "Minor axis of the ellipse fitted to the particle."),
    "perimeter_um": Quantity("um", 4, "Length of the outline."),
    "perimeter_px": Quantity("{pixel}", 4, "Length of the outline."),
    "convex_perimeter_um": Quantity("um", 4, "Length of the convex hull's outline."),
    "geodesic_length_um": Quantity("um", 4, "Length of a particle that is bent, as if it were stretched."),
    "geodesic_thickness_um": Quantity("um", 4, "Thickness of a particle that is bent, as if it were stretched."),
    "abd_volume_um3": Quantity("um3", 4, "Volume of the sphere whose diameter is abd_um."),
    "esd_volume_um3": Quantity("um3", 4, "Volume of the sphere whose diameter is esd_um."),
    "aspect_ratio": Quantity("1", 4, "Minor by major axis of the ellipse of inertia."),
    "circle_fit": Quantity("1", 4, "How well the outline fits a circle; 1 is a circle."),
    "circularity": Quantity("1", 4, "4 pi area / perimeter²; 1 is a circle."),
    "hu_circularity": Quantity("1", 4, "Circularity by Hu's moments; 1 is a circle."),
    "compactness": Quantity("1", 4, "Perimeter² / (4 pi area); 1 is a circle."),
    "convexity": Quantity("1", 4, "Filled area by area of the convex hull; at most 1."),
    "elongation": Quantity("1", 4, "Length by breadth of the rectangle of the same perimeter and area."),
    "roughness": Quantity("1", 4, "Perimeter by convex perimeter."),
    "symmetry": Quantity("1", 4, "How alike the halves are; 1 is alike about every axis."),
    "transparency": Quantity("1", 4, "1 - ABD / ESD; 0 is a filled disc."),
    "fiber_curl": Quantity("1", 4, "Geodesic length by length, less 1."),
    "fiber_straightness": Quantity("1", 4, "Length by geodesic length."),
    "pieces": Quantity("1", 0, "Separate pieces that were taken for one particle (FlowCam: particles per chain)."),
    "edge_gradient": Quantity(
        "1", 4, "Mean strength of the edge along the outline, of 255: how sharp the particle is."
    ),
    "intensity": Quantity("1", 4, "Mean grey value inside the particle, of 255."),
    "intensity_sd": Quantity("1", 4, "Standard deviation of the grey value inside the particle."),
    "intensity_sum": Quantity("1", 4, "Sum of the grey values inside the particle."),
    "red": Quantity("1", 4, "Mean of red inside the particle, of 255."),
    "green": Quantity("1", 4, "Mean of green inside the particle, of 255."),
    "blue": Quantity("1", 4, "Mean of blue inside the particle, of 255."),
    **{
        f"channel_{channel}_{name}": Quantity("1", 4, f"{words} of the signal of fluorescence or scatter, as printed.")
        for channel in (1, 2, 3)
        for name, words in (("peak", "Peak"), ("width", "Width"), ("area", "Area"))
    },
}

#: This table only grows: a changed meaning, unit or precision needs a new name.
QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
        "duration_s": Quantity("s", 6, "Time span of the images looked at.", "AZDRZZ01", "UTBB"),
        "volume_ml": Quantity("mL", 9, "Volume of water imaged.", "VOLWBSMP", "VVML"),  # 0.017374604: a run of 30 s
        "area_m2": Quantity("m2", 6, "Area of ground or bed imaged.", "", "UMSQ"),
        "motion_share": Quantity("1", 4, "Share of the picture's pixels that differ from the background.", "", "UUUU"),
        "contrast": Quantity("1", 4, "Mean absolute difference from the background, of 255, inside the finding."),
        "area_px": Quantity("{pixel}", 1, "Area of the finding in image pixels.", "APIXBI01", "PIXY"),
        # particles, as their instrument measured them
        "esd_um": Quantity("um", 4, "Equivalent spherical diameter; FlowCam: the mean of 36 Feret diameters."),
        "abd_um": Quantity("um", 4, "Diameter of the circle of the same area (FlowCam: area based diameter, ABD)."),
        "length_um": Quantity("um", 4, "Longest Feret diameter."),
        "width_um": Quantity("um", 4, "Shortest Feret diameter."),
        **_PARTICLES,
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
