"""The particles of a generated run: a few hundred shapes of five kinds, each with its mask, outlines and measures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

Kind = Literal["disc", "rod", "ring", "chain", "crumb"]

KINDS: tuple[Kind, ...] = ("disc", "rod", "ring", "chain", "crumb")

#: Calibration and fringe of the instrument that is imitated.
PIXEL_UM, FRINGE_PX = 0.5544, 4.5

#: Pixels of background around a particle, and how far a particle's brightness may be shifted without being cut off.
BORDER_PX, SHIFT = 5, 12

#: Feret diameters: one each 5 degrees.
_DEGREES = np.arange(-90, 90, 5)

_WATER = np.array([150, 155, 190], np.float64)
_BODY: Mapping[Kind, tuple[int, int, int]] = {
    "disc": (70, 80, 110),
    "rod": (95, 105, 130),
    "ring": (60, 110, 150),
    "chain": (85, 75, 100),
    "crumb": (110, 95, 90),
}

#: Steps of an outline: x to the right, y down; code 1 is to the right, each further one an eighth of a turn against the clock.
_CODES = {(1, 0): 1, (1, -1): 2, (0, -1): 3, (-1, -1): 4, (-1, 0): 5, (-1, 1): 6, (0, 1): 7, (1, 1): 8}


@dataclass(frozen=True, slots=True)
class Shape:
    """A particle that may occur many times, brighter or darker.

    Attributes
    ----------
    pixels
        uint8 ``(height_px, width_px, 3)``, RGB, at shift 0.
    mask
        bool ``(height_px, width_px)``.
    outlines
        First pixel and steps of each piece.
    columns
        What a list says of it: column -> number, those of brightness at shift 0.
    """

    kind: Kind
    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    outlines: tuple[tuple[int, int, str], ...]
    columns: Mapping[str, float]


def make_shapes(count: int, seed: int) -> tuple[Shape, ...]:
    """Return shapes, the kinds in turn; the same seed gives the same shapes."""
    rng = np.random.default_rng([seed, 0xF10])
    return tuple(_make_shape(KINDS[number % len(KINDS)], rng) for number in range(count))


def _make_shape(kind: Kind, rng: np.random.Generator) -> Shape:
    mask = _cut_border(_draw_mask(kind, rng))
    texture = rng.normal(0.0, 4.0, (*mask.shape, 3))
    light = np.where(mask[:, :, None], np.array(_BODY[kind], np.float64), _WATER) + texture
    pixels: NDArray[np.uint8] = np.clip(light.round(), SHIFT, 255 - SHIFT).astype(np.uint8)
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    contours = [contour[:, 0, :].astype(np.int32) for contour in found]
    outlines = tuple(_to_outline(contour) for contour in contours)
    return Shape(kind, pixels, mask, outlines, _measure(pixels, mask, contours))


def _draw_mask(kind: Kind, rng: np.random.Generator) -> NDArray[np.bool_]:
    side = 120
    y, x = np.mgrid[:side, :side] - side / 2.0
    turn = rng.uniform(0, math.pi)
    along, across = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
    size = rng.uniform(4.0, 14.0)
    if kind == "disc":
        return np.asarray(np.hypot(x, y) <= size)
    if kind == "rod":
        return np.asarray((np.abs(along) <= 2.2 * size) & (np.abs(across) <= max(1.5, 0.2 * size)))
    if kind == "ring":
        return np.asarray((np.hypot(x, y) <= size) & (np.hypot(x, y) > 0.55 * size))
    if kind == "chain":
        beads = [np.hypot(along - step * 0.85 * size, across) <= 0.4 * size for step in range(-2, 3)]
        return np.asarray(np.any(beads, axis=0))
    reach = size * (1.0 + 0.4 * np.sin(3 * np.arctan2(y, x) + turn) * np.cos(5 * np.arctan2(y, x)))
    return np.asarray(np.hypot(x, y) <= reach)


def _cut_border(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the mask with the border that the instrument leaves around a particle."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return np.pad(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], BORDER_PX)


def _to_outline(points: NDArray[np.int32]) -> tuple[int, int, str]:
    steps = np.diff(points, axis=0, append=points[:1])
    codes = "".join(str(_CODES[(int(x), int(y))]) for x, y in steps if x or y)
    return int(points[0, 0]), int(points[0, 1]), codes


def _measure(pixels: NDArray[np.uint8], mask: NDArray[np.bool_], contours: list[NDArray[np.int32]]) -> dict[str, float]:
    """Return the columns of a list that follow from pixels and mask, lengths less the fringe as the instrument does it."""
    y, x = np.nonzero(mask)
    points = np.column_stack([x, y]).astype(np.float64)
    radians = np.deg2rad(_DEGREES)
    shadows = points @ np.stack([np.cos(radians), np.sin(radians)])
    ferets = np.ptp(shadows, axis=0) + 1.0
    filled = cv2.drawContours(np.zeros(mask.shape, np.uint8), contours, -1, 1, cv2.FILLED)
    hull = cv2.convexHull(np.concatenate(contours))
    perimeter = max(sum(cv2.arcLength(contour, closed=True) for contour in contours), 1.0)
    convex = max(cv2.arcLength(hull, closed=True), 1.0)
    minor, major = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(points.T)), 0.0)) * 4.0
    area, filled_area = float(len(points)), float(filled.sum())
    lengths = {
        "abd_diameter": _correct(math.sqrt(4 * area / math.pi)),
        "fd_diameter": _correct(math.sqrt(4 * filled_area / math.pi)),
        "esd_diameter": _correct(float(ferets.mean())),
        "length": _correct(float(ferets.max())),
        "width": _correct(float(ferets.min())),
        "perimeter": perimeter * PIXEL_UM,
        "convex_perimeter": _correct(convex),
    }
    inside = pixels[mask].astype(np.float64)
    red, green, blue = inside.mean(axis=0)
    grey = inside.mean(axis=1)
    raw = {
        "raw_area": area,
        "raw_filled_area": filled_area,
        "raw_convex_hull_area": max(cv2.contourArea(hull), area),
        "raw_feret_max": ferets.max(),
        "raw_feret_min": ferets.min(),
        "raw_feret_mean": ferets.mean(),
        "raw_perimeter": perimeter,
        "raw_convex_perimeter": convex,
        "raw_legendre_major": major,
        "raw_legendre_minor": minor,
        "feret_max_angle": float(_DEGREES[ferets.argmax()]),
        "feret_min_angle": float(_DEGREES[ferets.argmin()]),
    }
    shape = {
        "abd_area": math.pi / 4 * lengths["abd_diameter"] ** 2,
        "filled_area": math.pi / 4 * lengths["fd_diameter"] ** 2,
        "compactness": max(perimeter**2 / (4 * math.pi * area), 1.0),
        "elongation": max(major / max(minor, 1.0), 1.0),
        "roughness": lengths["perimeter"] / lengths["convex_perimeter"],
        "ppc": float(len(contours)),
    }
    light = {
        "avg_red": red,
        "avg_green": green,
        "avg_blue": blue,
        "intensity": grey.mean(),
        "sigma_intensity": grey.std(),
        "sum_intensity": grey.sum(),
    }
    return {name: float(value) for name, value in {**raw, **lengths, **shape, **light}.items()}


def _correct(diameter_px: float) -> float:
    """Return a diameter in micrometres without the fringe."""
    return max(diameter_px - FRINGE_PX, diameter_px / 2.0) * PIXEL_UM
