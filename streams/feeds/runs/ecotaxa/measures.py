"""Which ``object_`` column of an EcoTaxa-format export is which registered quantity.

Names tell the software that wrote them: those of VisualSpreadsheet are in micrometres already, those of ImageJ, ZooProcess and
PlanktoScope's segmenter in pixels. ``object_width`` is a particle's width in one family and a box's in the other, so a family
is chosen for the whole table, by columns that only one of them has. What is in neither table is not read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streams.feeds.runs.ecotaxa.sheet import Sheet

#: Columns that only exports of VisualSpreadsheet's measures have.
_MICROMETRE_PROOF = frozenset({"object_area_abd", "object_diameter_abd", "object_diameter_esd"})

#: Column, quantity, and the power of the pixel size that the number is to be multiplied with.
_MICROMETRES: tuple[tuple[str, str, int], ...] = (
    ("object_area_abd", "area_um2", 0),
    ("object_area_filled", "filled_area_um2", 0),
    ("object_diameter_abd", "abd_um", 0),
    ("object_diameter_esd", "esd_um", 0),
    ("object_diameter_fd", "filled_diameter_um", 0),
    ("object_length", "length_um", 0),
    ("object_width", "width_um", 0),
    ("object_perimeter", "perimeter_um", 0),
    ("object_convex_perimeter", "convex_perimeter_um", 0),
    ("object_volume_abd", "abd_volume_um3", 0),
    ("object_volume_esd", "esd_volume_um3", 0),
    ("object_geodesic_length", "geodesic_length_um", 0),
    ("object_geodesic_thickness", "geodesic_thickness_um", 0),
    ("object_fiber_curl", "fiber_curl", 0),
    ("object_fiber_straightness", "fiber_straightness", 0),
    ("object_aspect_ratio", "aspect_ratio", 0),
    ("object_circle_fit", "circle_fit", 0),
    ("object_circularity", "circularity", 0),
    ("object_compactness", "compactness", 0),
    ("object_convexity", "convexity", 0),
    ("object_edge_gradient", "edge_gradient", 0),
    ("object_elongation", "elongation", 0),
    ("object_intensity", "intensity", 0),
    ("object_roughness", "roughness", 0),
    ("object_sigma_intensity", "intensity_sd", 0),
    ("object_symmetry", "symmetry", 0),
    ("object_transparency", "transparency", 0),
)
_PIXELS: tuple[tuple[str, str, int], ...] = (
    ("object_area", "area_px", 0),
    ("object_area", "area_um2", 2),
    ("object_equivalent_diameter", "abd_um", 1),
    ("object_feret", "length_um", 1),
    ("object_major", "major_axis_um", 1),
    ("object_minor", "minor_axis_um", 1),
    ("object_perim.", "perimeter_um", 1),
    ("object_mean", "intensity", 0),
    ("object_stddev", "intensity_sd", 0),
    ("object_intden", "intensity_sum", 0),
    ("object_circ.", "circularity", 0),
)


@dataclass(frozen=True, slots=True)
class MeasureColumns:
    """Where the measures of a table stand: position, quantity, and what the number is multiplied with.

    ``is_micrometres``: the table is of the family whose lengths are in micrometres already, both diameters among them.
    """

    columns: tuple[tuple[int, str, float], ...]
    sheet: Sheet
    is_micrometres: bool = False

    @classmethod
    def find(cls, sheet: Sheet, pixel_um: float | None) -> MeasureColumns:
        """Return the columns of a table; lengths in pixels are left out where the size of a pixel is not known."""
        family = _MICROMETRES if _MICROMETRE_PROOF & sheet.places.keys() else _PIXELS
        found = tuple(
            (sheet.places[column], quantity, pixel_um**power if pixel_um is not None else 1.0)
            for column, quantity, power in family
            if column in sheet.places and (pixel_um is not None or not power)
        )
        return cls(found, sheet, family is _MICROMETRES)

    def read(self, cells: list[str]) -> dict[str, float]:
        """Return the measures of one row; an empty cell, and one that holds no number, is no measure."""
        measures = {}
        for place, quantity, scale in self.columns:
            number = self.sheet.numbers.to_float(cells[place])
            if number is not None:
                measures[quantity] = number * scale
        return measures if self.is_micrometres else add_diameters(measures)


def add_diameters(measures: dict[str, float]) -> dict[str, float]:
    """Return measures with the diameters that follow from the area, where the table does not give them.

    Software that measures areas in pixels means by the equivalent spherical diameter that of the circle of the same area:
    2 sqrt(area / pi) (ZooProcess: Gorsky et al. 2010, J. Plankton Res. 32:285-303).
    """
    area_um2 = measures.get("area_um2")
    if "abd_um" not in measures and area_um2 is not None and area_um2 > 0:
        measures["abd_um"] = 2 * math.sqrt(area_um2 / math.pi)
    if "esd_um" not in measures and "abd_um" in measures:
        measures["esd_um"] = measures["abd_um"]
    return measures
