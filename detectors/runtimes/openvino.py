"""The door to OpenVINO: compile a network for this machine and run several pictures at once."""

from __future__ import annotations

import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
#: Requests kept for the next pictures, each with memory for its input and outputs.
_KEPT_REQUESTS = 32
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
        Pictures computed at once, at most; ``None`` leaves the number to OpenVINO.
    threads
        Processor threads; ``None`` is all.
    cache_folder
        Where compiled networks may be kept for a faster next start; ``None`` keeps none.
    batch
        Pictures of one call, always as many (the rest is filled up): a large network gains nothing by it, a small one spends
        less time between calls. A network that cannot take several is run one by one.
    """

    precision: Precision = "f32"
    requests: int | None = None
    threads: int | None = None
    cache_folder: Path | None = None
    batch: int = 1


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
    """Runs OpenVINO IR (XML and weights) or ONNX; OpenVINO itself queues what is started while it computes."""

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
            read = core.read_model(model, weights or b"")
            graph, self._batch = _prepare(read, network, options.precision, batch=options.batch)
            self._compiled = core.compile_model(graph, "CPU", _to_properties(options))
        self._idle: deque[_Request] = deque(maxlen=_KEPT_REQUESTS)
        # The first call fills tables inside OpenVINO; two threads in it at once may wait for each other for ever (one for the
        # table, one for the interpreter's lock), so it is made here, alone.
        self.start(np.zeros((1, *network.input_px, network.scaling.channels), dtype=np.uint8)).result()

    @property
    def network(self) -> Network:
        """What the model's metadata says."""
        return self._network

    def start(self, batch: NDArray[np.uint8]) -> Answer:
        """Begin to run pictures, uint8 (n, height_px, width_px, channels), and return at once.

        They are run in calls of one size, so that no answer depends on how many were asked.
        """
        places = range(0, max(1, len(batch)), self._batch)
        with translate():
            return _Called(tuple(self._call(batch[place : place + self._batch]) for place in places))

    def close(self) -> None:
        """Let go of the network; what is under way comes to its end by itself."""
        self._idle.clear()

    def _call(self, pictures: NDArray[np.uint8]) -> _Call:
        """Begin one call, with a request that nobody uses or a new one: a thread may hold several until it asks for them."""
        try:
            request = self._idle.pop()  # the one used last, whose memory the processor may still have at hand
        except IndexError:
            request = _Request(self._compiled.create_infer_request())
        request.start(pictures)
        return _Call(request, len(pictures), self._idle)


class _Request:
    """One of OpenVINO's requests with memory of its own: pictures are copied into it, so that nobody need keep theirs.

    Given up while it computes, it waits in OpenVINO for its end.
    """

    def __init__(self, request: ov.InferRequest) -> None:
        self._request = request
        # looked up once: to ask OpenVINO for a tensor costs as much as copying it
        self._taken: NDArray[np.uint8] = request.get_input_tensor().data
        self._given: tuple[NDArray[np.float32], ...] | None = None
        if all(output.partial_shape.is_static for output in request.model_outputs):
            self._given = self._look_up()

    def _look_up(self) -> tuple[NDArray[np.float32], ...]:
        """Return the outputs where OpenVINO has them; those whose number follows from the picture lie elsewhere each time."""
        return tuple(tensor.data for tensor in self._request.output_tensors)

    def start(self, pictures: NDArray[np.uint8]) -> None:
        """Begin to run pictures, as many as fit in or fewer."""
        if pictures.shape[1:] != self._taken.shape[1:] or pictures.dtype != self._taken.dtype:
            message = (
                f"pictures of {pictures.shape[1:]} {pictures.dtype}, where {self._taken.shape[1:]} uint8 are taken"
            )
            raise ValueError(message)
        self._taken[: len(pictures)] = pictures
        self._taken[len(pictures) :] = 0
        self._request.start_async()

    def wait(self, timeout: float | None, count: int) -> Outputs:
        """Wait for the outputs of so many pictures and copy them, for they are overwritten by the next who uses it."""
        if timeout is None:
            self._request.wait()
        elif not self._request.wait_for(round(max(0.0, timeout) * 1000)):
            raise TimeoutError
        given = self._look_up() if self._given is None else self._given
        return tuple(np.array(output[:count], dtype=np.float32) for output in given)


@dataclass(slots=True)
class _Call:
    """Pictures that OpenVINO computes, or that wait in its queue; their request is ``idle`` again when they are done."""

    request: _Request | None
    count: int
    idle: deque[_Request]
    outputs: Outputs = ()

    def finish(self, timeout: float | None) -> Outputs:
        """Wait for the outputs."""
        if self.request is not None:
            self.outputs = self.request.wait(timeout, self.count)
            self.idle.append(self.request)
            self.request = None
        return self.outputs


@dataclass(frozen=True, slots=True)
class _Called:
    """The answer of one or several calls."""

    calls: tuple[_Call, ...]

    def result(self, timeout: float | None = None) -> Outputs:
        """Wait for the outputs.

        Raises
        ------
        FatalFault
            If OpenVINO fails.
        TimeoutError
            If it takes longer.
        """
        until_s = None if timeout is None else time.monotonic() + timeout
        with translate():
            parts = [call.finish(None if until_s is None else until_s - time.monotonic()) for call in self.calls]
        return parts[0] if len(parts) == 1 else tuple(np.concatenate(column) for column in zip(*parts, strict=True))


class BareQueue:
    """OpenVINO's own asynchronous queue and nothing around it: what a deployment is measured against, never used by one."""

    def __init__(
        self, network: Network, model: bytes, weights: bytes | None, *, finish: Callable[[Outputs], None]
    ) -> None:
        """Compile the network as :class:`OpenvinoRuntime` does; ``finish`` is called with each picture's outputs."""
        with translate():
            graph, _ = _prepare(ov.Core().read_model(model, weights or b""), network, "f32")
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


@contextmanager
def hold_precision(precision: Precision) -> Iterator[None]:
    """Make whatever is compiled within the block compute in this number format, vendors' own programs too.

    For measurements in one thread: for the time of the block it changes what everybody imports.
    """
    own = ov.Core

    class HeldCore(own):  # type: ignore[misc, valid-type]  # a vendor without types
        """A core with a mind of ours."""

        def compile_model(self, model: Any, device_name: str | None = None, config: Any = None, **more: Any) -> Any:  # noqa: ANN401
            """Compile with the number format added."""
            held = {**(config or {}), properties.hint.inference_precision(): _FORMATS[precision]}
            return super().compile_model(model, device_name, held, **more)

    ov.Core = HeldCore
    try:
        yield
    finally:
        ov.Core = own


def find_own_precision() -> Precision:
    """Return the number format in which OpenVINO computes on this processor when nobody says which."""
    with translate():
        own = ov.Core().get_property("CPU", properties.hint.inference_precision())
    names: dict[ov.Type, Precision] = {ov.Type.bf16: "bf16", ov.Type.f16: "f16"}
    return names.get(own, "f32")


def _prepare(graph: ov.Model, network: Network, precision: Precision, *, batch: int = 1) -> tuple[ov.Model, int]:
    """Check the network against its metadata, and let it take uint8 pictures, scaling and turning axes in the graph.

    Returns
    -------
    The network, and how many pictures one call takes: ``batch``, or 1 where the network is written for one.
    """
    quantised = any(operation.get_type_name() == _QUANTISED for operation in graph.get_ops())
    if quantised != (precision == "int8"):
        held = "is quantised to int8" if quantised else "is not quantised"
        message = f"The model {held}, so it cannot run as {precision}."
        raise FatalFault(message)
    if len(graph.inputs) != 1 or graph.input().partial_shape.rank.get_length() != _AXES:
        message = "The model does not take one batch of pictures."
        raise FatalFault(message)
    layout = _find_layout(graph.input().partial_shape, network)
    graph, batch = _set_largest_batch(graph, network, layout, batch)
    steps = ov.preprocess.PrePostProcessor(graph)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    converted = steps.input().preprocess().convert_element_type(ov.Type.f32)
    if any(network.scaling.mean):
        converted = converted.mean(list(network.scaling.mean))
    one = set(network.scaling.scale)
    converted.scale(one.pop() if len(one) == 1 else list(network.scaling.scale))
    steps.input().model().set_layout(ov.Layout(layout))
    for place in range(len(graph.outputs)):
        steps.output(place).tensor().set_element_type(ov.Type.f32)
    return steps.build(), batch


def _find_layout(shape: ov.PartialShape, network: Network) -> str:
    """Return which order of axes the network's input has; Keras networks have their channels last."""
    said = ["?" if side.is_dynamic else side.get_length() for side in shape]
    for layout in ("NCHW", "NHWC"):
        wanted = _to_shape(network, layout, 1)
        if all(side in {"?", length} for side, length in zip(said[1:], wanted[1:], strict=True)):
            return layout
    height, width = network.input_px
    message = f"The model takes pictures of shape {said}; its metadata says {height} x {width}."
    raise FatalFault(message)


def _to_shape(network: Network, layout: str, batch: int) -> list[int]:
    height, width = network.input_px
    channels = network.scaling.channels
    return [batch, channels, height, width] if layout == "NCHW" else [batch, height, width, channels]


def _set_largest_batch(graph: ov.Model, network: Network, layout: str, batch: int) -> tuple[ov.Model, int]:
    """Fix the input for ``batch`` pictures, or for one where the network's own operations are written for one."""
    if batch > 1:
        several = graph.clone()
        try:
            _set_batch(several, network, layout, batch)
        except VENDOR_ERRORS:
            pass
        else:
            return several, batch
    _set_batch(graph, network, layout, 1)
    return graph, 1


def _set_batch(graph: ov.Model, network: Network, layout: str, batch: int) -> None:
    """Fix the shape of the input and check that every output has as many rows.

    Raises
    ------
    ValueError
        If an output does not follow.
    """
    wanted = _to_shape(network, layout, batch)
    taken = graph.input().partial_shape
    if taken.is_dynamic or [int(side) for side in graph.input().shape] != wanted:
        graph.reshape(wanted)
    if batch > 1 and any(output.partial_shape[0].is_dynamic or output.shape[0] != batch for output in graph.outputs):
        message = "the network answers for one picture only"
        raise ValueError(message)


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
