"""The network that is trained here: plain 3 x 3 convolutions, small enough for thousands of particles a second; no vendor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Channels and stride of each convolution. About 21 million operations at 100 x 100 px in grey, 22.5 in colour.
STAGES = ((16, 2), (24, 2), (32, 1), (48, 2), (64, 2))
#: For inputs of up to ``SMALL_PX``: particles so small lose their outline when the first convolution already halves the sides.
#: About 20 million operations at 48 x 48 px in colour.
SMALL_STAGES = ((16, 1), *STAGES[1:])
SMALL_PX = 64
_KERNEL = 9


def choose_stages(input_px: int) -> tuple[tuple[int, int], ...]:
    """Return the convolutions for an input of this side."""
    return SMALL_STAGES if input_px <= SMALL_PX else STAGES


@dataclass(frozen=True, slots=True)
class Design:
    """What the network looks like.

    Each stage is a 3 x 3 convolution with its own normalisation and a rectifier; then the mean and the maximum of each plane,
    side by side (a mean over the whole input tells how large a particle is, a maximum what is in it), and one linear layer.

    Attributes
    ----------
    channels
        Of the input: 1 or 3.
    classes
        Outputs.
    stages
        Channels and stride of each convolution.
    """

    channels: int
    classes: int
    stages: tuple[tuple[int, int], ...] = STAGES

    @property
    def features(self) -> int:
        """Numbers that the linear layer is given."""
        return 2 * self.stages[-1][0]

    def count_operations(self, input_px: tuple[int, int]) -> int:
        """Return multiplications and additions for one image (a multiplication with its addition is two)."""
        height, width = input_px
        taken, total = self.channels, 0
        for made, stride in self.stages:
            height, width = (height + stride - 1) // stride, (width + stride - 1) // stride
            total += height * width * made * taken * _KERNEL
            taken = made
        return 2 * (total + self.features * self.classes)


@dataclass(frozen=True)
class Weights:
    """Numbers of a trained network, normalisation folded into the convolutions.

    Attributes
    ----------
    kernels, offsets
        float32 (made, taken, 3, 3) and (made,) of each stage.
    matrix, bias
        float32 (classes, features) and (classes,).
    """

    kernels: tuple[NDArray[np.float32], ...]
    offsets: tuple[NDArray[np.float32], ...]
    matrix: NDArray[np.float32]
    bias: NDArray[np.float32]

    def cool(self, temperature: float) -> Weights:
        """Return the network whose logits are divided by ``temperature``: calibration is a property of the file."""
        return Weights(self.kernels, self.offsets, self.matrix / temperature, self.bias / temperature)
