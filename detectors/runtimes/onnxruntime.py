"""The door to ONNX Runtime: the second way to run a network, for machines where OpenVINO cannot."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as vendor

from detectors.runtimes.base import scale_values
from schemas.errors import FatalFault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from detectors.runtimes.base import Answer, Outputs
    from detectors.runtimes.metadata import Network

#: Only errors and worse: the vendor writes warnings about optimisations to standard error.
_ERRORS_ONLY = 3
_AXES = 4

VENDOR_ERRORS: tuple[type[Exception], ...] = (
    vendor.DeviceReset,
    vendor.EPFail,
    vendor.EngineError,
    vendor.Fail,
    vendor.InvalidArgument,
    vendor.InvalidGraph,
    vendor.InvalidProtobuf,
    vendor.ModelLoadCanceled,
    vendor.ModelLoaded,
    vendor.ModelRequiresCompilation,
    vendor.NoModel,
    vendor.NoSuchFile,
    vendor.NotFound,
    vendor.NotImplemented,
    vendor.RuntimeException,
    RuntimeError,
    TypeError,
    ValueError,
)


@contextmanager
def translate() -> Iterator[None]:
    """Turn ONNX Runtime's exceptions into ours.

    Raises
    ------
    FatalFault
        A network that does not load or run: no input's fault, and no retry mends it.
    """
    try:
        yield
    except VENDOR_ERRORS as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        message = f"ONNX Runtime could not run the model: {(lines or [type(error).__name__])[0][:200]}"
        raise FatalFault(message) from error


class OnnxruntimeRuntime:
    """Runs an ONNX file in 32-bit floats; ``requests`` pictures are in flight at once."""

    def __init__(
        self, network: Network, model: bytes, *, requests: int = 2, threads: int | None = None, batch: int | None = None
    ) -> None:
        """Load the network.

        Parameters
        ----------
        network
            What the model's metadata says.
        model
            Bytes of the ONNX file.
        threads
            Processor threads in all; ``None`` is all.
        batch
            Pictures of one call, always as many (the rest is filled up); ``None``: as many as are asked. A network written for
            a number of its own is run with that.

        Raises
        ------
        FatalFault
            If ONNX Runtime refuses it, or its input is not what the metadata says.
        """
        self._network = network
        self.requests = requests
        options = onnxruntime.SessionOptions()
        options.log_severity_level = _ERRORS_ONLY
        if threads is not None:
            options.intra_op_num_threads = threads
        with translate():
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
            taken = self._session.get_inputs()[0]
        self._input, self._channels_last = taken.name, _is_channels_last(taken.shape, network)
        self._batch = taken.shape[0] if isinstance(taken.shape[0], int) else batch
        self._threads = ThreadPoolExecutor(max_workers=requests, thread_name_prefix="onnxruntime")

    @property
    def network(self) -> Network:
        """What the model's metadata says."""
        return self._network

    def start(self, batch: NDArray[np.uint8]) -> Answer:
        """Begin to run pictures, uint8 (n, height_px, width_px, channels)."""
        return self._threads.submit(self._infer, batch)

    def close(self) -> None:
        """Wait for what is running and stop."""
        self._threads.shutdown()

    def _infer(self, batch: NDArray[np.uint8]) -> Outputs:
        size = self._batch or len(batch)
        parts = [self._infer_part(batch[place : place + size], size) for place in range(0, len(batch), size)]
        return parts[0] if len(parts) == 1 else tuple(np.concatenate(column) for column in zip(*parts, strict=True))

    def _infer_part(self, pictures: NDArray[np.uint8], size: int) -> Outputs:
        count = len(pictures)
        if count < size:
            pictures = np.concatenate([pictures, np.zeros((size - count, *pictures.shape[1:]), dtype=np.uint8)])
        values = scale_values(pictures, self._network.scaling)
        taken = values if self._channels_last else np.ascontiguousarray(values.transpose(0, 3, 1, 2))
        with translate():
            found = self._session.run(None, {self._input: taken})
        return tuple(np.asarray(output[:count], dtype=np.float32) for output in found)


def _is_channels_last(shape: list[object], network: Network) -> bool:
    """Return which order of axes the network's input has; sides and channels it leaves open fit anything."""
    height, width = network.input_px
    channels = network.scaling.channels
    for last, wanted in ((False, (channels, height, width)), (True, (height, width, channels))):
        if len(shape) == _AXES and all(
            not isinstance(side, int) or side == length for side, length in zip(shape[1:], wanted, strict=True)
        ):
            return last
    sides = [side for side in shape[2:4] if isinstance(side, int)]
    message = f"The model takes pictures of {sides}; its metadata says {list(network.input_px)}."
    raise FatalFault(message)
