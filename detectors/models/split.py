"""Split a picture set by capture block, so that frames of one moment are never on both sides."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

#: A camera numbers its pictures; a jump of more than this many numbers begins a new capture block.
BLOCK_GAP = 15
#: Share of each class that is held out when the blocks allow it.
HELD_OUT_SHARE = 0.22
#: The held-out part is at least and at most this share of the pictures.
SHARE_LIMITS = (0.18, 0.25)

#: From how many single groups the search begins; of more, only every so manieth is tried.
_STARTS = 24
_NUMBERED = re.compile(r"(.*?)(\d{3,})")


@dataclass(frozen=True, slots=True)
class Split:
    """Names of the pictures to learn from and of those held out, and the blocks they came in."""

    learned: tuple[str, ...]
    held_out: tuple[str, ...]
    blocks: tuple[tuple[str, ...], ...]


def group_blocks(names: Sequence[str], *, gap: int = BLOCK_GAP) -> tuple[tuple[str, ...], ...]:
    """Return file names grouped into capture blocks, in order.

    The first run of three or more digits in a name is its capture number; names whose text before the number differs, or
    whose numbers differ by more than ``gap`` from their neighbour's, are of different blocks. Frames cut from one clip carry
    the clip's number and so stay together. A name without a number is a block of its own.
    """
    blocks: list[list[str]] = []
    before: tuple[str, int] | None = None
    for prefix, number, name in sorted(_read_number(name) for name in names):
        if before is None or number < 0 or prefix != before[0] or number - before[1] > gap:
            blocks.append([])
        blocks[-1].append(name)
        before = (prefix, number)
    return tuple(tuple(block) for block in blocks)


def split_blocks(names: Sequence[str], classes: Mapping[str, Sequence[int]], *, gap: int = BLOCK_GAP) -> Split:
    """Hold out whole blocks so that every class is shared out as evenly as the blocks allow.

    Deterministic, without a seed: from each single block in turn, blocks are added to the held-out side, dropped or exchanged
    as long as the shares of the classes get nearer to :data:`HELD_OUT_SHARE`; the best end is kept.

    Parameters
    ----------
    names
        File names of the pictures.
    classes
        For each name the class index of every object marked in it.

    Raises
    ------
    ValueError
        If there are fewer than two blocks.
    """
    blocks = group_blocks(names, gap=gap)
    if len(blocks) < 2:  # noqa: PLR2004
        message = "the pictures are one capture block: nothing can be held out honestly"
        raise ValueError(message)
    objects = _count_objects(blocks, classes)
    chosen = choose_held_out(objects, np.asarray([len(block) for block in blocks]))
    held_out = tuple(name for place, block in enumerate(blocks) if place in chosen for name in block)
    learned = tuple(name for place, block in enumerate(blocks) if place not in chosen for name in block)
    return Split(learned=learned, held_out=held_out, blocks=blocks)


def choose_held_out(objects: NDArray[np.int64], pictures: NDArray[np.int64]) -> frozenset[int]:
    """Return which of several groups to hold out so that every class is shared out as evenly as they allow.

    Parameters
    ----------
    objects
        int64 (groups, classes): how much of each class is in each group.
    pictures
        int64 (groups,): pictures of each group; at least two groups.
    """
    starts = range(0, len(pictures), max(len(pictures) // _STARTS, 1))
    ends = {_exchange(frozenset({start}), objects, pictures) for start in starts}
    return min(ends, key=lambda some: (_misfit(some, objects, pictures), sorted(some)))


def _read_number(name: str) -> tuple[str, int, str]:
    found = _NUMBERED.match(PurePath(name).name)
    return (found[1], int(found[2]), name) if found else (name, -1, name)


def _count_objects(blocks: Sequence[Sequence[str]], classes: Mapping[str, Sequence[int]]) -> NDArray[np.int64]:
    """Return int64 (blocks, classes present): objects of each class in each block."""
    present = sorted({index for name in classes for index in classes[name]})
    table = np.zeros((len(blocks), max(len(present), 1)), dtype=np.int64)
    for row, block in enumerate(blocks):
        for name in block:
            for index in classes.get(name, ()):
                table[row, present.index(index)] += 1
    return table


def _misfit(chosen: frozenset[int], objects: NDArray[np.int64], pictures: NDArray[np.int64]) -> tuple[float, float]:
    """Return how far the held-out side is from the wanted size, then from even shares; smaller is better."""
    rows = sorted(chosen)
    share = pictures[rows].sum() / pictures.sum()
    outside = max(SHARE_LIMITS[0] - share, share - SHARE_LIMITS[1], 0.0)
    shares = objects[rows].sum(axis=0) / np.maximum(objects.sum(axis=0), 1)
    return float(outside), float(np.square(shares - HELD_OUT_SHARE).sum())


def _exchange(chosen: frozenset[int], objects: NDArray[np.int64], pictures: NDArray[np.int64]) -> frozenset[int]:
    """Add, drop or swap single blocks while that helps."""
    while True:
        others = [place for place in range(len(pictures)) if place not in chosen]
        tries = [chosen | {new} for new in others] + [chosen - {old} for old in chosen]
        tries += [(chosen - {old}) | {new} for old in sorted(chosen) for new in others]
        allowed = [some for some in tries if 0 < len(some) < len(pictures)]
        best = min(allowed, key=lambda some: (_misfit(some, objects, pictures), sorted(some)))
        if _misfit(best, objects, pictures) >= _misfit(chosen, objects, pictures):
            return chosen
        chosen = best
