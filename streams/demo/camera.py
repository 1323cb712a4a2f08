"""The generated camera: one fixed view, rendered at any moment with its animals, and the boxes of what can be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors import pixels
from streams.demo.fish import paint_fish
from streams.demo.light import Lighting, make_lighting
from streams.demo.snow import Snow, make_snow
from streams.demo.water import FADING_PER_M, colour_water, make_backdrop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streams.demo.cast import Swimmer
    from streams.demo.fish import Patch

#: Cover above which a pixel belongs to an animal in the truth.
_BELONGS = 0.5

#: An animal of which less than this share is seen (border, others before it) has no box in the truth.
VISIBLE_SHARE = 0.35

#: Nor has one that shows fewer pixels than this.
VISIBLE_PX = 60

#: Nor one that differs less than this from what is behind it, of 1: a person would not see it.
_CONTRAST = 0.02

#: Specks of marine snow in view.
_SPECKS = 110

#: Spread of the sensor's noise, of 255.
_NOISE = 1.6


@dataclass(frozen=True, slots=True)
class Animal:
    """One animal as it is seen in one picture.

    Attributes
    ----------
    label
        Name of its species.
    number
        The same through a clip.
    box
        Left, top, right, bottom in pixels: exactly the pixels that show it, end exclusive.
    """

    label: str
    number: int
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Camera:
    """A fixed camera; equal moments give equal pictures."""

    lighting: Lighting
    snow: Snow
    water: NDArray[np.float32]
    noise: NDArray[np.float32]

    @property
    def width_px(self) -> int:
        """Width of its pictures."""
        return int(self.water.shape[1])

    @property
    def height_px(self) -> int:
        """Height of its pictures."""
        return int(self.water.shape[0])

    def take(
        self, cast: tuple[Swimmer, ...], *, daylight: float, seconds_s: float, clock_s: float
    ) -> tuple[NDArray[np.uint8], tuple[Animal, ...]]:
        """Return a picture, uint8 (height_px, width_px, 3) RGB, and what is seen in it.

        Parameters
        ----------
        cast
            The animals, farthest first.
        daylight
            0 at night to 1 at noon.
        seconds_s
            Since the cast's second 0.
        clock_s
            Since the camera's own second 0: moves water, light and snow.
        """
        scene = self.lighting.light(daylight=daylight, seconds_s=clock_s)
        owner = np.full(self.water.shape[:2], -1, dtype=np.int32)
        needed: dict[int, float] = {}
        for swimmer in cast:
            patch = paint_fish(swimmer.species, swimmer.pose_at(seconds_s))
            contrast = self._blend(scene, owner, patch, swimmer=swimmer, daylight=daylight)
            whole_px = int((patch.cover > _BELONGS).sum())
            needed[swimmer.number] = max(VISIBLE_PX, VISIBLE_SHARE * whole_px) if contrast > _CONTRAST else np.inf
        self.snow.fall_on(scene, strength=0.25 + 0.75 * daylight, seconds_s=clock_s)
        scene *= _to_gain(daylight)
        return self._expose(scene, clock_s), _list_seen(owner, cast, needed)

    def _blend(
        self,
        scene: NDArray[np.float32],
        owner: NDArray[np.int32],
        patch: Patch,
        *,
        swimmer: Swimmer,
        daylight: float,
    ) -> float:
        """Put an animal into the scene: lit, faded by the water before it, softer with distance; return its contrast."""
        height_px, width_px = patch.cover.shape
        left, top = max(patch.left, 0), max(patch.top, 0)
        right, bottom = min(patch.left + width_px, self.width_px), min(patch.top + height_px, self.height_px)
        if right <= left or bottom <= top:
            return 0.0
        inside = np.s_[top - patch.top : bottom - patch.top, left - patch.left : right - patch.left]
        cover = pixels.blur(patch.cover, sigma_px=0.25 + 0.12 * swimmer.distance_m)[inside]
        here = np.s_[top:bottom, left:right]
        through = np.exp(-swimmer.distance_m * FADING_PER_M)
        glow = daylight + self.lighting.lamp[here][..., None] * (daylight < _LAMP_SHARE)
        lit = patch.colour[inside] * through * glow * 1.15 + self.water[here] * (1 - through) * daylight
        change = cover[..., None] * (lit - scene[here])
        scene[here] += change
        belongs = patch.cover[inside] > _BELONGS
        owner[here][belongs] = swimmer.number
        return float(np.abs(change[belongs]).mean()) * _to_gain(daylight) if belongs.any() else 0.0

    def _expose(self, scene: NDArray[np.float32], clock_s: float) -> NDArray[np.uint8]:
        """Return what the sensor makes of the light: a soft shoulder, and noise that never repeats."""
        bright = scene * (255 / 0.82)
        bright /= 1 + scene * (0.18 / 0.82)
        shift = np.random.default_rng(int(clock_s * 1000) + 1).integers(0, _NOISE_SLACK_PX, 2)
        rows, columns = slice(shift[0], shift[0] + self.height_px), slice(shift[1], shift[1] + self.width_px)
        bright += self.noise[rows, columns]
        return np.asarray(np.clip(bright + 0.5, 0, 255), dtype=np.uint8)


#: Daylight under which the lamp lights the animals too.
_LAMP_SHARE = 0.1

#: The noise is a larger field, of which each picture takes another part.
_NOISE_SLACK_PX = 160


def build_camera(seed: int, *, width_px: int, height_px: int) -> Camera:
    """Return the camera of this seed."""
    random = np.random.default_rng(seed)
    backdrop = make_backdrop(random, width_px=width_px, height_px=height_px)
    noise_shape = (height_px + _NOISE_SLACK_PX, width_px + _NOISE_SLACK_PX, 3)
    return Camera(
        lighting=make_lighting(random, backdrop),
        snow=make_snow(random, specks=_SPECKS, width_px=width_px, height_px=height_px),
        water=colour_water(width_px, height_px),
        noise=(random.standard_normal(noise_shape, dtype=np.float32) * _NOISE).astype(np.float32),
    )


def _to_gain(daylight: float) -> float:
    """Return how much the camera opens up when it gets dark."""
    return 1 + 0.9 * (1 - daylight) ** 2


def _list_seen(owner: NDArray[np.int32], cast: tuple[Swimmer, ...], needed: dict[int, float]) -> tuple[Animal, ...]:
    """Return the animals of which enough is seen, with the boxes of their visible pixels."""
    seen = []
    for swimmer in cast:
        shown = owner == swimmer.number
        if np.count_nonzero(shown) < needed[swimmer.number]:
            continue
        columns, rows = np.flatnonzero(shown.any(axis=0)), np.flatnonzero(shown.any(axis=1))
        box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
        seen.append(Animal(swimmer.species.name, swimmer.number, box))
    return tuple(seen)
