"""The volume a run imaged: as many fields of view as there were frames, less what two frames saw alike.

One frame sees the acceptable region times the depth of the flow cell. Between two frames the water moves on; in a flat
channel it is fastest in the middle and stands still at the walls (plane Poiseuille flow, ``v(z) = 3/2 v_mean (1 - z²)``,
z from -1 to 1). Where it moves on by less than the height of the region, the next frame sees part of it again. The share
that is new, averaged over the depth, is the instrument's ``VolumeCF``::

    r = 3/2 v_mean / v_crit,  v_crit = height of the region x frame rate
    factor = s + r (2/3 - s + s³/3)  with  s = sqrt(1 - 1/r)      if r > 1
    factor = 2/3 r                                                otherwise

Source: derived, and checked on three real runs, whose printed factors (0.8679, 0.8677, 0.8676) and concentrations
(57,555, 34,448 and 7,054 particles/ml) it gives to the last digit; the printed factor alone has too few.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

#: A printed factor has four decimals; a computed one that differs by more was made otherwise.
_PRINTED = 0.00006

_UM_PER_CM = 1e4
_ML_PER_UM3 = 1e-12
_S_PER_MIN = 60.0


@dataclass(frozen=True, slots=True)
class Geometry:
    """What an imaged volume follows from.

    Attributes
    ----------
    frames
        Pictures taken, with particles or without.
    region_px
        Width and height of the acceptable region, its borders included.
    pixel_um, depth_um, width_um
        Of one pixel, and of the flow cell.
    flow_rate_ml_min
        What the pump moves.
    frame_rate_hz
        Measured, not set.
    factor
        As the instrument printed it.
    has_factor
        Whether the instrument counts with it.
    """

    frames: int
    region_px: tuple[int, int]
    pixel_um: float
    depth_um: float
    width_um: float | None = None
    flow_rate_ml_min: float | None = None
    frame_rate_hz: float | None = None
    factor: float | None = None
    has_factor: bool = False

    def find_factor(self) -> float:
        """Return the share of the imaged volume that was not imaged twice, as precisely as it can be known; 1 if unused."""
        if not self.has_factor:
            return 1.0
        computed = self._compute_factor()
        if self.factor is None or (computed is not None and abs(computed - self.factor) <= _PRINTED):
            return 1.0 if computed is None else computed
        return self.factor

    def _compute_factor(self) -> float | None:
        if not (self.width_um and self.flow_rate_ml_min and self.frame_rate_hz):
            return None
        section_cm2 = self.width_um * self.depth_um / _UM_PER_CM**2
        mean_cm_s = self.flow_rate_ml_min / _S_PER_MIN / section_cm2
        critical_cm_s = self.region_px[1] * self.pixel_um / _UM_PER_CM * self.frame_rate_hz
        return compute_factor(mean_cm_s / critical_cm_s)

    def compute_volume_ml(self) -> float:
        """Return the imaged volume in millilitres."""
        width_um, height_um = (side * self.pixel_um for side in self.region_px)
        return self.frames * width_um * height_um * self.depth_um * _ML_PER_UM3 * self.find_factor()


def compute_factor(speed: float) -> float:
    """Return the share of what a frame sees that the frame before did not.

    Parameters
    ----------
    speed
        Mean speed of the water, in heights of the region per frame.
    """
    fastest = 1.5 * speed
    if fastest <= 1.0:
        return speed
    edge = math.sqrt(1.0 - 1.0 / fastest)
    return edge + fastest * (2.0 / 3.0 - edge + edge**3 / 3.0)
