"""Annotated pictures: findings drawn into the picture they were seen in, with labels that can be read at any size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas.finding import to_bounds
from schemas.forms.runlength import decode_mask
from schemas.geometry import Box, Line, Mask, Point, Polygon, Whole
from sinks.pages import pixels
from sinks.pages.palette import INK, PAPER, choose_colour, choose_ink
from sinks.pages.pixels import Canvas
from sinks.pages.placing import Style, choose_style, place_label

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from schemas.finding import Finding
    from schemas.geometry import Geometry
    from sinks.pages.palette import Rgb
    from sinks.pages.placing import Bounds

#: What is said on every picture made with a model that is for demonstration only.
DEMONSTRATION = "demonstration model, not for science"

#: Pictures are drawn no smaller and no larger than this on their longer side: text must fit, and a screen is no larger.
_LEAST_PX, _MOST_PX = 320, 4096

#: More labels than this only hide the picture; frames are drawn for all.
_LABELS_LIMIT = 200

#: How strongly areas are tinted, and the strip under a caption.
_TINT, _STRIP = 0.30, 0.62

#: A point is drawn as a cross of this many line widths.
_CROSS = 4


def draw(
    picture: NDArray[np.uint8], findings: tuple[Finding, ...], *, caption: str = "", is_demonstration: bool = False
) -> NDArray[np.uint8]:
    """Return the picture with its findings, uint8 (h, w, 3) RGB; the given one is not written to.

    Pictures smaller than 320 pixels are enlarged and those above 4,096 shrunk, so that text can be read.

    Parameters
    ----------
    picture
        uint8 (height_px, width_px, 3), RGB, upright.
    findings
        In the pixels of this picture.
    caption
        One line at the lower edge: when and where.
    is_demonstration
        Say that the model is for demonstration only.
    """
    fitted, scale = _fit(picture)
    canvas = Canvas(fitted)
    style = choose_style(*canvas.size_px)
    for finding in findings:
        _draw_shape(canvas, finding.geometry, scale, style, colour=choose_colour(finding.label))
    taken = _write_strip(canvas, style, caption=caption, is_demonstration=is_demonstration)
    for finding in findings[:_LABELS_LIMIT]:
        taken.append(_write_label(canvas, finding, scale, style, taken=taken))
    return canvas.to_pixels()


def draw_jpeg(picture: NDArray[np.uint8], findings: tuple[Finding, ...], is_demonstration: bool) -> bytes:  # noqa: FBT001
    """Return the annotated picture as JPEG bytes."""
    return pixels.encode_jpeg(draw(picture, findings, is_demonstration=is_demonstration))


def crop(picture: NDArray[np.uint8], finding: Finding, *, margin_share: float = 0.1) -> NDArray[np.uint8]:
    """Return the part of the picture around a finding, uint8 (h, w, 3); the whole picture for a finding that is whole.

    Parameters
    ----------
    margin_share
        Room on each side, as a share of the finding's width and height.
    """
    height_px, width_px = picture.shape[:2]
    if isinstance(finding.geometry, Whole):
        return picture.copy()
    left, top, right, bottom = to_bounds(finding.geometry)
    wide, high = (right - left) * margin_share, (bottom - top) * margin_share
    x0, y0 = min(max(int(left - wide), 0), width_px - 1), min(max(int(top - high), 0), height_px - 1)
    x1, y1 = (
        max(min(int(np.ceil(right + wide)), width_px), x0 + 1),
        max(min(int(np.ceil(bottom + high)), height_px), y0 + 1),
    )
    return picture[y0:y1, x0:x1].copy()


def crop_jpeg(picture: NDArray[np.uint8], finding: Finding) -> bytes:
    """Return the part of the picture around a finding as JPEG bytes."""
    return pixels.encode_jpeg(crop(picture, finding))


def _fit(picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float]:
    """Return the picture at a size that can be written on, and by how much it was scaled."""
    height_px, width_px = picture.shape[:2]
    longer = max(height_px, width_px)
    if longer < _LEAST_PX:
        times = -(-_LEAST_PX // longer)
        return pixels.resize(picture, width_px=width_px * times, height_px=height_px * times, how="blocks"), float(
            times
        )
    if longer > _MOST_PX:
        scale = _MOST_PX / longer
        wide, high = max(round(width_px * scale), 1), max(round(height_px * scale), 1)
        return pixels.resize(picture, width_px=wide, height_px=high, how="smooth"), scale
    return picture, 1.0


def _draw_shape(canvas: Canvas, geometry: Geometry, scale: float, style: Style, *, colour: Rgb) -> None:
    match geometry:
        case Box():
            _draw_frame(canvas, _scale_bounds(geometry, scale), style, colour)
        case Mask():
            mask = decode_mask(geometry.rle, width_px=geometry.width_px, height_px=geometry.height_px)
            left, top, right, bottom = _scale_bounds(geometry, scale)
            if scale != 1:
                wide, high = max(round(right - left), 1), max(round(bottom - top), 1)
                mask = mask[np.arange(high) * mask.shape[0] // high][:, np.arange(wide) * mask.shape[1] // wide]
            canvas.fill_mask(mask, left=round(left), top=round(top), colour=colour, opacity=_TINT)
            _draw_frame(canvas, (left, top, right, bottom), style, colour)
        case Polygon():
            for outer, *_ in (polygon for polygon in geometry.polygons if polygon):
                ring = [(x * scale, y * scale) for x, y in outer]
                if len(ring) > 2:  # noqa: PLR2004 - fewer corners enclose nothing
                    canvas.fill_polygon(ring, colour=colour, opacity=_TINT)
                _draw_path(canvas, [*ring, *ring[:1]], style, colour)
        case Line():
            _draw_path(canvas, [(x * scale, y * scale) for x, y in geometry.points], style, colour)
        case Point(xy=(x, y)):
            reach = _CROSS * style.line_px
            _draw_path(canvas, [(x * scale - reach, y * scale), (x * scale + reach, y * scale)], style, colour)
            _draw_path(canvas, [(x * scale, y * scale - reach), (x * scale, y * scale + reach)], style, colour)
        case _:
            wide, high = canvas.size_px
            _draw_frame(canvas, (0, 0, wide, high), style, colour)


def _scale_bounds(geometry: Geometry, scale: float) -> Bounds:
    left, top, right, bottom = to_bounds(geometry)
    return left * scale, top * scale, right * scale, bottom * scale


def _draw_frame(canvas: Canvas, bounds: Bounds, style: Style, colour: Rgb) -> None:
    """Draw a coloured frame within a thin dark one, so that it shows on bright and on dark ground."""
    left, top, right, bottom = bounds
    canvas.draw_frame((left - 1, top - 1, right + 1, bottom + 1), colour=INK, width_px=style.line_px + 2)
    canvas.draw_frame(bounds, colour=colour, width_px=style.line_px)


def _draw_path(canvas: Canvas, corners: list[tuple[float, float]], style: Style, colour: Rgb) -> None:
    canvas.draw_line(corners, colour=INK, width_px=style.line_px + 2)
    canvas.draw_line(corners, colour=colour, width_px=style.line_px)


def _write_label(canvas: Canvas, finding: Finding, scale: float, style: Style, *, taken: list[Bounds]) -> Bounds:
    """Write label and score near the finding, on a ground of its colour; return the room it takes."""
    score = "" if finding.score is None else f" {finding.score:.2f}"
    room_px = canvas.size_px[0] - 2 * style.pad_px
    text = _shorten(finding.label, score, style, room_px)
    wide, high = pixels.measure_text(text, size_px=style.text_px)
    size_px = (wide + 2 * style.pad_px, high + style.pad_px)
    place = place_label(_scale_bounds(finding.geometry, scale), size_px, canvas.size_px, taken)
    colour = choose_colour(finding.label)
    canvas.fill_box(place, colour=colour)
    corner = (place[0] + style.pad_px, place[1] + style.pad_px / 2)
    canvas.write(text, corner, size_px=style.text_px, colour=choose_ink(colour))
    return place


def _shorten(text: str, end: str, style: Style, room_px: int) -> str:
    """Return text and end, the text cut so that both fit into ``room_px``."""
    whole = f"{text}{end}"
    while text and pixels.measure_text(whole, size_px=style.text_px)[0] > room_px:
        text = text[:-1]
        whole = f"{text}…{end}"
    return whole


def _write_strip(canvas: Canvas, style: Style, *, caption: str, is_demonstration: bool) -> list[Bounds]:
    """Write the line at the lower edge: the caption to the left, the warning after it; return the room it takes."""
    text = "  ·  ".join(part for part in (caption, DEMONSTRATION if is_demonstration else "") if part)
    if not text:
        return []
    wide, high = canvas.size_px
    size_px = max(style.text_px * 4 // 5, 10)
    small = Style(style.line_px, size_px, style.pad_px)
    text = _shorten(text, "", small, wide - 2 * style.pad_px)
    text_wide, text_high = pixels.measure_text(text, size_px=size_px)
    place = (0, high - text_high - style.pad_px, text_wide + 2 * style.pad_px, high)
    canvas.fill_box(place, colour=INK, opacity=_STRIP)
    canvas.write(text, (style.pad_px, place[1] + style.pad_px / 2), size_px=size_px, colour=PAPER)
    return [place]
