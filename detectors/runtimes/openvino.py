"""The door to OpenVINO: compile a network for this machine and run several pictures at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING

import numpy as np

from detectors.runtimes.privacy import decline_telemetry
from schemas.errors import FatalFault

decline_telemetry()

import openvino as ov  # noqa: E402 - not before its reporting is declined
from openvino import properties  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from detectors.runtimes.base import Answer, Outputs, Precision
    from detectors.runtimes.metadata import Network

#: OpenVINO's number formats; int8 lives in the network's own operations, around which it computes in 32 bits.
_FORMATS = {"f32": ov.Type.f32, "f16": ov.Type.f16, "bf16": ov.Type.bf16, "int8": ov.Type.f32}
#: The operation that marks a network as quantised to 8 bits.
_QUANTISED = "FakeQuantize"
_WHITE = 255.0
_AXES = 4


@dataclass(frozen=True, slots=True)
class OpenvinoOptions:
    """How the network is compiled; only ``precision`` changes answers.

    Attributes
    ----------
    precision
        Said to OpenVINO explicitly: left to itself it computes in bf16 on some processors, and boxes then differ.
    requests
        Pictures in flight at once; ``None`` leaves the number to OpenVINO.
    threads
        Processor threads; ``None`` is all.
    cache_folder
        Where compiled networks may be kept for a faster next start; ``None`` keeps none.
    """

    precision: Precision = "f32"
    requests: int | None = None
    threads: int | None = None
    cache_folder: Path | None = None


@contextmanager
def translate() -> Iterator[None]:
    """Turn OpenVINO's exceptions into ours.

    Its binding raises ``RuntimeError`` (most failures), five classes of its own, and Python's ``TypeError``, ``ValueError``
    and ``IndexError`` for arguments it cannot use.

    Raises
    ------
    FatalFault
        A network that does not load or run: no input's fault, and no retry mends it.
    """
    try:
        yield
    except VENDOR_ERRORS as error:
        message = f"OpenVINO could not run the model: {_first_line(error)}"
        raise FatalFault(message) from error


VENDOR_ERRORS: tuple[type[Exception], ...] = (
    ov.frontend.GeneralFailure,
    ov.frontend.InitializationFailure,
    ov.frontend.NotImplementedFailure,
    ov.frontend.OpConversionFailure,
    ov.frontend.OpValidationFailure,
    RuntimeError,
    TypeError,
    ValueError,
    IndexError,
)


class OpenvinoRuntime:
    """Runs OpenVINO IR (XML and weights) or ONNX; ``requests`` pictures are in flight at once, whoever sends them."""

    def __init__(
        self, network: Network, model: bytes, weights: bytes | None = None, *, options: OpenvinoOptions | None = None
    ) -> None:
        """Compile the network.

        Parameters
        ----------
        network
            What the model's metadata says.
        model, weights
            Bytes of the XML and of the ``.bin``; of the ONNX file and ``None``.

        Raises
        ------
        FatalFault
            If OpenVINO refuses it, its input is not what the metadata says, or int8 is asked of a network that is not
            quantised (or another precision of one that is).
        """
        options = options or OpenvinoOptions()
        self._network = network
        with translate():
            core = ov.Core()
            if options.cache_folder is not None:
                core.set_property({properties.cache_dir(): str(options.cache_folder)})
            graph = _prepare(core.read_model(model, weights or b""), network, options.precision)
            self._compiled = core.compile_model(graph, "CPU", _to_properties(options))
            wanted = self._compiled.get_property(properties.optimal_number_of_infer_requests())
            self.requests = options.requests or int(wanted)
            self._idle: SimpleQueue[ov.InferRequest] = SimpleQueue()
            for _ in range(self.requests):
                self._idle.put(self._compiled.create_infer_request())
        # The first call fills tables inside OpenVINO; two threads in it at once may wait for each other for ever (one for the
        # table, one for the interpreter's lock), so it is made here, alone.
        self._infer(np.zeros((1, *network.input_px, 3), dtype=np.uint8))
        self._threads = ThreadPoolExecutor(max_workers=self.requests, thread_name_prefix="openvino")

    @property
    def network(self) -> Network:
        """What the model's metadata says."""
        return self._network

    def start(self, batch: NDArray[np.uint8]) -> Answer:
        """Begin to run pictures, uint8 (n, height_px, width_px, 3) RGB; they wait in turn for an idle request."""
        return self._threads.submit(self._infer, batch)

    def close(self) -> None:
        """Wait for what is running and stop."""
        self._threads.shutdown()

    def _infer(self, batch: NDArray[np.uint8]) -> Outputs:
        """Run each picture by itself: a processor gains nothing from larger calls, and one request fits any unit."""
        request = self._idle.get()
        try:
            with translate():
                parts = [self._infer_one(request, batch[place : place + 1]) for place in range(len(batch))]
        finally:
            self._idle.put(request)
        return parts[0] if len(parts) == 1 else tuple(np.concatenate(column) for column in zip(*parts, strict=True))

    def _infer_one(self, request: ov.InferRequest, picture: NDArray[np.uint8]) -> Outputs:
        found = request.infer({0: np.ascontiguousarray(picture)}, share_inputs=True, share_outputs=True)
        return tuple(np.array(output, dtype=np.float32) for output in found.values())


class BareQueue:
    """OpenVINO's own asynchronous queue and nothing around it: what a deployment is measured against, never used by one."""

    def __init__(
        self, network: Network, model: bytes, weights: bytes | None, *, finish: Callable[[Outputs], None]
    ) -> None:
        """Compile the network as :class:`OpenvinoRuntime` does; ``finish`` is called with each picture's outputs."""
        with translate():
            graph = _prepare(ov.Core().read_model(model, weights or b""), network, "f32")
            compiled = ov.Core().compile_model(graph, "CPU", _to_properties(OpenvinoOptions()))
            self._queue = ov.AsyncInferQueue(compiled)
        count = len(compiled.outputs)

        def call(request: ov.InferRequest, _: object) -> None:
            finish(tuple(request.get_output_tensor(place).data for place in range(count)))

        self._queue.set_callback(call)

    def start(self, picture: NDArray[np.uint8]) -> None:
        """Begin to run a picture, waiting for an idle request."""
        with translate():
            self._queue.start_async({0: picture})

    def wait(self) -> None:
        """Wait until all pictures are finished."""
        with translate():
            self._queue.wait_all()


def _prepare(graph: ov.Model, network: Network, precision: Precision) -> ov.Model:
    """Check the network against its metadata, and let it take uint8 pictures, scaling and turning axes in the graph."""
    quantised = any(operation.get_type_name() == _QUANTISED for operation in graph.get_ops())
    if quantised != (precision == "int8"):
        held = "is quantised to int8" if quantised else "is not quantised"
        message = f"The model {held}, so it cannot run as {precision}."
        raise FatalFault(message)
    height, width = network.input_px
    if len(graph.inputs) != 1 or graph.input().partial_shape.rank.get_length() != _AXES:
        message = "The model does not take one batch of pictures."
        raise FatalFault(message)
    if graph.input().partial_shape.is_dynamic or graph.input().partial_shape[0].get_length() != 1:
        graph.reshape([1, 3, height, width])
    shape = [int(side) for side in graph.input().shape]
    if shape != [1, 3, height, width]:
        message = f"The model takes pictures of shape {shape}; its metadata says {height} x {width}."
        raise FatalFault(message)
    steps = ov.preprocess.PrePostProcessor(graph)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().preprocess().convert_element_type(ov.Type.f32).scale(_WHITE)
    steps.input().model().set_layout(ov.Layout("NCHW"))
    for place in range(len(graph.outputs)):
        steps.output(place).tensor().set_element_type(ov.Type.f32)
    return steps.build()


def _to_properties(options: OpenvinoOptions) -> dict[str, object]:
    chosen: dict[str, object] = {
        properties.hint.performance_mode(): properties.hint.PerformanceMode.THROUGHPUT,
        properties.hint.inference_precision(): _FORMATS[options.precision],
    }
    if options.requests is not None:
        chosen[properties.hint.num_requests()] = options.requests
    if options.threads is not None:
        chosen[properties.inference_num_threads()] = options.threads
    return chosen


def _first_line(error: Exception) -> str:
    """Return the line of a vendor's message that says something; the others are source places inside the vendor."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(("Exception from", "Check ", "/"))]
    return (telling or lines or [type(error).__name__])[0][:200]
