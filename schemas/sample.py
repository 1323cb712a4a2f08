"""Sample: what a person says of water that was taken: when, where, how much of it was looked at; a row of the sample sheet."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.geometry import Where
from schemas.noun import Measures, Name, Noun
from schemas.unit import SUBJECT_LIMIT, Captured

#: Part of published ids, so the letters are those that every reader of ids takes.
SampleId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]

#: Name of a run: that of its folder, or of its zip without the ending.
RunName = Annotated[str, StringConstraints(min_length=1, max_length=SUBJECT_LIMIT)]

#: An entry of the NERC collection of instruments.
GearUri = Annotated[str, StringConstraints(pattern=r"^http://vocab\.nerc\.ac\.uk/collection/L22/\S+$")]

#: ``whole``: the water as it was taken. ``concentrated``: filtered_l litres of it were brought to concentrate_ml.
Water = Literal["whole", "concentrated"]


class SampleRun(Noun):
    """One run of an instrument over a part of the sample.

    Attributes
    ----------
    run
        The ``group`` of its unit.
    feed
        Needed only where two instruments have runs of one name.
    quantities
        ``volume_subsample_ml``, ``dilution``, and ``volume_ml`` where the run's own files do not say how much was imaged.
    """

    run: RunName
    feed: Name | None = None
    quantities: Measures = ()


class Sample(Noun):
    """Water that was taken at one place and time; the runs over it are counted as one.

    Attributes
    ----------
    sample_id
        Short and lasting: part of every published id.
    visit
        The station visit it belongs to, if there is one.
    taken
        When the water was taken, never when the instrument ran.
    where
        Position and depth of sampling.
    water
        Absent when the sheet does not say; then no number is given per litre of sea.
    quantities
        ``volume_filtered_l``, ``volume_concentrate_ml``, ``mesh_um``.
    gear, gear_uri
        What it was taken with, and its entry in the NERC collection L22.
    """

    sample_id: SampleId
    visit: SampleId | None = None
    taken: Captured
    where: Where
    water: Water | None = None
    quantities: Measures = ()
    gear: Words | None = None
    gear_uri: GearUri | None = None
    runs: Annotated[tuple[SampleRun, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_concentrated_by_two_volumes(self) -> Self:
        volumes = {name for name, _ in self.quantities} & {"volume_filtered_l", "volume_concentrate_ml"}
        if self.water == "concentrated" and len(volumes) < 2:  # noqa: PLR2004 - both
            message = "a concentrated sample has a filtered and a concentrate volume"
            raise ValueError(message)
        if self.water != "concentrated" and volumes:
            message = "only a concentrated sample has a filtered or a concentrate volume"
            raise ValueError(message)
        return self
