"""What is really in the generated pictures: the truth that detectors, demonstrations and tests are measured against."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from schemas.noun import to_time_text

if TYPE_CHECKING:
    import datetime as dt

    from streams.demo.camera import Animal


@dataclass(frozen=True, slots=True)
class Shot:
    """One generated picture and the animals seen in it; no animals means that the scene is empty.

    Attributes
    ----------
    name
        File name of a still, or of the clip that holds the frame.
    index
        0 for a still, the number of the frame in a clip.
    offset_s
        Seconds after the start of the clip; 0 for a still.
    daylight
        0 at night to 1 at noon.
    """

    name: str
    index: int
    offset_s: float
    captured_at: dt.datetime
    daylight: float
    animals: tuple[Animal, ...]

    def to_plain(self) -> dict[str, Any]:
        """Return the JSON object."""
        animals = [{"label": animal.label, "number": animal.number, "box": list(animal.box)} for animal in self.animals]
        return asdict(self) | {"captured_at": to_time_text(self.captured_at), "animals": animals}


@dataclass(frozen=True, slots=True)
class Oddity:
    """A file that is not simply a good picture.

    Attributes
    ----------
    kind
        ``corrupt``: cut off in transfer; ``duplicate``: the same picture under another name.
    of
        Name of the picture it repeats; of a corrupt file, its own.
    """

    name: str
    kind: Literal["corrupt", "duplicate"]
    of: str


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything a generated camera left in its folder.

    Attributes
    ----------
    seed
        The seed all of it follows from.
    width_px, height_px
        Size of every picture.
    stills, frames
        Good stills by capture time; frames of the clip in order.
    clip
        File name of the clip.
    oddities
        Corrupt and duplicate files.
    """

    seed: int
    width_px: int
    height_px: int
    stills: tuple[Shot, ...]
    clip: str
    frames: tuple[Shot, ...]
    oddities: tuple[Oddity, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Every file in the folder, sorted."""
        return tuple(sorted([*(shot.name for shot in self.stills), self.clip, *(odd.name for odd in self.oddities)]))

    def to_json(self) -> bytes:
        """Return the truth as indented JSON, UTF-8."""
        plain = {
            "seed": self.seed,
            "width_px": self.width_px,
            "height_px": self.height_px,
            "stills": [shot.to_plain() for shot in self.stills],
            "clip": self.clip,
            "frames": [shot.to_plain() for shot in self.frames],
            "oddities": [asdict(odd) for odd in self.oddities],
        }
        return json.dumps(plain, indent=1).encode()
