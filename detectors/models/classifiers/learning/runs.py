"""Split labelled pictures by run: particles of one run share water, focus and light, and must not be on both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors.models.split import choose_held_out
from schemas.errors import FatalFault

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from detectors.models.classifiers.learning.pictures import LabelledPicture

#: With this many runs to learn from, whole runs say when to stop; with fewer, every so manieth picture of each class does.
_RUNS_TO_SPARE = 3
_EVERY = 5


@dataclass(frozen=True)
class RunSplit:
    """Places of the pictures on each side.

    Attributes
    ----------
    learned
        Pictures the weights are fitted to.
    watched
        Pictures, not learnt from, that say when to stop, how to calibrate, and which thresholds to take.
    held_out
        Pictures of other runs, for the figures only.
    learned_runs, held_out_runs
        No run is in both; the watched pictures are of the learned side.
    how
        What a card says of it.
    """

    learned: tuple[int, ...]
    watched: tuple[int, ...]
    held_out: tuple[int, ...]
    learned_runs: tuple[str, ...]
    held_out_runs: tuple[str, ...]
    how: str


def split_runs(
    pictures: Sequence[LabelledPicture], labels: Sequence[str], *, held_out: Sequence[str] = (), seed: int = 0
) -> RunSplit:
    """Hold out whole runs, and set aside a part of the others to watch.

    Parameters
    ----------
    held_out
        Runs to hold out; none: chosen so that every class is shared out as evenly as the runs allow, without a seed.
    seed
        Of the choice of watched pictures where there are too few runs to watch one.

    Raises
    ------
    FatalFault
        If there is one run only, a run named is not there, or a class would have nothing to learn from.
    """
    runs = tuple(sorted({picture.run for picture in pictures}))
    away = _choose_runs(pictures, labels, runs, held_out)
    near = tuple(run for run in runs if run not in away)
    sides = np.asarray([picture.run in away for picture in pictures])
    lost = [label for label in labels if not any(p.label == label and p.run not in away for p in pictures)]
    if lost:
        message = (
            f"All pictures of {', '.join(lost[:5])} are of runs that are held out ({', '.join(away)[:120]}), so they cannot be "
            f"learnt. See whether the files' names really tell the run; a table of files and runs can."
        )
        raise FatalFault(message)
    rest = tuple(int(place) for place in np.flatnonzero(~sides))
    watched, watching = _watch_runs(pictures, labels, rest, near) or _watch_by_lot(pictures, labels, rest, seed)
    learned = tuple(place for place in rest if place not in watched)
    how = (
        f"By run: learnt from {', '.join(near)} ({len(rest)} pictures, of which {len(watched)} only watched: {watching}); "
        f"tested on {', '.join(away)} ({int(sides.sum())} pictures). No run is on both sides."
    )
    places = tuple(int(place) for place in np.flatnonzero(sides))
    return RunSplit(learned, tuple(sorted(watched)), places, near, away, how)


def _choose_runs(
    pictures: Sequence[LabelledPicture], labels: Sequence[str], runs: tuple[str, ...], named: Sequence[str]
) -> tuple[str, ...]:
    unknown = sorted(set(named) - set(runs))
    if unknown:
        message = f"There is no run {', '.join(unknown)[:200]}; there are {', '.join(runs)[:300]}."
        raise FatalFault(message)
    if len(runs) - len(set(named)) < 1 or len(runs) < 2:  # noqa: PLR2004 - one to learn from, one to test on
        message = (
            f"There is {'no run left to learn from' if named else 'one run only'}: nothing can be held out honestly."
        )
        raise FatalFault(message)
    if named:
        return tuple(sorted(set(named)))
    chosen = choose_held_out(*_count(pictures, labels, runs))
    return tuple(runs[place] for place in sorted(chosen))


def _count(
    pictures: Iterable[LabelledPicture], labels: Sequence[str], runs: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    table = np.zeros((len(runs), len(labels)), dtype=np.int64)
    rows, columns = {run: row for row, run in enumerate(runs)}, {label: place for place, label in enumerate(labels)}
    for picture in pictures:
        table[rows[picture.run], columns[picture.label]] += 1
    return table, table.sum(axis=1)


def _watch_runs(
    pictures: Sequence[LabelledPicture], labels: Sequence[str], rest: Sequence[int], near: tuple[str, ...]
) -> tuple[frozenset[int], str] | None:
    """Return the places of whole runs to watch, or ``None`` where runs are too few, or a class would be left without any."""
    if len(near) < _RUNS_TO_SPARE:
        return None
    chosen = {near[place] for place in choose_held_out(*_count((pictures[place] for place in rest), labels, near))}
    watched = frozenset(place for place in rest if pictures[place].run in chosen)
    left = {pictures[place].label for place in rest if place not in watched}
    return (watched, f"whole runs, {', '.join(sorted(chosen))}") if left == set(labels) else None


def _watch_by_lot(
    pictures: Sequence[LabelledPicture], labels: Sequence[str], rest: Sequence[int], seed: int
) -> tuple[frozenset[int], str]:
    """Return places drawn from each class; a class of fewer than five pictures keeps them all to learn from."""
    random = np.random.default_rng(seed)
    taken: set[int] = set()
    for label in labels:
        places = [place for place in rest if pictures[place].label == label]
        taken |= {places[int(place)] for place in random.permutation(len(places))[: len(places) // _EVERY]}
    return frozenset(taken), f"every {_EVERY}th of each class by lot, since there are too few runs to spare one"
