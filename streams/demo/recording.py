"""Let the generated camera record one day: stills, one clip, a night picture, a broken transfer and a duplicate."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from detectors import pixels
from streams.demo.camera import build_camera
from streams.demo.cast import choose_cast
from streams.demo.clip import write_clip
from streams.demo.light import to_daylight
from streams.demo.truth import Oddity, Shot, Truth

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from streams.demo.camera import Animal, Camera

#: The recorded day, and the camera's name in file names (``YYYYmmdd-HHMMSS-<camera>.jpg``, the rule of OBSEA).
DAY = dt.datetime(2024, 6, 12, tzinfo=dt.UTC)
CAMERA = "DEMO"

#: A still every half hour from six to half past six in the evening, but for a power cut; then one in the night.
_FIRST_MIN, _LAST_MIN, _STEP_MIN = 6 * 60, 18 * 60 + 30, 30
_CUT_MIN = (12 * 60 + 30, 13 * 60, 13 * 60 + 30)
_NIGHT_MIN = 22 * 60 + 30

#: The clip: when it starts, how long it is, and its pictures a second.
_CLIP_MIN, _CLIP_S, _CLIP_PER_S = 10 * 60 + 10, 8, 10

#: One still in so many shows no animal.
_EMPTY_EVERY = 4

#: The transfer during which the power failed kept this share of its bytes.
_KEPT_SHARE = 0.4

_JPEG_QUALITY = 88


def make_camera(folder: Path, *, seed: int = 7, width_px: int = 640, height_px: int = 480, threads: int = 2) -> Truth:
    """Write one day of a generated underwater camera into ``folder`` and return what is really in it.

    The folder then holds 24 good stills, the last of them taken at night, one clip of 8 seconds, one still that was cut
    off in transfer, and one still under a second name. Equal arguments give equal pictures.

    Parameters
    ----------
    folder
        Made if it is not there.
    seed
        Any non-negative integer: scene, light, snow and animals follow from it.
    width_px, height_px
        Even, at least 64.
    threads
        How many pictures are rendered at once; the pictures do not depend on it.

    Raises
    ------
    FatalFault
        If the clip cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    camera = build_camera(seed, width_px=width_px, height_px=height_px)
    with ThreadPoolExecutor(threads) as pool:
        stills = tuple(pool.map(lambda minute: _take_still(folder, camera, seed, minute), _list_minutes()))
        clip, frames = _record_clip(folder, camera, seed, pool)
    oddities = (_cut_transfer(folder, camera, seed), _copy_still(folder, stills[5].name))
    return Truth(seed, width_px, height_px, stills, clip, frames, oddities)


def _list_minutes() -> list[int]:
    by_day = [minute for minute in range(_FIRST_MIN, _LAST_MIN + 1, _STEP_MIN) if minute not in _CUT_MIN]
    return [*by_day, _NIGHT_MIN]


def _to_name(moment: dt.datetime, *, ending: str) -> str:
    return f"{moment:%Y%m%d-%H%M%S}-{CAMERA}{ending}"


def _render_still(camera: Camera, seed: int, minute: int) -> tuple[NDArray[np.uint8], tuple[Animal, ...], float]:
    random = np.random.default_rng([seed, minute])
    place = (minute - _FIRST_MIN) // _STEP_MIN
    groups = 0 if place % _EMPTY_EVERY == _EMPTY_EVERY - 1 else 1 + int(random.integers(3))
    cast = choose_cast(random, groups=groups, width_px=camera.width_px, height_px=camera.height_px)
    daylight = to_daylight(DAY + dt.timedelta(minutes=minute))
    picture, animals = camera.take(cast, daylight=daylight, seconds_s=0.0, clock_s=60.0 * minute)
    return picture, animals, daylight


def _take_still(folder: Path, camera: Camera, seed: int, minute: int) -> Shot:
    picture, animals, daylight = _render_still(camera, seed, minute)
    captured_at = DAY + dt.timedelta(minutes=minute)
    name = _to_name(captured_at, ending=".jpg")
    (folder / name).write_bytes(pixels.encode_jpeg(picture, quality=_JPEG_QUALITY))
    return Shot(name, 0, 0.0, captured_at, round(daylight, 4), animals)


def _record_clip(folder: Path, camera: Camera, seed: int, pool: ThreadPoolExecutor) -> tuple[str, tuple[Shot, ...]]:
    random = np.random.default_rng([seed, _CLIP_MIN])
    cast = choose_cast(random, groups=4, width_px=camera.width_px, height_px=camera.height_px, span_s=_CLIP_S)
    started_at = DAY + dt.timedelta(minutes=_CLIP_MIN)
    daylight = to_daylight(started_at)
    name = _to_name(started_at, ending=".mp4")
    shots: list[Shot] = []

    def render(number: int) -> tuple[NDArray[np.uint8], tuple[Animal, ...]]:
        offset_s = number / _CLIP_PER_S
        return camera.take(cast, daylight=daylight, seconds_s=offset_s, clock_s=60.0 * _CLIP_MIN + offset_s)

    def draw() -> Iterator[NDArray[np.uint8]]:
        for number, (picture, animals) in enumerate(pool.map(render, range(_CLIP_S * _CLIP_PER_S))):
            offset_s = number / _CLIP_PER_S
            captured_at = started_at + dt.timedelta(seconds=offset_s)
            shots.append(Shot(name, number, offset_s, captured_at, round(daylight, 4), animals))
            yield picture

    write_clip(folder / name, draw(), per_second=_CLIP_PER_S, started_at=started_at)
    return name, tuple(shots)


def _cut_transfer(folder: Path, camera: Camera, seed: int) -> Oddity:
    """Write the first part of the still that was being sent when the power failed."""
    minute = _CUT_MIN[0]
    data = pixels.encode_jpeg(_render_still(camera, seed, minute)[0], quality=_JPEG_QUALITY)
    name = _to_name(DAY + dt.timedelta(minutes=minute), ending=".jpg")
    (folder / name).write_bytes(data[: int(len(data) * _KEPT_SHARE)])
    return Oddity(name, "corrupt", name)


def _copy_still(folder: Path, of: str) -> Oddity:
    """Write one still again under another name, as a transfer does that was tried twice."""
    name = of.replace(".jpg", "_again.jpg")
    (folder / name).write_bytes((folder / of).read_bytes())
    return Oddity(name, "duplicate", of)
