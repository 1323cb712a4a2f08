"""Built-in settings: what a first result on one's own pictures needs, without a settings file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.settings.read import check_settings

if TYPE_CHECKING:
    from pathlib import Path

    from streams.settings.read import ReadSettings

#: The demonstration models that come with the package: of things in pictures, and of particles.
DEMONSTRATION_MODEL, DEMONSTRATION_CLASSIFIER = "demo-aquarium@1", "demo-plankton@1"

#: The built-in feeds, which are called as their installations: what is found to be runs, and everything else.
CAMERA, RUNS = "camera", "flowcam"

#: Name patterns tried for the capture time: ``20240422-080001-...`` and ``..._20211006T162656Z_...``, read as UTC.
CAPTURE_PATTERNS = ("%Y%m%d-%H%M%S-*", "*_%Y%m%dT%H%M%SZ_*")


def make_builtin(folder: Path) -> ReadSettings:
    """Return settings with broker and store under ``folder``, a camera and a FlowCam, each with its demonstration model."""
    plain = {
        "name": "first-look",
        "folder": str(folder),
        "worker": {"pause_last": 0},
        "installations": {
            CAMERA: {"detector": "yolo", "parameters": {"model": DEMONSTRATION_MODEL}, "pictures": "found"},
            RUNS: {"detector": "roi-classifier", "parameters": {"model": DEMONSTRATION_CLASSIFIER}},
        },
        "feeds": {
            CAMERA: {
                "installation": CAMERA,
                "capture": {"file_name": list(CAPTURE_PATTERNS), "time_zone": "UTC"},
            },
            RUNS: {"installation": RUNS, "reads": "runs", "instrument": RUNS},
        },
    }
    return check_settings(plain, folder=folder)
