"""Printed values: what a cell or a sentence can stand for, with the precision it was printed in."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_ABSENT = re.compile(
    r"(?:n\s*/?\s*a|not\s+available|not\s+measured|unknown|[-\u2013\u2014])(?:\b.*|)", re.IGNORECASE | re.DOTALL
)
_NUMBER = re.compile(
    r"(?P<sign>[~\u2248<>\u2264\u2265]|over|more than|at least|about|around|mean of|less than|fewer than|up to)?\s*"
    r"(?P<digits>\d{1,3}(?:,\d{3})+|\d+)(?P<fraction>\.\d+)?\s*"
    r"(?P<scale>k|m|thousand|million)?\s*(?P<per>(?:/|per|a)\s*y(?:ea)?r?\.?)?",
    re.IGNORECASE,
)
_RANGE = re.compile(r"(?:between\s+)?(?P<low>\d[\d,]*)\s*(?:\u2013|-|\.\.|to|and)\s*(?P<high>\d[\d,]*)")
_NUMBER_OF_NAMES = re.compile(r"(?P<number>\d+)\s*(?:\((?P<names>[^)]*)\))?")
_OPEN = re.compile(r"\b(?:etc|and others|among others)\b\.?(?:\s+in\s+[\w ]+)?", re.IGNORECASE)
#: Where a list has a semicolon, that alone parts its names: ``Trinidad and Tobago;`` is one.
_BETWEEN_NAMES = re.compile(r"\s*(?:,|\band\b)\s*")

#: What a row of names says where there are none.
_NONE = "none"

_SCALES = {"": 1, "k": 1e3, "thousand": 1e3, "m": 1e6, "million": 1e6}
_ABOUT, _ABOVE, _BELOW = {"~", "\u2248", "about", "around", "mean of"}, {">", "\u2265", "over", "more than", "at least"}, {
    "<", "\u2264", "less than", "fewer than", "up to",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Printed:
    """What was printed, read.

    Attributes
    ----------
    number
        The number as it stands; absent where there is none.
    low, high
        What the number may stand for: ``1.3 M`` is anything from 1.25 to 1.35 million, ``> 300`` at least 300.
    names
        The names listed; ``is_open`` where the list ends in *etc*.
    is_absent
        ``N/A`` and the like were printed: nobody counted.
    """

    text: str
    number: float | None = None
    low: float = math.nan
    high: float = math.nan
    names: tuple[str, ...] = ()
    is_open: bool = False
    is_absent: bool = False

    @property
    def is_number(self) -> bool:
        """Whether it stands for a number, or for a range of numbers."""
        return not math.isnan(self.low)

    @property
    def is_exact(self) -> bool:
        """Whether it stands for one number only."""
        return self.number is not None and self.low == self.high

    @property
    def keys(self) -> frozenset[str]:
        """The names as they are compared."""
        return frozenset(map(to_key, self.names))

    def agrees_with(self, other: Printed) -> bool:
        """Return whether one number can be meant by both."""
        return self.low <= other.high and other.low <= self.high


def to_key(name: str) -> str:
    """Return a name as names are compared: ``The Netherlands`` is ``netherlands``."""
    return re.sub(r"\s+", " ", name).strip(" .").casefold().removeprefix("the ")


def read_printed(text: str, *, of_names: bool = False) -> Printed:
    """Read a cell.

    Parameters
    ----------
    of_names
        Whether the row lists names: then what is neither a number nor absent is a list of them.

    Examples
    --------
    ======================  ========  ==================  ==============
    printed                 number    low, high           names
    ======================  ========  ==================  ==============
    ``2,075,958``           2075958   2075958, 2075958
    ``1.3 M``               1300000   1250000, 1350000
    ``~300 / y``            300       250, 350
    ``over 10,000``         10000     10000, infinity
    ``16-26``                         16, 26
    ``1 (Italy)``           1         1, 1                Italy
    ``France, Spain etc``                                 France, Spain (open)
    ======================  ========  ==================  ==============
    """
    told = text.strip()
    if not told or _ABSENT.fullmatch(told):
        return Printed(told, is_absent=bool(told))
    if of_names:
        return _read_names(told)
    if match := _NUMBER.fullmatch(told):
        return _read_number(told, match)
    if match := _RANGE.fullmatch(told):
        low, high = (float(match[end].replace(",", "")) for end in ("low", "high"))
        return Printed(told, None, low, high)
    return Printed(told)


def _read_names(told: str) -> Printed:
    if told.casefold() == _NONE:
        return Printed(told)
    if match := _NUMBER_OF_NAMES.fullmatch(told):
        number = float(match["number"])
        return Printed(told, number, number, number, _split(match["names"] or ""))
    return Printed(told, names=_split(_OPEN.sub(",", told)), is_open=bool(_OPEN.search(told)))


def _read_number(told: str, match: re.Match[str]) -> Printed:
    scale = _SCALES[(match["scale"] or "").lower()]
    digits, fraction = match["digits"].replace(",", ""), match["fraction"] or ""
    number = round(float(digits + fraction) * scale, 6)
    sign = (match["sign"] or "").lower()
    if sign in _ABOVE:
        return Printed(told, number, number, math.inf)
    if sign in _BELOW:
        return Printed(told, number, 0.0, number)
    room = 0.0
    if match["scale"] or fraction:
        room = scale * 10.0 ** -max(len(fraction) - 1, 0) / 2
    if sign in _ABOUT:
        zeros = len(digits) - len(digits.rstrip("0")) if not fraction else 0
        room = max(room, scale * 10.0**zeros / 2)
    return Printed(told, number, number - room, number + room)


def _split(text: str) -> tuple[str, ...]:
    names = text.split(";") if ";" in text else _BETWEEN_NAMES.split(text)
    return tuple(name.strip() for name in names if name.strip(" ."))
