"""How much room a particle takes: three formulas to choose from, each with its source."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Shape = Literal["sphere_of_area", "sphere_of_esd", "prolate_spheroid"]


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula as it is printed beside every number made with it.

    Attributes
    ----------
    needs
        Measures it is made of.
    """

    text: str
    source: str
    needs: tuple[str, ...]


FORMULAS: Mapping[Shape, Formula] = MappingProxyType(
    {
        "sphere_of_area": Formula(
            "pi/6 * abd_um^3",
            "Sphere of the circle with the particle's area; equal to VisualSpreadsheet's Volume (ABD).",
            ("abd_um",),
        ),
        "sphere_of_esd": Formula(
            "pi/6 * esd_um^3",
            "Sphere of the equivalent spherical diameter; equal to VisualSpreadsheet's Volume (ESD), whose diameter is the mean "
            "Feret diameter, so long particles come out too large.",
            ("esd_um",),
        ),
        "prolate_spheroid": Formula(
            "pi/6 * width_um^2 * length_um",
            "Prolate spheroid of Hillebrand et al. 1999, J. Phycol. 35:403-424, with the shortest and longest Feret diameter.",
            ("width_um", "length_um"),
        ),
    }
)

DEFAULT_SHAPE: Shape = "sphere_of_area"


def find_biovolume(shape: Shape, measures: Mapping[str, float]) -> float | None:
    """Return the volume of a particle in cubic micrometres, or ``None`` where a measure it needs is missing.

    Parameters
    ----------
    measures
        Lengths in micrometres by their registered names; 0 is a length too.
    """
    lengths = [measures.get(name) for name in FORMULAS[shape].needs]
    known = [length for length in lengths if length is not None]
    if len(known) < len(lengths):
        return None
    match shape:
        case "prolate_spheroid":
            width_um, length_um = known
            return math.pi / 6 * width_um**2 * length_um
        case _:
            return float(math.pi / 6 * known[0] ** 3)
