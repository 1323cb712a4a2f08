"""Masks: findings whose centre they cover are flagged, kept, and stay in canonical order."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.finding import Finding, LookedImage, number_findings
from schemas.geometry import Box, Line, Mask, Point, Polygon, Whole
from schemas.result import Observer
from streams.feeds.masks import flag_masked, read_mask, to_mask_parameters
from tests.schemas.samples import ENTRY

CAPTION = read_mask("0 0, 640 0, 640 40, 0 40")


def found(geometry, **fields) -> Finding:
    return Finding(n=0, by="method", label="x", geometry=geometry, **fields)


def boxed(left: float, top: float, right: float, bottom: float) -> Finding:
    return found(Box(xyxy=(left, top, right, bottom)))


def is_masked(finding: Finding, mask: Polygon = CAPTION) -> bool:
    (flagged,) = flag_masked((finding,), mask)
    return "masked" in flagged.flags


# --- reading ---


def test_regions_are_separated_by_semicolons():
    mask = read_mask("0 0, 640 0, 640 40.5, 0 40;\n 10 400,90 400 , 50 470;")
    assert mask.polygons == (
        (((0, 0), (640, 0), (640, 40.5), (0, 40)),),
        (((10, 400), (90, 400), (50, 470)),),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ; ",
        "0 0, 1 1",
        "0 0, 1 1, 2",
        "0 0, 1 1, 2 2 2",
        "0 0, 1 1, a b",
        "0 0, -1 1, 2 2",
        "0 0, 1e3 1, 2 2",
        "0 0, nan 1, 2 2",
        "0 0; 1 1; 2 2",
    ],
    ids=repr,
)
def test_what_is_no_region_is_refused(text):
    with pytest.raises(ValueError, match=r"region|corner"):
        read_mask(text)


def test_a_mask_has_at_most_two_hundred_corners():
    corners = ", ".join(f"{x} 0" for x in range(100))
    assert read_mask(f"{corners}; {corners}")
    with pytest.raises(ValueError, match="at most 200"):
        read_mask(f"{corners}; {corners}; 0 0, 1 0, 0 1")


# --- flagging ---


@pytest.mark.parametrize(
    ("finding", "masked"),
    [
        (boxed(10, 10, 30, 30), True),
        (boxed(10, 30, 30, 49), True),
        (boxed(10, 30, 30, 51), False),
        (boxed(630, 10, 660, 30), False),
        (boxed(0, 0, 2000, 2000), False),
        (found(Point(xy=(0, 0))), True),
        (found(Point(xy=(640, 20))), False),
        (found(Point(xy=(20, 40))), False),
        (found(Line(points=((0, 10), (100, 60)))), True),
        (found(Mask(x_px=10, y_px=10, width_px=20, height_px=20, rle="0")), True),
        (found(Polygon(polygons=((((0, 50), (10, 50), (5, 60)),),))), False),
        (found(Whole()), False),
    ],
)
def test_a_finding_is_masked_where_its_centre_is(finding, masked):
    assert is_masked(finding) is masked


def test_a_ring_inside_a_region_is_a_hole():
    frame = Polygon(polygons=((((0, 0), (100, 0), (100, 100), (0, 100)), ((20, 20), (80, 20), (80, 80), (20, 80))),))
    assert is_masked(found(Point(xy=(10, 50))), frame)
    assert not is_masked(found(Point(xy=(50, 50))), frame)


@given(st.floats(0, 100), st.floats(0, 100))
def test_two_regions_that_share_an_edge_leave_no_gap_between_them(x_px, y_px):
    left, right = read_mask("0 0, 50 0, 30 100, 0 100"), read_mask("50 0, 101 0, 101 100.1, 30 100.1, 30 100")
    point = found(Point(xy=(x_px, min(y_px, 99.9))))
    assert is_masked(point, left) or is_masked(point, right)


def test_masked_findings_are_kept_with_their_other_flags():
    (flagged,) = flag_masked((found(Point(xy=(5, 5)), flags=("edge", "zoomed"), score=0.5),), CAPTION)
    assert flagged.flags == ("edge", "masked", "zoomed")
    assert flagged.score == 0.5


def test_flags_depend_on_the_last_mask_only():
    findings = number_findings([boxed(10, 10, 30, 30), boxed(10, 400, 30, 430)])
    low = read_mask("0 380, 640 380, 640 480, 0 480")
    assert flag_masked(flag_masked(findings, CAPTION), low) == flag_masked(findings, low)
    assert flag_masked(flag_masked(findings, CAPTION), None) == findings


@pytest.mark.parametrize("seed", range(20))
def test_flagged_findings_make_an_entry_and_point_at_the_same_findings_as_before(seed):
    random_ = random.Random(seed)
    flags = [(), ("edge",), ("zoomed",), ("masked", "zoomed"), ("a", "b")]
    findings = number_findings(
        found(Box(xyxy=(left, 0, left + 10, 10)), flags=random_.choice(flags), score=random_.choice([None, 0.5]))
        for left in random_.choices([0, 700], k=6)
    )
    pointing = tuple(item.model_copy(update={"within": random_.randrange(6)}) for item in findings)
    pointing = tuple(item.model_copy(update={"n": n}) for n, item in enumerate(pointing))

    def targets(items):
        return sorted(
            (item.geometry.xyxy, item.score, set(item.flags) - {"masked"} == set(), items[item.within].geometry.xyxy)
            for item in items
            if item.score is not None
        )

    flagged = flag_masked(pointing, CAPTION)
    assert LookedImage(image=ENTRY.image, findings=flagged)
    assert targets(flagged) == targets(pointing)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 640), st.integers(0, 480)), max_size=8))
def test_flagging_twice_is_flagging_once(corners):
    findings = number_findings(boxed(x, y, x + 5, y + 5) for x, y in corners)
    once = flag_masked(findings, CAPTION)
    assert flag_masked(once, CAPTION) == once
    assert [item.n for item in once] == list(range(len(corners)))


# --- identity ---


def test_a_mask_makes_another_observer_and_no_mask_adds_nothing():
    def digest(mask: Polygon | None) -> str:
        parameters = {"threshold": 5, **to_mask_parameters(mask)}
        return Observer(name="motion", version="1", reader="still/1", parameters=parameters).to_digest()

    assert len({digest(None), digest(CAPTION), digest(read_mask("0 0, 640 0, 640 41, 0 40"))}) == 3
    assert to_mask_parameters(None) == {}


def test_the_mask_stands_in_the_document_as_its_corners():
    observer = Observer(name="motion", version="1", reader="still/1", parameters=to_mask_parameters(CAPTION))
    assert json.loads(observer.parameters) == {"mask": [[[[0, 0], [640, 0], [640, 40], [0, 40]]]]}
