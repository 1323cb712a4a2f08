"""What the instrument's own summaries say: ``_summary.csv`` and ``_run_summary.txt``."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.feeds.runs.facts import Declared
from streams.feeds.runs.text import POINT, Numbers, read_lines

if TYPE_CHECKING:
    from schemas.sampling.run import Mode
    from streams.feeds.runs.base import Files

#: Lines of either file; real ones have 90 and 40.
_LINES = 2_000

#: Below this line a summary holds statistics of the measures.
_STATISTICS = "summary stats"

_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)\s+(\d\d):(\d\d):(\d\d)")

_MODES: dict[str, Mode] = {
    "autoimage": "auto_image",
    "trigger": "trigger",
    "fluorescence": "trigger",
    "scatter": "trigger",
}


def looks_like_summary(head: bytes) -> bool:
    """Return whether a file begins as a ``_summary.csv`` does."""
    return head.removeprefix(b"\xef\xbb\xbf").startswith((b"List File,", b"List File;"))


def looks_like_report(head: bytes) -> bool:
    """Return whether a file begins as a ``_run_summary.txt`` does."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"Run:") and b"Mode:" in head


@dataclass(frozen=True, slots=True)
class Summary:
    """The lines of a summary: what stands before the first separator, in lower case -> what stands behind it."""

    values: dict[str, str]
    numbers: Numbers

    def read_number(self, key: str) -> float | None:
        """Return the number at the start of a line's value, without its unit."""
        first = self.values.get(key, "").strip().split(" ")[0].rstrip("%")
        return self.numbers.to_float(first)

    @property
    def declared(self) -> Declared:
        """What the instrument counted and concluded."""
        count = self.read_number("count") or self.read_number("particle count")
        percent = self.read_number("efficiency")
        return Declared(
            particles=None if count is None else int(count),
            particles_per_ml=self.read_number("particles / ml"),
            imaged_ml=_positive(self.read_number("sample volume imaged ml"), self.read_number("fluid volume imaged")),
            processed_ml=_positive(
                self.read_number("sample volume processed ml"), self.read_number("sample volume processed")
            ),
            efficiency_share=None if percent is None else percent / 100.0,
        )

    @property
    def mode(self) -> Mode | None:
        """How pictures were triggered."""
        return _MODES.get(self.values.get("mode", "").strip().split(" ")[0].lower())

    @property
    def started_local(self) -> str | None:
        """The start as the computer's clock showed it: ISO 8601 without a zone."""
        found = _TIME.search(self.values.get("start time", self.values.get("start", "")))
        if found is None:
            return None
        text = "{}-{}-{}T{}:{}:{}".format(*found.groups())
        try:
            dt.datetime.fromisoformat(text)
        except ValueError:
            return None
        return text


def _positive(*numbers: float | None) -> float | None:
    return next((number for number in numbers if number is not None and number > 0), None)


def read_summary(files: Files, name: str, *, line_bytes: int, numbers: Numbers = POINT) -> Summary:
    """Read either file.

    Parameters
    ----------
    numbers
        How the run's list writes fractions: in ``Sample Volume Imaged ml,0,029`` the second comma is a decimal sign.

    Raises
    ------
    RejectedInput
        ``line_too_long``.
    TransientFault
        If the file cannot be read for now.
    """
    values: dict[str, str] = {}
    with files.open(name) as file:
        for _, line in zip(range(_LINES), read_lines(file, line_bytes), strict=False):
            if line.text.strip().lower().startswith(_STATISTICS):
                break
            key, sign, value = _split(line.text)
            if sign:
                values.setdefault(key.strip().lower(), value.strip())
    return Summary(values, numbers)


def _split(text: str) -> tuple[str, str, str]:
    """Split at the first separator; a report's colon comes before any comma."""
    place = min((found for sign in ",;:" if (found := text.find(sign)) >= 0), default=-1)
    return (text[:place], text[place], text[place + 1 :]) if place >= 0 else (text, "", "")
