"""Where a finding is in its image, where an image's pixels are, and where on Earth a unit was taken."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schemas.noun import Code, Count, Degrees, Metres, Noun, Pixel

#: Vertices that one polygon finding may have; above, it is simplified by a stated parameter or refused.
VERTICES_LIMIT = 10_000

# --- in the image: origin at the corner of the top-left pixel, x right, y down, ends exclusive, upright picture ---


class Whole(Noun):
    """The whole image, as a classifier says it."""

    kind: Literal["whole"] = "whole"


class Box(Noun):
    """An upright rectangle ``(left, top, right, bottom)`` in image pixels, end exclusive."""

    kind: Literal["box"] = "box"
    xyxy: tuple[Pixel, Pixel, Pixel, Pixel]

    @model_validator(mode="after")
    def _is_not_inside_out(self) -> Self:
        left, top, right, bottom = self.xyxy
        if right < left or bottom < top:
            message = f"a box ends before it starts: {self.xyxy}"
            raise ValueError(message)
        return self


Corner = tuple[Pixel, Pixel]


class Polygon(Noun):
    """Polygons, each a tuple of rings (outer first), each ring a tuple of ``(x, y)``; at most 10,000 vertices."""

    kind: Literal["polygon"] = "polygon"
    polygons: tuple[tuple[tuple[Corner, ...], ...], ...]

    @model_validator(mode="after")
    def _is_not_too_long(self) -> Self:
        vertices = sum(len(ring) for polygon in self.polygons for ring in polygon)
        if vertices > VERTICES_LIMIT:
            message = f"{vertices} vertices, more than {VERTICES_LIMIT}"
            raise ValueError(message)
        return self


class Line(Noun):
    """An open line through ``(x, y)`` points."""

    kind: Literal["line"] = "line"
    points: Annotated[tuple[Corner, ...], Field(min_length=2, max_length=10_000)]


class Point(Noun):
    """One position."""

    kind: Literal["point"] = "point"
    xy: Corner


class Mask(Noun):
    """A mask as COCO's compressed run lengths: column-major, local to its box."""

    kind: Literal["mask"] = "mask"
    x_px: Count
    y_px: Count
    width_px: Annotated[int, Field(ge=1)]
    height_px: Annotated[int, Field(ge=1)]
    rle: Annotated[str, Field(max_length=65_536)]


Geometry = Annotated[Whole | Box | Polygon | Line | Point | Mask, Field(discriminator="kind")]


# --- where the pixels are ---

#: What a part is to its unit; where a unit has several of a kind, they are numbered: ``collage.1``.
Role = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,47}(\.[0-9]{1,9})?$")]


class WholePart(Noun):
    """The image is the whole of one part."""

    kind: Literal["whole"] = "whole"
    part: Role


class FramePlace(Noun):
    """The image is a video frame: presentation time stamp ``pts`` in units of ``time_base`` seconds."""

    kind: Literal["frame"] = "frame"
    part: Code
    pts: int
    time_base: tuple[int, int]


class Cutout(Noun):
    """The image is a rectangle of a larger picture; ``x_px`` and ``y_px`` are its top-left pixel there."""

    kind: Literal["cutout"] = "cutout"
    part: Role
    x_px: Count
    y_px: Count


class Member(Noun):
    """The image is one member of an archive: ``path`` is its name in there."""

    kind: Literal["member"] = "member"
    part: Role
    path: Annotated[str, StringConstraints(min_length=1, max_length=1_024)]


Place = Annotated[WholePart | FramePlace | Cutout | Member, Field(discriminator="kind")]


# --- on Earth, as known when the unit arrived ---


class At(Noun):
    """A fixed position in WGS 84; depths count downwards from the surface in metres."""

    kind: Literal["point"] = "point"
    lat_deg: Annotated[Degrees, Field(ge=-90, le=90)]
    lon_deg: Annotated[Degrees, Field(ge=-180, le=180)]
    source: Code
    depth_min_m: Metres | None = None
    depth_max_m: Metres | None = None
    altitude_m: Metres | None = None
    uncertainty_m: Annotated[Metres, Field(gt=0)] | None = None


class Nowhere(Noun):
    """The position is not known, and why."""

    kind: Literal["unknown"] = "unknown"
    why: Code


Where = Annotated[At | Nowhere, Field(discriminator="kind")]

__all__ = [
    "At",
    "Box",
    "Corner",
    "Cutout",
    "FramePlace",
    "Geometry",
    "Line",
    "Mask",
    "Member",
    "Nowhere",
    "Place",
    "Point",
    "Polygon",
    "Role",
    "Where",
    "Whole",
    "WholePart",
]
