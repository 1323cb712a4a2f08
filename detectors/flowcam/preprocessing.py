"""From an image of any size to the input of a network: belongs to the model's version, and is the same in training and use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

import numpy as np
from pydantic import Field, ValidationError, model_validator

from detectors import pixels
from detectors.runtimes.metadata import Scaling
from schemas.errors import FatalFault
from schemas.noun import Noun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: The file beside the weights.
FILE_NAME = "preprocessing.json"

Side = Annotated[int, Field(ge=8, le=2048)]
Grey = Annotated[int, Field(ge=0, le=255)]

_GREY_AXES = 2
_CHANNELS = {"grey": 1, "rgb": 3}


class Preprocessing(Noun):
    """How an image becomes the network's input.

    Attributes
    ----------
    input_px
        ``(height, width)`` of the input.
    colours
        ``grey`` (ITU-R BT.601 luma, one channel) or ``rgb``.
    fit
        ``pad``: kept at its true size, so that size stays visible; only what is larger than the input is scaled down.
        ``letterbox``: scaled by one factor until it fits. ``stretch``: both sides scaled to the input's. ``middle``: the
        middle square of the shorter side, scaled to the input.
    padding
        What surrounds an image that does not fill the input: one value, or ``border``, the mean of the image's own border.
    shrinking
        How an image larger than its place is scaled down: ``average`` of the pixels a new one covers, or ``bilinear`` samples,
        which alias, for networks that were trained so. Enlarging is always bilinear.
    mean, scale
        The network is given ``(value - mean) / scale`` of values 0 to 255, by channel.
    answers
        Whether the network gives ``shares`` (they sum to 1) or ``logits``, of which the shares are the softmax.
    """

    schema_name: Literal["preprocessing/1"] = "preprocessing/1"
    input_px: tuple[Side, Side]
    colours: Literal["grey", "rgb"] = "grey"
    fit: Literal["pad", "letterbox", "stretch", "middle"] = "pad"
    padding: Grey | Literal["border"] = "border"
    shrinking: Literal["average", "bilinear"] = "average"
    mean: tuple[float, ...] = (0.0,)
    scale: tuple[Annotated[float, Field(gt=0)], ...] = (255.0,)
    answers: Literal["shares", "logits"] = "shares"

    @model_validator(mode="after")
    def _has_a_number_for_each_channel(self) -> Self:
        if not len(self.mean) == len(self.scale) == self.channels:
            message = f"{self.colours} needs {self.channels} mean and scale"
            raise ValueError(message)
        return self

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colour."""
        return _CHANNELS[self.colours]

    @property
    def scaling(self) -> Scaling:
        """What a runtime does to the values."""
        return Scaling(mean=self.mean, scale=self.scale)

    def make_batch(self, count: int) -> NDArray[np.uint8]:
        """Return room for ``count`` inputs, uint8 (count, height, width, channels), zeros."""
        return np.zeros((count, *self.input_px, self.channels), dtype=np.uint8)

    def prepare(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
        """Return pictures, uint8 (height_px, width_px, 3) each, as inputs, uint8 (n, height, width, channels)."""
        batch = self.make_batch(len(pictures))
        for picture, target in zip(pictures, batch, strict=True):
            self.fit_into(picture, target)
        return batch

    def fit_into(self, picture: NDArray[np.uint8], target: NDArray[np.uint8]) -> None:
        """Write an image into one input of a batch; nothing of the image is kept by reference.

        Parameters
        ----------
        picture
            uint8 (height_px, width_px, 3), RGB, of any size.
        target
            uint8 (input height, input width, channels); every value is overwritten.

        Raises
        ------
        RejectedInput
            If OpenCV refuses the array.
        """
        if self.colours == "grey":
            picture = pixels.to_grey(picture)
        if self.fit == "stretch":
            self._scale(picture, target)
        elif self.fit == "middle":
            self._scale(_cut_middle(picture), target)
        else:
            self._surround(picture, target)

    def _surround(self, picture: NDArray[np.uint8], target: NDArray[np.uint8]) -> None:
        """Place the image in the middle of the input (half a pixel to the upper left where it does not come out even)."""
        target[...] = _average_border(picture) if self.padding == "border" else np.uint8(self.padding)
        high, wide = self.input_px
        height, width = picture.shape[:2]
        if self.fit == "letterbox" or height > high or width > wide:
            factor = min(high / height, wide / width)
            height, width = max(int(height * factor + 0.5), 1), max(int(width * factor + 0.5), 1)
        top, left = (high - height) // 2, (wide - width) // 2
        self._scale(picture, target[top : top + height, left : left + width])

    def _scale(self, picture: NDArray[np.uint8], target: NDArray[np.uint8]) -> None:
        height, width = target.shape[:2]
        if picture.shape[:2] == (height, width):
            target[...] = picture.reshape(target.shape)
            return
        shrinks = picture.shape[0] >= height and picture.shape[1] >= width
        scale = pixels.shrink if shrinks and self.shrinking == "average" else pixels.resize
        target[...] = scale(picture, width_px=width, height_px=height).reshape(target.shape)


def read_preprocessing(data: bytes) -> Preprocessing:
    """Return the preprocessing in ``preprocessing.json``.

    Raises
    ------
    FatalFault
        If it is not one: a guessed preprocessing gives wrong names without a word.
    """
    try:
        return Preprocessing.from_json(data)
    except ValidationError as error:
        wrong = ", ".join(
            sorted({".".join(str(part) for part in item["loc"]) or "not JSON" for item in error.errors()})
        )
        message = f"The model's {FILE_NAME} is not complete or not right: {wrong}."
        raise FatalFault(message) from error


def _cut_middle(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(picture[top : top + side, left : left + side])


def _average_border(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the rounded mean of the outermost pixels, by channel; corners count twice."""
    rows, columns = picture[[0, -1]], picture[:, [0, -1]]
    if picture.ndim == _GREY_AXES:
        return np.asarray((int(rows.sum()) + int(columns.sum())) / (rows.size + columns.size) + 0.5, dtype=np.uint8)
    count = rows.shape[0] * rows.shape[1] + columns.shape[0] * columns.shape[1]
    total = rows.sum(axis=(0, 1), dtype=np.int64) + columns.sum(axis=(0, 1), dtype=np.int64)
    return np.asarray(total / count + 0.5, dtype=np.uint8)
