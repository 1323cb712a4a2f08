"""Draw underwater scenes with animals whose boxes are known exactly: truth for pretraining, demonstrations and tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors import pixels
from detectors.models.animals import KINDS, draw_animal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: Surface and depth colours (RGB) of some waters: open blue, coastal green, lit tank, night lamp, sand haze.
WATERS = (
    ((38, 110, 190), (6, 22, 90)),
    ((92, 150, 120), (14, 48, 40)),
    ((120, 170, 190), (40, 80, 110)),
    ((60, 60, 110), (12, 8, 40)),
    ((170, 170, 140), (80, 90, 70)),
)
#: How often a scene has a floor, light shafts, and a group of animals that is a school.
FLOOR_SHARE, SHAFTS_SHARE, SCHOOL_SHARE = 0.5, 0.4, 0.3
#: Most animals of a generated school, so that small boxes in crowds are seen too.
SCHOOL_LIMIT = 14
#: An animal of which less than this share lies inside the picture gets no box: a person would not have marked it.
VISIBLE_SHARE = 0.3
_MIN_BOX_PX = 5.0


@dataclass(frozen=True, slots=True)
class Scene:
    """One generated picture and what is in it.

    Attributes
    ----------
    picture
        uint8 (height_px, width_px, 3), RGB.
    labels
        Kind of each animal, drawn order (later ones lie over earlier ones).
    boxes
        float64 (n, 4): left, top, right, bottom in pixels, clipped to the picture.
    """

    picture: NDArray[np.uint8]
    labels: tuple[str, ...]
    boxes: NDArray[np.float64]


def make_scene(seed: int, *, width_px: int = 416, height_px: int = 416, kinds: Sequence[str] = KINDS) -> Scene:
    """Draw one scene; equal arguments give equal pixels.

    Parameters
    ----------
    seed
        Any non-negative integer.
    width_px, height_px
        Size of the picture, at least 32.
    kinds
        Which animals may appear; see :data:`detectors.models.animals.KINDS`.
    """
    random = np.random.default_rng(seed)
    canvas = draw_water(random, width_px=width_px, height_px=height_px)
    labels: list[str] = []
    boxes: list[tuple[float, float, float, float]] = []
    for kind, count, size_px in _choose_cast(random, kinds, min(width_px, height_px)):
        look = int(random.integers(2**31))
        for _ in range(count):
            length_px = size_px * random.uniform(0.75, 1.3)
            centre = (random.uniform(-0.05, 1.05) * width_px, random.uniform(-0.05, 1.05) * height_px)
            full = draw_animal(canvas, kind=kind, look=look, centre=centre, length_px=length_px, random=random)
            box = _clip_box(full, width_px, height_px)
            if box is not None:
                labels.append(kind)
                boxes.append(box)
    finished = _finish(canvas, random)
    return Scene(finished, tuple(labels), np.asarray(boxes, dtype=np.float64).reshape(-1, 4))


def draw_water(random: np.random.Generator, *, width_px: int, height_px: int) -> NDArray[np.float32]:
    """Return float32 (height_px, width_px, 3) in 0..255: water, and sometimes a floor, rocks and light shafts."""
    top, bottom = WATERS[int(random.integers(len(WATERS)))]
    tint = random.uniform(0.6, 1.3, 3)
    down = np.linspace(0.0, 1.0, height_px, dtype=np.float32)[:, None, None] ** random.uniform(0.6, 1.6)
    canvas = (np.asarray(top) * tint * (1 - down) + np.asarray(bottom) * tint * down).astype(np.float32)
    canvas = np.broadcast_to(canvas, (height_px, width_px, 3)).copy()
    canvas *= 1 + 0.25 * (_noise(random, width_px, height_px, cells=4)[..., None] - 0.5)
    if random.random() < FLOOR_SHARE:
        _draw_floor(canvas, random)
    for _ in range(int(random.integers(0, 7))):
        _draw_rock(canvas, random)
    if random.random() < SHAFTS_SHARE:
        _draw_shafts(canvas, random)
    return canvas


def _choose_cast(random: np.random.Generator, kinds: Sequence[str], side_px: int) -> list[tuple[str, int, float]]:
    """Return (kind, how many, length in pixels) of the groups of one scene; one scene in twelve is empty."""
    if random.random() < 1 / 12:
        return []
    cast = []
    for _ in range(int(random.integers(1, 4))):
        kind = str(kinds[int(random.integers(len(kinds)))])
        count = 1 + int(random.integers(0, 3))
        share = random.uniform(0.08, 0.5)
        if random.random() < SCHOOL_SHARE:
            count, share = int(random.integers(4, SCHOOL_LIMIT + 1)), random.uniform(0.04, 0.18)
        cast.append((kind, count, share * side_px))
    return cast


def _clip_box(
    full: tuple[float, float, float, float], width_px: int, height_px: int
) -> tuple[float, float, float, float] | None:
    left, top, right, bottom = full
    clipped = max(left, 0.0), max(top, 0.0), min(right, float(width_px)), min(bottom, float(height_px))
    seen_width, seen_height = clipped[2] - clipped[0], clipped[3] - clipped[1]
    if seen_width < _MIN_BOX_PX or seen_height < _MIN_BOX_PX:
        return None
    return clipped if seen_width * seen_height >= VISIBLE_SHARE * (right - left) * (bottom - top) else None


def _noise(random: np.random.Generator, width_px: int, height_px: int, *, cells: int) -> NDArray[np.float32]:
    coarse = random.random((cells, cells), dtype=np.float32)
    return pixels.resize(coarse, width_px=width_px, height_px=height_px, smooth=True)


def _draw_floor(canvas: NDArray[np.float32], random: np.random.Generator) -> None:
    height_px, width_px = canvas.shape[:2]
    line = int(height_px * random.uniform(0.55, 0.9))
    colour = np.asarray((190, 175, 140), dtype=np.float32) * random.uniform(0.3, 1.0) * random.uniform(0.7, 1.1, 3)
    grain = _noise(random, width_px, height_px - line, cells=32)[..., None]
    canvas[line:] = 0.35 * canvas[line:] + 0.65 * colour * (0.6 + 0.8 * grain)


def _draw_rock(canvas: NDArray[np.float32], random: np.random.Generator) -> None:
    height_px, width_px = canvas.shape[:2]
    corners = int(random.integers(5, 12))
    angles = np.sort(random.uniform(0, 2 * np.pi, corners))
    radius = random.uniform(0.05, 0.35) * height_px * random.uniform(0.6, 1.2, corners)
    centre = random.uniform(0, width_px), random.uniform(0.3, 1.1) * height_px
    outline = np.stack([centre[0] + radius * np.cos(angles) * 1.4, centre[1] + radius * np.sin(angles)], axis=1)
    mask = pixels.fill_polygon(outline, width_px=width_px, height_px=height_px)
    mask = pixels.blur(mask, sigma_px=random.uniform(0.5, 3.0))[..., None]
    colour = random.uniform(20, 150) * random.uniform(0.7, 1.2, 3).astype(np.float32)
    texture = 0.5 + _noise(random, width_px, height_px, cells=int(random.integers(8, 48)))[..., None]
    canvas += mask * random.uniform(0.5, 0.95) * (colour * texture - canvas)


def _draw_shafts(canvas: NDArray[np.float32], random: np.random.Generator) -> None:
    height_px, width_px = canvas.shape[:2]
    for _ in range(int(random.integers(1, 5))):
        x, lean = random.uniform(0, width_px), random.uniform(-0.5, 0.5) * height_px
        half = random.uniform(0.01, 0.06) * width_px
        outline = np.asarray(
            [(x - half, 0), (x + half, 0), (x + lean + 3 * half, height_px), (x + lean - 3 * half, height_px)]
        )
        mask = pixels.blur(pixels.fill_polygon(outline, width_px=width_px, height_px=height_px), sigma_px=half)
        canvas += mask[..., None] * random.uniform(10, 50)


def _finish(canvas: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.uint8]:
    """Add marine snow, veil, blur and sensor noise, as a cheap camera would."""
    height_px, width_px = canvas.shape[:2]
    specks = int(random.integers(0, 60))
    rows, columns = random.integers(0, height_px, specks), random.integers(0, width_px, specks)
    snow = np.zeros((height_px, width_px), dtype=np.float32)
    snow[rows, columns] = random.uniform(100, 900, specks)
    snowed = canvas + pixels.blur(snow, sigma_px=random.uniform(0.6, 1.4))[..., None]
    blurred = pixels.blur(snowed, sigma_px=random.uniform(0.3, 1.2))
    veil = random.uniform(0.0, 0.35)
    veiled = blurred * (1 - veil) + blurred.mean(axis=(0, 1)) * veil
    noisy = veiled * random.uniform(0.7, 1.2) + random.normal(0, random.uniform(1, 6), canvas.shape)
    return np.asarray(np.clip(np.rint(noisy), 0, 255), dtype=np.uint8)
