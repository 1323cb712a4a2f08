"""What one run may cost: bounds that are checked before memory is taken, and that no instrument reaches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from streams.feeds.decoding.limits import Limits

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Upper bounds of what is opened.

    Attributes
    ----------
    files
        Files of a run: a year of pictures in one folder has fewer.
    depth
        Folders inside one another.
    archive_bytes, member_bytes
        Unpacked size of an archive, and of one member; what the archive declares is checked first, what comes out is
        counted.
    swelling
        How many times its packed size a member of more than ``swelling_bytes`` may have. Deflate reaches 1,032; real tables
        of measures pack to a tenth, empty bitmaps to a hundredth.
    line_bytes
        One line of a list or table: 65 columns take 560.
    columns
        Columns of a list or table: an EcoTaxa export may have 500.
    particles
        Rows of a list; also the largest number a particle may have.
    collages
        Collages of one run: a million particles fill 1,300.
    picture
        Bounds of each picture, collages too.
    """

    files: int = 500_000
    depth: int = 16
    archive_bytes: int = 32_768 * _MIB
    member_bytes: int = 2_048 * _MIB
    swelling: int = 300
    swelling_bytes: int = 4 * _MIB
    line_bytes: int = 65_536
    columns: int = 2_000
    particles: int = 50_000_000
    collages: int = 20_000
    picture: Limits = field(default_factory=Limits)

    @classmethod
    def make(cls, limits: Limits) -> Self:
        """Return the bounds of runs under the bounds that the settings name."""
        whole = limits.archive_bytes
        return cls(archive_bytes=whole, member_bytes=min(whole, DEFAULT.member_bytes), picture=limits)


DEFAULT = RunLimits()
