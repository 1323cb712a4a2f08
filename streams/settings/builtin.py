"""Built-in settings: what a first result on one's own pictures needs, without a settings file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.settings.read import check_settings

if TYPE_CHECKING:
    from pathlib import Path

    from streams.settings.read import ReadSettings

#: The demonstration detector that comes with the package.
DEMONSTRATION_MODEL = "demo-aquarium@1"

#: Name patterns tried for the capture time: ``20240422-080001-...`` and ``..._20211006T162656Z_...``, read as UTC.
CAPTURE_PATTERNS = ("%Y%m%d-%H%M%S-*", "*_%Y%m%dT%H%M%SZ_*")


def make_builtin(folder: Path) -> ReadSettings:
    """Return settings with an embedded broker and a local store under ``folder``, one feed and the demonstration model."""
    plain = {
        "name": "first-look",
        "folder": str(folder),
        "worker": {"pause_last": 0},
        "installations": {
            "camera": {"detector": "yolo", "parameters": {"model": DEMONSTRATION_MODEL}, "pictures": "found"}
        },
        "feeds": {
            "camera": {
                "installation": "camera",
                "capture": {"file_name": list(CAPTURE_PATTERNS), "time_zone": "UTC"},
            }
        },
    }
    return check_settings(plain, folder=folder)
