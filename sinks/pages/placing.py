"""Where labels go: readable, inside the picture, and out of each other's way as far as there is room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Style:
    """Sizes that fit a picture.

    Attributes
    ----------
    line_px
        Width of a frame.
    text_px
        Size of the font.
    pad_px
        Room around text.
    """

    line_px: int
    text_px: int
    pad_px: int


#: Font size: this share of the picture's longer side, between these limits in pixels.
_TEXT_SHARE, _TEXT_LEAST_PX, _TEXT_MOST_PX = 0.021, 11, 64

#: Width of frames, as a share of the font size.
_LINE_SHARE = 0.16


def choose_style(width_px: int, height_px: int) -> Style:
    """Return sizes for a picture: what is shrunk to a screen's width can still be read."""
    text_px = round(min(max(_TEXT_SHARE * max(width_px, height_px), _TEXT_LEAST_PX), _TEXT_MOST_PX))
    return Style(line_px=max(2, round(_LINE_SHARE * text_px)), text_px=text_px, pad_px=max(2, text_px // 4))


def place_label(
    target: Bounds, size_px: tuple[int, int], picture_px: tuple[int, int], taken: Sequence[Bounds]
) -> Bounds:
    """Return where a label of ``size_px`` (width, height) goes for a thing at ``target``.

    Above the thing if there is room, else below it, inside it, or beside it; always inside the picture. Of the places
    that are not free, the one that hides least of other labels.
    """
    best, best_hidden = None, float("inf")
    for place in _list_places(target, size_px, picture_px):
        hidden = sum(_measure_shared(place, other) for other in taken)
        if hidden < best_hidden:
            best, best_hidden = place, hidden
        if hidden == 0:
            break
    return best or (0.0, 0.0, float(size_px[0]), float(size_px[1]))


def _list_places(target: Bounds, size_px: tuple[int, int], picture_px: tuple[int, int]) -> Iterator[Bounds]:
    left, top, right, bottom = target
    wide, high = size_px
    corners = (
        (left, top - high),
        (right - wide, top - high),
        (left, bottom),
        (right - wide, bottom),
        (left, top),
        (right, top),
        (left - wide, top),
        (right, bottom - high),
        (left - wide, bottom - high),
        (left, top - 2 * high),
        (left, bottom + high),
        (right, top + high),
        (left - wide, top + high),
        (left, top - 3 * high),
        (left, bottom + 2 * high),
    )
    for x, y in corners:
        if y < 0 or y + high > picture_px[1]:
            continue
        inside = min(max(x, 0), max(picture_px[0] - wide, 0))
        yield (inside, y, inside + wide, y + high)
    x = min(max(left, 0), max(picture_px[0] - wide, 0))
    y = min(max(top, 0), max(picture_px[1] - high, 0))
    yield (x, y, x + wide, y + high)


def _measure_shared(first: Bounds, second: Bounds) -> float:
    wide = min(first[2], second[2]) - max(first[0], second[0])
    high = min(first[3], second[3]) - max(first[1], second[1])
    return wide * high if wide > 0 and high > 0 else 0.0
