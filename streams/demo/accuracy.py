"""How well the motion detector finds the generated camera's animals, opened and decoded as any feed's pictures are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from detectors import pixels
from detectors.boxes import measure_overlaps
from detectors.motion.background import build_background, load_background
from detectors.motion.detector import MOVING, MotionDetector
from detectors.motion.parameters import MotionParameters
from schemas.finding import to_bounds
from streams.demo.recording import make_camera
from streams.feeds.decoding.pool import DecodingPool

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from schemas.finding import Finding
    from streams.demo.truth import Shot, Truth

#: A box is right when it shares this much with the true one (intersection over union).
LEAST_OVERLAP = 0.3

#: Days measured on; none of them was looked at while the parameters were chosen.
SEEDS = (101, 102, 103, 104)

#: A clip's background is still being learnt for so long.
SETTLED_AFTER_S = 3.0

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Score:
    """Boxes found, boxes there really are, and those of both that belong together."""

    images: int = 0
    found: int = 0
    true: int = 0
    matched: int = 0

    @property
    def precision(self) -> float:
        """Share of the boxes found that are right; 1 when none was found."""
        return self.matched / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Share of the animals that were found; 1 when there was none."""
        return self.matched / self.true if self.true else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.matched / (self.found + self.true) if self.found + self.true else 1.0

    def __add__(self, other: Score) -> Score:
        """Return the score over both."""
        return Score(
            self.images + other.images, self.found + other.found, self.true + other.true, self.matched + other.matched
        )

    def to_text(self) -> str:
        """Return the figures in one line."""
        figures = f"precision {self.precision:.3f}, recall {self.recall:.3f}, F1 {self.f1:.3f}"
        return f"{figures} ({self.true} animals in {self.images} images, {self.found} boxes)"


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Scores on stills with a background picture, on clips, and on clips once the background is learnt."""

    stills: Score = Score()
    clips: Score = Score()
    settled: Score = Score()

    def to_rows(self) -> dict[str, str]:
        """Return what was measured, by name."""
        return {
            "stills, with a background picture of the day": self.stills.to_text(),
            "clips of 8 s, all of their images": self.clips.to_text(),
            f"clips, after the first {SETTLED_AFTER_S:g} s": self.settled.to_text(),
        }


def measure_motion(seeds: Sequence[int] = SEEDS, parameters: MotionParameters | None = None) -> Accuracy:
    """Return the accuracy of the motion detector on one generated day for each seed (about 15 s a day on 2 cores)."""
    stills, clips, settled = Score(), Score(), Score()
    with TemporaryDirectory() as temporary, DecodingPool() as pool:
        for seed in seeds:
            folder = Path(temporary) / str(seed)
            truth = make_camera(folder, seed=seed)
            stills += _measure_stills(folder, truth, pool, parameters)
            for shot, score in _measure_clip(folder, truth, pool, parameters):
                clips += score
                settled += score if shot.offset_s >= SETTLED_AFTER_S else Score()
    return Accuracy(stills, clips, settled)


def match_boxes(found: Sequence[Bounds], true: Sequence[Bounds], *, least_overlap: float = LEAST_OVERLAP) -> int:
    """Return how many boxes belong together, one to one, those that share most first."""
    if not found or not true:
        return 0
    overlaps = measure_overlaps(np.asarray(found, dtype=np.float64), np.asarray(true, dtype=np.float64))
    matched = 0
    while overlaps.max() >= least_overlap:
        row, column = np.unravel_index(int(overlaps.argmax()), overlaps.shape)
        overlaps[row, :] = overlaps[:, column] = 0
        matched += 1
    return matched


def _measure_stills(folder: Path, truth: Truth, pool: DecodingPool, parameters: MotionParameters | None) -> Score:
    background = load_background(pixels.encode_png(build_background(_open_stills(folder, truth.stills, pool))))
    detector = MotionDetector(parameters, background)
    score = Score()
    for shot in truth.stills:
        with pool.open_unit(folder / shot.name) as unit:
            (findings,) = detector.look(unit.views)
        score += _compare(findings, shot)
    return score


def _open_stills(folder: Path, stills: Iterable[Shot], pool: DecodingPool) -> Iterator[NDArray[np.uint8]]:
    for shot in stills:
        with pool.open_unit(folder / shot.name) as unit:
            for view in unit.views:
                yield view.pixels.copy()


def _measure_clip(
    folder: Path, truth: Truth, pool: DecodingPool, parameters: MotionParameters | None
) -> Iterator[tuple[Shot, Score]]:
    with pool.open_unit(folder / truth.clip, part="clip") as unit:
        for shot, findings in zip(truth.frames, MotionDetector(parameters).look(unit.views), strict=True):
            yield shot, _compare(findings, shot)


def _compare(findings: tuple[Finding, ...], shot: Shot) -> Score:
    found = [to_bounds(finding.geometry) for finding in findings if finding.label == MOVING]
    true: list[Bounds] = [animal.box for animal in shot.animals]
    return Score(1, len(found), len(true), match_boxes(found, true))
