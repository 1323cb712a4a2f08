"""Put a YOLO detector together: model, runtime, parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from detectors.yolo.detector import YoloDetector
from schemas.errors import FatalFault

if TYPE_CHECKING:
    from pathlib import Path

    from detectors.models.catalogue import Model
    from detectors.runtimes.base import Precision, Runtime
    from detectors.yolo.parameters import YoloParameters

RuntimeName = Literal["openvino", "onnxruntime"]


@dataclass(frozen=True, slots=True)
class YoloOptions:
    """How a model is run.

    Attributes
    ----------
    role
        What findings call the model in ``by``.
    precision
        Changes answers, so it is part of identity: ``f32``, ``f16``, ``bf16``; ``int8`` for a model quantised so.
    runtime
        ``openvino`` runs IR and ONNX; ``onnxruntime`` ONNX only. A ``.pt`` is always run by torch.
    requests, threads
        Images computed at once, at most, and processor threads; ``None`` leaves them to the runtime.
    cache_folder
        Where OpenVINO may keep compiled networks.
    """

    role: str = "yolo"
    precision: Precision = "f32"
    runtime: RuntimeName = "openvino"
    requests: int | None = None
    threads: int | None = None
    cache_folder: Path | None = None


def open_yolo(
    model: Model, parameters: YoloParameters | None = None, *, options: YoloOptions | None = None
) -> YoloDetector:
    """Return a detector that is ready to look.

    Raises
    ------
    FatalFault
        If the runtime cannot run this model or precision, or the parameters do not fit its classes.
    """
    chosen = options or YoloOptions()
    runtime = open_runtime(model, chosen)
    reference = model.to_ref(role=chosen.role, precision=chosen.precision, network=runtime.network)
    return YoloDetector(runtime, reference, parameters)


def open_runtime(model: Model, options: YoloOptions) -> Runtime:
    """Return the model, running; vendors are imported here and not before.

    Raises
    ------
    FatalFault
        If the runtime cannot run this model or precision.
    """
    if model.form == "torch":
        return _open_torch(model, options)
    if model.network is None:
        message = f"The model {model.name} does not say what it is for."
        raise FatalFault(message)
    if options.runtime == "openvino":
        from detectors.runtimes.openvino import OpenvinoOptions, OpenvinoRuntime  # noqa: PLC0415 - a vendor

        compiling = OpenvinoOptions(options.precision, options.requests, options.threads, options.cache_folder)
        return OpenvinoRuntime(model.network, model.data, model.weights, options=compiling)
    if model.form != "onnx" or options.precision != "f32":
        message = (
            f"ONNX Runtime runs ONNX files as f32; {model.name} is {model.form}, asked for as {options.precision}."
        )
        raise FatalFault(message)
    from detectors.runtimes.onnxruntime import OnnxruntimeRuntime  # noqa: PLC0415 - a vendor

    return OnnxruntimeRuntime(model.network, model.data, requests=options.requests or 2, threads=options.threads)


def _open_torch(model: Model, options: YoloOptions) -> Runtime:
    from detectors.ultralytics_door import TorchRuntime  # noqa: PLC0415 - gigabytes

    if model.path is None or options.precision != "f32":
        message = f"A .pt file is run as f32; {model.name} was asked for as {options.precision}."
        raise FatalFault(message)
    return TorchRuntime(model.path, threads=options.threads)
