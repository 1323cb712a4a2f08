"""The unmoving part of the generated camera's view: water that swallows colour, a sandy bed, rocks and sea grass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors import pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Share of the picture's height at which bed and open water meet.
HORIZON = 0.40

#: Nothing is seen farther away than this, in metres.
SIGHT_M = 14.0

#: Distance of the bed at the lower edge of the picture, in metres.
NEAREST_M = 1.1

#: Focal length in units of the picture's width: a lens that sees 64 degrees.
FOCAL_WIDTHS = 0.8

#: How fast red, green and blue fade, per metre: the order of coastal Mediterranean water.
FADING_PER_M = np.asarray((0.34, 0.16, 0.145), dtype=np.float32)

#: Colour of the open water near the surface and in the deep, RGB of 1.
SURFACE = np.asarray((0.30, 0.66, 0.72), dtype=np.float32)
DEEP = np.asarray((0.03, 0.25, 0.37), dtype=np.float32)

_SAND = np.asarray((0.80, 0.72, 0.55), dtype=np.float32)
_ROCK = np.asarray((0.34, 0.31, 0.27), dtype=np.float32)
_ALGAE = np.asarray((0.36, 0.33, 0.13), dtype=np.float32)
_GRASS = np.asarray((0.16, 0.30, 0.10), dtype=np.float32)

#: Distances of the rows of sea-grass tufts, far to near, in metres.
_GRASS_ROWS_M = (9.0, 8.2, 7.4, 6.7, 6.1, 5.6)


@dataclass(frozen=True, slots=True)
class Backdrop:
    """The still half of the scene, ready to be lit.

    Attributes
    ----------
    ground
        float32 (height_px, width_px, 3): light that comes back from solid things under full light.
    veil
        float32 (height_px, width_px, 3): light the water itself scatters towards the lens.
    distance_m
        float32 (height_px, width_px): how far the solid thing in each pixel is.
    """

    ground: NDArray[np.float32]
    veil: NDArray[np.float32]
    distance_m: NDArray[np.float32]


def make_backdrop(random: np.random.Generator, *, width_px: int, height_px: int) -> Backdrop:
    """Return the scene of one camera; equal generators give equal scenes."""
    distance_m, across_m = _lay_bed(width_px, height_px)
    albedo = _colour_sand(random, distance_m, across_m)
    for row_m in _GRASS_ROWS_M:
        _plant_grass(random, albedo, distance_m, row_m=row_m)
    for _ in range(9):
        _place_rock(random, albedo, distance_m)
    through = np.exp(-distance_m[..., None] * FADING_PER_M)
    ground = pixels.blur(albedo * through, sigma_px=0.6)
    return Backdrop(ground, colour_water(width_px, height_px) * (1 - through), distance_m)


def colour_water(width_px: int, height_px: int) -> NDArray[np.float32]:
    """Return float32 (height_px, width_px, 3): endless water, bright above and dark towards the deep."""
    down = np.linspace(0.0, 1.0, height_px, dtype=np.float32)[:, None]
    aside = np.linspace(-1.0, 1.0, width_px, dtype=np.float32)[None, :]
    bright = np.clip(np.exp(-2.4 * down) * (1 - 0.22 * aside**2), 0, 1)[..., None]
    return np.asarray(DEEP + (SURFACE - DEEP) * bright, dtype=np.float32)


def _lay_bed(width_px: int, height_px: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return distance and sideways position in metres of the bed seen by each pixel of a level camera."""
    rows = (np.arange(height_px, dtype=np.float32) + 0.5) / height_px
    below = np.maximum(rows - HORIZON, 1e-3)
    distance = np.minimum(NEAREST_M * (1 - HORIZON) / below, SIGHT_M)
    distance_m = np.broadcast_to(distance[:, None], (height_px, width_px)).astype(np.float32)
    columns = (np.arange(width_px, dtype=np.float32) + 0.5) / width_px - 0.5
    return distance_m, (columns[None, :] * distance_m / FOCAL_WIDTHS).astype(np.float32)


def _colour_sand(
    random: np.random.Generator, distance_m: NDArray[np.float32], across_m: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the bed's colour: ripples that wander, patches, and grain that is lost with distance."""
    patches = sample_noise(random, across_m * 0.9, distance_m * 0.9)
    bends = sample_noise(random, across_m * 0.5, distance_m * 0.5)
    ripples = np.sin(2 * np.pi * (distance_m * 5.0 + across_m * 1.1 + bends * 1.6))
    grain = sample_noise(random, across_m * 17, distance_m * 17) + sample_noise(random, across_m * 41, distance_m * 41)
    near = np.clip(2.2 / distance_m, 0, 1)
    tone = 1 + 0.30 * (patches - 0.5) + near * (0.07 * ripples + 0.20 * (grain - 1.0))
    return np.asarray(_SAND * tone[..., None], dtype=np.float32)


def sample_noise(random: np.random.Generator, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return smooth noise in 0..1 with one hill per unit of ``x`` and ``y``, repeating every 64 units."""
    cells = np.pad(random.random((64, 64), dtype=np.float32), 4, mode="wrap")
    tile = pixels.resize(cells, width_px=288, height_px=288, smooth=True)[16:272, 16:272]
    return pixels.sample_tile(np.clip(tile, 0, 1), x=x * 4, y=y * 4)


def _plant_grass(
    random: np.random.Generator, albedo: NDArray[np.float32], distance_m: NDArray[np.float32], *, row_m: float
) -> None:
    """Let a meadow of blades stand at one distance, in tufts, its feet on the bed."""
    height_px, width_px = distance_m.shape
    foot_px = height_px * (HORIZON + NEAREST_M * (1 - HORIZON) / row_m)
    scale_px = width_px * FOCAL_WIDTHS / row_m
    thick = np.interp(np.arange(width_px), np.linspace(0, width_px, 9), random.uniform(-0.5, 0.9, 9))
    for _ in range(int(30 * row_m)):
        x = random.uniform(0, width_px)
        if random.random() > thick[int(x)]:
            continue
        length_px = scale_px * random.uniform(0.25, 0.6)
        lean, half = random.normal(0.10, 0.22) * length_px, max(0.6, 0.010 * scale_px)
        y = foot_px + random.uniform(-0.02, 0.05) * scale_px
        blade = np.asarray([
            (x - half, y), (x - half + 0.4 * lean, y - 0.6 * length_px), (x + lean, y - length_px),
            (x + half + 0.4 * lean, y - 0.6 * length_px), (x + half, y),
        ])  # fmt: skip
        _stamp(albedo, distance_m, blade, colour=_GRASS * random.uniform(0.5, 1.7), at_m=row_m)


def _stamp(
    albedo: NDArray[np.float32],
    distance_m: NDArray[np.float32],
    outline: NDArray[np.float64],
    *,
    colour: NDArray[np.float32],
    at_m: float,
) -> None:
    """Fill an outline with one colour at one distance, in the part of the picture it covers."""
    height_px, width_px = distance_m.shape
    left, top = np.maximum(np.floor(outline.min(axis=0)).astype(int) - 1, 0)
    right, bottom = np.ceil(outline.max(axis=0)).astype(int) + 1
    right, bottom = min(int(right), width_px), min(int(bottom), height_px)
    if right <= left or bottom <= top:
        return
    mask = pixels.fill_polygon(outline - (left, top), width_px=int(right - left), height_px=int(bottom - top))
    patch, far = albedo[top:bottom, left:right], distance_m[top:bottom, left:right]
    patch += mask[..., None] * (colour - patch)
    far += mask * (at_m - far)


def _place_rock(random: np.random.Generator, albedo: NDArray[np.float32], distance_m: NDArray[np.float32]) -> None:
    """Set one rounded, overgrown rock on the bed: lit from above, dark at its foot, its shadow on the sand."""
    height_px, width_px = distance_m.shape
    at_m = random.uniform(1.8, 6.0)
    scale_px = width_px * FOCAL_WIDTHS / at_m
    wide_px = scale_px * random.uniform(0.14, 0.34)
    high_px = wide_px * random.uniform(0.65, 1.1)
    x = random.choice([random.uniform(0.0, 0.34), random.uniform(0.68, 1.0)]) * width_px
    foot_px = height_px * (HORIZON + NEAREST_M * (1 - HORIZON) / at_m)
    top, bottom = max(int(foot_px - 1.7 * high_px), 0), min(int(foot_px + 1.2 * high_px), height_px)
    left, right = max(int(x - 2.2 * wide_px), 0), min(int(x + 2.2 * wide_px), width_px)
    rows, columns = np.mgrid[top:bottom, left:right].astype(np.float32)
    along, up = (columns - np.float32(x)) / wide_px, (foot_px - rows) / high_px
    lumps = sample_noise(random, along * 1.6, up * 1.6) + 0.5 * sample_noise(random, along * 5, up * 5) - 0.75
    moss = 0.6 * sample_noise(random, along * 12, up * 12) + 0.4 * sample_noise(random, along * 38, up * 38)
    shadow = np.exp(-np.clip(np.hypot(along * 0.85, up * 2.6) - 0.6, 0, None) * 4) * np.clip(1 - up * 2, 0, 1)
    here, far = albedo[top:bottom, left:right], distance_m[top:bottom, left:right]
    here *= (1 - 0.6 * shadow)[..., None]
    radius = np.hypot(along, np.clip(up, 0, None)) * (1 + 0.55 * lumps)
    feet = np.clip((up + 0.10 * (1 - along**2) + 0.08 * lumps) * high_px / 2, 0, 1)
    mask = np.clip((1 - radius) * wide_px / 2.5, 0, 1) * feet
    lit = 0.30 + 0.8 * np.clip(up * 0.8 + 0.7 * lumps + 0.15, 0, 1) + 0.5 * (moss - 0.5)
    colour = (_ROCK + (_ALGAE - _ROCK) * np.clip(moss * 2 - 0.7, 0, 1)[..., None]) * lit[..., None]
    here += mask[..., None] * (colour - here)
    far += mask * (at_m - far)
