"""Findings in canonical order, counted and digested."""

from __future__ import annotations

import random

import pytest
from pydantic import ValidationError

from schemas.canonical import to_digest
from schemas.finding import (
    FieldPlace,
    Finding,
    Image,
    LookedImage,
    MetricScale,
    UnreadImage,
    number_findings,
    to_bounds,
)
from schemas.geometry import Box, Cutout, Line, Mask, Member, Point, Polygon, Whole, WholePart
from schemas.result import DIGEST_ROWS, count_entries, to_entry_digests
from tests.schemas.samples import ENTRY, FINDINGS


def boxed(left: float, top: float, label: str = "fish") -> Finding:
    return Finding(n=0, by="method", label=label, geometry=Box(xyxy=(left, top, left + 5, top + 5)))


def image(index: int = 0) -> Image:
    return Image(index=index, kind="still", width_px=100, height_px=80, place=WholePart(part="still"))


def test_a_particle_says_where_it_is_in_its_collage_and_where_the_instrument_saw_it():
    particle = Image(
        index=9,
        kind="roi",
        width_px=25,
        height_px=27,
        offset_s=2.516,
        place=Cutout(part="collage.1", x_px=201, y_px=0),
        field=FieldPlace(frame=41, x_px=271, y_px=677),
        scale=MetricScale(pixel_um=0.5544, method="calibration"),
    )
    assert particle.to_canonical() == (
        b'{"field":{"frame":41,"x_px":271,"y_px":677},"flags":[],"height_px":27,"index":9,"kind":"roi",'
        b'"offset_s":2.516,"place":{"kind":"cutout","part":"collage.1","x_px":201,"y_px":0},'
        b'"scale":{"kind":"metric","method":"calibration","pixel_um":0.5544},"width_px":25}'
    )
    assert Image.from_json(particle.to_canonical()) == particle


def test_an_image_of_a_camera_has_the_bytes_it_had_before_there_were_particles():
    assert image().to_canonical() == (
        b'{"flags":[],"height_px":80,"index":0,"kind":"still","offset_s":0,"place":{"kind":"whole","part":"still"},'
        b'"scale":{"kind":"none","why":"not_declared"},"width_px":100}'
    )


def test_an_image_may_be_a_member_of_an_archive():
    place = Member(part="archive", path="Été/a.png")
    assert Member.from_json(place.to_canonical()) == place


@pytest.mark.parametrize("role", ["collage.", "collage.x", ".1", "collage.1.2", "Collage.1", "collage-1"])
def test_what_is_no_role_is_refused(role):
    with pytest.raises(ValidationError, match="pattern"):
        WholePart(part=role)


def test_findings_are_numbered_by_place_whatever_order_they_come_in():
    mixed = list(FINDINGS)
    for seed in range(10):
        random.Random(seed).shuffle(mixed)
        assert number_findings(mixed) == FINDINGS


def test_a_finding_keeps_its_number_when_noise_moves_it_below_the_rounding():
    quiet = [boxed(10 * k, 100 - 10 * k) for k in range(8)]
    noisy = [boxed(10 * k + 0.03, 100 - 10 * k - 0.03) for k in reversed(range(8))]
    assert number_findings(noisy) == number_findings(quiet)


def test_findings_out_of_order_make_no_entry():
    first, second = number_findings([boxed(0, 0), boxed(0, 50)])
    with pytest.raises(ValidationError, match="canonical order"):
        LookedImage(image=image(), findings=(second, first))


@pytest.mark.parametrize(
    ("geometry", "bounds"),
    [
        (Box(xyxy=(1, 2, 3, 4)), (1, 2, 3, 4)),
        (Mask(x_px=3, y_px=4, width_px=5, height_px=6, rle="0"), (3, 4, 8, 10)),
        (Polygon(polygons=((((1, 7), (5, 2), (3, 4)),), (((0, 9), (1, 1), (2, 2)),))), (0, 1, 5, 9)),
        (Line(points=((40, 0), (41, 30))), (40, 0, 41, 30)),
        (Point(xy=(7.5, 8.5)), (7.5, 8.5, 7.5, 8.5)),
        (Whole(), (0, 0, 0, 0)),
        (Polygon(polygons=()), (0, 0, 0, 0)),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_every_geometry_has_bounds(geometry, bounds):
    assert to_bounds(geometry) == bounds


@pytest.mark.parametrize("xyxy", [(5, 0, 4, 1), (0, 5, 1, 4)])
def test_a_box_that_ends_before_it_starts_is_refused(xyxy):
    with pytest.raises(ValidationError, match="ends before it starts"):
        Box(xyxy=xyxy)


@pytest.mark.parametrize("score", [-0.01, 1.01, float("nan")])
def test_a_score_is_a_share(score):
    with pytest.raises(ValidationError):
        Finding(n=0, by="m", label="x", score=score, geometry=Whole())


def test_entries_are_counted_with_the_empty_ones_and_labels_by_frequency():
    found = number_findings([boxed(0, 0, "b"), boxed(0, 20, "a"), boxed(0, 40, "b"), boxed(0, 60, "c")])
    entries = (
        LookedImage(image=image(0), findings=found),
        LookedImage(image=image(1), findings=()),
        UnreadImage(index=2, reason="corrupt"),
    )
    counts, labels = count_entries(entries)
    assert counts.to_plain() == {"looked": 2, "empty": 1, "unread": 1, "findings": 4}
    assert labels == (("b", 2), ("a", 1), ("c", 1))


def test_each_ten_thousand_entries_have_their_own_digest():
    entries = tuple(UnreadImage(index=k, reason="corrupt") for k in range(DIGEST_ROWS + 1))
    digests = to_entry_digests(entries)
    assert len(digests) == 2
    assert digests[1] == to_digest([entries[-1].to_plain()])
    changed = (*entries[:-1], UnreadImage(index=DIGEST_ROWS, reason="truncated"))
    assert to_entry_digests(changed)[0] == digests[0]
    assert to_entry_digests(changed)[1] != digests[1]
    assert to_entry_digests(()) == ()


def test_an_entry_says_that_it_was_looked_at():
    assert ENTRY.to_plain()["state"] == "looked"
