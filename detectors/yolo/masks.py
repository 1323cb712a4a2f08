"""Masks of a segmenting YOLO network, in the pixels of the picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from detectors import pixels
from schemas.errors import RejectedInput
from schemas.forms.runlength import encode_mask
from schemas.geometry import Mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.letterbox import Letterbox

#: Longest text of a mask (see :class:`schemas.geometry.Mask`): a coarse network's smooth masks stay far below.
TEXT_LIMIT = 65_536


def to_mask(
    coefficients: NDArray[np.float32], prototypes: NDArray[np.float32], box: NDArray[np.float32], letterbox: Letterbox
) -> Mask | None:
    """Return the mask inside a box of the picture, or ``None`` when it has no pixel.

    The prototypes are weighted, summed, sampled bilinearly at the picture's pixels and cut at zero and at the box.

    Parameters
    ----------
    coefficients
        float32 (k,).
    prototypes
        float32 (k, height, width) over the network's input.
    box
        float32 (4,): left, top, right, bottom in picture pixels.

    Raises
    ------
    RejectedInput
        ``mask_too_large``: the mask's text is over the limit of the schema.
    """
    left, top, right, bottom = (math.ceil(float(side)) for side in box)
    if right <= left or bottom <= top:
        return None
    count, height, width = prototypes.shape
    weighted = (coefficients @ prototypes.reshape(count, -1)).reshape(height, width)
    gain_y, gain_x = letterbox.gain
    step_x, step_y = width / letterbox.input_px[1], height / letterbox.input_px[0]
    inside = pixels.sample(
        weighted,
        start=(
            ((left + 0.5) * gain_x + letterbox.left_px) * step_x - 0.5,
            ((top + 0.5) * gain_y + letterbox.top_px) * step_y - 0.5,
        ),
        step=(gain_x * step_x, gain_y * step_y),
        size_px=(bottom - top, right - left),
    )
    mask = inside > 0
    if not mask.any():
        return None
    text = encode_mask(mask)
    if len(text) > TEXT_LIMIT:
        reason = "mask_too_large"
        raise RejectedInput(reason, f"A mask of {right - left} x {bottom - top} pixels is too ragged to be written.")
    return Mask(x_px=left, y_px=top, width_px=right - left, height_px=bottom - top, rle=text)
