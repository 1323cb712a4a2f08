"""What the ``.ctx`` of a run says: the settings of the instrument, of which only named ones are ever read.

The file also holds the technician's name and paths with account names: neither leaves this module, because nothing leaves it
that is not listed here.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from streams.feeds.runs.text import Numbers, find_decimal, read_lines

if TYPE_CHECKING:
    from schemas.sampling.run import Mode
    from streams.feeds.runs.base import Files

#: Section and key, in lower case: all that is read.
_WANTED = frozenset(
    {
        ("software", "softwarename"),
        ("software", "softwareversion"),
        ("software", "cameramagnification"),
        ("general", "runstarttime"),
        ("general", "runendtime"),
        ("camera", "autotriggerflag"),
        ("capturestats", "autotrigger"),
        ("fluid", "flowcelltype"),
        ("fluid", "flowcelldepth"),
        ("fluid", "flowcellwidth"),
        ("fluid", "usemanualvolume"),
        ("fluid", "fluidvolumeimaged_ml"),
        ("fluid", "usedilutioncalculation"),
        ("fluid", "sampledilution"),
        ("fluid", "pumpflowrate"),
        ("fluid", "calibrationconstant"),
        ("captureregion", "acceptableleft"),
        ("captureregion", "acceptableright"),
        ("captureregion", "acceptabletop"),
        ("captureregion", "acceptablebottom"),
        ("capturestats", "rawimagetotal"),
        ("capturestats", "runtimemilliseconds"),
        ("capturestats", "samplevolumeaspirated"),
        ("capturestats", "calibrationfluidvolumenonsample"),
        ("capturestats", "volumecf"),
        ("capturestats", "includesvolumecf"),
    }
)

#: Lines of a context; real ones have 200.
_LINES = 5_000

_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)\s+(\d\d):(\d\d):(\d\d)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,39}")
_VERSION = re.compile(r"[0-9][0-9A-Za-z.]{0,19}")
_CELL = re.compile(r"[A-Z]{1,4}[0-9]{1,5}[A-Z]{0,3}")


def looks_like_context(head: bytes) -> bool:
    """Return whether a file begins as a context does."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[") and b"SoftwareName=VisualSpreadsheet" in head


@dataclass(frozen=True, slots=True)
class Context:
    """The settings that were read: section and key in lower case -> text."""

    values: dict[tuple[str, str], str]
    numbers: Numbers

    def read_number(self, section: str, key: str) -> float | None:
        """Return a number, or ``None`` where none is written."""
        return self.numbers.to_float(self.values.get((section, key), ""))

    def read_positive(self, section: str, key: str) -> float | None:
        """Return a number above 0; the instrument writes 0 for what it does not know."""
        number = self.read_number(section, key)
        return number if number is not None and number > 0 else None

    def read_switch(self, section: str, key: str) -> bool | None:
        """Return whether something is on, or ``None`` where nothing is written."""
        number = self.read_number(section, key)
        return None if number is None else bool(number)

    @property
    def software(self) -> str | None:
        """Name and version of the software, as ``VisualSpreadsheet 4.19.3``."""
        name = _match(_NAME, self.values.get(("software", "softwarename"), ""))
        version = _match(_VERSION, self.values.get(("software", "softwareversion"), ""))
        return f"{name} {version}" if name and version else name

    @property
    def flow_cell(self) -> str | None:
        """Type of the flow cell, as ``FC100``; other text is not let out."""
        return _match(_CELL, self.values.get(("fluid", "flowcelltype"), ""))

    @property
    def mode(self) -> Mode | None:
        """How pictures were triggered."""
        is_auto = self.read_switch("capturestats", "autotrigger")
        if is_auto is None:
            is_auto = self.read_switch("camera", "autotriggerflag")
        return None if is_auto is None else "auto_image" if is_auto else "trigger"

    @property
    def dilution(self) -> float | None:
        """Volume after dilution by volume before it, where the instrument was told to count with one."""
        is_used = self.read_switch("fluid", "usedilutioncalculation")
        return self.read_positive("fluid", "sampledilution") if is_used else None

    @property
    def region_px(self) -> tuple[int, int] | None:
        """Width and height of the acceptable region, its borders included."""
        left, right = self._read_pair("acceptableleft", "acceptableright")
        top, bottom = self._read_pair("acceptabletop", "acceptablebottom")
        return (right - left + 1, bottom - top + 1) if right > left and bottom > top else None

    def _read_pair(self, first: str, second: str) -> tuple[int, int]:
        low, high = (self.read_number("captureregion", key) for key in (first, second))
        return (int(low), int(high)) if low is not None and high is not None else (0, 0)

    def read_moment(self, which: Literal["runstarttime", "runendtime"]) -> dt.datetime | None:
        """Return when the run began or ended; these two times are UTC, unlike all others the software writes."""
        found = _TIME.fullmatch(self.values.get(("general", which), "").strip())
        if found is None:
            return None
        year, month, day, hour, minute, second = (int(text) for text in found.groups())
        try:
            return dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC)
        except ValueError:
            return None


def _match(pattern: re.Pattern[str], text: str) -> str | None:
    plain = text.strip()
    return plain if pattern.fullmatch(plain) else None


def read_context(files: Files, name: str, line_bytes: int) -> Context:
    """Read a context.

    Raises
    ------
    RejectedInput
        ``line_too_long``.
    TransientFault
        If the file cannot be read for now.
    """
    values: dict[tuple[str, str], str] = {}
    section = ""
    with files.open(name) as file:
        for _, line in zip(range(_LINES), read_lines(file, line_bytes), strict=False):
            text = line.text.strip()
            if text.startswith("[") and text.endswith("]"):
                section = text[1:-1].strip().lower()
                continue
            key, sign, value = text.partition("=")
            where = (section, key.strip().lower())
            if sign and where in _WANTED:
                values[where] = value.strip()
    numbers = find_decimal(
        [values.get(("fluid", "calibrationconstant"), ""), values.get(("capturestats", "volumecf"), "")]
    )
    return Context(values, numbers or Numbers())
