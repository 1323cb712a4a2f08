"""The entries of a result as they come: few are kept as they are, many wait packed in a file until they are put in order."""

from __future__ import annotations

import json
import weakref
from collections import Counter
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from schemas.canonical import to_canonical
from schemas.finding import LookedImage
from schemas.result import INLINE_ROWS, Counts, count_findings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.finding import Entry


class PackedEntry(NamedTuple):
    """An entry as its JSON object and its canonical bytes, which cost more to make than to keep."""

    plain: dict[str, Any]
    canonical: bytes


@dataclass(slots=True)
class EntryTally:
    """What an announcement says of entries, counted one by one."""

    looked: int = 0
    empty: int = 0
    unread: int = 0
    labels: Counter[str] = field(default_factory=Counter)

    def add(self, entry: Entry) -> None:
        """Count one."""
        if not isinstance(entry, LookedImage):
            self.unread += 1
            return
        counted = count_findings(entry)
        self.looked += 1
        self.empty += not counted
        self.labels.update(finding.label for finding in counted)

    def to_counts(self) -> tuple[Counts, tuple[tuple[str, int], ...]]:
        """Return what :func:`schemas.result.count_entries` returns of the same entries."""
        counts = Counts(looked=self.looked, empty=self.empty, unread=self.unread, findings=self.labels.total())
        return counts, tuple(sorted(self.labels.items(), key=lambda pair: (-pair[1], pair[0])))


@dataclass(slots=True, weakref_slot=True, eq=False)
class EntryShelf:
    """Takes entries in any order and gives them back in that of their index.

    More than a document holds inline wait in a temporary file: memory grows by some 100 bytes for each.
    """

    tally: EntryTally = field(default_factory=EntryTally)
    _kept: list[Entry] = field(default_factory=list)
    _rows: int = 0
    _file: BinaryIO | None = None
    _places: list[tuple[int, int, int]] = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        """Take one."""
        self.tally.add(entry)
        self._rows += 1 + (len(entry.findings) if isinstance(entry, LookedImage) else 0)
        self._kept.append(entry)
        if self._rows > INLINE_ROWS:
            self._pack()

    def _pack(self) -> None:
        if self._file is None:
            self._file = TemporaryFile()  # noqa: SIM115 - it lives as long as the shelf
            weakref.finalize(self, self._file.close)
        for entry in self._kept:
            data = entry.to_canonical()
            self._places.append((_to_index(entry), self._file.tell(), len(data)))
            self._file.write(data)
        self._kept.clear()

    def list_inline(self) -> tuple[Entry, ...] | None:
        """Return all entries in order; ``None`` when there are more than a document holds."""
        return tuple(sorted(self._kept, key=_to_index)) if self._file is None else None

    def walk(self) -> Iterator[PackedEntry]:
        """Yield all entries in order."""
        if self._file is None:
            for entry in sorted(self._kept, key=_to_index):
                plain = entry.to_plain()
                yield PackedEntry(plain, to_canonical(plain))
            return
        self._places.sort()
        for _, at, length in self._places:
            self._file.seek(at)
            data = self._file.read(length)
            yield PackedEntry(json.loads(data), data)


def _to_index(entry: Entry) -> int:
    return entry.image.index if isinstance(entry, LookedImage) else entry.index
