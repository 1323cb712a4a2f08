"""Counts over time as inline SVG: one row a label, zeros as dots on the line, gaps hatched and never drawn as zeros."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from sinks.pages.palette import choose_colour, to_hex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sinks.pages.tally import Bin, Series

#: Labels that have a row of their own; the others share one.
_ROWS_LIMIT = 6

#: Heights of rows and of the time axis, in units of the drawing.
_ROW, _ROW_GAP, _EFFORT, _AXIS, _TOP = 54, 30, 34, 40, 22

#: Room to the left for the numbers of the axis, and to the right.
_LEFT, _RIGHT = 42, 14

#: Least room of one label of the time axis.
_TICK_ROOM = 88

#: Steps between ticks that read well.
_TICKS = tuple(
    dt.timedelta(minutes=minutes)
    for minutes in (1, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080, 20_160, 43_200, 129_600, 525_600)
)

_DAY = dt.timedelta(days=1)

OTHERS = "other labels"


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where time is on the drawing."""

    series: Series
    width: int

    @property
    def step(self) -> float:
        """Width of one bin."""
        return (self.width - _LEFT - _RIGHT) / len(self.series.bins)

    def find_x(self, place: float) -> float:
        """Return where the bin with this number begins."""
        return _LEFT + place * self.step


def draw_counts(series: Series, totals: list[tuple[str, int]], *, width: int) -> str:
    """Return an SVG element ``width`` wide: findings per image of each label, and how many images were looked at.

    Parameters
    ----------
    totals
        Labels with their totals, most frequent first; the first six have rows of their own.
    width
        In units of its text: 960 for a wide screen, 380 for a phone.
    """
    frame = _Frame(series, width)
    named = [label for label, _ in totals[:_ROWS_LIMIT]]
    rest = {label for label, _ in totals[_ROWS_LIMIT:]}
    rows: list[tuple[str, Callable[[Bin], int]]] = [
        (label, lambda found, label=label: found.labels[label])  # type: ignore[misc]
        for label in named
    ]
    if rest:
        rows.append((OTHERS, lambda found: sum(found.labels[label] for label in rest)))
    height = _TOP + len(rows) * (_ROW + _ROW_GAP) + _EFFORT + _AXIS
    parts = [*_hatch_gaps(frame, height - _AXIS, width)]
    for number, (label, pick) in enumerate(rows):
        base = _TOP + number * (_ROW + _ROW_GAP) + _ROW
        parts += _draw_row(frame, label, pick, base=base, colour=to_hex(choose_colour(label)))
    parts += _draw_effort(frame, base=height - _AXIS)
    parts += _draw_times(frame, base=height - _AXIS)
    described = escape(_describe(series, [label for label, _ in rows]))
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" class="chart">'
        f"<title>{described}</title>{''.join(parts)}</svg>"
    )


def _describe(series: Series, labels: list[str]) -> str:
    gaps = sum(found is None for found in series.bins)
    looked = f"{len(series.bins) - gaps} spans of {name_step(series.step)} with images and {gaps} without"
    span = f"{series.start_at:%Y-%m-%d %H:%M} to {series.end_at:%Y-%m-%d %H:%M} UTC"
    return f"Findings per image over time, {span}: {looked}. Rows: {', '.join(labels) or 'none'}."


def name_step(step: dt.timedelta) -> str:
    """Return a span in words: ``30 min``, ``2 h``, ``7 days``."""
    minutes = int(step.total_seconds() // 60)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} min"
    if minutes < 1440:  # noqa: PLR2004 - a day
        return f"{minutes // 60} h"
    return "1 day" if minutes == 1440 else f"{minutes // 1440} days"  # noqa: PLR2004


def _hatch_gaps(frame: _Frame, base: int, width: int) -> Iterator[str]:
    yield (
        f'<defs><pattern id="gap{width}" width="7" height="7" patternTransform="rotate(45)" patternUnits="userSpaceOnUse">'
        '<rect width="2.2" height="7" class="hatch"/></pattern></defs>'
    )
    begin: int | None = None
    for place, found in enumerate([*frame.series.bins, None]):
        is_gap = found is None and place < len(frame.series.bins)
        if is_gap and begin is None:
            begin = place
        if not is_gap and begin is not None:
            x, wide = frame.find_x(begin), frame.step * (place - begin)
            yield (
                f'<rect x="{x:.1f}" y="6" width="{wide:.1f}" height="{base - 6}" fill="url(#gap{width})">'
                f"<title>{_name_span(frame.series, begin, place)}: no image was looked at</title></rect>"
            )
            begin = None


def _draw_row(frame: _Frame, label: str, pick: Callable[[Bin], int], *, base: int, colour: str) -> Iterator[str]:
    rates = [pick(found) / found.looked if found and found.looked else None for found in frame.series.bins]
    top = _round_up(max((rate for rate in rates if rate is not None), default=0))
    yield f'<text x="{_LEFT}" y="{base - _ROW - 8}" class="name"><tspan fill="{colour}">■</tspan> {escape(label)}'
    yield '<tspan class="unit" dx="8">per image</tspan></text>'
    yield from _draw_scale(frame, base=base, high=_ROW, text=f"{top:g}")
    radius = min(2.6, frame.step * 0.35)
    for place, (found, rate) in enumerate(zip(frame.series.bins, rates, strict=True)):
        if found is None or rate is None:
            continue
        x = frame.find_x(place)
        told = escape(
            f"{_name_span(frame.series, place, place + 1)}: {label} {rate:.2f} per image "
            f"({pick(found):,} in {found.looked:,} {'image' if found.looked == 1 else 'images'})"
        )
        if rate == 0:
            yield (
                f'<circle cx="{x + frame.step / 2:.1f}" cy="{base}" r="{radius:.1f}" class="zero" stroke="{colour}">'
                f"<title>{told}</title></circle>"
            )
            continue
        high = max(rate / top * _ROW, 1.5)
        yield (
            f'<rect x="{x + frame.step * 0.1:.1f}" y="{base - high:.1f}" width="{frame.step * 0.8:.1f}" '
            f'height="{high:.1f}" fill="{colour}"><title>{told}</title></rect>'
        )


def _draw_effort(frame: _Frame, *, base: int) -> Iterator[str]:
    most = max((found.looked for found in frame.series.bins if found), default=1)
    yield f'<text x="{_LEFT}" y="{base - _EFFORT - 6}" class="name">images looked at</text>'
    yield from _draw_scale(frame, base=base, high=_EFFORT - 6, text=f"{most:,}")
    for place, found in enumerate(frame.series.bins):
        if found:
            high = max(found.looked / most * (_EFFORT - 6), 1.5)
            yield (
                f'<rect x="{frame.find_x(place) + frame.step * 0.1:.1f}" y="{base - high:.1f}" '
                f'width="{frame.step * 0.8:.1f}" height="{high:.1f}" class="effort">'
                f"<title>{_name_span(frame.series, place, place + 1)}: {found.looked:,} images</title></rect>"
            )


def _draw_scale(frame: _Frame, *, base: int, high: int, text: str) -> Iterator[str]:
    right = frame.width - _RIGHT
    yield f'<line x1="{_LEFT}" x2="{right}" y1="{base}" y2="{base}" class="base"/>'
    yield f'<line x1="{_LEFT}" x2="{right}" y1="{base - high}" y2="{base - high}" class="grid"/>'
    yield f'<text x="{_LEFT - 6}" y="{base + 4}" class="tick end">0</text>'
    yield f'<text x="{_LEFT - 6}" y="{base - high + 4}" class="tick end">{text}</text>'


def _draw_times(frame: _Frame, *, base: int) -> Iterator[str]:
    series, right = frame.series, frame.width - _RIGHT
    span = series.end_at - series.start_at
    most = max(2, int((right - _LEFT) // _TICK_ROOM))
    step = next((tick for tick in _TICKS if span / tick <= most), _TICKS[-1])
    midnight = series.start_at.replace(hour=0, minute=0, second=0, microsecond=0)
    moment = midnight + step * -(-(series.start_at - midnight) // step)
    day = ""
    while moment <= series.end_at:
        x = frame.find_x((moment - series.start_at) / series.step)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{base}" y2="{base + 5}" class="base"/>'
        anchor = "end" if x > right - _TICK_ROOM / 2 else "middle" if x > _LEFT + 4 else "start"
        if step < _DAY:
            yield f'<text x="{x:.1f}" y="{base + 18}" class="tick {anchor}">{moment:%H:%M}</text>'
            if f"{moment:%Y-%m-%d}" != day:
                unit = "" if day else " UTC"
                day = f"{moment:%Y-%m-%d}"
                yield f'<text x="{x:.1f}" y="{base + 33}" class="tick {anchor}">{day}{unit}</text>'
        else:
            yield f'<text x="{x:.1f}" y="{base + 18}" class="tick {anchor}">{moment:%Y-%m-%d}</text>'
        moment += step


def _name_span(series: Series, begin: int, end: int) -> str:
    first, last = series.start_at + series.step * begin, series.start_at + series.step * end
    if series.step >= _DAY:
        return f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
    return f"{first:%Y-%m-%d %H:%M}-{last:%H:%M} UTC"


def _round_up(value: float) -> float:
    """Return the next number that reads well as the top of a scale: 1, 2, 3, 5 or 8 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 3, 5, 8, 10) if step * power >= value * (1 - 1e-9))
