"""Colours of labels: told apart with every kind of colour vision, and the same on pictures, charts and legends."""

from __future__ import annotations

import zlib

Rgb = tuple[int, int, int]

#: Okabe and Ito's set (Color Universal Design, 2008) without its black, in the order in which they stand out in water.
COLOURS: tuple[Rgb, ...] = (
    (240, 228, 66),
    (230, 159, 0),
    (86, 180, 233),
    (204, 121, 167),
    (213, 94, 0),
    (0, 158, 115),
    (0, 114, 178),
)

INK: Rgb = (16, 20, 24)
PAPER: Rgb = (255, 255, 255)

#: Luminance above which dark text is easier to read than light text: where both have the same contrast (WCAG 2).
_EVEN = 0.179

#: Weights of red, green and blue in luminance (ITU-R BT.709), and where the sRGB curve leaves its straight part.
_WEIGHTS = (0.2126, 0.7152, 0.0722)
_STRAIGHT = 0.04045


def choose_colour(label: str) -> Rgb:
    """Return the colour of a label: a function of its text, so that pictures, charts and legends agree.

    Two labels may share a colour; each is always named beside it.
    """
    return COLOURS[zlib.crc32(label.encode()) % len(COLOURS)]


def measure_luminance(colour: Rgb) -> float:
    """Return the relative luminance of an sRGB colour, 0 to 1 (WCAG 2)."""
    shares = (value / 255 for value in colour)
    linear = (share / 12.92 if share <= _STRAIGHT else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return sum(weight * value for weight, value in zip(_WEIGHTS, linear, strict=True))


def measure_contrast(first: Rgb, second: Rgb) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2)."""
    light, dark = sorted((measure_luminance(first), measure_luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def choose_ink(paper: Rgb) -> Rgb:
    """Return the text colour that reads better on ``paper``."""
    return INK if measure_luminance(paper) > _EVEN else PAPER


def to_hex(colour: Rgb) -> str:
    """Return ``#rrggbb``."""
    return "#{:02x}{:02x}{:02x}".format(*colour)
