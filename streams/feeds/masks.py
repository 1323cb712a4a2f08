"""Masks: regions of a camera's picture whose findings are kept but not counted, such as a burnt-in caption."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from schemas.finding import Finding, number_findings, to_bounds
from schemas.geometry import Corner, Polygon, Whole

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Flag of a finding whose centre lies in a mask.
MASKED = "masked"

#: Vertices that a mask may have: it stands among the parameters of every result made with it.
VERTICES_LIMIT = 200

_NUMBER = re.compile(r"[0-9]{1,6}(?:\.[0-9]+)?")


def read_mask(text: str) -> Polygon:
    """Return the regions written as ``0 0, 640 0, 640 40, 0 40; 10 400, 90 400, 50 470``.

    Corners are ``x y`` in pixels of the upright picture, separated by commas; regions by semicolons.

    Raises
    ------
    ValueError
        If a corner is not two numbers of at least 0, a region has fewer than three corners, or all have more than 200.
    """
    regions = tuple(_read_region(part) for part in text.split(";") if part.strip())
    if not regions:
        message = "a mask needs at least one region"
        raise ValueError(message)
    if sum(len(region) for region in regions) > VERTICES_LIMIT:
        message = f"a mask has at most {VERTICES_LIMIT} corners"
        raise ValueError(message)
    return Polygon(polygons=tuple((region,) for region in regions))


def _read_region(text: str) -> tuple[Corner, ...]:
    corners = tuple(_read_corner(part) for part in text.split(","))
    if len(corners) < 3:  # noqa: PLR2004 - the least a polygon can have
        message = f"a region needs three corners or more: {text.strip()!r}"
        raise ValueError(message)
    return corners


def _read_corner(text: str) -> Corner:
    numbers = text.split()
    if len(numbers) != 2 or not all(_NUMBER.fullmatch(number) for number in numbers):  # noqa: PLR2004 - x and y
        message = f"a corner is two numbers, as in '640 40', with a decimal point: {text.strip()!r}"
        raise ValueError(message)
    return float(numbers[0]), float(numbers[1])


def to_mask_parameters(mask: Polygon | None) -> dict[str, Any]:
    """Return what a mask adds to an observer's parameters: another mask is another observer, no mask adds nothing."""
    return {} if mask is None else {"mask": mask.to_plain()["polygons"]}


def flag_masked(findings: Iterable[Finding], mask: Polygon | None) -> tuple[Finding, ...]:
    """Return findings in canonical order, flagged ``masked`` exactly where the centre of their bounds lies in the mask.

    They come in canonical order and numbered.

    A flag from an earlier mask is taken off, so the answer depends on the mask given only. A finding that stands for the
    whole picture has no centre and is never masked.
    """
    before = tuple(findings)
    flagged = [_set_flag(finding, is_masked=mask is not None and _is_inside(finding, mask)) for finding in before]
    is_same = all(new is old and new.n == place for place, (new, old) in enumerate(zip(flagged, before, strict=True)))
    if is_same:  # the rule: most findings are far from any caption, and ordering is dear
        return before
    ordered = number_findings(flagged)
    if ordered == tuple(flagged):
        return ordered
    return _point_within_again(flagged, ordered)


def _set_flag(finding: Finding, *, is_masked: bool) -> Finding:
    if is_masked == (MASKED in finding.flags):
        return finding
    others = {flag for flag in finding.flags if flag != MASKED}
    return finding.model_copy(update={"flags": tuple(sorted(others | ({MASKED} if is_masked else set())))})


def _point_within_again(flagged: list[Finding], ordered: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Let ``within`` follow the findings it names, which changed places."""
    places: dict[int, int] = {}
    free = list(ordered)
    for finding in flagged:
        found = next(item for item in free if item.model_copy(update={"n": finding.n}) == finding)
        places[finding.n] = found.n
        free.remove(found)
    return tuple(
        finding if finding.within is None else finding.model_copy(update={"within": places[finding.within]})
        for finding in ordered
    )


def _is_inside(finding: Finding, mask: Polygon) -> bool:
    if isinstance(finding.geometry, Whole):
        return False
    left, top, right, bottom = to_bounds(finding.geometry)
    x_px, y_px = (left + right) / 2, (top + bottom) / 2
    return any(_crosses_oddly(polygon, x_px, y_px) for polygon in mask.polygons)


def _crosses_oddly(rings: tuple[tuple[Corner, ...], ...], x_px: float, y_px: float) -> bool:
    """Even-odd rule: a ray to the right crosses the rings an odd number of times; left and top edges belong inside."""
    inside = False
    for ring in rings:
        for (x1, y1), (x2, y2) in zip(ring, ring[1:] + ring[:1], strict=True):
            if (y1 > y_px) != (y2 > y_px) and x_px < (x2 - x1) * (y_px - y1) / (y2 - y1) + x1:
                inside = not inside
    return inside
