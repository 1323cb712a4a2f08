"""Paint one fish, seen from its side: body, fins and a beating tail, shaded by the light from above."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Where, in half lengths from the middle, the body ends and the tail fin begins.
_TAIL_ROOT = -0.66

#: Where the head ends.
_GILL = 0.5

#: Half the body's thickness at the tail's root, in half lengths.
_ROOT_HALF = 0.045


@dataclass(frozen=True, slots=True)
class Species:
    """What the fish of one kind share; all lengths in half lengths of the fish.

    Attributes
    ----------
    name
        The label in the truth.
    length_m
        Length of a grown one.
    height
        Half the height of its body.
    back, flank, belly
        RGB of 1.
    fork
        How deeply its tail is forked.
    coat
        Its pattern.
    """

    name: str
    length_m: float
    height: float
    back: tuple[float, float, float]
    flank: tuple[float, float, float]
    belly: tuple[float, float, float]
    fork: float
    coat: Literal["bands", "lines", "plain", "blotches"]


#: Drawn after common fishes of the western Mediterranean; the names are ours, since no taxon is claimed.
SPECIES = (
    Species("bream", 0.26, 0.40, (0.33, 0.33, 0.30), (0.74, 0.74, 0.70), (0.92, 0.91, 0.86), 0.55, "bands"),
    Species("salema", 0.28, 0.29, (0.33, 0.36, 0.28), (0.72, 0.72, 0.56), (0.88, 0.87, 0.78), 0.60, "lines"),
    Species("damselfish", 0.13, 0.36, (0.13, 0.11, 0.10), (0.25, 0.20, 0.17), (0.36, 0.30, 0.25), 0.95, "plain"),
    Species("grouper", 0.62, 0.31, (0.25, 0.20, 0.14), (0.42, 0.34, 0.22), (0.62, 0.55, 0.40), 0.05, "blotches"),
)


@dataclass(frozen=True, slots=True)
class Pose:
    """How one fish is seen at one moment.

    Attributes
    ----------
    x_px, y_px
        Middle of the fish in the picture.
    length_px
        From snout to tail if it swam straight across the picture.
    facing
        1 to the right, -1 to the left.
    pitch
        Radians, positive when its head is lower than its tail.
    beat
        Phase of the tail, radians.
    """

    x_px: float
    y_px: float
    length_px: float
    facing: int
    pitch: float
    beat: float


@dataclass(frozen=True, slots=True)
class Patch:
    """A painted animal: ``colour`` (h, w, 3) of 1 and ``cover`` (h, w) 0..1, float32, from pixel (left, top) on."""

    left: int
    top: int
    colour: NDArray[np.float32]
    cover: NDArray[np.float32]


def paint_fish(species: Species, pose: Pose) -> Patch:
    """Return the fish in full light and clear water, on the smallest patch that holds it."""
    half_px = pose.length_px / 2
    reach_px = half_px * 1.12 + 2
    tall_px = half_px * (species.height * 1.75 + abs(pose.pitch) * 1.1 + 0.1) + 2
    left, top = int(np.floor(pose.x_px - reach_px)), int(np.floor(pose.y_px - tall_px))
    width_px, height_px = int(2 * reach_px) + 2, int(2 * tall_px) + 2
    x = (np.arange(left, left + width_px, dtype=np.float32) + 0.5 - pose.x_px)[None, :] / half_px
    y = (np.arange(top, top + height_px, dtype=np.float32) + 0.5 - pose.y_px)[:, None] / half_px
    cos, sin = np.float32(np.cos(pose.pitch)), np.float32(np.sin(pose.pitch))
    u = pose.facing * x * cos + y * sin
    v = -pose.facing * x * sin + y * cos
    u, v = _bend(u, v, pose.beat)
    edge = np.float32(1.3 / half_px)
    upper, lower = _shape_body(u, species.height)
    body = _cover(np.minimum(v + upper, lower - v), edge) * _cover(np.minimum(u - _TAIL_ROOT + 0.05, 1 - u), edge)
    fins = _shape_fins(u, v, species, edge=edge, lower=lower, upper=upper)
    colour = _colour_body(u, v, species, upper=upper, lower=lower)
    fin_colour = np.asarray(species.back, dtype=np.float32) * 0.85 + 0.12
    colour = fin_colour + body[..., None] * (colour - fin_colour)
    return Patch(left, top, np.clip(colour, 0, 1), np.maximum(body, fins * 0.78))


def _bend(
    u: NDArray[np.float32], v: NDArray[np.float32], beat: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Undo the beat: the rear swings towards and away from the lens, so it looks shorter, and sways a little."""
    behind = np.clip(0.15 - u, 0, None)
    shorter = 1 - 0.10 * (1 + np.sin(beat)) * np.clip(behind, 0, 1)
    return (
        (u / shorter).astype(np.float32),
        (v - 0.07 * behind**2 * np.sin(beat + 2.6 * u)).astype(np.float32),
    )


def _shape_body(u: NDArray[np.float32], height: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return how far the body reaches above and below its axis at each place along it."""
    along = np.clip((u - _TAIL_ROOT) / (1 - _TAIL_ROOT), 0, 1)
    swell = np.abs(np.sin(np.pi * along**1.2)) ** 0.72
    blunt = np.clip((1 - along) * 9, 0, 1) ** 0.25
    rear = _ROOT_HALF * np.clip(1 - 2 * along, 0, 1)
    return (swell * height * blunt + rear).astype(np.float32), (swell * height * 0.86 * blunt + rear).astype(np.float32)


def _cover(inside: NDArray[np.float32], edge: np.float32) -> NDArray[np.float32]:
    """Return 1 where ``inside`` is positive, 0 where it is not, and a smooth edge one pixel wide between."""
    covered: NDArray[np.float32] = np.clip(inside / edge + 0.5, 0, 1)
    return covered


def _shape_fins(
    u: NDArray[np.float32],
    v: NDArray[np.float32],
    species: Species,
    *,
    edge: np.float32,
    lower: NDArray[np.float32],
    upper: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return the cover of tail, back, belly and breast fins."""
    behind = np.clip((_TAIL_ROOT + 0.04 - u) / (1 + _TAIL_ROOT), 0, 1)
    spread = _ROOT_HALF + (species.height * 0.95) * behind**0.85
    notch = np.clip(behind - (1 - 0.62 * species.fork), 0, None) * species.height * 2.2
    tail = _cover(np.minimum(spread - np.abs(v), np.abs(v) - notch + edge), edge) * (behind > 0) * (u > -1)
    along = np.clip((u + 0.42) / 0.85, 0, 1)
    ridge = 0.34 * species.height * np.abs(np.sin(np.pi * along**1.25)) ** 0.6 * (0.88 + 0.12 * np.cos(u * 46))
    back = _cover(upper + ridge - np.abs(np.minimum(v, 0)), edge) * (v < 0) * (along > 0) * (along < 1)
    keel = np.clip((u + 0.46) / 0.36, 0, 1)
    anal = (
        _cover(lower + 0.30 * species.height * np.sin(np.pi * keel**0.7) - v, edge) * (v > 0) * (keel > 0) * (keel < 1)
    )
    throat = np.clip((u - 0.12) / 0.24, 0, 1)
    pelvic = _cover(lower + 0.26 * species.height * (1 - throat) * throat * 4 - v, edge) * (v > 0) * (throat > 0)
    return np.asarray(np.maximum.reduce([tail, back, anal, pelvic * (throat < 1)]), dtype=np.float32)


def _colour_body(
    u: NDArray[np.float32],
    v: NDArray[np.float32],
    species: Species,
    *,
    upper: NDArray[np.float32],
    lower: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return the coat under light from above, with gill, eye and breast fin."""
    height = np.where(v < 0, upper, lower) + 1e-3
    level = np.clip(v / height, -1, 1)[..., None]
    back, flank, belly = (np.asarray(c, dtype=np.float32) for c in (species.back, species.flank, species.belly))
    coat = flank + np.clip(-level * 1.5, 0, 1) * (back - flank) + np.clip(level * 1.3, 0, 1) * (belly - flank)
    coat = coat * (1 - _mark(u, v, species))[..., None]
    round_ = np.sqrt(np.clip(1 - level[..., 0] ** 2, 0, 1))
    shade = 0.50 + 0.42 * round_ - 0.16 * level[..., 0] + 0.30 * np.exp(-(((level[..., 0] + 0.42) / 0.17) ** 2))
    scales = 1 + 0.045 * np.sin(u * 60 + 3 * np.cos(v * 50)) * np.sin(v * 62)
    gill = 1 - 0.35 * np.exp(-(((u - 0.52 + 0.9 * v * v) / 0.025) ** 2)) * (np.abs(v) < 0.75 * height)
    fin = np.exp(-(((u - 0.26 + 0.5 * (v - 0.05)) / 0.16) ** 2 + ((v - 0.06) / 0.055) ** 2) * 1.6)
    coat = coat * (shade * scales * gill * (1 - 0.25 * fin))[..., None]
    far = np.hypot(u - 0.73, v + 0.22 * species.height) * (species.length_m / 0.26) ** 0.25
    eye = np.clip((0.062 - far) * 50, 0, 1)[..., None]
    pupil = np.clip((0.036 - far) * 50, 0, 1)[..., None]
    coat = coat + eye * (np.float32(0.82) - coat)
    return np.asarray(coat * (1 - pupil * 0.95), dtype=np.float32)


def _mark(u: NDArray[np.float32], v: NDArray[np.float32], species: Species) -> NDArray[np.float32]:
    """Return how much darker the species' pattern makes each place, 0..1."""
    match species.coat:
        case "bands":
            dark = np.exp(-(((u - 0.44) / 0.075) ** 2)) + np.exp(-(((u + 0.58) / 0.085) ** 2))
        case "lines":
            dark = 0.55 * np.clip(np.cos(v * 58) - 0.2, 0, 1) * (u < _GILL)
        case "blotches":
            dark = 0.45 * np.clip(np.sin(u * 9 + 1) * np.sin(v * 15 + 2 * u) + 0.3 * np.sin(u * 23 + 4 * v), 0, 1)
        case "plain":
            dark = np.zeros_like(u + v)
    return np.asarray(np.clip(dark, 0, 0.85), dtype=np.float32)
