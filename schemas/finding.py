"""Image: one countable picture. Finding: one thing seen in one image."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from schemas.canonical import to_canonical
from schemas.geometry import Box, Geometry, Line, Mask, Place, Point, Polygon
from schemas.noun import Code, Codes, Count, Label, Measures, Noun, Score, Seconds

if TYPE_CHECKING:
    from collections.abc import Iterable

ImageKind = Literal["still", "frame", "roi", "vignette", "tile", "orthophoto", "scene"]


class NoScale(Noun):
    """Pixels have no known size, and why."""

    kind: Literal["none"] = "none"
    why: Code


class MetricScale(Noun):
    """One pixel is ``pixel_um`` micrometres, found by ``method``."""

    kind: Literal["metric"] = "metric"
    pixel_um: Annotated[float, Field(gt=0)]
    method: Literal["calibration", "raster", "exif", "declared"]


Scale = Annotated[NoScale | MetricScale, Field(discriminator="kind")]


class FieldPlace(Noun):
    """Where a cut-out was in the instrument's field of view: top-left pixel in the instrument's own ``frame``."""

    frame: Count
    x_px: Count
    y_px: Count


class Image(Noun):
    """One countable picture inside a unit.

    Attributes
    ----------
    index
        Place in the unit; never renumbered when a neighbour is unreadable or sampled out.
    width_px, height_px
        Size of the upright picture.
    offset_s
        Seconds after the start of the unit's capture time; 0 for a still.
    place
        Where the pixels are.
    field
        Where they were seen, if the instrument says it: a collage is no field of view.
    """

    index: Count
    kind: ImageKind
    width_px: Annotated[int, Field(ge=1)]
    height_px: Annotated[int, Field(ge=1)]
    offset_s: Seconds = 0.0
    place: Place
    field: FieldPlace | None = None
    scale: Scale = NoScale(why="not_declared")
    flags: Codes = ()


#: Label and flag of a finding that was looked at and given no name: every class scored below its own threshold. It is counted;
#: it has no score; its ``alternatives`` are the classes that came nearest, best first.
UNIDENTIFIED = "unidentified"


class Alternative(Noun):
    """A label the observer thought less likely."""

    label: Label
    score: Score


class Finding(Noun):
    """One thing seen in one image.

    Attributes
    ----------
    n
        Place in canonical order inside its image (see :func:`number_findings`).
    by
        Role of the model inside the observer, or ``method`` where there is no model.
    label
        The observer's class name, verbatim; the taxon stands apart.
    score
        0 to 1; absent when the observer gives none.
    """

    n: Count
    by: Code
    label: Label
    score: Score | None = None
    geometry: Geometry
    alternatives: Annotated[tuple[Alternative, ...], Field(max_length=50)] = ()
    measures: Measures = ()
    track: Count | None = None
    within: Count | None = None
    flags: Codes = ()


#: Limit of the schema: a unit whose image has more is refused or simplified by a stated parameter, never silently cut.
FINDINGS_PER_IMAGE = 100_000


def number_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings in canonical order (top, left, bottom, right, label, by, the rest) with ``n`` set to their place.

    Numbering by position keeps a finding's id when runtime noise moves a box by less than its rounding.
    """
    placed = sorted(((_place(item), item) for item in findings), key=lambda pair: pair[0])
    if any(first[0] == second[0] for first, second in pairwise(placed)):
        placed.sort(key=lambda pair: (pair[0], _write_rest(pair[1])))
    return tuple(item if item.n == n else item.model_copy(update={"n": n}) for n, (_, item) in enumerate(placed))


def _place(finding: Finding) -> tuple[float, float, float, float, str, str]:
    left, top, right, bottom = to_bounds(finding.geometry)
    return (top, left, bottom, right, finding.label, finding.by)


def _write_rest(finding: Finding) -> bytes:
    """Return what decides between findings of one place, label and model: rare, and dear to write."""
    rest = finding.to_plain()
    rest.pop("n")
    return to_canonical(rest)


def to_bounds(geometry: Geometry) -> tuple[float, float, float, float]:
    """Return ``(left, top, right, bottom)`` of a geometry in image pixels; the whole image has ``(0, 0, 0, 0)``."""
    match geometry:
        case Box(xyxy=bounds):
            return bounds
        case Mask():
            right, bottom = geometry.x_px + geometry.width_px, geometry.y_px + geometry.height_px
            return (float(geometry.x_px), float(geometry.y_px), float(right), float(bottom))
        case Polygon():
            corners = [corner for polygon in geometry.polygons for ring in polygon for corner in ring]
        case Line():
            corners = list(geometry.points)
        case Point():
            corners = [geometry.xy]
        case _:
            corners = []
    xs, ys = [corner[0] for corner in corners] or [0.0], [corner[1] for corner in corners] or [0.0]
    return (min(xs), min(ys), max(xs), max(ys))


class LookedImage(Noun):
    """An image that was looked at; no findings means *looked and saw nothing*."""

    state: Literal["looked"] = "looked"
    image: Image
    findings: tuple[Finding, ...]

    @model_validator(mode="after")
    def _is_numbered_in_order(self) -> Self:
        if any(finding.n != place for place, finding in enumerate(self.findings)):
            message = "findings are not in canonical order"
            raise ValueError(message)
        return self


class UnreadImage(Noun):
    """An image that should have been there and could not be read."""

    state: Literal["unread"] = "unread"
    index: Count
    reason: Code


Entry = Annotated[LookedImage | UnreadImage, Field(discriminator="state")]
