"""Charts of figures: bars drawn as SVG within a page, each with its number beside it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Sizes in CSS pixels.
_BAR, _ROW, _LABELS, _LONGEST, _TEXTS, _RAISE = 18, 26, 96, 240, 130, 14

_COLOUR = "#1f5f8b"


def draw_bars(title: str, bars: Sequence[tuple[str, float | None, str]], *, name: str) -> str:
    """Return a figure with one bar for each period.

    Parameters
    ----------
    bars
        Name of the period, the number (absent: no bar, only words), and what stands beside it.
    name
        Tells the chart from others of the page, for those who do not see it.
    """
    most = max((number for _, number, _ in bars if number is not None), default=0.0) or 1.0
    drawn = []
    for place, (period, number, text) in enumerate(bars):
        top = place * _ROW
        length = 0.0 if number is None else round(_LONGEST * number / most, 1)
        drawn.append(
            f'<text x="0" y="{top + _RAISE}">{escape(period)}</text>'
            f'<rect x="{_LABELS}" y="{top}" width="{length}" height="{_BAR}" fill="{_COLOUR}"/>'
            f'<text x="{_LABELS + length + 6}" y="{top + _RAISE}">{escape(text)}</text>'
        )
    told = "; ".join(f"{period} {text}" for period, _, text in bars)
    width, height = _LABELS + _LONGEST + _TEXTS, len(bars) * _ROW
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>"
        f'<svg {size} role="img" aria-label="{escape(f"{name}: {told}")}">{"".join(drawn)}</svg></figure>\n'
    )
