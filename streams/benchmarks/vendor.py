"""What the vendor's own ``yolo predict`` is measured with: the same network as an OpenVINO file and as a ``.pt``."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from detectors.models.catalogue import open_model
from schemas.errors import FatalFault

if TYPE_CHECKING:
    from pathlib import Path

    from detectors.runtimes.base import Precision

#: Names of the figures.
SAME_FILE = "end to end / yolo predict on the same OpenVINO file"
TORCH_FILE = "end to end / yolo predict on the .pt"

#: Why the vendor is not measured where its package is not there.
WITHOUT_EXTRA = "left out: the train extra is not installed"

#: Why no ``.pt`` is measured beside a file that came without one.
WITHOUT_WEIGHTS = "left out: give --model WEIGHTS.pt"

#: What the demonstration model is, whose own ``.pt`` does not come along.
_DEMONSTRATION_ARCHITECTURE = "yolo11n"

#: The vendor knows a folder of OpenVINO IR by the end of its name.
_FOLDER_END = "_openvino_model"


@dataclass(frozen=True)
class Contest:
    """The same network in the forms that are compared.

    Attributes
    ----------
    exported
        Folder of OpenVINO IR.
    weights
        A ``.pt``; none where the model came without one.
    told
        What the ``.pt`` is.
    input_px
        Side of the network's input.
    precision
        The number format in which the vendor's OpenVINO computes: it leaves that to OpenVINO, which has its own mind on some
        processors.
    """

    exported: Path
    weights: Path | None
    told: str
    input_px: int
    precision: Precision


def has_vendor() -> bool:
    """Return whether the ``train`` extra is installed."""
    return find_spec("ultralytics") is not None


def export_weights(weights: Path, folder: Path) -> Path:
    """Return a folder of OpenVINO IR made from a ``.pt``, f32, at 640 px.

    Raises
    ------
    FatalFault
        If there is no such file, the ``train`` extra is missing, or it cannot be exported.
    """
    from detectors.models.filing import export_model  # noqa: PLC0415 - the vendor

    if not weights.is_file():
        message = f"There is no file {weights}."
        raise FatalFault(message)
    return export_model(weights, folder / f"weights{_FOLDER_END}", input_px=640).parent


def open_contest(spec: str, weights: Path | None, folder: Path) -> Contest:
    """Return the forms of a model; what is missing is written into a folder.

    For the demonstration model an untrained network of its architecture stands for its ``.pt``: it has as much to compute, and
    no boxes to choose among, which favours it.

    Parameters
    ----------
    spec
        A model of OpenVINO IR: ``name@version``, or its path.
    weights
        The ``.pt`` it was made from, if that is there.

    Raises
    ------
    FatalFault
        If the model is no OpenVINO IR.
    """
    from detectors.models.filing import write_ir  # noqa: PLC0415
    from detectors.runtimes.openvino import find_own_precision  # noqa: PLC0415
    from detectors.ultralytics_door import write_untrained  # noqa: PLC0415 - the vendor

    model = open_model(spec)
    if model.form != "openvino" or model.network is None:
        message = "The vendor is compared on OpenVINO IR or on a .pt."
        raise FatalFault(message)
    exported, told = folder / f"same{_FOLDER_END}", "the same weights"
    write_ir(model, exported)
    side_px = max(model.network.input_px)
    if weights is None and model.provenance == "demonstration":
        told = f"{_DEMONSTRATION_ARCHITECTURE}, untrained, of the same size"
        weights = write_untrained(_DEMONSTRATION_ARCHITECTURE, model.network.labels, folder / "untrained.pt")
    return Contest(exported, weights, told, side_px, find_own_precision())
