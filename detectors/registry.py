"""Detectors by name: what a settings file may ask for, with which parameters, and how each is put together."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from pydantic import Field, StringConstraints, ValidationError

from detectors.flowcam.parameters import RoiParameters
from detectors.motion.parameters import MotionParameters
from detectors.yolo.parameters import YoloParameters
from schemas.errors import FatalFault, RejectedInput
from schemas.noun import Code, Noun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from detectors.base import Detector


@dataclass(frozen=True, slots=True)
class BuildContext:
    """What a deployment lends to its detectors.

    Attributes
    ----------
    read_bytes
        Bytes of a model's or background's file by its key (``demo-aquarium/1/card.json``); raises ``FileNotFoundError``,
        ``KeyError`` or RejectedInput where there are none.
    threads
        Processor threads of a network; ``None`` leaves them to its runtime.
    cache_folder
        Where compiled networks may be kept.
    """

    read_bytes: Callable[[str], bytes]
    threads: int | None = None
    cache_folder: Path | None = None


class ScriptedParameters(Noun):
    """The shipped fake takes none."""


class CounterParameters(Noun):
    """The counter of particles takes none."""


class YoloSettings(YoloParameters):
    """The model of a YOLO detector, how it is run, and its thresholds.

    Attributes
    ----------
    model
        ``name@version`` of a catalogue, or the path of a model file.
    role
        What findings call the model in ``by``.
    precision
        Number format of the inference: changes answers, so it is part of identity.
    runtime
        ``openvino`` runs IR and ONNX, ``onnxruntime`` ONNX only; a ``.pt`` is always run by torch.
    requests
        Images computed at once, at most; left out, the runtime chooses.
    """

    model: Annotated[str, StringConstraints(min_length=1, max_length=1100)]
    role: Code = "yolo"
    precision: Literal["f32", "f16", "bf16", "int8"] = "f32"
    runtime: Literal["openvino", "onnxruntime"] = "openvino"
    requests: Annotated[int, Field(ge=1, le=64)] | None = None


class RoiSettings(RoiParameters):
    """The model of a classifier of whole images, how it is run, and when it is believed.

    Attributes
    ----------
    model
        ``name@version`` of a catalogue, or the path of a model folder.
    role
        What findings call the model in ``by``.
    precision
        Number format of the inference: changes answers, so it is part of identity.
    runtime
        ``openvino`` runs IR and ONNX, ``onnxruntime`` ONNX only.
    requests
        Calls computed at once, at most; left out, the runtime chooses.
    """

    model: Annotated[str, StringConstraints(min_length=1, max_length=1100)]
    role: Code = "classifier"
    precision: Literal["f32", "f16", "bf16", "int8"] = "f32"
    runtime: Literal["openvino", "onnxruntime"] = "openvino"
    requests: Annotated[int, Field(ge=1, le=64)] | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One name of the registry: what it is, what it takes, how it is built."""

    sentence: str
    parameters: type[Noun]
    build: Callable[[Any, BuildContext], Detector]


def _build_scripted(_: ScriptedParameters, __: BuildContext) -> Detector:
    from detectors.scripted import ScriptedDetector  # noqa: PLC0415 - built only when asked for

    return ScriptedDetector()


def _build_motion(parameters: MotionParameters, context: BuildContext) -> Detector:
    from detectors.motion.background import load_background  # noqa: PLC0415 - OpenCV
    from detectors.motion.detector import MotionDetector  # noqa: PLC0415

    if parameters.background is None:
        return MotionDetector(parameters)
    try:
        data = context.read_bytes(parameters.background)
        return MotionDetector(parameters, load_background(data))
    except (FileNotFoundError, KeyError) as error:
        message = f"There is no background picture {parameters.background}."
        raise FatalFault(message) from error
    except RejectedInput as error:
        message = f"The background picture {parameters.background} cannot be used: {error.sentence}"
        raise FatalFault(message) from error


def _build_yolo(settings: YoloSettings, context: BuildContext) -> Detector:
    from detectors.models.catalogue import open_model  # noqa: PLC0415 - vendors
    from detectors.yolo.open import YoloOptions, open_yolo  # noqa: PLC0415

    thresholds = YoloParameters(**{name: getattr(settings, name) for name in YoloParameters.model_fields})
    options = YoloOptions(
        role=settings.role,
        precision=settings.precision,
        runtime=settings.runtime,
        requests=settings.requests,
        threads=context.threads,
        cache_folder=context.cache_folder,
    )
    return open_yolo(open_model(settings.model, (context.read_bytes,)), thresholds, options=options)


def _build_counter(_: CounterParameters, __: BuildContext) -> Detector:
    from detectors.flowcam.unnamed import ParticleCounter  # noqa: PLC0415 - built only when asked for

    return ParticleCounter()


def _build_roi_classifier(settings: RoiSettings, context: BuildContext) -> Detector:
    from detectors.flowcam.open import RoiOptions, open_classifier  # noqa: PLC0415 - vendors
    from detectors.models.classifiers.folder import open_classifier_model  # noqa: PLC0415

    parameters = RoiParameters(**{name: getattr(settings, name) for name in RoiParameters.model_fields})
    options = RoiOptions(
        role=settings.role,
        precision=settings.precision,
        runtime=settings.runtime,
        requests=settings.requests,
        threads=context.threads,
        cache_folder=context.cache_folder,
    )
    return open_classifier(open_classifier_model(settings.model, (context.read_bytes,)), parameters, options=options)


#: A new detector is a line here, a folder beside this file, and a row of the promise suite.
REGISTRY: Mapping[str, Entry] = MappingProxyType(
    {
        "motion": Entry("moving things before a fixed camera, without weights", MotionParameters, _build_motion),
        "particles": Entry(
            "counts each image of a run as a particle, and names none", CounterParameters, _build_counter
        ),
        "roi-classifier": Entry(
            "names each image as a whole: plankton of a FlowCam", RoiSettings, _build_roi_classifier
        ),
        "scripted": Entry("the shipped fake: one box in bright pictures", ScriptedParameters, _build_scripted),
        "yolo": Entry("YOLO v8, 11 and 26 networks: boxes, masks or classes", YoloSettings, _build_yolo),
    }
)


def read_parameters(name: str, values: Mapping[str, Any]) -> Noun:
    """Return the typed parameters of the detector called ``name``.

    Raises
    ------
    FatalFault
        If there is no such detector, or naming every parameter that is unknown, missing or wrong.
    """
    entry = REGISTRY.get(name)
    if entry is None:
        message = f"There is no detector {name!r}; there are {', '.join(sorted(REGISTRY))}."
        raise FatalFault(message)
    try:
        return entry.parameters.model_validate(dict(values))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc'])) or name}: {item['msg']}" for item in error.errors())
        taken = ", ".join(entry.parameters.model_fields) or "none"
        message = f"The parameters of the detector {name} are wrong: {wrong}. It takes: {taken}."
        raise FatalFault(message) from error


def build_detector(name: str, parameters: Mapping[str, Any], context: BuildContext) -> Detector:
    """Return a detector that is ready to look.

    Raises
    ------
    FatalFault
        If there is no such detector, its parameters are wrong, or a file it needs is not there or not usable.
    """
    typed = read_parameters(name, parameters)
    return REGISTRY[name].build(typed, context)


class Wanted(Protocol):
    """What names a detector: an installation's settings."""

    @property
    def detector(self) -> str:
        """Its name in the registry."""
        ...

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What it is told."""
        ...


def build_detectors(wanted: Mapping[str, Wanted], context: BuildContext) -> dict[str, Detector | FatalFault]:
    """Return each installation's detector, or why it cannot be built: one of them does not stop the others."""
    built: dict[str, Detector | FatalFault] = {}
    for name, asked in wanted.items():
        try:
            built[name] = build_detector(asked.detector, asked.parameters, context)
        except FatalFault as fault:
            built[name] = fault
    return built
