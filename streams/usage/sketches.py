"""Sketches of large sets: how many distinct members, with bounds; the door to datasketches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from schemas.errors import FatalFault

if TYPE_CHECKING:
    from collections.abc import Iterable

#: 2**16 hashes are kept: the estimate's standard error is 2**-8, or 0.4 %; a sketch takes half a MiB.
_LG_SIZE = 16

#: Bounds are told three standard deviations wide: 99.7 %.
_DEVIATIONS = 3


@dataclass(frozen=True)
class Sketch:
    """A theta sketch (Dasgupta, Lang, Rhodes and Thaler, 2016) in its compact, ordered form.

    It keeps the smallest hashes of its members and nothing else, so it depends on the set alone: not on the order in which
    members came, nor on how they were split over sketches that were united. Whoever has it can test guesses of who is in
    it: it is as sensitive as the members.
    """

    data: bytes

    @cached_property
    def _theta(self) -> Any:  # noqa: ANN401 - the vendor ships no types
        return _load().compact_theta_sketch.deserialize(self.data)

    @property
    def count(self) -> int:
        """The estimated number of members."""
        return round(float(self._theta.get_estimate()))

    @property
    def low(self) -> int:
        """The lower bound of the number of members, three standard deviations below."""
        return int(self._theta.get_lower_bound(_DEVIATIONS))

    @property
    def high(self) -> int:
        """The upper bound, as far above."""
        return math.ceil(float(self._theta.get_upper_bound(_DEVIATIONS)))

    def __repr__(self) -> str:
        """Say how many, not who."""
        return f"Sketch({self.low} to {self.high} members)"


def make_sketch(members: Iterable[str]) -> Sketch:
    """Return the sketch of some members.

    Raises
    ------
    FatalFault
        If datasketches is not installed.
    """
    sketch = _load().update_theta_sketch(_LG_SIZE)
    for member in members:
        sketch.update(member)
    sketch.trim()  # to the smallest hashes and no more: what else it holds would depend on the order of arrival
    return Sketch(sketch.compact().serialize())


def unite_sketches(sketches: Iterable[Sketch]) -> Sketch:
    """Return the sketch of the members of any of them: the same as if it had been made of all their members.

    Raises
    ------
    FatalFault
        If datasketches is not installed.
    """
    union = _load().theta_union(_LG_SIZE)
    for sketch in sketches:
        union.update(sketch._theta)  # noqa: SLF001 - the same module
    return Sketch(union.get_result().serialize())


def _load() -> Any:  # noqa: ANN401
    try:
        import datasketches  # noqa: PLC0415 - only large sets need it, and there are Pythons it is not built for
    except ImportError as error:
        message = "To count more than 50,000 distinct users, install datasketches (not yet built for Python 3.14)."
        raise FatalFault(message) from error
    return datasketches
