"""The door to Pillow: headers, EXIF, and every still that is not a plain JPEG.

==========================  =============================================================================
picture                     becomes
==========================  =============================================================================
palette, grey, 1 bit, CMYK  RGB; printing inks by Pillow's plain conversion, colour profiles are not applied
alpha                       dropped, not composited: the colour under it is what the file holds
16 bits a sample            the high byte, never stretched: the same light is the same number in every file
32 bits or float            refused, for such files do not say what is black and what is white
more than one picture       refused (animations, scans in pages); reduced copies inside a TIFF do not count
==========================  =============================================================================
"""

from __future__ import annotations

import io
import math
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageFile, TiffImagePlugin

from schemas.errors import ObservatoryError, RejectedInput
from streams.feeds.decoding.events import GpsClaim

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from streams.feeds.decoding.limits import Limits

#: Our names of formats, and the Pillow readers that may open them; no other reader is tried.
_READERS = {
    "jpeg": ("JPEG", "MPO"),
    "png": ("PNG",),
    "gif": ("GIF",),
    "bmp": ("BMP",),
    "tiff": ("TIFF",),
    "webp": ("WEBP",),
    "jp2": ("JPEG2000",),
    "pnm": ("PPM",),
}

#: Modes that Pillow turns into RGB without a question of scale.
_PLAIN_MODES = frozenset(
    {"1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"}
)
_DEEP_MODES = frozenset({"I;16", "I;16L", "I;16B", "I;16N"})

# EXIF 2.32 tags
_ORIENTATION, _EXIF_BLOCK, _GPS_BLOCK = 274, 34665, 34853
_ORIENTATIONS = range(1, 9)
_TAKEN, _TAKEN_FRACTION, _TAKEN_OFFSET = 36867, 37521, 36881
_POLE_DEG, _ANTIMERIDIAN_DEG = 90, 180
_SEXAGESIMAL_PARTS = 3  # degrees, minutes, seconds
_LAT_REF, _LAT, _LON_REF, _LON, _ALTITUDE_REF, _ALTITUDE = range(1, 7)

# TIFF 6.0, tag 254, bit 0: a reduced copy of another picture in the file; bit 2: a transparency mask
_SUBFILE_TYPE, _NOT_A_PAGE = 254, 0b101

#: Directories of a TIFF that are looked at to tell pages from reduced copies.
_PAGES_LIMIT = 64


@contextmanager
def translate() -> Iterator[None]:
    """Turn whatever Pillow raises into ours: it has few classes of its own, and lets those of its parsers through.

    A cut file is refused, though another library of this process may have told Pillow to fill it up (weasyprint does so).

    Raises
    ------
    RejectedInput
        ``truncated_picture``, ``too_many_pixels``, or ``unreadable_picture``.
    MemoryError
        As it is: the decoding process answers for it.
    """
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        yield
    except (ObservatoryError, MemoryError, GeneratorExit):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise RejectedInput(reason="too_many_pixels", sentence="The picture is far larger than its file.") from error
    except Exception as error:
        if "truncated" in str(error).lower() or isinstance(error, EOFError):
            raise RejectedInput(
                reason="truncated_picture", sentence="The picture's file ends before the picture does."
            ) from error
        raise RejectedInput(
            reason="unreadable_picture", sentence=f"The picture cannot be decoded: {_to_words(error)}."
        ) from error


def _to_words(error: Exception) -> str:
    """Return the error's own words without the addresses and paths that some carry."""
    words = str(error).partition("<")[0].strip(" .:")
    return words[:200] or type(error).__name__


@dataclass(frozen=True, slots=True)
class Exif:
    """What an EXIF block claims; see :class:`streams.feeds.decoding.events.Header`."""

    orientation: int = 1
    time: str | None = None
    gps: GpsClaim | None = None


def read_exif(block: bytes) -> Exif:
    """Return the claims of a JPEG's EXIF block (TIFF bytes); a block that cannot be read claims nothing."""
    if not block:
        return Exif()
    exif = Image.Exif()
    try:
        exif.load(b"Exif\x00\x00" + block)
        return _to_exif(exif)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - the picture is good without its label
        return Exif()


def _to_exif(exif: Image.Exif) -> Exif:
    orientation = exif.get(_ORIENTATION)
    block: Mapping[int, Any] = exif.get_ifd(_EXIF_BLOCK)
    return Exif(
        orientation=orientation if isinstance(orientation, int) and orientation in _ORIENTATIONS else 1,
        time=_to_time(block),
        gps=_to_gps(exif.get_ifd(_GPS_BLOCK)),
    )


def _to_text(value: object) -> str:
    """Return an ASCII tag's text; cameras pad it with NULs or blanks."""
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else value if isinstance(value, str) else ""
    return text.partition("\0")[0].strip()


def _to_time(block: Mapping[int, Any]) -> str | None:
    taken = _to_text(block.get(_TAKEN))
    if not any(letter in "123456789" for letter in taken):
        return None  # blanks, or the zeros of a clock that was never set
    fraction, offset = _to_text(block.get(_TAKEN_FRACTION)), _to_text(block.get(_TAKEN_OFFSET))
    return taken + (f".{fraction}" if fraction.isdecimal() else "") + offset


def _to_gps(block: Mapping[int, Any]) -> GpsClaim | None:
    lat_deg = _to_degrees(block.get(_LAT), is_negative=_to_text(block.get(_LAT_REF)) == "S")
    lon_deg = _to_degrees(block.get(_LON), is_negative=_to_text(block.get(_LON_REF)) == "W")
    if lat_deg is None or lon_deg is None or abs(lat_deg) > _POLE_DEG or abs(lon_deg) > _ANTIMERIDIAN_DEG:
        return None
    altitude_m = _to_number(block.get(_ALTITUDE))
    below = block.get(_ALTITUDE_REF) in {1, b"\x01"}
    return GpsClaim(lat_deg, lon_deg, -altitude_m if altitude_m is not None and below else altitude_m)


def _to_degrees(parts: object, *, is_negative: bool) -> float | None:
    if not isinstance(parts, tuple) or len(parts) != _SEXAGESIMAL_PARTS:
        return None
    numbers = [_to_number(part) for part in parts]
    if any(number is None for number in numbers):
        return None
    degrees = sum((number / 60.0**place for place, number in enumerate(numbers) if number is not None), 0.0)
    return -degrees if is_negative else degrees


def _to_number(value: object) -> float | None:
    """Return a finite number, or ``None``: a rational may have been divided by zero."""
    if not isinstance(value, int | float | TiffImagePlugin.IFDRational):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


@dataclass(frozen=True, slots=True)
class OpenPicture:
    """A picture whose header was read and found within the limits, and whose pixels were not yet touched."""

    image: Image.Image
    exif: Exif

    def decode(self) -> NDArray[np.uint8]:
        """Return the pixels as stored: uint8 ``(height, width, 3)``, RGB.

        Raises
        ------
        RejectedInput
            ``truncated_picture`` or ``unreadable_picture``.
        """
        with translate():
            if self.image.mode in _DEEP_MODES:
                high = (np.asarray(self.image).astype(np.uint16) >> 8).astype(np.uint8)
                return np.repeat(high[:, :, None], 3, axis=2)
            return np.asarray(self.image if self.image.mode == "RGB" else self.image.convert("RGB"))


def open_picture(data: memoryview, name: str, limits: Limits) -> OpenPicture:
    """Read the header of a still.

    Parameters
    ----------
    data
        The whole file.
    name
        Its format, one of :func:`streams.feeds.decoding.sniff.sniff`.

    Raises
    ------
    RejectedInput
        ``too_many_pixels``, ``many_pictures``, ``unsupported_picture``, ``truncated_picture`` or ``unreadable_picture``.
    """
    Image.MAX_IMAGE_PIXELS = None  # our own limits, checked below and before any pixel, replace Pillow's guess
    with translate():
        image = Image.open(io.BytesIO(data), formats=_READERS[name])
        limits.check_still(image.width, image.height)
        if image.mode not in _PLAIN_MODES | _DEEP_MODES:
            sentence = f"Pictures of mode {image.mode} do not say which value is black and which is white."
            raise RejectedInput(reason="unsupported_picture", sentence=sentence)
        if name != "jpeg" and getattr(image, "is_animated", False) and _has_pages(image):
            sentence = "The file holds several pictures (an animation or pages); send them one by one, or as a video."
            raise RejectedInput(reason="many_pictures", sentence=sentence)
        exif = _to_exif(image.getexif())
        is_turned = isinstance(
            image, TiffImagePlugin.TiffImageFile
        )  # Pillow turns these itself, and says their size upright
        return OpenPicture(image, replace(exif, orientation=1) if is_turned else exif)


def _has_pages(image: Image.Image) -> bool:
    """Return whether more than one directory is a picture of its own; a TIFF may carry reduced copies of its picture."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return True
    count = image.n_frames
    if count > _PAGES_LIMIT:
        return True
    pages = 0
    for number in range(count):
        image.seek(number)
        pages += not int(image.tag_v2.get(_SUBFILE_TYPE, 0)) & _NOT_A_PAGE
    image.seek(0)
    return pages > 1
