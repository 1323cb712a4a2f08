"""The door to ONNX Runtime: the second way to run a network, for machines where OpenVINO cannot."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as vendor

from schemas.errors import FatalFault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from detectors.runtimes.base import Answer, Outputs
    from detectors.runtimes.metadata import Network

#: Only errors and worse: the vendor writes warnings about optimisations to standard error.
_ERRORS_ONLY = 3
_WHITE = np.float32(255)

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

    def __init__(self, network: Network, model: bytes, *, requests: int = 2, threads: int | None = None) -> None:
        """Load the network.

        Parameters
        ----------
        network
            What the model's metadata says.
        model
            Bytes of the ONNX file.
        threads
            Processor threads in all; ``None`` is all.

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
        sides = [side for side in taken.shape[2:4] if isinstance(side, int)]
        if sides and tuple(sides) != network.input_px:
            message = f"The model takes pictures of {sides}; its metadata says {list(network.input_px)}."
            raise FatalFault(message)
        self._input, self._one_by_one = taken.name, taken.shape[0] == 1
        self._threads = ThreadPoolExecutor(max_workers=requests, thread_name_prefix="onnxruntime")

    @property
    def network(self) -> Network:
        """What the model's metadata says."""
        return self._network

    def start(self, batch: NDArray[np.uint8]) -> Answer:
        """Begin to run pictures, uint8 (n, height_px, width_px, 3) RGB."""
        return self._threads.submit(self._infer, batch)

    def close(self) -> None:
        """Wait for what is running and stop."""
        self._threads.shutdown()

    def _infer(self, batch: NDArray[np.uint8]) -> Outputs:
        planes = np.ascontiguousarray(batch.transpose(0, 3, 1, 2), dtype=np.float32) / _WHITE
        parts = [planes[place : place + 1] for place in range(len(planes))] if self._one_by_one else [planes]
        with translate():
            found = [self._session.run(None, {self._input: part}) for part in parts]
        columns = zip(*found, strict=True)
        return tuple(np.concatenate([np.asarray(part, dtype=np.float32) for part in column]) for column in columns)
