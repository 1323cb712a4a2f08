"""Lines and numbers of text files that instruments write: any line ending, either decimal sign, bounded length."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

#: First bytes of a file that decide what it is.
HEAD_BYTES = 4_096

_BOM = b"\xef\xbb\xbf"

#: How UTF-16 begins, which spreadsheets call "Unicode text".
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_PLAIN = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")


def decode_text(line: bytes) -> str:
    """Return text that is UTF-8, or what Western Windows writes; no byte is refused."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")


def is_wide(head: bytes) -> bool:
    """Return whether a file begins as UTF-16."""
    return head.startswith(_WIDE)


def to_plain_head(head: bytes) -> bytes:
    """Return first bytes as UTF-8, so that a file in UTF-16 is known for what it is before it is refused."""
    return head.decode("utf-16", "ignore").encode() if is_wide(head) else head


def refuse_wide(name: str, head: bytes) -> None:
    """Refuse a text file in UTF-16.

    Raises
    ------
    RejectedInput
        ``utf16_text``.
    """
    if is_wide(head):
        shown = name.rpartition("/")[2][-80:]
        sentence = f'{shown!r} was saved as UTF-16 ("Unicode text"); save it as UTF-8 and send the run again.'
        raise RejectedInput(reason="utf16_text", sentence=sentence)


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end.

    Attributes
    ----------
    offset, end
        Byte at which it starts, and at which the next one does.
    is_ended
        Whether a line end follows: the last line of a file that is still being written has none.
    """

    text: str
    offset: int
    end: int
    is_ended: bool


def read_lines(file: BinaryIO, line_bytes: int) -> Iterator[Line]:
    """Yield the lines of a file from its position on.

    Raises
    ------
    RejectedInput
        ``line_too_long``.
    """
    offset = file.tell()
    while raw := file.readline(line_bytes + 1):
        if len(raw) > line_bytes:
            raise RejectedInput(
                reason="line_too_long", sentence=f"A line is longer than {line_bytes} bytes; no instrument writes such."
            )
        body = raw.removeprefix(_BOM) if offset == 0 else raw
        end = offset + len(raw)
        yield Line(decode_text(body.rstrip(b"\r\n")), offset, end, raw.endswith(b"\n"))
        offset = end


@dataclass(frozen=True, slots=True)
class Numbers:
    """How a file writes numbers.

    Attributes
    ----------
    decimal
        ``.``, or ``,`` where the computer's region has it. One file keeps to one of them, so that ``1,234`` is never
        taken for a thousand in one row and for one and a bit in the next.
    """

    decimal: str = "."

    def to_float(self, text: str) -> float | None:
        """Return a finite number, or ``None`` for what is none: empty, a word, the other sign, infinite."""
        plain = text.strip()
        if self.decimal == ",":
            if "." in plain:
                return None
            plain = plain.replace(",", ".")
        if not _PLAIN.fullmatch(plain):
            return None
        number = float(plain)
        return number if math.isfinite(number) else None

    def to_int(self, text: str) -> int | None:
        """Return a whole number that binary64 holds exactly, or ``None`` for what is none."""
        number = self.to_float(text)
        return int(number) if number is not None and number.is_integer() and abs(number) < 1 << 53 else None


POINT, COMMA = Numbers("."), Numbers(",")


def find_decimal(fields: list[str]) -> Numbers | None:
    """Return how these fields write fractions; ``None`` if none of them has one."""
    if any("." in text for text in fields):
        return POINT
    return COMMA if any("," in text for text in fields) else None
