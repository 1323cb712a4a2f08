"""What a machine can do at best, and what the vendor's own program does: the measures a deployment is held against."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from detectors import pixels
from detectors.base import View
from detectors.letterbox import make_letterbox
from detectors.yolo.decode import read_detections
from detectors.yolo.open import YoloOptions, open_runtime, open_yolo
from detectors.yolo.parameters import YoloParameters
from schemas.finding import Image
from schemas.geometry import WholePart

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from detectors.models.catalogue import Model
    from detectors.runtimes.base import Precision

#: Pictures run before the clock starts: the first calls of a network allocate.
WARM_UP = 8


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast pictures went through.

    Attributes
    ----------
    what
        Which loop was measured.
    pictures, seconds
        How many, and how long.
    findings
        Boxes found: two rates are comparable only if these agree.
    """

    what: str
    pictures: int
    seconds: float
    findings: int

    @property
    def per_second(self) -> float:
        """Pictures per second."""
        return self.pictures / self.seconds


def measure_bare_loop(model: Model, paths: Sequence[Path], *, rounds: int = 1) -> Rate:
    """Return the rate of a bare loop: decode, letterbox, OpenVINO's asynchronous queue, suppression, and nothing else.

    Parameters
    ----------
    model
        OpenVINO IR or ONNX.
    paths
        Encoded pictures; each round decodes all of them again.

    Raises
    ------
    FatalFault
        If the model cannot be run.
    """
    from detectors.runtimes.openvino import BareQueue  # noqa: PLC0415 - a vendor

    network = model.network
    if network is None:
        message = "the bare loop runs OpenVINO IR and ONNX"
        raise ValueError(message)
    parameters, found = YoloParameters(), [0]

    def finish(outputs: tuple[np.ndarray, ...]) -> None:
        found[0] += len(read_detections(outputs, network, parameters).scores)

    queue = BareQueue(network, model.data, model.weights, finish=finish)
    todo = [*paths[:WARM_UP], *(path for _ in range(rounds) for path in paths)]
    started = 0.0
    for place, path in enumerate(todo):
        if place == min(WARM_UP, len(paths)):
            queue.wait()
            found[0], started = 0, time.perf_counter()
        picture = pixels.read_picture(path)
        queue.start(make_letterbox((picture.shape[0], picture.shape[1]), network.input_px).fit(picture)[None])
    queue.wait()
    return Rate("bare loop", rounds * len(paths), time.perf_counter() - started, found[0])


def measure_detector(
    model: Model, paths: Sequence[Path], *, rounds: int = 1, options: YoloOptions | None = None
) -> Rate:
    """Return the rate of this package's detector, decoding in the same thread, all pictures as one unit.

    Raises
    ------
    FatalFault
        If the model cannot be run.
    """
    detector = open_yolo(model, YoloParameters(), options=options)

    def views(some: Sequence[Path]) -> Iterator[View]:
        for index, path in enumerate(some):
            picture = pixels.read_picture(path)
            height_px, width_px = picture.shape[:2]
            place = WholePart(part="still")
            yield View(Image(index=index, kind="still", width_px=width_px, height_px=height_px, place=place), picture)

    try:
        list(detector.look(views(paths[:WARM_UP])))
        started = time.perf_counter()
        found = sum(len(findings) for findings in detector.look(views(list(paths) * rounds)))
        return Rate("detector", rounds * len(paths), time.perf_counter() - started, found)
    finally:
        detector.close()


def measure_network(model: Model, *, pictures: int = 100, options: YoloOptions | None = None) -> Rate:
    """Return the rate of the network alone, on grey pictures of its own size.

    Raises
    ------
    FatalFault
        If the model cannot be run.
    """
    runtime = open_runtime(model, options or YoloOptions())
    grey = np.full((1, *runtime.network.input_px, 3), 114, dtype=np.uint8)
    try:
        for answer in [runtime.start(grey) for _ in range(WARM_UP)]:
            answer.result()
        started = time.perf_counter()
        for answer in [runtime.start(grey) for _ in range(pictures)]:
            answer.result()
        return Rate("network alone", pictures, time.perf_counter() - started, 0)
    finally:
        runtime.close()


def measure_vendor(
    weights: Path, folder: Path, *, rounds: int = 1, input_px: int | None = None, precision: Precision | None = None
) -> Rate:
    """Return the rate of the vendor's own ``yolo predict source=folder`` on a ``.pt`` file or an export's folder.

    Parameters
    ----------
    input_px
        Side of the network's input, to be given for a ``.pt``: two rates at different sizes are not comparable.
    precision
        Number format that an export is held to; ``None`` leaves it to the vendor, who leaves it to OpenVINO.

    Raises
    ------
    FatalFault
        If the ``train`` extra is missing, or the vendor cannot run it.
    """
    from detectors.runtimes.openvino import hold_precision  # noqa: PLC0415
    from detectors.ultralytics_door import predict_folder  # noqa: PLC0415 - gigabytes

    with nullcontext() if precision is None else hold_precision(precision):
        predict_folder(weights, folder, input_px=input_px)
        started = time.perf_counter()
        counts = [predict_folder(weights, folder, input_px=input_px) for _ in range(rounds)]
        seconds = time.perf_counter() - started
    pictures = sum(found.pictures for found in counts)
    return Rate(f"yolo predict on {weights.suffix or 'IR'}", pictures, seconds, sum(found.boxes for found in counts))
