"""The ``.lst`` of a run: a header that names its columns, then a row a particle; read by that header, whatever the version.

::

    017                     version of the format
    num-fields|65           how many columns follow
    id|int32                name and type of each
    ...
    1|0|0|25|29|801|...     a row a particle
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput
from streams.feeds.runs.files import translate_system_errors
from streams.feeds.runs.text import POINT, Line, Numbers, find_decimal, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from streams.feeds.runs.base import Files
    from streams.feeds.runs.limits import RunLimits

_VERSION = re.compile(r"\d{3}")
_COUNT = re.compile(r"num-fields\|(\d{1,6})")
_COLUMN = re.compile(r"([A-Za-z0-9_ ]{1,64})\|([A-Za-z0-9]{1,16})")
_GUID = re.compile(r"[0-9A-Fa-f-]{36}")

#: Columns without which no particle can be cut out.
_NEEDED = ("id", "image_x", "image_y", "image_w", "image_h", "collage_file")

#: Digits of a whole number that an instrument prints.
_DIGITS = 12

#: Lines before the columns: version, and how many there are.
_PREAMBLE = 2


def looks_like_list(head: bytes) -> bool:
    """Return whether a file begins as a list does, of this format or of those before it that named no columns."""
    first, _, rest = head.replace(b"\r\n", b"\n").partition(b"\n")
    if not _VERSION.fullmatch(first.decode("latin-1").strip().removeprefix("\xef\xbb\xbf")):
        return False
    second = rest.partition(b"\n")[0]
    return second.startswith(b"num-fields|") or not rest or second.count(b":") > len(_NEEDED)


@dataclass(frozen=True, slots=True)
class ListHeader:
    """The columns of a list.

    Attributes
    ----------
    places
        Position of each column by its name.
    kinds
        Type of each column in order: ``int32``, ``double``, ``string``, ``timestamp``, ``guid``.
    body_offset
        Byte at which the rows begin.
    """

    places: dict[str, int]
    kinds: tuple[str, ...]
    body_offset: int

    @property
    def count(self) -> int:
        """How many columns there are."""
        return len(self.kinds)

    def find_doubles(self, row: list[str]) -> list[str]:
        """Return the fields of a row that hold fractions."""
        return [text for text, kind in zip(row, self.kinds, strict=False) if kind == "double"]


@dataclass(slots=True)
class ListScan:
    """What one walk through a list found.

    Attributes
    ----------
    header
        Absent while the list ends within it.
    collages
        Collage files as the list names them, in the order of first mention.
    rows
        Whole rows of the right length.
    is_whole
        Whether the list ends in a whole row; an empty list is whole.
    first
        The first row.
    is_rising
        Whether the particles' numbers rise from row to row.
    reach
        The last number, where they go from 0 or 1 to it without a gap: a list that breaks off does, one that a person filtered
        does not. 0 for an empty list.
    offsets
        Where the rows of each collage begin, and last those of another length, if the rows of one collage do not stand
        together; 8 bytes a row.
    """

    header: ListHeader | None = None
    collages: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    is_whole: bool = False
    numbers: Numbers = POINT
    first: list[str] = field(default_factory=list)
    is_rising: bool = True
    reach: int | None = 0
    offsets: list[array[int]] | None = None


def read_header(lines: Iterator[Line], limits: RunLimits) -> ListHeader | None:
    """Return the header, or ``None`` if the file ends within it.

    Raises
    ------
    RejectedInput
        ``old_list``, ``wrong_header_count``, ``repeated_column`` or ``missing_column``.
    """
    preamble = [line for _, line in zip(range(_PREAMBLE), lines, strict=False)]
    if len(preamble) < _PREAMBLE or not preamble[-1].is_ended:
        return None
    counted = _COUNT.fullmatch(preamble[1].text.strip())
    if counted is None:
        sentence = (
            "This list is of a version of VisualSpreadsheet that does not name its columns; "
            "open the run in version 3 or later and save it again."
        )
        raise RejectedInput(reason="old_list", sentence=sentence)
    count = int(counted.group(1))
    if not 0 < count <= limits.columns:
        raise RejectedInput(reason="wrong_header_count", sentence=f"The list says that it has {count} columns.")
    names: list[str] = []
    kinds: list[str] = []
    end = preamble[1]
    for _ in range(count):
        line = next(lines, None)
        if line is None or not line.is_ended:
            return None
        column = _COLUMN.fullmatch(line.text.strip())
        if column is None:
            raise RejectedInput(
                reason="wrong_header_count",
                sentence=f"The list says that it has {count} columns and names {len(names)}.",
            )
        names.append(column.group(1).strip().lower())
        kinds.append(column.group(2).lower())
        end = line
    if len(set(names)) != len(names):
        raise RejectedInput(reason="repeated_column", sentence="The list names a column twice.")
    lacking = [name for name in _NEEDED if name not in names]
    if lacking:
        raise RejectedInput(reason="missing_column", sentence=f"The list has no column {', '.join(lacking)}.")
    places = {name: place for place, name in enumerate(names)}
    return ListHeader(places, tuple(kinds), end.end)


def scan_list(files: Files, name: str, limits: RunLimits) -> ListScan:
    """Walk through a list once, keeping none of its rows.

    Raises
    ------
    RejectedInput
        As :func:`read_header`; ``repeated_particle``, ``too_many_particles`` or ``too_many_collages``.
    """
    with files.open(name) as file, translate_system_errors():
        return _scan(file, limits)


def _scan(file: BinaryIO, limits: RunLimits) -> ListScan:
    lines = read_lines(file, limits.line_bytes)
    scan = ListScan(header=read_header(lines, limits))
    if scan.header is None:
        return scan
    header = scan.header
    walk = _Walk(header, limits)
    line: Line | None = None
    for line in lines:
        row = line.text.split("|")
        if len(row) != header.count:
            walk.stumble(line, row)
            continue
        walk.take(line, row)
        if walk.rows > limits.particles:
            raise RejectedInput(
                reason="too_many_particles", sentence=f"The list has more than {limits.particles} rows."
            )
    scan.is_whole = line is None or line.is_ended or walk.last_is_proven(line)
    scan.rows, scan.collages, scan.numbers = walk.rows, walk.collages, walk.numbers or POINT
    scan.first, scan.is_rising = walk.first, walk.is_rising
    scan.reach = max(walk.last_number, 0) if walk.is_gapless else None
    if not walk.is_grouped:
        scan.offsets = _collect_offsets(file, scan, limits)
    return scan


@dataclass(slots=True)
class _Walk:
    """What is remembered on the way through a list."""

    header: ListHeader
    limits: RunLimits
    collages: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    numbers: Numbers | None = None
    first: list[str] = field(default_factory=list)
    is_grouped: bool = True
    is_rising: bool = True
    is_gapless: bool = True
    last_number: int = -1
    _last_collage: str | None = None
    _last_row: list[str] = field(default_factory=list)
    _seen: bytearray = field(default_factory=bytearray)

    def take(self, line: Line, row: list[str]) -> None:
        """Remember a row of the right length."""
        if not self.rows:
            self._begin(line, row)
        self.rows += 1
        self._last_row = row
        places = self.header.places
        self._mark(line, row[places["id"]])
        collage = row[places["collage_file"]].strip()
        if collage != self._last_collage:
            self.is_grouped &= collage not in self.collages
            self.collages.setdefault(collage, len(self.collages))
            self._last_collage = collage
            if len(self.collages) > self.limits.collages:
                raise RejectedInput(
                    reason="too_many_collages", sentence=f"The list names more than {self.limits.collages} collages."
                )
        if self.numbers is None:
            self.numbers = find_decimal(self.header.find_doubles(row))

    def stumble(self, line: Line, row: list[str]) -> None:
        """Take notice of a row of another length; if it is the first, it is the header that is wrong."""
        self._last_row = []
        if not line.text.strip() or not line.is_ended:
            return
        if not self.rows:
            self._refuse_column(line)
            sentence = f"The list says that it has {self.header.count} columns; its first row has {len(row)}."
            raise RejectedInput(reason="wrong_header_count", sentence=sentence)
        place = self.header.places["id"]
        self._mark(line, row[place] if place < len(row) else "")

    def last_is_proven(self, line: Line) -> bool:
        """Return whether a last row without a line end is whole: it has all fields, and ends in an id of known length."""
        return (
            bool(self._last_row)
            and not line.is_ended
            and self.header.kinds[-1] == "guid"
            and _GUID.fullmatch(self._last_row[-1]) is not None
        )

    def _begin(self, line: Line, row: list[str]) -> None:
        """Keep the first row."""
        self._refuse_column(line)
        self.first = row

    def _refuse_column(self, line: Line) -> None:
        """Refuse a list whose header names more columns than it says: the first row is one of them."""
        if _COLUMN.fullmatch(line.text.strip()):
            sentence = f"The list names more columns than the {self.header.count} that it says it has."
            raise RejectedInput(reason="wrong_header_count", sentence=sentence)

    def _mark(self, line: Line, text: str) -> None:
        """Refuse a particle without a number, or with one that was there before; a bit each is kept."""
        number = to_number(text)
        if number is None or not 0 <= number <= self.limits.particles:
            sentence = f"The row at byte {line.offset} of the list does not begin with a particle's number."
            raise RejectedInput(reason="bad_row", sentence=sentence)
        place, bit = number >> 3, 1 << (number & 7)
        if place >= len(self._seen):
            self._seen.extend(bytes(max(place + 1 - len(self._seen), 4_096)))
        if self._seen[place] & bit:
            sentence = f"The list holds particle {number} twice: two lists were joined, or one was written twice."
            raise RejectedInput(reason="repeated_particle", sentence=sentence)
        self._seen[place] |= bit
        self.is_rising &= number > self.last_number
        self.is_gapless &= number == self.last_number + 1 or (self.last_number == -1 and number == 1)
        self.last_number = number


def to_number(text: str) -> int | None:
    """Return a whole number as lists write it, or ``None`` for what is none."""
    plain = text.strip()
    digits = plain.removeprefix("-")
    return int(plain) if digits.isascii() and digits.isdecimal() and len(digits) <= _DIGITS else None


def _collect_offsets(file: BinaryIO, scan: ListScan, limits: RunLimits) -> list[array[int]]:
    """Return where the rows of each collage begin, and last those of another length: the list is sorted otherwise."""
    header = scan.header
    assert header is not None  # noqa: S101 - only a list with rows is out of order
    place = header.places["collage_file"]
    offsets = [array("q") for _ in range(len(scan.collages) + 1)]
    file.seek(header.body_offset)
    for line in read_lines(file, limits.line_bytes):
        row = line.text.split("|")
        if len(row) == header.count:
            offsets[scan.collages[row[place].strip()]].append(line.offset)
        elif line.text.strip():
            offsets[-1].append(line.offset)
    return offsets


def read_rows(file: BinaryIO, scan: ListScan, line_bytes: int) -> Iterator[list[str]]:
    """Yield the rows of a list, those of one collage together; a row of another length comes as it is.

    Parameters
    ----------
    file
        The list, open.
    scan
        What :func:`scan_list` found in it.

    Raises
    ------
    RejectedInput
        ``line_too_long``.
    """
    if scan.header is None:
        return
    if scan.offsets is None:
        file.seek(scan.header.body_offset)
        for line in read_lines(file, line_bytes):
            if line.text.strip():
                yield line.text.split("|")
        return
    for offsets in scan.offsets:
        for offset in offsets:
            file.seek(offset)
            for line in read_lines(file, line_bytes):
                yield line.text.split("|")
                break
