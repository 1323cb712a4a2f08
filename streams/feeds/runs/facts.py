"""What is known of a run as a whole: what the instrument said, and the volume that follows from it; absent is unknown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from schemas.sampling.run import LIST_CUT_SHORT

if TYPE_CHECKING:
    import datetime as dt

    from schemas.sampling.run import Mode

#: How the imaged volume was found; see docs/flowcam.md.
VolumeSource = Literal["geometry", "declared", "export"]


@dataclass(frozen=True, slots=True)
class Volume:
    """How much water the instrument looked at.

    Attributes
    ----------
    imaged_ml
        Volume that was before the camera.
    processed_ml
        Volume that went through the flow cell while the instrument looked.
    source
        Where ``imaged_ml`` comes from.
    factor
        Share of the imaged volume that was not imaged twice; already in ``imaged_ml`` where the instrument applies it.
    """

    imaged_ml: float | None = None
    processed_ml: float | None = None
    source: VolumeSource | None = None
    factor: float | None = None


@dataclass(frozen=True, slots=True)
class Declared:
    """What the instrument's own summary says of the run, as printed."""

    particles: int | None = None
    particles_per_ml: float | None = None
    imaged_ml: float | None = None
    processed_ml: float | None = None
    efficiency_share: float | None = None


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run.

    Attributes
    ----------
    layout
        Which reader read it.
    instrument
        What kind of instrument it was; no serial number.
    started_at, ended_at
        The instrument's clock, where it is known to be UTC: when it ran, never when the water was taken.
    started_local
        The start as a clock of an unknown zone showed it: ISO 8601 without a zone.
    frames, frame_rate_hz, duration_s
        Pictures of the whole field, how many a second, and for how long.
    dilution
        Volume after dilution by volume before it, as the instrument was told; absent if it was told none.
    notes
        Codes of what was found odd and passed over.
    """

    layout: str
    instrument: str | None = None
    software: str | None = None
    mode: Mode | None = None
    magnification: float | None = None
    pixel_um: float | None = None
    flow_cell: str | None = None
    flow_cell_depth_um: float | None = None
    flow_cell_width_um: float | None = None
    flow_rate_ml_min: float | None = None
    started_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    started_local: str | None = None
    frames: int | None = None
    frame_rate_hz: float | None = None
    duration_s: float | None = None
    dilution: float | None = None
    volume: Volume = field(default_factory=Volume)
    declared: Declared = field(default_factory=Declared)
    notes: tuple[str, ...] = ()

    @property
    def counted_ml(self) -> float | None:
        """The volume that the counted particles were in: imaged, or processed where each particle triggers a picture.

        ``None`` where it is not known, or is that of more particles than the list still has.
        """
        if LIST_CUT_SHORT in self.notes:
            return None
        return self.volume.processed_ml if self.mode == "trigger" else self.volume.imaged_ml

    def to_concentration(self, particles: int) -> float | None:
        """Return particles per millilitre of what went into the instrument, diluted or not; ``None`` where unknown."""
        return particles / self.counted_ml if self.counted_ml else None
