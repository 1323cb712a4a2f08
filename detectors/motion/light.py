"""Tell things from light: compare a picture with its background so that sun, clouds and depth cancel out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors import pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Added before the logarithm, of 255: keeps sensor noise in the dark from looking like contrast.
_PEDESTAL = 12.0

_LOGARITHMS = np.log(np.arange(256, dtype=np.float64) + _PEDESTAL).astype(np.float32)

#: Cells across and down in which light is taken to change as a whole. An animal that fills less than half of the cells
#: around it does not disturb their median.
_CELLS = (16, 12)

#: So many pixels in each direction, evenly spread, are enough to know a cell.
_PROBES = 12

#: Pictures whose channels differ by less than this on average (natural logarithm) have no colours.
_GREY = 0.01

#: One pixel of so many in each direction is enough to know that.
_GREY_SKIP = 5

#: Share of a cell's pixels whose difference counts as its unrest, and the quantile of the normal law it belongs to.
_QUIET_SHARE, _QUIET_SIGMAS = 0.75, 1.15

#: A cell is at most so many times as restless as the usual one, in brightness and in colour: a large animal would
#: otherwise hide itself. Caustics make one part of the picture far more restless than another, but not in colour.
_MOST_UNREST = (4.0, 2.0)

#: Least unrest of brightness and of colour, in natural logarithms: noise and compression of a good camera.
_LEAST_UNREST = (0.035, 0.022)

#: Differences of brightness and of colour that anybody would see, natural logarithm.
_CLEAR = (0.20, 0.12)

#: Differences of brightness that are wider than one of so many parts of the picture's longer side are rays and shadows.
#: Without colours a thing's inside is known by its brightness alone, so less is taken away.
_SOFT_PARTS, _SOFT_PARTS_GREY = 60, 16


def to_work_size(width_px: int, height_px: int, work_px: int) -> tuple[int, int]:
    """Return width and height of the shrunk picture; small pictures stay as they are."""
    scale = min(1.0, work_px / max(width_px, height_px))
    return max(_CELLS[0], round(width_px * scale)), max(_CELLS[1], round(height_px * scale))


def to_logarithms(picture: NDArray[np.uint8], *, work_px: int) -> NDArray[np.float32]:
    """Return float32 (h, w, 3): logarithms of the shrunk picture, in which light multiplies become sums.

    Parameters
    ----------
    picture
        uint8 (height_px, width_px, 3), RGB.
    """
    height_px, width_px = picture.shape[:2]
    wide, high = to_work_size(width_px, height_px, work_px)
    small = picture if (wide, high) == (width_px, height_px) else pixels.shrink(picture, width_px=wide, height_px=high)
    return take_logarithms(small)


def take_logarithms(values: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the logarithms of brightness of 255, in the same shape."""
    return _LOGARITHMS[values]


def to_brightness(logarithms: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return brightness of 255 from logarithms; in double precision, in which processors agree on the last decimals."""
    return np.asarray(np.exp(logarithms.astype(np.float64)) - _PEDESTAL)


@dataclass(frozen=True, slots=True)
class Change:
    """How a picture differs from its background once light is accounted for.

    Attributes
    ----------
    strength
        float32 (h, w): brightness and colour together, in units of the picture's unrest there.
    colour
        float32 (h, w): colour alone, in units of its unrest; light that comes and goes leaves it at rest. In a picture
        without colours, the strength.
    brightness
        float32 (h, w): difference of brightness, natural logarithm, positive where brighter.
    expected
        float32 (h, w, 3): logarithms of the background under this picture's light.
    share
        Share of the pixels that differ clearly, however restless the picture is: near 1 when the scene is another.
    """

    strength: NDArray[np.float32]
    colour: NDArray[np.float32]
    brightness: NDArray[np.float32]
    expected: NDArray[np.float32]
    share: float


def compare(
    picture: NDArray[np.float32], background: NDArray[np.float32], unrest: NDArray[np.float32] | None = None
) -> Change:
    """Return the change of a picture against a background, both logarithms (h, w, 3).

    Light is taken as a factor for each channel that is the same over a cell: its median difference. Caustics and rays
    are narrower, but they change all channels by one factor, so colour, the difference between channels, hardly sees
    them. What remains is measured against the unrest around it: the upper quartile of differences in the cell.

    Parameters
    ----------
    unrest
        float32 (h, w): how much brightness is known to vary at each pixel, natural logarithm.
    """
    difference = picture - background
    light = _smooth_cells(difference, share=0.5)
    difference -= light
    brightness, colour = _split(difference)
    magnitudes = np.stack([np.abs(brightness), colour], axis=2)
    share = float(((magnitudes[..., 0] > _CLEAR[0]) | (colour > _CLEAR[1])).mean())
    calm = _smooth_cells(magnitudes, share=_QUIET_SHARE, most=_MOST_UNREST) / np.float32(_QUIET_SIGMAS)
    calm_brightness = np.maximum(calm[..., 0], np.float32(_LEAST_UNREST[0]))
    if unrest is not None:
        np.maximum(calm_brightness, unrest, out=calm_brightness)
    colour /= np.maximum(calm[..., 1], np.float32(_LEAST_UNREST[1]))
    is_grey = _is_grey(picture)
    soft = _smooth(brightness, parts=_SOFT_PARTS_GREY if is_grey else _SOFT_PARTS)
    relative = np.minimum(magnitudes[..., 0], np.abs(brightness - soft)) / calm_brightness
    strength = np.sqrt(relative * relative + colour * colour)
    if is_grey:  # colour cannot tell light from things here, so it is not asked
        colour = strength
    return Change(strength, colour, brightness, background + light, share)


def _split(difference: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what all channels share, and how far they are from each other: the length of what remains."""
    red, green, blue = (difference[..., channel] for channel in range(3))
    brightness = (red + green + blue) * np.float32(1 / 3)
    squares = red * red + green * green + blue * blue - np.float32(3) * brightness * brightness
    return brightness, np.sqrt(np.maximum(squares, 0))


def _is_grey(picture: NDArray[np.float32]) -> bool:
    """Return whether a picture has no colours: an infrared or a monochrome camera."""
    probes = picture[::_GREY_SKIP, ::_GREY_SKIP]
    return float((probes.max(axis=2) - probes.min(axis=2)).mean(dtype=np.float64)) < _GREY


def _smooth(brightness: NDArray[np.float32], *, parts: int) -> NDArray[np.float32]:
    """Return what of a difference is as soft as rays and shadows: wider than one of so many parts of the picture."""
    return pixels.blur(brightness, sigma_px=max(brightness.shape) / parts)


def _smooth_cells(
    values: NDArray[np.float32], *, share: float, most: tuple[float, ...] | None = None
) -> NDArray[np.float32]:
    """Return, for each pixel and channel, the quantile ``share`` of the cells around it, smoothed between cells.

    ``most`` bounds each channel's cells by so many times their median over the picture.
    """
    height_px, width_px, channels = values.shape
    across, down = _CELLS
    rows = _spread(height_px, down)
    columns = _spread(width_px, across)
    probes = values[rows[:, None], columns[None, :]].reshape(down, _PROBES, across, _PROBES, channels)
    probes = probes.transpose(0, 2, 4, 1, 3).reshape(down, across, channels, _PROBES * _PROBES)
    place = int(share * (_PROBES * _PROBES - 1))
    cells = np.partition(probes, place, axis=3)[..., place]
    if most is not None:
        cells = np.minimum(cells, np.median(cells, axis=(0, 1)) * np.asarray(most, dtype=np.float32))
    framed = np.pad(cells, ((1, 1), (1, 1), (0, 0)), mode="edge")
    around = np.stack([framed[dy : dy + down, dx : dx + across] for dy in range(3) for dx in range(3)])
    middle = np.median(around, axis=0).astype(np.float32)
    return np.asarray(pixels.resize(middle, width_px=width_px, height_px=height_px))


def _spread(length_px: int, cells: int) -> NDArray[np.int64]:
    """Return the places of the probes of all cells along one side."""
    count = cells * _PROBES
    return (np.arange(count) * 2 + 1) * length_px // (2 * count)
