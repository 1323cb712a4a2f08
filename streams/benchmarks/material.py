"""What the benchmarks look at: generated stills and clips of stated sizes."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np

from detectors import pixels
from detectors.models.scenes import make_scene
from streams.demo.clip import write_clip

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

#: Different scenes drawn; more pictures repeat them with another pixel in a corner, so that no two are equal.
SCENES = 12

#: Second of 1970 + this many that the first picture was taken at.
_FIRST_S = 1_700_000_000


def make_stills(folder: Path, count: int, *, width_px: int, height_px: int) -> list[Path]:
    """Write JPEG stills named ``s_<epoch seconds>.jpg``; no two are equal."""
    folder.mkdir(parents=True, exist_ok=True)
    scenes = [_draw(seed, width_px=width_px, height_px=height_px) for seed in range(min(SCENES, count))]
    paths = []
    for number in range(count):
        picture = scenes[number % len(scenes)].copy()
        _sign(picture, number)
        path = folder / f"s_{_FIRST_S + number}.jpg"
        pixels.write_picture(path, picture, quality=88)
        paths.append(path)
    return paths


def make_clip_file(folder: Path, seconds: int, *, width_px: int = 640, height_px: int = 480, rate: int = 10) -> Path:
    """Write one clip named after its epoch second."""
    folder.mkdir(parents=True, exist_ok=True)
    scenes = [_draw(seed, width_px=width_px, height_px=height_px) for seed in range(4)]
    path = folder / f"s_{_FIRST_S}.mp4"
    frames = (np.roll(scenes[(number // 50) % 4], number * 2, axis=1) for number in range(seconds * rate))
    write_clip(path, frames, per_second=rate, started_at=dt.datetime.fromtimestamp(_FIRST_S, dt.UTC))
    return path


def _draw(seed: int, *, width_px: int, height_px: int) -> NDArray[np.uint8]:
    return make_scene(seed, width_px=width_px, height_px=height_px).picture


def _sign(picture: NDArray[np.uint8], number: int) -> None:
    """Write a number into blocks of the lower left corner that survive compression."""
    for bit in range(16):
        level = 230 if number >> bit & 1 else 20
        picture[-8:, 8 * bit : 8 * bit + 8] = level
