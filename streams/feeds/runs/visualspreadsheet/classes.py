"""What a ``.cla`` says: which particles the instrument's filters put into which class; an opinion, and nobody's.

::

    v3                      version
    1                       classifications; each has
    name                      a name (often a person's)
    3                         classes; each has
    Junk                        a label
    OR                          how its filters are joined
    1                           filters, one a line (a path each, with an account's name in it)
    C:/Users/.../junk.flt
    326                         particles, one a line
    11

Names of classifications and filters are never let out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput
from streams.feeds.runs.base import Opinion
from streams.feeds.runs.text import Line, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.feeds.runs.base import Files
    from streams.feeds.runs.limits import RunLimits

_VERSION = re.compile(rb"v\d{1,2}\r?\n\d{1,4}\r?\n")

#: Classes, filters and classifications that a file may have.
_MOST = 10_000

#: Longest label kept.
_LABEL = 200


def looks_like_classes(head: bytes) -> bool:
    """Return whether a file begins as a ``.cla`` does."""
    return _VERSION.match(head) is not None


def read_classes(files: Files, name: str, limits: RunLimits) -> Iterator[Opinion]:
    """Yield what the filters say, in the order of the file; a particle may be in several classes.

    Raises
    ------
    RejectedInput
        ``bad_classes`` if the counts in the file do not fit what follows them.
    """
    with files.open(name) as file:
        lines = read_lines(file, limits.line_bytes)
        next(lines, None)
        for _ in range(_read_count(lines, _MOST)):
            _read_text(lines)
            for _ in range(_read_count(lines, _MOST)):
                yield from _read_class(lines, limits)


def _read_class(lines: Iterator[Line], limits: RunLimits) -> Iterator[Opinion]:
    label = _read_text(lines)[:_LABEL]
    _read_text(lines)
    for _ in range(_read_count(lines, _MOST)):
        _read_text(lines)
    for _ in range(_read_count(lines, limits.particles)):
        number = _read_count(lines, limits.particles)
        if label:
            yield Opinion(index=number, label=label, source="filter")


def _read_text(lines: Iterator[Line]) -> str:
    line = next(lines, None)
    if line is None:
        raise RejectedInput(reason="bad_classes", sentence="The class file ends before its classes do.")
    return line.text.strip()


def _read_count(lines: Iterator[Line], most: int) -> int:
    text = _read_text(lines)
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(most)) or int(text) > most:
        raise RejectedInput(
            reason="bad_classes", sentence="The class file has something else where a number should be."
        )
    return int(text)
