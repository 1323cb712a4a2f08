"""Run: what an instrument says of a run as a whole, and what others than this program say of its particles."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.noun import Code, Codes, Count, Label, Name, Noun, Time

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Words = Annotated[str, StringConstraints(min_length=1, max_length=200)]

#: ``auto_image``: the camera looks at a fixed rate, so particles were in the volume imaged. ``trigger``: particles call the
#: camera, so they were in all the volume that was pumped past it.
Mode = Literal["auto_image", "trigger"]


#: Note of a run whose list has fewer particles than its summary counts, none left out between them: the list breaks off, so the
#: volume of the whole run is not that of its particles.
LIST_CUT_SHORT = "list_cut_short"


class DeclaredByInstrument(Noun):
    """What the instrument's own summary says, as printed."""

    particles: Count | None = None
    particles_per_ml: NotNegative | None = None
    imaged_ml: NotNegative | None = None
    processed_ml: NotNegative | None = None


class RunRecord(Noun):
    """A run as its files tell it; absent is unknown.

    Attributes
    ----------
    group, layout
        The name its files have, and which reader read it.
    instrument
        What kind of instrument it was; no serial number.
    mode
        How the camera was called, see :data:`Mode`; it decides which volume the particles were in.
    started_at, ended_at
        The instrument's clock where it is known to be UTC: when it ran, never when the water was taken.
    started_local
        The start as a clock of an unknown zone showed it.
    dilution
        Volume after dilution by volume before it, as the instrument was told.
    volume_source
        Where ``imaged_ml`` comes from: ``geometry``, ``declared``, ``export``.
    notes
        Codes of what was found odd and passed over.
    """

    schema_name: Literal["run/1"] = "run/1"
    group: str = ""
    layout: Code
    instrument: Words | None = None
    software: Words | None = None
    mode: Mode | None = None
    magnification: Positive | None = None
    pixel_um: Positive | None = None
    flow_cell: Words | None = None
    flow_cell_depth_um: Positive | None = None
    flow_cell_width_um: Positive | None = None
    flow_rate_ml_min: NotNegative | None = None
    started_at: Time | None = None
    ended_at: Time | None = None
    started_local: Words | None = None
    frames: Count | None = None
    frame_rate_hz: NotNegative | None = None
    duration_s: NotNegative | None = None
    dilution: Positive | None = None
    imaged_ml: NotNegative | None = None
    processed_ml: NotNegative | None = None
    volume_source: Code | None = None
    volume_factor: NotNegative | None = None
    declared: DeclaredByInstrument = DeclaredByInstrument()
    notes: Codes = ()

    @property
    def counted_ml(self) -> float | None:
        """The volume that the particles were in; ``None`` where it is not known."""
        if LIST_CUT_SHORT in self.notes:
            return None
        volume_ml = self.processed_ml if self.mode == "trigger" else self.imaged_ml
        return volume_ml or None


class SaidOfParticle(Noun):
    """What somebody or something else says a particle is.

    Attributes
    ----------
    source
        ``folder``: the name of the folder it was sorted into. ``filter``: an instrument's filter file. ``annotation``: an
        annotation table.
    annotator, decided_on
        Handle of the person who decided, and the day; only with both is the label validated.
    """

    index: Count
    label: Label
    source: Literal["folder", "filter", "annotation"]
    annotator: Name | None = None
    decided_on: dt.date | None = None


@dataclass(frozen=True, slots=True)
class RunAccount:
    """A run's record and everything that others say of its particles.

    Attributes
    ----------
    instrument
        Id of the instrument, as the feed's settings have it.
    """

    record: RunRecord
    instrument: str
    said: tuple[SaidOfParticle, ...] = ()
