"""Moving light of the generated camera: the day's brightness, rays from the surface, and caustics on the bed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors import pixels
from streams.demo.water import FOCAL_WIDTHS, HORIZON

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streams.demo.water import Backdrop

#: Sunrise and sunset at the generated camera, hours UTC: a day in June at 41 degrees north.
SUNRISE_H, SUNSET_H = 4.4, 19.6

#: Colour of the camera's own lamp.
_LAMP = np.asarray((1.25, 1.05, 0.85), dtype=np.float32)

#: What is left of each colour when the sun is low: its light comes from the sky, which is blue.
_DUSK = np.asarray((0.80, 0.94, 1.12), dtype=np.float32)

#: Size in pixels of the repeated caustic pattern, and how many bright cells it has across.
_TILE_PX, _CELLS = 192, 6

#: Pixels of the pattern to a metre of bed.
_SCALE_PX_M = 90


def to_daylight(moment: dt.datetime) -> float:
    """Return the strength of daylight: 1 at noon, 0 at night, as the sine of the sun's way."""
    hour_h = moment.hour + moment.minute / 60 + moment.second / 3600
    share = (hour_h - SUNRISE_H) / (SUNSET_H - SUNRISE_H)
    return float(max(0.0, np.sin(np.pi * share)) ** 0.7) if 0 < share < 1 else 0.0


#: Daylight under which the camera switches its lamp on.
LAMP_BELOW = 0.1


@dataclass(frozen=True, slots=True)
class Lighting:
    """Lights a backdrop at any moment.

    Attributes
    ----------
    backdrop
        What is lit.
    tile
        float32 (192, 192): one period of the caustic pattern.
    across_m
        Sideways position in metres of each pixel of the bed; with the distance it says where on the tile a pixel lies.
    lamp
        float32 (height_px, width_px): how much of the lamp's light comes back from each pixel.
    """

    backdrop: Backdrop
    tile: NDArray[np.float32]
    across_m: NDArray[np.float32]
    lamp: NDArray[np.float32]

    def light(self, *, daylight: float, seconds_s: float) -> NDArray[np.float32]:
        """Return float32 (height_px, width_px, 3), RGB of 1: the empty scene under this light.

        Parameters
        ----------
        daylight
            Strength of daylight, 0 to 1; below a tenth the lamp is on.
        seconds_s
            Time that moves caustics, rays and the slow drift of clouds.
        """
        cloud = 1 + 0.12 * np.sin(seconds_s / 9.0) + 0.05 * np.sin(seconds_s / 2.7 + 1)
        strength = np.float32(daylight * cloud)
        ripple = self._draw_caustics(seconds_s)
        lit_bed = strength * (0.80 + 0.55 * ripple)
        lit_water = strength * (1 + 0.17 * self._draw_rays(seconds_s))
        scene = self.backdrop.ground * lit_bed[..., None]
        scene += self.backdrop.veil * lit_water[..., None]
        if daylight < LAMP_BELOW:
            scene += (self.backdrop.ground + 0.10 * self.backdrop.veil) * self.lamp[..., None] * _LAMP
        else:
            scene *= _DUSK + (1 - _DUSK) * np.float32(daylight)
        return scene

    def _draw_caustics(self, seconds_s: float) -> NDArray[np.float32]:
        """Return the bright net on the bed: the lesser of two copies of the tile that drift through each other."""
        bed = np.s_[int(HORIZON * self.across_m.shape[0]) :]
        distance_m = self.backdrop.distance_m[bed]
        x, y = self.across_m[bed] * _SCALE_PX_M, distance_m * _SCALE_PX_M
        one = pixels.sample_tile(self.tile, x=x + 17 * seconds_s, y=y + 9 * seconds_s)
        two = pixels.sample_tile(self.tile, x=x * 0.83 - 13 * seconds_s, y=y * 0.83 + 15 * seconds_s + 60)
        ripple = np.zeros_like(self.across_m)
        ripple[bed] = np.minimum(one, two) * np.clip(1.35 - distance_m / 7, 0, 1)
        return ripple

    def _draw_rays(self, seconds_s: float) -> NDArray[np.float32]:
        """Return slanting shafts that fade downwards, from a few slow waves on the surface."""
        height_px, width_px = self.backdrop.distance_m.shape
        rows, columns = np.mgrid[0:1:180j, 0:1:240j].astype(np.float32)
        place = (columns - 0.5) / (0.55 + 0.9 * rows) * 9
        waves = np.sin(place * 2.1 + 0.7 * seconds_s) + np.sin(place * 3.7 - 0.9 * seconds_s + 2)
        waves += np.sin(place * 5.9 + 0.5 * seconds_s + 4)
        rays = np.clip(waves - 0.4, 0, None) * np.clip(1 - rows / (HORIZON + 0.25), 0, 1)
        return np.asarray(pixels.resize(rays.astype(np.float32), width_px=width_px, height_px=height_px))


def make_lighting(random: np.random.Generator, backdrop: Backdrop) -> Lighting:
    """Return the lights over a backdrop; equal generators give equal lights."""
    height_px, width_px = backdrop.distance_m.shape
    rows, columns = np.mgrid[0:height_px, 0:width_px].astype(np.float32)
    aside, down = columns / width_px - 0.5, rows / height_px - 0.62
    cone = np.exp(-((aside / 0.34) ** 2 + (down / 0.36) ** 2))
    lamp = cone * np.clip(2.6 / (0.6 + backdrop.distance_m) ** 1.4, 0, 1.2)
    across_m = aside * backdrop.distance_m / FOCAL_WIDTHS
    return Lighting(backdrop, _make_caustic_tile(random), across_m.astype(np.float32), lamp.astype(np.float32))


def _make_caustic_tile(random: np.random.Generator) -> NDArray[np.float32]:
    """Return one period of a net of bright lines: where the two nearest of some scattered points are equally near."""
    step = _TILE_PX / _CELLS
    grid = np.stack(np.meshgrid(np.arange(_CELLS), np.arange(_CELLS)), axis=-1).reshape(-1, 2)
    points = (grid + random.uniform(0.05, 0.95, grid.shape)) * step
    copies = np.concatenate([points + np.asarray((dx, dy)) for dx in _AROUND for dy in _AROUND]).astype(np.float32)
    half = np.arange(0, _TILE_PX, 2, dtype=np.float32)
    first = np.full((half.size, half.size), np.inf, dtype=np.float32)
    second = first.copy()
    for x, y in copies:
        if not (-step < x < _TILE_PX + step and -step < y < _TILE_PX + step):
            continue
        far = np.hypot(half[None, :] - x, half[:, None] - y)
        second = np.minimum(second, np.maximum(first, far))
        first = np.minimum(first, far)
    net = np.exp(-(second - first) / 4.5).astype(np.float32)
    wide = pixels.resize(np.pad(net, 4, mode="wrap"), width_px=_TILE_PX + 16, height_px=_TILE_PX + 16, smooth=True)
    return np.asarray(np.clip(wide[8:-8, 8:-8], 0, 1), dtype=np.float32)


_AROUND = (-_TILE_PX, 0, _TILE_PX)
