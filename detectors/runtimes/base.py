"""The promise of a runtime: letterboxed pictures in, the network's numbers out, several at a time."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from detectors.runtimes.metadata import Network, Scaling

#: Number format of the inference; part of a result's identity, because boxes differ between formats.
Precision = Literal["f32", "f16", "bf16", "int8"]

#: The network's outputs in its own order, float32, first axis = pictures.
Outputs = tuple["NDArray[np.float32]", ...]


class Answer(Protocol):
    """Outputs that are being computed; a ``Future`` is one. One thread asks for them."""

    def result(self, timeout: float | None = None) -> Outputs:
        """Wait for them, at most so many seconds, and raise what went wrong; asked again, it says the same.

        Raises
        ------
        FatalFault
            If the network did not run.
        TimeoutError
            If they are not there in time.
        """
        ...


class Runtime(Protocol):
    """Runs one network; safe to use from several threads at once."""

    @property
    def network(self) -> Network:
        """Task, class names and input size."""
        ...

    def start(self, batch: NDArray[np.uint8]) -> Answer:
        """Begin to run pictures of the network's input size, uint8 (n, height_px, width_px, channels), and return at once.

        Channels are RGB or one grey; scaling and the order of axes are the runtime's business. The array must not be written
        to until the answer is there. A failure (FatalFault) is raised by the answer's ``result()``, or here where pictures do not
        fit.
        """
        ...

    def close(self) -> None:
        """Let go of the network."""
        ...


def make_ready(outputs: Outputs) -> Answer:
    """Return an answer that is already there."""
    answer: Future[Outputs] = Future()
    answer.set_result(outputs)
    return answer


def scale_values(pictures: NDArray[np.uint8], scaling: Scaling) -> NDArray[np.float32]:
    """Return what a network is given, float32 of the same shape: ``(value - mean) / scale`` by channel, the last axis."""
    values = pictures.astype(np.float32)
    if any(scaling.mean):
        values -= np.asarray(scaling.mean, dtype=np.float32)
    values /= np.asarray(scaling.scale, dtype=np.float32)
    return values
