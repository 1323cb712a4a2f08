"""Masks as COCO's compressed run lengths: column-major, local to their box, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: COCO's text holds a number in groups of 5 bits, lowest first, each shifted into printable characters from "0".
_GROUP_BITS, _FIRST_CHARACTER = 5, 48
_CONTINUES, _GROUP_MASK, _SIGN = 0x20, 0x1F, 0x10
#: From the fourth run on, COCO writes the difference to the run two before.
_PLAIN_RUNS = 3


def encode_mask(mask: NDArray[np.bool_]) -> str:
    """Return the compressed text of a mask, bool (height_px, width_px)."""
    flat = np.asarray(mask, dtype=np.bool_).ravel(order="F")
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate([[0], changes, [flat.size]])
    runs = [int(run) for run in np.diff(edges)]
    if flat.size and flat[0]:
        runs = [0, *runs]
    return "".join(
        _write_number(run - runs[place - 2] if place >= _PLAIN_RUNS else run) for place, run in enumerate(runs)
    )


def decode_mask(text: str, *, width_px: int, height_px: int) -> NDArray[np.bool_]:
    """Return the mask, bool (height_px, width_px), of compressed text.

    Raises
    ------
    ValueError
        If the runs do not fill the box exactly.
    """
    runs: list[int] = []
    place = 0
    while place < len(text):
        number, place = _read_number(text, place)
        runs.append(number + runs[-2] if len(runs) >= _PLAIN_RUNS else number)
    if sum(runs) != width_px * height_px or any(run < 0 for run in runs):
        message = f"the runs do not fill {width_px} x {height_px} pixels"
        raise ValueError(message)
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return flat.reshape((height_px, width_px), order="F")


def _write_number(number: int) -> str:
    text = []
    while True:
        group = number & _GROUP_MASK
        number >>= _GROUP_BITS
        done = number == (-1 if group & _SIGN else 0)
        text.append(chr((group if done else group | _CONTINUES) + _FIRST_CHARACTER))
        if done:
            return "".join(text)


def _read_number(text: str, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        if place >= len(text):
            message = "the text of the mask breaks off"
            raise ValueError(message)
        group = ord(text[place]) - _FIRST_CHARACTER
        number |= (group & _GROUP_MASK) << shift
        place, shift = place + 1, shift + _GROUP_BITS
        if not group & _CONTINUES:
            return (number | (-1 << shift) if group & _SIGN else number), place
