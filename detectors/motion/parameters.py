"""The numbers that change what the motion detector answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from schemas.noun import Noun


class MotionParameters(Noun):
    """Thresholds and limits; lengths and areas are those of the picture shrunk to ``work_px``.

    Attributes
    ----------
    background
        Object key of the background picture for stills; without one, stills are skipped.
    work_px
        Longer side of the shrunk picture in which differences are sought.
    contrast
        How many times its own unrest the picture must differ for a thing to be seen there at all.
    least_contrast
        Things that differ less than this from what they hide, of 255, are noise and compression.
    least_area_px
        Smaller things are marine snow.
    most_share
        When more of the picture than this differs, the scene itself changed: camera moved, light switched.
    background_every_s, background_views
        A clip's background is the median of so many of its views, taken so far apart.
    confirm_views
        A thing in a clip is reported when it was followed over so many views.
    """

    background: Annotated[str, StringConstraints(min_length=1, max_length=1100)] | None = None
    work_px: Annotated[int, Field(ge=64, le=2048)] = 400
    contrast: Annotated[float, Field(gt=0)] = 6.0
    least_contrast: Annotated[float, Field(ge=0, le=255)] = 5.0
    least_area_px: Annotated[int, Field(ge=1)] = 25
    most_share: Annotated[float, Field(gt=0, le=1)] = 0.4
    background_every_s: Annotated[float, Field(gt=0)] = 0.4
    background_views: Annotated[int, Field(ge=3, le=64)] = 21
    confirm_views: Annotated[int, Field(ge=1, le=8)] = 4
