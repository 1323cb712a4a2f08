"""The door to OpenCV on this floor: resize, blur, fill and read pictures, with its exceptions turned into ours."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from schemas.errors import RejectedInput

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

#: Sub-pixel bits of polygon corners: a sixteenth of a pixel is finer than any edge we blur.
_SHIFT = 4

#: Channels of a picture in colour, without and with transparency, and how OpenCV's order becomes ours.
_COLOURS = 3
_SWAPS = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}


@contextmanager
def translate() -> Iterator[None]:
    """Turn OpenCV's exception (there is one class) into ours.

    Raises
    ------
    RejectedInput
        ``unusable_pixels``: OpenCV refused the array.
    """
    try:
        yield
    except cv2.error as error:
        reason = "unusable_pixels"
        raise RejectedInput(reason, f"OpenCV could not use the picture: {error.err or 'no reason given'}") from error


def resize(picture: NDArray[Any], *, width_px: int, height_px: int, smooth: bool = False) -> NDArray[Any]:
    """Return the picture at another size, bilinear (``smooth``: bicubic), same dtype."""
    how = cv2.INTER_CUBIC if smooth else cv2.INTER_LINEAR
    with translate():
        return np.asarray(cv2.resize(picture, (width_px, height_px), interpolation=how))


def to_grey(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the ITU-R BT.601 luma of an RGB picture, uint8 (height_px, width_px); grey stays what it is."""
    with translate():
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))


def blur(picture: NDArray[np.float32], *, sigma_px: float) -> NDArray[np.float32]:
    """Return the picture under a Gaussian of the given width; edges are mirrored."""
    with translate():
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), max(sigma_px, 0.1)), dtype=np.float32)


def fill_polygon(outline: NDArray[np.float64], *, width_px: int, height_px: int) -> NDArray[np.float32]:
    """Return float32 (height_px, width_px) in 0..1: 1 inside the outline, its edge smoothed.

    Parameters
    ----------
    outline
        float64 (n, 2): x and y of the corners in pixels, corner origin.
    """
    mask = np.zeros((height_px, width_px), dtype=np.uint8)
    fixed = np.rint((outline - 0.5) * (1 << _SHIFT)).astype(np.int32)
    with translate():
        cv2.fillPoly(mask, [fixed], 255, lineType=cv2.LINE_AA, shift=_SHIFT)
    return np.asarray(mask, dtype=np.float32) / np.float32(255)


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Return an upright RGB picture, uint8 (height_px, width_px, 3); for picture sets, not for what observatories send.

    Raises
    ------
    RejectedInput
        ``not_an_image``: the file holds no picture OpenCV reads.
    """
    with translate():
        found = cv2.imdecode(np.frombuffer(path.read_bytes(), dtype=np.uint8), cv2.IMREAD_COLOR_RGB)
    if found is None:
        reason = "not_an_image"
        raise RejectedInput(reason, f"{path.name} holds no picture that can be read.")
    return np.asarray(found)


def write_picture(path: Path, picture: NDArray[np.uint8], *, quality: int = 92) -> None:
    """Write an RGB picture as JPEG or PNG, by the ending of the path; folders are made.

    Raises
    ------
    RejectedInput
        If OpenCV refuses the array.
    """
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if path.suffix.lower() in {".jpg", ".jpeg"} else []
    with translate():
        _, data = cv2.imencode(path.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.tobytes())


def sample_tile(tile: NDArray[np.float32], *, x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float32]:
    """Return the values of an endlessly repeated tile at the positions ``x``, ``y`` (in its pixels), bilinear."""
    height_px, width_px = tile.shape
    framed = np.pad(tile, ((0, 1), (0, 1)), mode="wrap")
    columns, rows = x.astype(np.float32), y.astype(np.float32)
    columns -= np.floor(columns * np.float32(1 / width_px)) * width_px
    rows -= np.floor(rows * np.float32(1 / height_px)) * height_px
    with translate():
        return np.asarray(cv2.remap(framed, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def encode_jpeg(picture: NDArray[np.uint8], *, quality: int = 90) -> bytes:
    """Return the JPEG bytes of an RGB picture, uint8 (height_px, width_px, 3); ``quality`` is 1 to 100."""
    with translate():
        done, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return _to_bytes(data, done=done)


def encode_png(picture: NDArray[np.uint8]) -> bytes:
    """Return the PNG bytes of an RGB or RGBA picture, uint8 (height_px, width_px, 3 or 4)."""
    with translate():
        turned = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR if picture.shape[2] == _COLOURS else cv2.COLOR_RGBA2BGRA)
        done, data = cv2.imencode(".png", turned)
    return _to_bytes(data, done=done)


def decode_png(data: bytes) -> NDArray[np.uint8]:
    """Return the RGB or RGBA picture in PNG bytes of ours, uint8 (height_px, width_px, 3 or 4).

    Raises
    ------
    RejectedInput
        ``not_an_image``: the bytes are not a colour PNG of 8 bits.
    """
    with translate():
        found = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    if found is None or found.dtype != np.uint8 or found.ndim != _COLOURS or found.shape[2] not in _SWAPS:
        reason = "not_an_image"
        raise RejectedInput(reason, "These bytes are not a colour PNG of 8 bits.")
    with translate():
        return np.asarray(cv2.cvtColor(found, _SWAPS[found.shape[2]]))


def _to_bytes(data: NDArray[np.uint8], *, done: bool) -> bytes:
    if not done:
        reason = "unusable_pixels"
        raise RejectedInput(reason, "OpenCV could not write the picture.")
    return data.tobytes()


def resize_into(picture: NDArray[np.uint8], target: NDArray[np.uint8]) -> None:
    """Scale a picture bilinearly into ``target``, (height_px, width_px, 3) of the wanted size; the target may be a window."""
    if picture.shape == target.shape:
        target[...] = picture
        return
    with translate():
        made = cv2.resize(picture, (target.shape[1], target.shape[0]), dst=target, interpolation=cv2.INTER_LINEAR)
    if made is not target and not np.shares_memory(made, target):
        target[...] = made


def sample(
    plane: NDArray[np.float32], *, start: tuple[float, float], step: tuple[float, float], size_px: tuple[int, int]
) -> NDArray[np.float32]:
    """Return float32 ``size_px`` (height, width): bilinear samples of a plane on a regular grid, edges repeated.

    Parameters
    ----------
    start, step
        Place (x, y) of the first sample in the plane, in indexes, and the distance to the next.
    """
    grid = np.asarray([[step[0], 0, start[0]], [0, step[1], start[1]]], dtype=np.float64)
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    with translate():
        found = cv2.warpAffine(plane, grid, (size_px[1], size_px[0]), flags=how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, dtype=np.float32)


def write_text(
    picture: NDArray[np.uint8], text: str, *, corner_px: tuple[int, int], colour: tuple[int, int, int]
) -> None:
    """Write a line of text into a picture in place; ``corner_px`` is (x, y) of its left foot."""
    with translate():
        cv2.putText(picture, text, corner_px, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)


def shrink(picture: NDArray[np.uint8], *, width_px: int, height_px: int) -> NDArray[np.uint8]:
    """Return a smaller picture, each pixel the mean of those it covers."""
    with translate():
        return np.asarray(cv2.resize(picture, (width_px, height_px), interpolation=cv2.INTER_AREA))


def tidy_mask(mask: NDArray[np.bool_], *, open_px: int, close_px: int) -> NDArray[np.bool_]:
    """Return a mask without parts thinner than ``open_px`` and without gaps narrower than ``close_px``."""
    plane = mask.astype(np.uint8)
    with translate():
        plane = np.asarray(cv2.morphologyEx(plane, cv2.MORPH_OPEN, _make_disc(open_px)))
        plane = np.asarray(cv2.morphologyEx(plane, cv2.MORPH_CLOSE, _make_disc(close_px)))
    return plane.astype(np.bool_)


def _make_disc(across_px: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (across_px, across_px)))


def label_parts(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the connected parts of a mask, neighbours by corner included.

    Returns
    -------
    labels
        int32 (height_px, width_px): 0 where the mask is off, else the number of the part, from 1.
    bounds
        int32 (n, 4): left, top, right, bottom of part 1 to n, end exclusive.
    """
    with translate():
        _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    corners = np.asarray(stats[1:, :2], dtype=np.int32)
    sizes = np.asarray(stats[1:, 2:4], dtype=np.int32)
    return np.asarray(labels, dtype=np.int32), np.concatenate([corners, corners + sizes], axis=1)
