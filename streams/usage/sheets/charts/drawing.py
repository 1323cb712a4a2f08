"""A chart drawn: as SVG within a page, and as a PNG picture for documents that take pictures only."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from sinks.pages.pixels import Canvas, encode_png
from streams.usage.sheets.charts.layout import INK, TEXT_PX, lay_out

if TYPE_CHECKING:
    from streams.usage.sheets.charts.charting import Chart
    from streams.usage.sheets.charts.layout import Rgb, Rule

#: Pictures are drawn so many times larger, so that they are sharp on paper.
PNG_SCALE = 3

_DASH = 6

#: How far below the top of a line of text its letters stand.
_BASELINE = 11


def to_svg(chart: Chart) -> str:
    """Return the chart as an ``svg`` element; everything in it that comes from a sheet is escaped."""
    made = lay_out(chart)
    parts = [
        f'<rect x="{box.left}" y="{box.top}" width="{box.width}" height="{box.height}" fill="{_to_hex(box.colour)}"/>'
        for box in made.boxes
    ]
    parts += [
        f'<line x1="{rule.start[0]}" y1="{rule.start[1]}" x2="{rule.end[0]}" y2="{rule.end[1]}" stroke="{_to_hex(INK)}"'
        f"{_to_dash(rule)}/>"
        for rule in made.rules
    ]
    parts += [
        f'<text fill="{_to_hex(INK)}" x="{text.left}" y="{text.top + _BASELINE}">{escape(text.text)}</text>'
        for text in made.texts
    ]
    size = f'width="{made.width}" height="{made.height}" viewBox="0 0 {made.width} {made.height}"'
    font = f'font-family="sans-serif" font-size="{TEXT_PX}"'
    return f'<svg {size} {font} role="img" aria-label="{escape(chart.told)}">{"".join(parts)}</svg>'


def to_png(chart: Chart) -> bytes:
    """Return the chart as a PNG picture on white, :data:`PNG_SCALE` pixels for each of the SVG's."""
    made, scale = lay_out(chart), PNG_SCALE
    canvas = Canvas(np.full((made.height * scale, made.width * scale, 3), 255, np.uint8))
    for box in made.boxes:
        bounds = (box.left, box.top, box.left + box.width, box.top + box.height)
        left, top, right, bottom = (scale * edge for edge in bounds)
        canvas.fill_box((left, top, max(right, left + 1), bottom), colour=box.colour)
    for rule in made.rules:
        for start, end in _cut(rule):
            corners = [(scale * x, scale * y) for x, y in (start, end)]
            canvas.draw_line(corners, colour=INK, width_px=scale)
    for text in made.texts:
        canvas.write(text.text, (scale * text.left, scale * text.top), size_px=scale * TEXT_PX, colour=INK)
    return encode_png(canvas.to_pixels())


def _cut(rule: Rule) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Return the dashes of a line, which if dashed runs from left to right."""
    if not rule.is_dashed:
        return [(rule.start, rule.end)]
    (left, top), (right, _) = rule.start, rule.end
    starts = np.arange(left, right, 2 * _DASH)
    return [((float(start), top), (min(float(start) + _DASH, right), top)) for start in starts]


def _to_dash(rule: Rule) -> str:
    return f' stroke-dasharray="{_DASH}"' if rule.is_dashed else ""


def _to_hex(colour: Rgb) -> str:
    return "#" + "".join(f"{part:02x}" for part in colour)
