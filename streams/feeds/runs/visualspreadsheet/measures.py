"""Measures of a particle: which column of a list is which registered quantity, and which quantities follow from two of them.

The instrument corrects diameters for the bright fringe around a particle: a raw diameter of d pixels counts as
``max(d - fringe, d / 2)``, times the calibration. Found by recomputing all particles of three real runs from their raw
columns; the calibration and the fringe (``cal_const``, ``fringe_size``) stand in each row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.feeds.runs.text import Numbers

#: Column of a list -> registered quantity.
COLUMNS: Mapping[str, str] = {
    "raw_area": "area_px",
    "raw_filled_area": "filled_area_px",
    "raw_convex_hull_area": "hull_area_px",
    "raw_feret_max": "feret_max_px",
    "raw_feret_min": "feret_min_px",
    "raw_feret_mean": "feret_mean_px",
    "raw_perimeter": "perimeter_px",
    "raw_legendre_major": "legendre_major_px",
    "raw_legendre_minor": "legendre_minor_px",
    "feret_max_angle": "feret_max_deg",
    "feret_min_angle": "feret_min_deg",
    "abd_area": "area_um2",
    "filled_area": "filled_area_um2",
    "abd_diameter": "abd_um",
    "fd_diameter": "filled_diameter_um",
    "esd_diameter": "esd_um",
    "length": "length_um",
    "width": "width_um",
    "perimeter": "perimeter_um",
    "convex_perimeter": "convex_perimeter_um",
    "intensity": "intensity",
    "sigma_intensity": "intensity_sd",
    "sum_intensity": "intensity_sum",
    "avg_red": "red",
    "avg_green": "green",
    "avg_blue": "blue",
    "compactness": "compactness",
    "elongation": "elongation",
    "roughness": "roughness",
    "edge_gradient": "edge_gradient",
    "circle_fit": "circle_fit",
    "symmetry": "symmetry",
    "circularity_hu": "hu_circularity",
    "ppc": "pieces",
}

#: Fluorescence and scatter; an instrument without them, or with them switched off, prints 0 in all, which is no measure.
CHANNELS: Mapping[str, str] = {
    f"ch{channel}_{what}": f"channel_{channel}_{what}" for channel in (1, 2, 3) for what in ("peak", "width", "area")
}

#: Words that stand for "could not be measured".
_NOTHING = frozenset(
    {"", "nan", "-nan", "inf", "-inf", "-nan(ind)", "nan(ind)", "1.#qnan", "-1.#ind", "1.#inf", "-1.#inf"}
)


class BadNumberError(ValueError):
    """A field that should hold a number holds something else."""


@dataclass(frozen=True, slots=True)
class MeasureColumns:
    """Where the measures of a list stand.

    Attributes
    ----------
    plain, channels
        Position of a column, and the quantity it is.
    """

    plain: tuple[tuple[int, str], ...]
    channels: tuple[tuple[int, str], ...]
    numbers: Numbers

    @classmethod
    def find(cls, places: Mapping[str, int], numbers: Numbers) -> MeasureColumns:
        """Return the columns of a list that has these."""
        return cls(_find(places, COLUMNS), _find(places, CHANNELS), numbers)

    def read(self, row: list[str]) -> dict[str, float]:
        """Return the measures of one row.

        Raises
        ------
        BadNumberError
            If a field holds no number, and does not say that there is none.
        """
        measures = read_numbers(row, self.plain, self.numbers)
        channels = read_numbers(row, self.channels, self.numbers)
        if any(channels.values()):
            measures.update(channels)
        derive(measures)
        return measures


def _find(places: Mapping[str, int], names: Mapping[str, str]) -> tuple[tuple[int, str], ...]:
    return tuple((places[column], quantity) for column, quantity in names.items() if column in places)


def read_numbers(row: list[str], columns: tuple[tuple[int, str], ...], numbers: Numbers) -> dict[str, float]:
    """Return the quantities of one row by name; one that says it could not be measured is absent.

    Raises
    ------
    BadNumberError
        As :meth:`MeasureColumns.read`.
    """
    try:
        values = {quantity: float(row[place]) for place, quantity in columns} if numbers.decimal == "." else {}
    except ValueError:
        values = {}
    if values and math.isfinite(sum(values.values())):
        return values
    careful: dict[str, float] = {}
    for place, quantity in columns:
        text = row[place].strip()
        number = numbers.to_float(text)
        if number is not None:
            careful[quantity] = number
        elif text.lower() not in _NOTHING:
            raise BadNumberError(quantity)
    return careful


def derive(measures: dict[str, float]) -> None:
    """Add what follows from the measures, by the definitions of the instrument's own table.

    ==============  ==========================================================
    aspect_ratio    minor by major axis of the Legendre ellipse
    convexity       filled area by area of the convex hull, in pixels; at most 1
    circularity     4 pi area / perimeter², the reciprocal of compactness
    transparency    1 - ABD / ESD
    abd_volume_um3  volume of the sphere of that diameter; esd_volume_um3 too
    ==============  ==========================================================
    """
    get = measures.get
    ratios = (
        ("aspect_ratio", get("legendre_minor_px"), get("legendre_major_px")),
        ("convexity", get("filled_area_px"), get("hull_area_px")),
        ("circularity", 1.0, get("compactness")),
        ("transparency", get("abd_um"), get("esd_um")),
    )
    for name, part, whole in ratios:
        if part is not None and whole:
            measures[name] = 1.0 - part / whole if name == "transparency" else min(part / whole, 1.0)
    for name, diameter_um in (("abd_volume_um3", get("abd_um")), ("esd_volume_um3", get("esd_um"))):
        if diameter_um is not None:
            measures[name] = math.pi / 6.0 * diameter_um**3
