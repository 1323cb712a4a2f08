"""Who swims where and when: animals with their size, distance, path and beat, chosen from a seed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from streams.demo.fish import SPECIES, Pose
from streams.demo.water import FOCAL_WIDTHS

if TYPE_CHECKING:
    from streams.demo.fish import Species

#: How many swim together, how fast in body lengths a second, and how near and far they come in metres.
_HABITS = {
    "bream": ((1, 3), (0.5, 1.1), (1.1, 3.0)),
    "salema": ((2, 5), (0.7, 1.3), (1.2, 3.0)),
    "damselfish": ((3, 7), (0.6, 1.2), (0.8, 1.7)),
    "grouper": ((1, 1), (0.25, 0.5), (1.6, 3.4)),
}


@dataclass(frozen=True, slots=True)
class Swimmer:
    """One animal on its way across the view.

    Attributes
    ----------
    number
        Stays with the animal through a clip.
    x_px, y_px
        Where it is at second 0.
    speed_px_s
        Positive to the right.
    rise_px, rise_s
        Height and period of its slow up and down.
    beat_hz
        Beats of the tail each second.
    """

    number: int
    species: Species
    distance_m: float
    length_px: float
    x_px: float
    y_px: float
    speed_px_s: float
    rise_px: float
    rise_s: float
    beat_hz: float
    phase: float

    def pose_at(self, seconds_s: float) -> Pose:
        """Return how it is seen ``seconds_s`` after second 0."""
        turn = 2 * np.pi * seconds_s / self.rise_s + self.phase
        slope = self.rise_px * 2 * np.pi / self.rise_s * np.cos(turn)
        return Pose(
            x_px=self.x_px + self.speed_px_s * seconds_s,
            y_px=self.y_px + self.rise_px * float(np.sin(turn)),
            length_px=self.length_px,
            facing=1 if self.speed_px_s > 0 else -1,
            pitch=float(np.arctan2(slope, abs(self.speed_px_s))) * 0.7,
            beat=2 * np.pi * self.beat_hz * seconds_s + self.phase,
        )


def choose_cast(
    random: np.random.Generator, *, groups: int, width_px: int, height_px: int, span_s: float = 0.0
) -> tuple[Swimmer, ...]:
    """Return the animals of one scene, farthest first.

    Parameters
    ----------
    groups
        Schools or single animals; 0 makes an empty scene.
    span_s
        Length of a clip: groups then enter at any time of it, and those that start inside the view swim through it.
    """
    swimmers: list[Swimmer] = []
    for _ in range(groups):
        species = SPECIES[int(random.integers(len(SPECIES)))]
        swimmers += _make_school(random, species, width_px=width_px, height_px=height_px, span_s=span_s)
    ordered = sorted(swimmers, key=lambda swimmer: -swimmer.distance_m)
    return tuple(replace(swimmer, number=number) for number, swimmer in enumerate(ordered))


def _make_school(
    random: np.random.Generator, species: Species, *, width_px: int, height_px: int, span_s: float
) -> list[Swimmer]:
    (fewest, most), (slowest, fastest), (near_m, far_m) = _HABITS[species.name]
    distance_m = float(random.uniform(near_m, far_m))
    scale_px = width_px * FOCAL_WIDTHS / distance_m
    facing = 1 if random.random() < 1 / 2 else -1
    lengths_s = float(random.uniform(slowest, fastest))
    middle_px = float(random.uniform(0.12, 0.88)) * width_px
    middle_px -= facing * lengths_s * species.length_m * scale_px * float(random.uniform(0.0, span_s))
    level_px = float(random.uniform(0.14, 0.72)) * height_px
    school = []
    for _ in range(int(random.integers(fewest, most + 1))):
        length_m = species.length_m * float(random.uniform(0.75, 1.1))
        spread_px = species.length_m * scale_px
        school.append(
            Swimmer(
                number=0,
                species=species,
                distance_m=distance_m * float(random.uniform(0.93, 1.07)),
                length_px=length_m * scale_px,
                x_px=middle_px + float(random.normal(0, 1.7)) * spread_px,
                y_px=level_px + float(random.normal(0, 1.1)) * spread_px,
                speed_px_s=facing * lengths_s * float(random.uniform(0.9, 1.1)) * species.length_m * scale_px,
                rise_px=0.22 * spread_px * float(random.uniform(0.2, 1.0)),
                rise_s=float(random.uniform(4.0, 9.0)),
                beat_hz=1.1 + 1.3 * lengths_s,
                phase=float(random.uniform(0, 2 * np.pi)),
            )
        )
    return school
