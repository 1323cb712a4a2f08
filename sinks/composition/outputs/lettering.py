"""Text on pictures: the built-in font has no micro sign, no raised digits and no accents, so those are made of what it has."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Literal

from sinks.pages.pixels import measure_text

if TYPE_CHECKING:
    from sinks.pages.palette import Rgb
    from sinks.pages.pixels import Canvas, Corner

Anchor = Literal["left", "centre", "right"]

_MICRO = "\u00b5"
_RAISED = dict(zip("\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b", "0123456789-", strict=True))

#: Size of raised digits, and space between pieces of a text, as shares of the letters' size.
_SMALLER, _GAP = 0.65, 0.07

#: Letters the font lacks although they are no accents, and what stands for them.
_STAND_INS = {"\u2013": "-", "\u2014": "-", "\u00d7": "x", "\u2019": "'", "\u00df": "ss", "\u00f8": "o", "\u00e6": "ae"}


def write_text(
    canvas: Canvas, text: str, corner: Corner, *, size_px: int, colour: Rgb, anchor: Anchor = "left"
) -> None:
    """Write one line; ``corner`` is its upper left, upper middle or upper right end."""
    x, y = corner
    x -= {"left": 0.0, "centre": 0.5, "right": 1.0}[anchor] * find_width(text, size_px=size_px)
    for kind, piece in _split(text):
        small_px = round(size_px * _SMALLER) if kind == "raised" else size_px
        canvas.write("u" if kind == "micro" else piece, (x, y), size_px=small_px, colour=colour)
        if kind == "micro":
            _draw_tail(canvas, (x, y), size_px=size_px, colour=colour)
        x += _find_piece_width(kind, piece, size_px) + _GAP * size_px


def find_width(text: str, *, size_px: int) -> float:
    """Return the width of a line in pixels."""
    pieces = _split(text)
    return sum(_find_piece_width(kind, piece, size_px) for kind, piece in pieces) + _GAP * size_px * max(
        len(pieces) - 1, 0
    )


def shorten(text: str, *, size_px: int, width_px: float) -> str:
    """Return the text, or as much of it as fits with two dots after it."""
    if find_width(text, size_px=size_px) <= width_px:
        return text
    kept = text
    while kept and find_width(f"{kept}..", size_px=size_px) > width_px:
        kept = kept[:-1].rstrip()
    return f"{kept}.."


def to_raised(number: int) -> str:
    """Return an exponent as raised digits."""
    digits = {plain: raised for raised, plain in _RAISED.items()}
    return "".join(digits[digit] for digit in str(number))


def _split(text: str) -> list[tuple[str, str]]:
    """Return the text in pieces of one kind: ``plain``, ``micro`` or ``raised``."""
    pieces: list[tuple[str, str]] = []
    for letter in _to_known(text):
        kind = "micro" if letter == _MICRO else "raised" if letter in _RAISED else "plain"
        shown = _RAISED.get(letter, letter)
        if pieces and pieces[-1][0] == kind != "micro":
            pieces[-1] = (kind, pieces[-1][1] + shown)
        else:
            pieces.append((kind, shown))
    return pieces


def _to_known(text: str) -> str:
    """Return the text in letters the font has: accents are dropped, what is left unknown becomes a question mark."""
    known = []
    for letter in unicodedata.normalize("NFC", text):
        if letter in _RAISED or letter == _MICRO:
            known.append(letter)
            continue
        plain = _STAND_INS.get(letter) or unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
        known.append(plain or "?")
    return "".join(known)


def _find_piece_width(kind: str, piece: str, size_px: int) -> float:
    small_px = round(size_px * _SMALLER) if kind == "raised" else size_px
    # blanks at the ends have no ink, so they are measured between two letters
    shown = "u" if kind == "micro" else piece
    bare = measure_text("||", size_px=small_px)[0]
    return float(measure_text(f"|{shown}|", size_px=small_px)[0] - bare)


def _draw_tail(canvas: Canvas, corner: Corner, *, size_px: int, colour: Rgb) -> None:
    """Lengthen the left stem of a ``u`` below the line."""
    x, y = corner
    stem_px = max(round(size_px * 0.085), 1)
    # the letters' line lies about 0.93 of their size below the top of a line, the tail reaches a fifth further
    canvas.fill_box(
        (x + 0.06 * size_px, y + 0.6 * size_px, x + 0.06 * size_px + stem_px, y + 1.14 * size_px), colour=colour
    )
