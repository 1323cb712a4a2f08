"""The particles of a run in columns while it is read: some 500 bytes each, where objects would take ten times as much."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from sinks.composition.particles import Opinion, Particle, Predicted
from sinks.composition.repeats import SIGNATURE_PX, Sighting, find_repeats, make_signature

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from schemas.finding import LookedImage

#: What stands where a whole number is not known; none of these columns can hold it.
_NONE = -1

_REPEATED = "repeated"

#: Bytes of one signature.
_SIGNATURE = SIGNATURE_PX * SIGNATURE_PX


@dataclass(slots=True)
class ParticleColumns:
    """Takes particles as they come and yields them again, as often as asked, in the order of their index.

    Attributes
    ----------
    by
        Name and version of the model that names particles.
    """

    by: str
    _index: array[int] = field(default_factory=lambda: array("q"))
    _frame: array[int] = field(default_factory=lambda: array("q"))
    _x_px: array[int] = field(default_factory=lambda: array("q"))
    _y_px: array[int] = field(default_factory=lambda: array("q"))
    _offset_s: array[float] = field(default_factory=lambda: array("d"))
    _score: array[float] = field(default_factory=lambda: array("d"))
    _label: list[str | None] = field(default_factory=list)
    _flags: list[tuple[str, ...]] = field(default_factory=list)
    _measures: dict[str, array[float]] = field(default_factory=dict)
    _sizes_px: array[int] = field(default_factory=lambda: array("i"))
    _signatures: bytearray = field(default_factory=bytearray)

    @property
    def measures(self) -> frozenset[str]:
        """The quantities that any particle has."""
        return frozenset(self._measures)

    def add(self, entry: LookedImage, opinion: Opinion | None, pixels: NDArray[np.uint8]) -> None:
        """Take a particle with what the model says of it, and its look, by which it is known again."""
        image = entry.image
        finding = entry.findings[0] if entry.findings else None
        flags = {*image.flags, *(() if finding is None else finding.flags)}
        self._put(image.index, opinion, tuple(sorted(flags)))
        if image.field is not None:
            self._frame[-1], self._x_px[-1], self._y_px[-1] = image.field.frame, image.field.x_px, image.field.y_px
            self._sizes_px.extend((image.width_px, image.height_px))
            self._signatures += make_signature(pixels)
        self._offset_s[-1] = image.offset_s
        for name, value in () if finding is None else finding.measures:
            self._to_column(name)[-1] = value

    def miss(self, index: int) -> None:
        """Take a particle that could not be read: it was in the volume all the same."""
        self._put(index, None, ("unread",))

    def _put(self, index: int, opinion: Opinion | None, flags: tuple[str, ...]) -> None:
        self._index.append(index)
        for column in (self._frame, self._x_px, self._y_px):
            column.append(_NONE)
        self._offset_s.append(math.nan)
        self._score.append(math.nan if opinion is None or opinion.score is None else opinion.score)
        self._label.append(None if opinion is None else opinion.label)
        self._flags.append(flags)
        for values in self._measures.values():
            values.append(math.nan)

    def _to_column(self, name: str) -> array[float]:
        if name not in self._measures:
            self._measures[name] = array("d", [math.nan]) * len(self._index)
        return self._measures[name]

    def find_repeats(self) -> frozenset[int]:
        """Return the indices of particles that are stuck: seen before at the same place, with the same look."""
        return find_repeats(self._list_sightings())

    def _list_sightings(self) -> Iterator[Sighting]:
        """Yield those that have a place in the field of view; only they have a size and a signature here."""
        placed = (place for place in range(len(self._index)) if self._frame[place] != _NONE)
        for number, place in enumerate(placed):
            yield Sighting(
                index=self._index[place],
                frame=self._frame[place],
                x_px=self._x_px[place],
                y_px=self._y_px[place],
                width_px=self._sizes_px[2 * number],
                height_px=self._sizes_px[2 * number + 1],
                signature=bytes(self._signatures[_SIGNATURE * number : _SIGNATURE * (number + 1)]),
            )

    def walk(
        self,
        said: Mapping[int, Opinion],
        repeats: frozenset[int],
        unverified: Mapping[int, tuple[str, ...]] = MappingProxyType({}),
    ) -> Iterator[Particle]:
        """Yield the particles.

        Parameters
        ----------
        said
            By index, the opinions that come before the model's.
        repeats
            Of :meth:`find_repeats`.
        unverified
            By index, labels that do not count beside the model's.
        """
        predicted = Predicted(self.by)
        columns = [(name, self._measures[name]) for name in sorted(self._measures)]
        for place in sorted(range(len(self._index)), key=self._index.__getitem__):
            index, label = self._index[place], self._label[place]
            own = None if label is None else Opinion(label, predicted, _known(self._score[place]))
            flags = self._flags[place]
            yield Particle(
                index=index,
                opinion=said.get(index, own),
                measures={name: value for name, values in columns if (value := values[place]) == value},
                flags=(*flags, _REPEATED) if index in repeats and _REPEATED not in flags else flags,
                frame=_whole(self._frame[place]),
                x_px=_whole(self._x_px[place]),
                y_px=_whole(self._y_px[place]),
                offset_s=_known(self._offset_s[place]),
                unverified=unverified.get(index, ()),
            )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _whole(value: int) -> int | None:
    return None if value == _NONE else value
