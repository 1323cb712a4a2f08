"""Where everything of a chart stands: boxes, lines and texts, in pixels; SVG and PNG are drawn from the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streams.usage.sheets.charts.charting import BREAK

if TYPE_CHECKING:
    from streams.usage.sheets.charts.charting import Bar, Chart, Tone

Rgb = tuple[int, int, int]

INK: Rgb = (27, 39, 51)

#: Size of letters, and how wide a letter is taken to be.
TEXT_PX, _LETTER_PX = 12, 6.6

_BAR, _ROW, _RAISE, _GAP, _BREAK_ROOM = 16, 22, 3, 6, 20
_LONGEST, _LEAST_LABELS, _MOST_LABELS, _LEAST_TEXTS = 240, 70, 330, 130

_TONES: dict[Tone, Rgb] = {
    "baseline": (138, 151, 163),
    "measured": (31, 95, 139),
    "imported": (62, 133, 94),
    "declared": (110, 84, 148),
    "estimated": (204, 146, 52),
    "not measured": (200, 200, 200),
}

#: A bar of a period that was not counted as a whole has white stripes: how wide they are, and from one to the next.
_STRIPE, _STEP = 2, 7
_WHITE: Rgb = (255, 255, 255)

#: A bar between its least and its most is so much lighter.
_LIGHT = 0.45


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle."""

    left: float
    top: float
    width: float
    height: float
    colour: Rgb


@dataclass(frozen=True, slots=True)
class Rule:
    """A line of one pixel, dashed where a definition changed."""

    start: tuple[float, float]
    end: tuple[float, float]
    is_dashed: bool = False


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text by its top left corner."""

    left: float
    top: float
    text: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart that is laid out."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    rules: tuple[Rule, ...]
    texts: tuple[Text, ...]


def lay_out(chart: Chart) -> Drawing:
    """Return where bars, numbers and lines of a chart stand; its heading is for the page to write."""
    most = max([bar.high or 0.0 for bar in chart.bars] + [chart.ruler or 0.0]) or 1.0
    letters = max((len(bar.label) for bar in chart.bars), default=0)
    labels = min(max(round(letters * _LETTER_PX) + 2 * _GAP, _LEAST_LABELS), _MOST_LABELS)
    boxes: list[Box] = []
    rules: list[Rule] = []
    texts: list[Text] = []
    width, top = labels + _measure_width(chart, _LONGEST / most), 0
    for bar in chart.bars:
        if bar.is_after_break:
            middle = top + _BREAK_ROOM / 2 - 2
            texts.append(Text(labels + _GAP, top, BREAK))
            rules.append(Rule((0, middle), (labels, middle), is_dashed=True))
            right = labels + 2 * _GAP + len(BREAK) * _LETTER_PX
            rules.append(Rule((right, middle), (width, middle), is_dashed=True))
            top += _BREAK_ROOM
        texts.append(Text(0, top + 1, _shorten(bar.label)))
        end = _add_boxes(boxes, bar, (labels, top), _LONGEST / most)
        texts.append(Text(end + _GAP, top + 1, bar.text))
        top += _ROW
    if chart.ruler is not None:
        at = labels + round(_LONGEST * chart.ruler / most, 1)
        rules.append(Rule((at, 0), (at, top - _RAISE)))
    return Drawing(width, max(top, 1), tuple(boxes), tuple(rules), tuple(texts))


def _measure_width(chart: Chart, scale: float) -> int:
    """Return how much room the longest bar with its text takes, so that no text is cut off."""
    ends = ((bar.high or 0.0) * scale + 2 * _GAP + len(bar.text) * _LETTER_PX for bar in chart.bars)
    return max(round(max(ends, default=0.0)), _LONGEST + _LEAST_TEXTS)


def _add_boxes(boxes: list[Box], bar: Bar, corner: tuple[float, float], scale: float) -> float:
    """Add what is known for certain in full colour and the rest of a range in a lighter one; return where it ends."""
    left, top = corner
    if bar.low is None or bar.high is None:
        return left
    low, high = round(bar.low * scale, 1), round(bar.high * scale, 1)
    colour = _TONES[bar.tone]
    if low:
        boxes.append(Box(left, top, low, _BAR, colour))
    if high > low:
        boxes.append(Box(left + low, top, round(high - low, 1), _BAR, _lighten(colour)))
    end = left + max(low, high)
    if bar.missing:
        boxes += [Box(at, top, _STRIPE, _BAR, _WHITE) for at in range(round(left) + _STEP, round(end) - _STRIPE, _STEP)]
    return end


def _lighten(colour: Rgb) -> Rgb:
    red, green, blue = (round(part + (255 - part) * (1 - _LIGHT)) for part in colour)
    return red, green, blue


def _shorten(label: str) -> str:
    most = int((_MOST_LABELS - 2 * _GAP) / _LETTER_PX)
    if len(label) <= most:
        return label
    # the end says which period it is
    return f"{label[: most - 21]}\u2026{label[-20:]}"
