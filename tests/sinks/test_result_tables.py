from __future__ import annotations

import tracemalloc
import typing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from schemas.errors import RejectedInput
from schemas.finding import (
    Alternative,
    Entry,
    FieldPlace,
    Finding,
    Image,
    LookedImage,
    MetricScale,
    NoScale,
    UnreadImage,
    number_findings,
)
from schemas.forms.quantities import QUANTITIES
from schemas.geometry import (
    Box,
    Cutout,
    FramePlace,
    Geometry,
    Line,
    Mask,
    Member,
    Place,
    Point,
    Polygon,
    Whole,
    WholePart,
)
from schemas.result import DIGEST_ROWS, to_entry_digests
from sinks.result_tables import FINDINGS, IMAGES, make_tables, read_entries

_pixels = st.floats(0, 10_000)
_corners = st.tuples(_pixels, _pixels)
_labels = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
_codes = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)
_places = st.one_of(
    st.builds(WholePart, part=_codes),
    st.builds(
        FramePlace, part=_codes, pts=st.integers(-(2**40), 2**40), time_base=st.tuples(st.just(1), st.just(90_000))
    ),
)
_cutouts = st.one_of(
    st.builds(Cutout, part=st.just("collage.1"), x_px=st.integers(0, 9_999), y_px=st.integers(0, 9_999)),
    st.builds(Member, part=_codes, path=_labels),
)
_fields_of_view = st.builds(FieldPlace, frame=st.integers(0, 9_999), x_px=st.integers(0, 99), y_px=st.integers(0, 99))
_scales = st.one_of(
    st.builds(NoScale, why=_codes),
    st.builds(MetricScale, pixel_um=st.floats(0.01, 1e7), method=st.sampled_from(["calibration", "declared"])),
)
_geometries = st.one_of(
    st.just(Whole()),
    st.builds(lambda a, b: Box(xyxy=(min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1]))),
              _corners, _corners),
    st.builds(Polygon, polygons=st.lists(st.lists(st.lists(_corners, max_size=4).map(tuple), max_size=2).map(tuple),
                                         max_size=2).map(tuple)),
    st.builds(Line, points=st.lists(_corners, min_size=2, max_size=5).map(tuple)),
    st.builds(Point, xy=_corners),
    st.builds(Mask, x_px=st.integers(0, 99), y_px=st.integers(0, 99), width_px=st.integers(1, 99),
              height_px=st.integers(1, 99), rle=st.text("0123abc", max_size=20)),
)  # fmt: skip
_findings = st.builds(
    Finding,
    n=st.just(0),
    by=_codes,
    label=_labels,
    score=st.none() | st.floats(0, 1),
    geometry=_geometries,
    alternatives=st.lists(st.builds(Alternative, label=_labels, score=st.floats(0, 1)), max_size=3).map(tuple),
    measures=st.dictionaries(st.sampled_from(sorted(QUANTITIES)), st.floats(-1e6, 1e6), max_size=3),
    track=st.none() | st.integers(0, 999),
    within=st.none() | st.integers(0, 9),
    flags=st.lists(_codes, max_size=3).map(tuple),
)
_images = st.builds(
    Image,
    index=st.integers(0, 10_000),
    kind=st.sampled_from(["still", "frame", "roi", "vignette", "tile", "orthophoto", "scene"]),
    width_px=st.integers(1, 40_000),
    height_px=st.integers(1, 40_000),
    offset_s=st.floats(0, 1e5),
    place=_places | _cutouts,
    field=st.none() | _fields_of_view,
    scale=_scales,
    flags=st.lists(_codes, max_size=3).map(tuple),
)
_entries = st.one_of(
    st.builds(lambda image, found: LookedImage(image=image, findings=number_findings(found)),
              _images, st.lists(_findings, max_size=4)),
    st.builds(UnreadImage, index=st.integers(0, 9_999), reason=_codes),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(_entries, max_size=6).map(tuple))
def test_entries_come_back_equal_with_the_digests_of_the_document(entries):
    content, images, findings = make_tables(entries)
    assert tuple(read_entries(content, images, findings)) == entries
    assert content.digests == to_entry_digests(entries)
    assert content.images == len(entries)
    assert content.findings == sum(len(entry.findings) for entry in entries if entry.state == "looked")


def _make_frames(count: int, boxes: int = 2):
    for index in range(count):
        found = (
            Finding(n=0, by="fish", label="Chromis chromis", score=0.5, geometry=Box(xyxy=(n, n, n + 9, n + index % 7)))
            for n in range(boxes)
        )
        place = FramePlace(part="clip", pts=index * 512, time_base=(1, 12_800))
        image = Image(index=index, kind="frame", width_px=640, height_px=480, offset_s=index / 25, place=place)
        yield LookedImage(image=image, findings=number_findings(found))


def test_more_entries_than_one_digest_covers_give_the_digests_of_the_document():
    entries = tuple(_make_frames(DIGEST_ROWS + 3, 1))
    content, images, findings = make_tables(entries)
    assert content.digests == to_entry_digests(entries)
    assert len(content.digests) == 2
    assert tuple(read_entries(content, images, findings)) == entries


def test_exactly_as_many_entries_as_one_digest_covers_make_one_digest():
    entries = tuple(_make_frames(DIGEST_ROWS, 0))
    content, images, findings = make_tables(entries)
    assert content.digests == to_entry_digests(entries)
    assert sum(1 for _ in read_entries(content, images, findings)) == DIGEST_ROWS


def test_the_same_entries_give_the_same_files():
    assert make_tables(_make_frames(50)) == make_tables(_make_frames(50))


def test_memory_does_not_grow_with_the_number_of_entries(monkeypatch):
    monkeypatch.setattr("sinks.result_tables._GROUP_ROWS", 200)

    def measure(count: int) -> int:
        tracemalloc.start()
        try:
            make_tables(_make_frames(count, 4))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    measure(100)
    few, many = measure(400), measure(3_200)
    # the compressed files themselves grow by some 150 bytes an entry; an entry held in memory takes more than 5,000
    assert (many - few) / (3_200 - 400) < 500


def _swap(content, changes):
    return content.model_copy(update=changes)


def test_tables_of_another_result_are_told_apart():
    content, images, findings = make_tables(_make_frames(20))
    others = tuple(_make_frames(20, 3))
    _, other_images, other_findings = make_tables(others)
    for tables in [(other_images, other_findings), (images, other_findings), (other_images, findings)]:
        with pytest.raises(RejectedInput) as caught:
            list(read_entries(content, *tables))
        assert caught.value.reason == "tables_differ"


def test_tables_that_lack_rows_are_told_apart():
    whole, images, findings = make_tables(_make_frames(20))
    _, fewer_images, fewer_findings = make_tables(_make_frames(19))
    for tables in [(fewer_images, findings), (images, fewer_findings), (fewer_images, fewer_findings)]:
        with pytest.raises(RejectedInput) as caught:
            list(read_entries(whole, *tables))
        assert caught.value.reason == "tables_differ"


def test_a_difference_is_found_within_ten_thousand_entries():
    content, images, findings = make_tables(_make_frames(DIGEST_ROWS + 5, 0))
    changed = _swap(content, {"digests": ("0" * 64, *content.digests[1:])})
    given_out: list[Entry] = []
    with pytest.raises(RejectedInput, match="from 0 on"):
        given_out.extend(read_entries(changed, images, findings))
    assert len(given_out) <= DIGEST_ROWS


def test_broken_bytes_are_rejected():
    content, images, findings = make_tables(_make_frames(20))
    with pytest.raises(RejectedInput) as caught:
        list(read_entries(content, images, findings[:-10]))
    assert caught.value.reason == "broken_parquet"


def _union_fields(union: object, name: str) -> set[str]:
    arms = typing.get_args(typing.get_args(union)[0])
    return {f"{name}_{field}" for arm in arms for field in arm.model_fields}


def _fields(model: type[BaseModel], without: set[str]) -> set[str]:
    return set(model.model_fields) - without


def test_every_field_of_the_schema_has_a_column():
    """A field added to a noun must be added to the tables, or results would lose it."""
    scale = Image.model_fields["scale"].annotation
    images = (
        _fields(Image, {"place", "scale", "field"})
        | _fields(UnreadImage, set())
        | _union_fields(Place, "place")
        | {f"field_{field}" for field in FieldPlace.model_fields}
        | {f"scale_{field}" for arm in typing.get_args(scale) for field in arm.model_fields}
    )
    findings = _fields(Finding, {"geometry"}) | _union_fields(Geometry, "geometry")
    assert {column.name for column in IMAGES.columns} == images | {"entry", "findings"}
    assert {column.name for column in FINDINGS.columns} == findings | {"entry", "index"}
    assert set(Alternative.model_fields) == {"label", "score"}
    assert {arm.model_fields["state"].default for arm in typing.get_args(typing.get_args(Entry)[0])} == {
        "looked",
        "unread",
    }
