"""The door to Pillow on this floor: draw lines, areas and text into pictures, shrink them, write JPEG and PNG."""

from __future__ import annotations

import io
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

from schemas.errors import RejectedInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from sinks.pages.palette import Rgb

Corner = tuple[float, float]

#: Font sizes are kept as rendered fonts; a picture uses one or two.
_FONTS_KEPT = 32

#: Letters that reach as high and as low as any.
_TALL = "Áy|"


@contextmanager
def translate() -> Iterator[None]:
    """Turn what Pillow raises into ours.

    Raises
    ------
    RejectedInput
        ``unusable_pixels``: it could not use the picture.
    """
    try:
        yield
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        reason = "unusable_pixels"
        raise RejectedInput(reason, f"The picture could not be drawn: {error}") from error


@lru_cache(maxsize=_FONTS_KEPT)
def _load_font(size_px: int) -> ImageFont.FreeTypeFont:
    """Return the font that comes with Pillow: no font file of the machine is needed."""
    return cast("ImageFont.FreeTypeFont", ImageFont.load_default(size=size_px))


def measure_text(text: str, *, size_px: int) -> tuple[int, int]:
    """Return width and height in pixels of one line of text; the height is that of the line, whatever its letters."""
    with translate():
        font = _load_font(size_px)
        left, _, right, _ = font.getbbox(text, anchor="ls")
        _, top, _, bottom = font.getbbox(_TALL, anchor="ls")
    return int(np.ceil(right - left)), int(np.ceil(bottom - top))


class Canvas:
    """A picture being drawn on."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        """Copy the picture, uint8 (height_px, width_px, 3) RGB."""
        with translate():
            self._image = Image.fromarray(np.ascontiguousarray(pixels))
            self._pen = ImageDraw.Draw(self._image, "RGBA")

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height."""
        return self._image.size

    def draw_frame(self, bounds: tuple[float, float, float, float], *, colour: Rgb, width_px: int) -> None:
        """Draw a rectangle's border, inside its bounds (left, top, right, bottom; end exclusive)."""
        left, top, right, bottom = (round(value) for value in bounds)
        with translate():
            self._pen.rectangle(
                (left, top, max(right - 1, left), max(bottom - 1, top)), outline=colour, width=max(width_px, 1)
            )

    def fill_box(self, bounds: tuple[float, float, float, float], *, colour: Rgb, opacity: float = 1.0) -> None:
        """Fill a rectangle (left, top, right, bottom; end exclusive)."""
        left, top, right, bottom = (round(value) for value in bounds)
        with translate():
            self._pen.rectangle((left, top, right - 1, bottom - 1), fill=(*colour, round(255 * opacity)))

    def draw_line(self, corners: Sequence[Corner], *, colour: Rgb, width_px: int) -> None:
        """Draw an open line through corners."""
        with translate():
            self._pen.line([(x, y) for x, y in corners], fill=colour, width=max(width_px, 1), joint="curve")

    def fill_polygon(self, corners: Sequence[Corner], *, colour: Rgb, opacity: float) -> None:
        """Fill the inside of a ring of at least three corners."""
        with translate():
            self._pen.polygon([(x, y) for x, y in corners], fill=(*colour, round(255 * opacity)))

    def fill_mask(self, mask: NDArray[np.bool_], *, left: int, top: int, colour: Rgb, opacity: float) -> None:
        """Tint the pixels of a mask, bool (height_px, width_px), whose corner lies at (left, top)."""
        with translate():
            veil = Image.fromarray(mask.astype(np.uint8) * round(255 * opacity))
            self._image.paste(Image.new("RGB", veil.size, colour), (left, top), veil)

    def write(self, text: str, corner: Corner, *, size_px: int, colour: Rgb) -> None:
        """Write one line of text whose top left corner is ``corner``."""
        with translate():
            font = _load_font(size_px)
            left, _, _, _ = font.getbbox(text, anchor="ls")
            _, top, _, _ = font.getbbox(_TALL, anchor="ls")
            # by the baseline, which lies in the picture: text begun above it would lose its upper rows
            self._pen.text((round(corner[0] - left), round(corner[1] - top)), text, fill=colour, font=font, anchor="ls")

    def to_pixels(self) -> NDArray[np.uint8]:
        """Return the picture, uint8 (height_px, width_px, 3) RGB."""
        return np.asarray(self._image, dtype=np.uint8)


def resize(
    pixels: NDArray[np.uint8], *, width_px: int, height_px: int, how: Literal["smooth", "blocks"]
) -> NDArray[np.uint8]:
    """Return the picture at another size: ``smooth`` averages, ``blocks`` repeats pixels."""
    filtering = Image.Resampling.LANCZOS if how == "smooth" else Image.Resampling.NEAREST
    with translate():
        made = Image.fromarray(np.ascontiguousarray(pixels)).resize((width_px, height_px), filtering, reducing_gap=2.0)
    return np.asarray(made, dtype=np.uint8)


def encode_jpeg(pixels: NDArray[np.uint8], *, quality: int = 88) -> bytes:
    """Return JPEG bytes of a picture, uint8 (height_px, width_px, 3) RGB.

    Raises
    ------
    RejectedInput
        ``unusable_pixels``: it has no pixels, or more than 65,500 on a side.
    """
    target = io.BytesIO()
    with translate():
        Image.fromarray(np.ascontiguousarray(pixels)).save(target, "JPEG", quality=quality)
    return target.getvalue()


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return PNG bytes of a picture, uint8 (height_px, width_px, 3) RGB or (height_px, width_px) grey, without metadata.

    Raises
    ------
    RejectedInput
        ``unusable_pixels``: it has no pixels.
    """
    target = io.BytesIO()
    with translate():
        Image.fromarray(np.ascontiguousarray(pixels)).save(
            target, "PNG", compress_level=4
        )  # as small as 6 for these, in half the time
    return target.getvalue()


def decode(data: bytes, *, most_px: int) -> NDArray[np.uint8]:
    """Return the RGB picture in JPEG or PNG bytes of ours, no larger than ``most_px`` on its longer side.

    Raises
    ------
    RejectedInput
        ``unusable_pixels``: the bytes hold no such picture.
    """
    with translate(), Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
        image.draft("RGB", (most_px, most_px))
        image.thumbnail((most_px, most_px), Image.Resampling.LANCZOS)
        return np.asarray(image.convert("RGB"), dtype=np.uint8)
