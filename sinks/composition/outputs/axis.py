"""A logarithmic axis: where values are on it, which ticks it has, and how numbers are written beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sinks.composition.outputs.lettering import to_raised

#: Powers of ten that are written out; those beyond are written as powers.
_PLAIN = (-3, 5)


@dataclass(frozen=True, slots=True)
class LogAxis:
    """Values between two powers of ten, along pixels from ``start`` to ``end``."""

    low: int
    high: int
    start: float
    end: float

    def find(self, value: float) -> float:
        """Return the pixel of a value above 0; values outside lie at the ends."""
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def list_decades(self) -> list[tuple[float, str]]:
        """Return pixel and text of each power of ten."""
        return [(self.find(10.0**power), to_power(power)) for power in range(self.low, self.high + 1)]

    def list_steps(self) -> list[float]:
        """Return the pixels of 2, 3, ... 9 times each power of ten."""
        return [self.find(step * 10.0**power) for power in range(self.low, self.high) for step in range(2, 10)]


def make_axis(values: list[float], start: float, end: float) -> LogAxis:
    """Return the axis that holds all values above 0: whole decades, two at least."""
    known = [value for value in values if value > 0]
    low = math.floor(math.log10(min(known))) if known else 0
    high = math.ceil(math.log10(max(known))) if known else 1
    return LogAxis(low, max(high, low + 1), start, end)


def to_power(power: int) -> str:
    """Return a power of ten for people: ``0.01``, ``1,000``, ``10\u2076``."""
    if _PLAIN[0] <= power <= _PLAIN[1]:
        return f"{10**power:,}" if power >= 0 else f"{10.0**power:.{-power}f}"
    return f"10{to_raised(power)}"


def to_short(value: float) -> str:
    """Return a number in three digits for people: ``34,400``, ``0.0251``, ``1.2 x 10\u2077``."""
    if value == 0:
        return "0"
    power = math.floor(math.log10(abs(value)))
    if not _PLAIN[0] - 1 <= power <= _PLAIN[1]:
        return f"{value / 10.0**power:.2f} x 10{to_raised(power)}"
    shown = float(f"{value:.3g}")
    return f"{shown:,.{max(2 - power, 0)}f}"
