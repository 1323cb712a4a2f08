"""Put a classifier of whole images together: model, runtime, parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from detectors.flowcam.detector import BATCH, RoiClassifier
from detectors.flowcam.taxa import to_label_ids
from schemas.errors import FatalFault

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from detectors.flowcam.parameters import RoiParameters
    from detectors.flowcam.preprocessing import Preprocessing
    from detectors.flowcam.taxa import ClassTaxon
    from detectors.models.catalogue import Model
    from detectors.models.classifiers.card import ClassifierCard
    from detectors.runtimes.base import Precision, Runtime

RuntimeName = Literal["openvino", "onnxruntime"]


@dataclass(frozen=True, slots=True)
class RoiOptions:
    """How a model is run.

    Attributes
    ----------
    role
        What findings call the model in ``by``.
    precision
        Changes answers, so it is part of identity.
    runtime
        ``openvino`` runs IR and ONNX; ``onnxruntime`` ONNX only.
    requests, threads
        Calls in the network at once, and processor threads; ``None`` leaves them to the runtime.
    cache_folder
        Where OpenVINO may keep compiled networks.
    """

    role: str = "classifier"
    precision: Precision = "f32"
    runtime: RuntimeName = "openvino"
    requests: int | None = None
    threads: int | None = None
    cache_folder: Path | None = None


@dataclass(frozen=True)
class Classifier:
    """A model that names whole images, with what belongs to its version.

    Attributes
    ----------
    model
        The proven weights; its network lists the class names.
    preprocessing
        How images become its input.
    thresholds
        Score from which a class is believed, by label; from the card.
    taxa
        What each class stands for, in the network's order.
    card
        ``None`` for a folder without one.
    """

    model: Model
    preprocessing: Preprocessing
    thresholds: Mapping[str, float] = field(default_factory=dict)
    taxa: tuple[ClassTaxon, ...] = ()
    card: ClassifierCard | None = None


def open_classifier(
    classifier: Classifier, parameters: RoiParameters | None = None, *, options: RoiOptions | None = None
) -> RoiClassifier:
    """Return a detector that is ready to look.

    Raises
    ------
    FatalFault
        If the runtime cannot run this model or precision, its answers do not fit its list of classes, or the parameters do not.
    """
    chosen = options or RoiOptions()
    runtime = open_runtime(classifier.model, chosen)
    reference = classifier.model.to_ref(role=chosen.role, precision=chosen.precision, network=runtime.network)
    try:
        detector = RoiClassifier(
            runtime,
            reference,
            classifier.preprocessing,
            parameters=parameters,
            thresholds=classifier.thresholds,
            aphia_ids=to_label_ids(classifier.taxa),
        )
        detector.try_out()
    except FatalFault:
        runtime.close()
        raise
    return detector


def open_runtime(model: Model, options: RoiOptions) -> Runtime:
    """Return the model, running, with calls of ``BATCH`` images; vendors are imported here and not before.

    Raises
    ------
    FatalFault
        If the runtime cannot run this model or precision.
    """
    if model.network is None:
        message = f"The model {model.name} does not say what it is for."
        raise FatalFault(message)
    if options.runtime == "openvino":
        from detectors.runtimes.openvino import OpenvinoOptions, OpenvinoRuntime  # noqa: PLC0415 - a vendor

        compiling = OpenvinoOptions(
            options.precision, options.requests, options.threads, options.cache_folder, batch=BATCH
        )
        return OpenvinoRuntime(model.network, model.data, model.weights, options=compiling)
    if model.form != "onnx" or options.precision != "f32":
        message = (
            f"ONNX Runtime runs ONNX files as f32; {model.name} is {model.form}, asked for as {options.precision}."
        )
        raise FatalFault(message)
    from detectors.runtimes.onnxruntime import OnnxruntimeRuntime  # noqa: PLC0415 - a vendor

    return OnnxruntimeRuntime(
        model.network, model.data, requests=options.requests or 2, threads=options.threads, batch=BATCH
    )
