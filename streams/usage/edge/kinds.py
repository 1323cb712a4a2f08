"""Kinds: what the images of each kind of unit are counted as."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schemas.unit import UnitKind

#: Unit kind -> what its images are counted as; a simulation has none.
IMAGE_KINDS: dict[UnitKind, str] = {
    "still": "still",
    "clip": "frame",
    "run": "roi",
    "scan": "vignette",
    "photo": "still",
    "tile": "tile",
    "orthophoto": "orthophoto",
    "flight": "still",
    "scene": "scene",
    "image_set": "still",
}
