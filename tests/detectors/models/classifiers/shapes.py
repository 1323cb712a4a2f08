"""Pictures of two kinds of particles in several runs: easy to tell apart, so that a network learns them in seconds."""

from __future__ import annotations

import numpy as np

from detectors import pixels

RUNS = ("tow-a", "tow-b", "tow-c", "tow-d")


def draw_particle(kind, random):
    """Return a dark disc, or a bright one with a dark rim, uint8 (height_px, width_px, 3), on noisy water."""
    side_px, radius_px = int(random.integers(18, 26)), int(random.integers(5, 8))
    rows, columns = np.mgrid[:side_px, :side_px] - side_px / 2
    far = np.hypot(rows, columns)
    grey = random.normal(170, 4, (side_px, side_px))
    grey[far < radius_px] = 60
    if kind == "ring":
        grey[far < radius_px - 2] = 225
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def write_shapes(root, *, discs=12, rings=6, seed=0, mistaken_every=0):
    """Write a folder a class; every run holds ``discs`` and ``rings``. Return the folder.

    ``mistaken_every``: each so manieth picture in the folder of rings shows a disc.
    """
    random = np.random.default_rng(seed)
    for first, kind, count in ((0, "disc", discs), (discs, "ring", rings)):
        (root / kind).mkdir(parents=True, exist_ok=True)
        for run in RUNS:
            for number in range(first, first + count):
                mistaken = mistaken_every and number % mistaken_every == 0
                shown = draw_particle("disc" if mistaken else kind, random)
                pixels.write_picture(root / kind / f"{run}_{number}.png", shown)
    return root


def write_measures(path, root):
    """Write a table with one measure that tells the kinds apart and one that does not."""
    rows = [
        f"{file.stem},{pixels.read_picture(file).mean():.3f},{number % 5}"
        for number, file in enumerate(sorted(root.rglob("*.png")))
    ]
    names = "Particle,Intensity,Noise"
    path.write_text("\n".join([names, *rows]) + "\n", encoding="utf-8")
    return path
