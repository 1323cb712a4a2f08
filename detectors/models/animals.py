"""Draw one generated animal (fish, jellyfish, penguin, puffin, shark, starfish, stingray) into a scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors import pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The kinds that can be drawn, in the order of the classes of the demonstration data set.
KINDS = ("fish", "jellyfish", "penguin", "puffin", "shark", "starfish", "stingray")

#: Usual back and belly colours (RGB) of each kind; a look picks one pair and varies it.
_COATS: dict[str, tuple[tuple[tuple[int, int, int], tuple[int, int, int]], ...]] = {
    "fish": (
        ((110, 120, 130), (190, 195, 200)), ((230, 190, 40), (245, 230, 150)), ((60, 70, 60), (150, 150, 120)),
        ((40, 60, 140), (120, 150, 210)), ((200, 90, 40), (235, 190, 160)), ((70, 60, 50), (90, 85, 70)),
    ),
    "jellyfish": (((230, 150, 50), (200, 90, 30)), ((220, 220, 240), (180, 180, 220)), ((150, 200, 240), (90, 140, 220))),
    "penguin": (((25, 25, 30), (235, 235, 230)), ((50, 50, 55), (210, 210, 200))),
    "puffin": (((20, 20, 25), (240, 240, 240)), ((45, 40, 35), (200, 195, 190))),
    "shark": (((90, 100, 110), (190, 195, 200)), ((60, 70, 90), (140, 150, 170)), ((120, 110, 90), (200, 190, 170))),
    "starfish": (((220, 110, 40), (240, 150, 80)), ((110, 70, 130), (160, 120, 180)), ((190, 180, 170), (220, 210, 200))),
    "stingray": (((110, 100, 80), (140, 130, 110)), ((60, 60, 65), (90, 90, 95)), ((190, 190, 190), (230, 230, 230))),
}  # fmt: skip
_HAZE_LIMIT = 0.55


@dataclass(frozen=True, slots=True)
class _Look:
    """What the animals of one group share: colours, stripes and how stout they are."""

    back: NDArray[np.float32]
    belly: NDArray[np.float32]
    stripes: float
    stripe_angle: float
    stout: float
    haze: float


def draw_animal(
    canvas: NDArray[np.float32],
    *,
    kind: str,
    look: int,
    centre: tuple[float, float],
    length_px: float,
    random: np.random.Generator,
) -> tuple[float, float, float, float]:
    """Draw into ``canvas`` in place and return the animal's whole box, which may reach outside the picture.

    Parameters
    ----------
    canvas
        float32 (height_px, width_px, 3) in 0..255, RGB.
    kind
        One of :data:`KINDS`.
    look
        Seed of what a group shares (colours, stripes, stoutness).
    centre
        x and y in pixels.
    length_px
        Length of the animal before foreshortening.
    random
        Generator of the pose.

    Raises
    ------
    KeyError
        If the kind is unknown.
    """
    shared = _make_look(kind, look)
    outlines, shade = _OUTLINES[kind](random, shared)
    turn = _choose_pose(kind, random) * length_px
    placed = [outline @ turn.T + np.asarray(centre) for outline in outlines]
    points = np.concatenate(placed)
    low, high = points.min(axis=0), points.max(axis=0)
    _paint(
        canvas, placed, shared, inverse=np.asarray(np.linalg.inv(turn), dtype=np.float64), centre=centre, shade=shade
    )
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _make_look(kind: str, look: int) -> _Look:
    random = np.random.default_rng(look)
    coats = _COATS[kind]
    back, belly = coats[int(random.integers(len(coats)))]
    vary = random.uniform(0.75, 1.25, 3)
    return _Look(
        back=(np.asarray(back) * vary).astype(np.float32),
        belly=(np.asarray(belly) * vary).astype(np.float32),
        stripes=float(random.choice([0.0, 0.0, random.uniform(2, 6)])) if kind in {"fish", "shark"} else 0.0,
        stripe_angle=float(random.choice([0.0, np.pi / 2])),
        stout=random.uniform(0.7, 1.4),
        haze=random.uniform(0.0, _HAZE_LIMIT),
    )


def _choose_pose(kind: str, random: np.random.Generator) -> NDArray[np.float64]:
    """Return a 2x2 matrix: foreshortening, mirror, rotation (swimmers mostly level, stars and rays any way round)."""
    free = kind in {"starfish", "stingray"}
    angle = random.uniform(0, 2 * np.pi) if free else random.normal(0, 0.3)
    squeeze = random.uniform(0.55, 1.0, 2) if free else np.asarray([random.uniform(0.5, 1.0), 1.0])
    mirror = float(random.choice([1.0, -1.0]))
    cos, sin = np.cos(angle), np.sin(angle)
    return np.asarray([[cos, -sin], [sin, cos]]) @ np.diag([mirror * squeeze[0], squeeze[1]])


def _paint(
    canvas: NDArray[np.float32],
    outlines: list[NDArray[np.float64]],
    look: _Look,
    *,
    inverse: NDArray[np.float64],
    centre: tuple[float, float],
    shade: float,
) -> None:
    """Blend the filled outlines into the part of the canvas they cover, back above, belly below."""
    height_px, width_px = canvas.shape[:2]
    points = np.concatenate(outlines)
    x0, y0 = (int(max(v, 0)) for v in np.floor(points.min(axis=0)) - 2)
    x1, y1 = (int(v) for v in np.ceil(points.max(axis=0)) + 2)
    x1, y1 = min(x1, width_px), min(y1, height_px)
    if x1 <= x0 or y1 <= y0:
        return
    mask = np.zeros((y1 - y0, x1 - x0), dtype=np.float32)
    for outline in outlines:
        np.maximum(mask, pixels.fill_polygon(outline - (x0, y0), width_px=x1 - x0, height_px=y1 - y0), out=mask)
    columns, rows = np.meshgrid(np.arange(x0, x1) + 0.5 - centre[0], np.arange(y0, y1) + 0.5 - centre[1])
    along = inverse[0, 0] * columns + inverse[0, 1] * rows
    down = inverse[1, 0] * columns + inverse[1, 1] * rows
    mix = np.clip(0.5 + 5 * down, 0, 1).astype(np.float32)[..., None]
    colour = look.back * (1 - mix) + look.belly * mix
    if look.stripes:
        wave = np.cos(
            2 * np.pi * look.stripes * (along * np.cos(look.stripe_angle) + 2 * down * np.sin(look.stripe_angle))
        )
        colour = colour * (0.65 + 0.35 * wave.astype(np.float32)[..., None])
    patch = canvas[y0:y1, x0:x1]
    colour = colour * (1 - look.haze) + patch.mean(axis=(0, 1)) * look.haze
    patch += mask[..., None] * shade * (colour - patch)


def _make_fish(random: np.random.Generator, look: _Look) -> tuple[list[NDArray[np.float64]], float]:
    t = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    half = 0.17 * look.stout
    body = np.stack([0.1 + 0.4 * np.cos(t), half * np.sin(t) * (1 + 0.25 * np.cos(t))], axis=1)
    bend = random.uniform(-0.08, 0.08)
    tail = np.asarray([(-0.24, 0.0), (-0.5, -0.16 + bend), (-0.42, bend), (-0.5, 0.16 + bend)])
    fin = np.asarray([(0.2, -half * 0.8), (-0.05, -half * 1.5), (-0.15, -half * 0.7)])
    return [body, tail, fin], 0.95


def _make_shark(random: np.random.Generator, look: _Look) -> tuple[list[NDArray[np.float64]], float]:
    half = 0.085 * look.stout
    x = np.linspace(-0.42, 0.5, 14)
    width = half * np.sin(np.pi * np.clip((x + 0.5) / 1.02, 0, 1)) ** 0.7
    body = np.concatenate([np.stack([x, -width], axis=1), np.stack([x, width * 0.9], axis=1)[::-1]])
    bend = random.uniform(-0.06, 0.06)
    tail = np.asarray([(-0.38, 0.0), (-0.5, -0.18 + bend), (-0.44, bend), (-0.48, 0.1 + bend)])
    dorsal = np.asarray([(0.12, -half * 0.9), (-0.02, -half * 0.9 - 0.12), (-0.06, -half * 0.85)])
    pectoral = np.asarray([(0.2, half * 0.5), (0.02, half + 0.12), (0.08, half * 0.5)])
    return [body, tail, dorsal, pectoral], 0.95


def _make_jellyfish(random: np.random.Generator, look: _Look) -> tuple[list[NDArray[np.float64]], float]:
    t = np.linspace(np.pi, 2 * np.pi, 16)
    bell = np.stack([0.28 * look.stout * np.cos(t), -0.15 + 0.25 * np.sin(t)], axis=1)
    outlines = [bell]
    for start in np.linspace(-0.2, 0.2, int(random.integers(3, 8))) * look.stout:
        y = np.linspace(-0.16, random.uniform(0.2, 0.6), 10)
        wave = start + 0.05 * np.sin(8 * y + random.uniform(0, 6)) + random.uniform(-0.2, 0.2) * (y + 0.16)
        thick = random.uniform(0.008, 0.03)
        side = np.stack([wave - thick, y], axis=1), np.stack([wave + thick, y], axis=1)[::-1]
        outlines.append(np.concatenate(side))
    return outlines, random.uniform(0.6, 0.9)


def _make_penguin(random: np.random.Generator, look: _Look) -> tuple[list[NDArray[np.float64]], float]:
    t = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    body = np.stack([0.38 * np.cos(t), 0.14 * look.stout * np.sin(t)], axis=1)
    head = np.asarray([(0.38, 0.0)]) + 0.09 * np.stack([np.cos(t), np.sin(t)], axis=1)
    beak = np.asarray([(0.44, -0.03), (0.54, 0.01), (0.44, 0.04)])
    lift = random.uniform(-0.25, 0.3)
    flipper = np.asarray([(0.16, 0.0), (-0.08, lift), (0.02, 0.02)])
    tail = np.asarray([(-0.34, -0.05), (-0.46, random.uniform(-0.05, 0.05)), (-0.34, 0.05)])
    return [body, head, beak, flipper, tail], 1.0


def _make_puffin(random: np.random.Generator, look: _Look) -> tuple[list[NDArray[np.float64]], float]:
    t = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    body = np.stack([0.32 * np.cos(t), 0.22 * look.stout * np.sin(t)], axis=1)
    head = np.asarray([(0.26, -0.2)]) + 0.13 * np.stack([np.cos(t), np.sin(t)], axis=1)
    beak = np.asarray([(0.36, -0.26), (0.5, -0.18), (0.36, -0.12)])
    legs = np.asarray([(-0.05, 0.15), (0.0, 0.4), (0.06, 0.4), (0.05, 0.15)])
    return [body, head, beak, *([legs] if random.choice([True, False]) else [])], 1.0


def _make_starfish(random: np.random.Generator, look: _Look) -> tuple[list[NDArray[np.float64]], float]:
    arms = int(random.choice([5, 5, 5, 5, 5, 5, 6, 8, 10]))
    angles = np.linspace(0, 2 * np.pi, 2 * arms, endpoint=False)
    radius = np.where(np.arange(2 * arms) % 2 == 0, 0.5, 0.17 * look.stout)
    radius = radius * random.uniform(0.85, 1.1, 2 * arms)
    return [np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)], 1.0


def _make_stingray(random: np.random.Generator, look: _Look) -> tuple[list[NDArray[np.float64]], float]:
    span = 0.36 * look.stout
    wing = [(0.3, span * 0.45), (0.08, span), (-0.1, span * 0.5)]
    disc = np.asarray([(0.42, 0.0), *((x, -y) for x, y in wing), (-0.2, 0.0), *reversed(wing)])
    bend = random.uniform(-0.15, 0.15)
    tail = np.asarray([(-0.15, -0.02), (-0.6, bend), (-0.15, 0.02)])
    return [disc, tail], 0.95


_OUTLINES = {
    "fish": _make_fish, "jellyfish": _make_jellyfish, "penguin": _make_penguin, "puffin": _make_puffin,
    "shark": _make_shark, "starfish": _make_starfish, "stingray": _make_stingray,
}  # fmt: skip
