"""What the gate has to say: one complaint per fault, and only so many that a person reads them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

#: Complaints kept in full; the rest are counted.
KEPT = 50


@dataclass(frozen=True, slots=True)
class Complaint:
    """One fault of an archive.

    Attributes
    ----------
    check
        A snake_case code: which promise is broken.
    where
        File and line, or the file.
    """

    check: str
    where: str
    sentence: str

    def __str__(self) -> str:
        """Return ``check at place: sentence``."""
        return f"{self.check} at {self.where}: {self.sentence}"


@dataclass(slots=True)
class Complaints:
    """Complaints gathered so far."""

    kept: list[Complaint] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, check: str, where: str, sentence: str) -> None:
        """Take note of a fault."""
        self.counts[check] += 1
        if len(self.kept) < KEPT:
            self.kept.append(Complaint(check, where, sentence))

    @property
    def total(self) -> int:
        """How many faults were found, those not kept too."""
        return self.counts.total()
