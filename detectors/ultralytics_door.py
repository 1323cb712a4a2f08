"""The door to ultralytics and torch (the ``train`` extra): train, validate and export weights, and run `.pt` files."""

from __future__ import annotations

import atexit
import logging
import os
import tempfile
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from detectors.runtimes.base import Answer, make_ready
from detectors.runtimes.metadata import Network, read_network
from detectors.runtimes.privacy import decline_telemetry
from schemas.errors import FatalFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

#: What the vendor must not do here: look for a network, install packages by itself, or talk on standard output.
_QUIET = {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "YOLO_VERBOSE": "false"}


@dataclass(frozen=True)
class Lesson:
    """One run of training.

    Attributes
    ----------
    start
        Weights (``.pt``) to go on from, or the name of an architecture (``yolo11n``) to begin from nothing.
    listing
        ``data.yaml`` of the picture set.
    out
        Folder for weights and logs.
    epochs, input_px, batch, seed
        As usual; equal values on one machine give equal weights. Each batch is a step of the optimiser (the vendor would
        gather 64 pictures first, which leaves few pictures very few steps).
    threads
        Processor threads torch may use.
    options
        Further settings by the vendor's names (learning rate, augmentation).
    """

    start: str
    listing: Path
    out: Path
    epochs: int
    input_px: int
    batch: int = 16
    seed: int = 0
    threads: int = 2
    options: Mapping[str, Any] = field(default_factory=dict)


@cache
def load_ultralytics() -> Any:  # noqa: ANN401 - a vendor without types
    """Import ultralytics so that it neither phones home, downloads, installs nor writes into the user's home.

    Raises
    ------
    FatalFault
        If the ``train`` extra is not installed.
    """
    decline_telemetry()
    folder = tempfile.TemporaryDirectory(prefix="observatory-ultralytics-")
    atexit.register(folder.cleanup)
    os.environ.update(_QUIET)
    os.environ["YOLO_CONFIG_DIR"] = os.environ["MPLCONFIGDIR"] = folder.name
    try:
        import ultralytics  # noqa: PLC0415 - several seconds and gigabytes: only when asked for
    except ImportError as error:
        message = "Training, exporting and `.pt` files need the train extra: pip install observatory-streams[train]."
        raise FatalFault(message) from error
    ultralytics.settings.update({"sync": False, **dict.fromkeys(_INTEGRATIONS, False)})
    # it logs and draws progress on standard output, which belongs to the command that called us
    ultralytics.utils.LOGGER.setLevel(logging.ERROR)
    return ultralytics


#: Reporting services the vendor would use when it finds their packages installed.
_INTEGRATIONS = ("clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb")


@contextmanager
def translate(doing: str) -> Iterator[None]:
    """Turn whatever ultralytics and torch raise into ours.

    Neither has an exception tree of its own: they raise Python's, and torch adds subclasses of ``RuntimeError``.

    Raises
    ------
    FatalFault
        Always: weights that cannot be trained, read or run are no input's fault.
    """
    try:
        yield
    except FatalFault:
        raise
    except (KeyboardInterrupt, MemoryError):
        raise
    except Exception as error:
        message = f"Ultralytics could not {doing}: {str(error)[:200] or type(error).__name__}"
        raise FatalFault(message) from error


@contextmanager
def work_quietly(doing: str) -> Iterator[None]:
    """Translate, and drop the vendors' warnings about each other's deprecations: nothing our user can act on.

    Not for code that several threads run: Python's warning filters are one list for all of them.
    """
    with translate(doing), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def train(lesson: Lesson, *, progress: Callable[[int, int, float], bool]) -> Path:
    """Train and return the weights of the best epoch.

    Parameters
    ----------
    lesson
        What to learn from and how.
    progress
        Called after each epoch with (epoch from 1, epochs, mAP50-95 on the held-out part); returns whether to go on.

    Raises
    ------
    FatalFault
        If the extra is missing or training fails.
    """
    ultralytics = load_ultralytics()
    with work_quietly("train"):
        import torch  # noqa: PLC0415

        torch.set_num_threads(lesson.threads)
        architecture = not lesson.start.endswith(".pt")
        model = ultralytics.YOLO(f"{lesson.start}.yaml" if architecture else lesson.start)

        def report(trainer: Any) -> None:  # noqa: ANN401 - the vendor's trainer
            if not progress(trainer.epoch + 1, trainer.epochs, float(trainer.fitness or 0.0)):
                trainer.stop = True

        model.add_callback("on_fit_epoch_end", report)
        model.train(
            data=str(lesson.listing), epochs=lesson.epochs, imgsz=lesson.input_px, batch=lesson.batch, nbs=lesson.batch,
            seed=lesson.seed, device="cpu", workers=1, amp=False, plots=False, pretrained=not architecture,
            deterministic=True, exist_ok=True, verbose=False, project=str(lesson.out.resolve().parent),
            name=lesson.out.name, **lesson.options,
        )  # fmt: skip
        return Path(model.trainer.best)


def validate(weights: Path, listing: Path, *, input_px: int, out: Path) -> dict[str, float]:
    """Return the vendor's own figures on the held-out part: ``map50``, ``map50_95`` and ``map50:<label>``.

    Raises
    ------
    FatalFault
        If the extra is missing or the weights cannot be read.
    """
    ultralytics = load_ultralytics()
    with work_quietly("validate"):
        found = ultralytics.YOLO(str(weights), task=None).val(
            data=str(listing), imgsz=input_px, device="cpu", workers=0, plots=False, verbose=False, exist_ok=True,
            project=str(out.resolve().parent), name=out.name,
        )  # fmt: skip
        figures = {"map50": float(found.box.map50), "map50_95": float(found.box.map)}
        for place, index in enumerate(found.box.ap_class_index):
            figures[f"map50:{found.names[int(index)]}"] = float(found.box.ap50[place])
        return figures


def export(
    weights: Path,
    *,
    form: Literal["openvino", "onnx"],
    input_px: int,
    stored: Literal["f32", "f16", "int8"] = "f32",
    end_to_end: bool = False,
    listing: Path | None = None,
) -> Path:
    """Write the weights in a form that runs without torch, beside the `.pt`, and return the file or folder.

    Parameters
    ----------
    stored
        Number format of the weights: ``f16`` halves the file, inference is still 32-bit unless asked otherwise; ``int8``
        quantises the network itself, calibrated on the ``val`` part of ``listing``.
    end_to_end
        For networks that have such a head (YOLO26): let the network choose among overlapping boxes itself.

    Raises
    ------
    FatalFault
        If the extra is missing, the export fails, or int8 is asked for without pictures to calibrate on.
    """
    ultralytics = load_ultralytics()
    options: dict[str, Any] = {"f32": {}, "f16": {"quantize": 16}, "int8": {"quantize": 8}}[stored]
    if stored == "int8":
        if listing is None:
            message = "An int8 export is calibrated on pictures; none were given."
            raise FatalFault(message)
        _quieten_quantiser()
        options["data"] = str(listing)
    if end_to_end:
        options["nms"] = False
    with work_quietly("export"):
        made = ultralytics.YOLO(str(weights)).export(format=form, imgsz=input_px, device="cpu", **options)
        return Path(made)


def _quieten_quantiser() -> None:
    """Load what quantises networks, and keep it from telling what it does to each of their nodes.

    Raises
    ------
    FatalFault
        If it is not installed.
    """
    try:
        import nncf  # noqa: PLC0415 - only an int8 export needs it
    except ImportError as error:
        message = "An int8 export needs nncf, which the train extra brings: pip install observatory-streams[train]."
        raise FatalFault(message) from error
    nncf.set_log_level(logging.ERROR)


def write_untrained(architecture: str, labels: Sequence[str], path: Path) -> Path:
    """Write a detector as it is before it learnt anything: as fast as a trained one, and it finds next to nothing.

    Raises
    ------
    FatalFault
        If the extra is missing, or there is no such architecture.
    """
    ultralytics = load_ultralytics()
    with work_quietly(f"build {architecture}"):
        model = ultralytics.YOLO(f"{architecture}.yaml")
        model.model = type(model.model)(f"{architecture}.yaml", nc=len(labels), verbose=False)
        model.model.names, model.model.args = dict(enumerate(labels)), {}
        model.save(str(path))
        return path


@dataclass(frozen=True, slots=True)
class Predicted:
    """How many pictures the vendor's own prediction went through, and how many boxes it found."""

    pictures: int
    boxes: int


def predict_folder(weights: Path, folder: Path, *, input_px: int | None = None) -> Predicted:
    """Run the vendor's own prediction over a folder of pictures, one at a time, as its command does, but without writing.

    Parameters
    ----------
    input_px
        Side of the network's input; ``None`` leaves it to the file (an export's own, or what a `.pt` was trained at).

    Raises
    ------
    FatalFault
        If the extra is missing, or the vendor cannot run the weights.
    """
    ultralytics = load_ultralytics()
    with work_quietly("predict"):
        model = ultralytics.YOLO(str(weights), task="detect")
        size = {} if input_px is None else {"imgsz": input_px}
        pictures = boxes = 0
        for result in model.predict(source=str(folder), stream=True, device="cpu", verbose=False, **size):
            pictures, boxes = pictures + 1, boxes + len(result.boxes)
        return Predicted(pictures, boxes)


class TorchRuntime:
    """Runs a `.pt` file with torch, as it is; a detector uses it like any other runtime."""

    def __init__(self, weights: Path, *, input_px: int | None = None, threads: int | None = None) -> None:
        """Load the weights.

        Raises
        ------
        FatalFault
            If the extra is missing, or the file is not weights.
        """
        ultralytics = load_ultralytics()
        with work_quietly(f"read {weights.name}"):
            import torch  # noqa: PLC0415

            self._torch = torch
            if threads is not None:
                torch.set_num_threads(threads)
            model = ultralytics.YOLO(str(weights))
            network = model.model.float().eval().fuse(verbose=False)
            trained_px = model.overrides.get("imgsz") or model.ckpt.get("train_args", {}).get("imgsz", 640)
            values = {"task": model.task, "names": dict(model.names), "imgsz": input_px or trained_px}
        self._model = network
        self._network = read_network({**values, "end2end": bool(getattr(network, "end2end", False))})

    @property
    def network(self) -> Network:
        """What the weights say of themselves."""
        return self._network

    def start(self, batch: NDArray[np.uint8]) -> Answer:
        """Run the pictures, uint8 (n, height, width, 3) RGB; torch runs them in the calling thread."""
        planes = np.ascontiguousarray(batch.transpose(0, 3, 1, 2), dtype=np.float32) / np.float32(255)
        with translate("run the model"), self._torch.inference_mode():
            outputs = _flatten(self._model(self._torch.from_numpy(planes)), self._network.task)
        return make_ready(tuple(np.asarray(output.numpy(), dtype=np.float32) for output in outputs))

    def close(self) -> None:
        """Forget the weights."""
        self._model = None


def _flatten(found: Any, task: str) -> tuple[Any, ...]:  # noqa: ANN401 - tensors
    """Return the tensors an export would give: predictions, and for segmentation the prototypes of the masks."""
    first = found[0] if isinstance(found, list | tuple) else found
    if task != "segment":
        return (first,)
    if isinstance(first, list | tuple):
        return (first[0], first[1])
    return (first, found[1])
