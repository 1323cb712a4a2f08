"""Charts of figures: bars drawn as SVG within a page, each with its number beside it."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Sizes in CSS pixels; a letter is about so wide.
_BAR, _ROW, _LABELS, _LONGEST, _LETTER, _RAISE = 18, 26, 96, 240, 8, 14

_COLOUR = "#1f5f8b"

#: What bars of periods that were not counted as a whole are filled with; once on each page that has charts.
HATCH = (
    '<svg width="0" height="0" style="position:absolute" aria-hidden="true"><defs>'
    '<pattern id="partial" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    f'<rect class="ground" width="7" height="7" fill="#ffffff"/><rect class="line" width="3.5" height="7" fill="{_COLOUR}"/>'
    "</pattern></defs></svg>\n"
)


@dataclass(frozen=True, slots=True)
class Bar:
    """A period's value.

    Attributes
    ----------
    number
        Absent: no bar, only words.
    text
        What stands beside it.
    missing
        What of the period was not counted; empty where all of it was. A bar with something missing is hatched.
    """

    period: str
    number: float | None
    text: str
    missing: str = ""


def draw_bars(title: str, bars: Sequence[Bar], *, name: str) -> str:
    """Return a figure with one bar for each period, and below it what was not counted.

    Parameters
    ----------
    name
        Tells the chart from others of the page, for those who do not see it.
    """
    most = max((bar.number for bar in bars if bar.number is not None), default=0.0) or 1.0
    drawn, width = [], 0.0
    for place, bar in enumerate(bars):
        top = place * _ROW
        length = 0.0 if bar.number is None else round(_LONGEST * bar.number / most, 1)
        width = max(width, _LABELS + length + 6 + _LETTER * (len(bar.text) + 1))
        # the page's style goes before these colours, which are for a chart that is taken out of it
        fill = f'class="bar" fill="{_COLOUR}"'
        if bar.missing:
            fill = f'class="bar partial" fill="url(#partial)" stroke="{_COLOUR}"'
        drawn.append(
            f'<text x="0" y="{top + _RAISE}">{escape(bar.period)}</text>'
            f'<rect x="{_LABELS}" y="{top}" width="{length}" height="{_BAR}" {fill}/>'
            f'<text x="{_LABELS + length + 6}" y="{top + _RAISE}">{escape(bar.text)}</text>'
        )
    told = "; ".join(f"{bar.period} {bar.text}{' (partial)' if bar.missing else ''}" for bar in bars)
    partial = "; ".join(f"{bar.period} without {bar.missing}" for bar in bars if bar.missing and bar.number is not None)
    note = f'<p class="note">Hatched: partial. {escape(partial)}.</p>' if partial else ""
    height = len(bars) * _ROW
    size = f'width="{width:.0f}" height="{height}" viewBox="0 0 {width:.0f} {height}"'
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg {size} role="img" aria-label="{escape(f"{name}: {told}")}">{"".join(drawn)}</svg>{note}</figure>\n'
    )
