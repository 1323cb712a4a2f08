"""Small units, results and plans for tests of the publisher; every argument has a plain default."""

from __future__ import annotations

import datetime as dt
import zipfile
from pathlib import Path
from typing import Any

from schemas.finding import Entry, Finding, Image, LookedImage, UnreadImage, number_findings
from schemas.geometry import At, Box, FramePlace, Geometry, Nowhere, Where, Whole, WholePart
from schemas.noun import to_time_text
from schemas.result import (
    Broken,
    Complete,
    Effort,
    InlineContent,
    ModelRef,
    Observed,
    Observer,
    make_result,
)
from schemas.unit import Instant, Part, Undated, Unit, UnitKind, make_stamp
from sinks.darwin_core.labels import LabelMap, read_label_map
from sinks.darwin_core.plan import Camera, DatasetPlan, Party, PublishedDeployment
from sinks.darwin_core.units import PublishedUnit

MORNING = dt.datetime(2025, 6, 1, 6, 0, tzinfo=dt.UTC)
STORED = dt.datetime(2025, 7, 1, tzinfo=dt.UTC)
SEABED = At(lat_deg=41.18212, lon_deg=1.75257, source="settings", depth_min_m=20, depth_max_m=20, uncertainty_m=10)
L22 = "http://vocab.nerc.ac.uk/collection/L22/current/TOOL1927/"
NOWHERE = Nowhere(why="not_declared")

MAP_TEXT = """
name = "test-fish"
version = "3"
description = "Labels of the tests."
kingdom_source = "Fishes: Animalia in WoRMS."

[[label]]
label = "Diplodus vulgaris"
state = "taxon"
scientific_name = "Diplodus vulgaris"
aphia_id = 127054
rank = "species"
kingdom = "Animalia"
source = "a list"

[[label]]
label = "Chromis chromis"
state = "taxon"
scientific_name = "Chromis chromis"
aphia_id = 127000
rank = "species"
kingdom = "Animalia"
source = "a list"

[[label]]
label = "Chromis chromis (back)"
state = "taxon"
scientific_name = "Chromis chromis"
aphia_id = 127000
rank = "species"
kingdom = "Animalia"
source = "a list"

[[label]]
label = "fish"
state = "composite"
scientific_name = "Actinopterygii"
aphia_id = 10194
rank = "gigaclass"
kingdom = "Animalia"
source = "a list"

[[label]]
label = "puffin"
state = "composite"
source = "a class list without an id"

[[label]]
label = "Diver"
state = "not_a_taxon"
source = "a list"

[[label]]
label = "burrow"
state = "trace"
source = "a list"
"""


def make_labels() -> LabelMap:
    return read_label_map(MAP_TEXT)


def make_plan(**changes: Any) -> DatasetPlan:
    fields: dict[str, Any] = {
        "title": "Fishes seen by the cameras of the example observatory",
        "dataset_id": "exobs",
        "institution_code": "EMI",
        "licence": "CC-BY",
        "abstract": ("Cameras on the sea bed look at passing fishes.",),
        "creators": (Party(organisation="Example Marine Institute", email="data@example.org"),),
        "contacts": (Party(organisation="Example Marine Institute", email="data@example.org"),),
        "geographic_description": "A coast.",
        "sampling_description": "A fixed camera takes a picture a minute and a clip an hour.",
        "keywords": ("Occurrence", "video"),
        "country_code": "ES",
        "cameras": (Camera(instrument="ipc-608", name="Camera A", uri=L22),),
        "media_url": "https://media.example.org/{key}",
    }
    return DatasetPlan.model_validate({**fields, **changes})


def make_place(lat_deg: float = 41.5, **changes: Any) -> At:
    fields: dict[str, Any] = {"lon_deg": 2.5, "source": "deployment", "depth_min_m": 19, "depth_max_m": 21}
    return At(lat_deg=lat_deg, **{**fields, **changes})


def make_deployment(**changes: Any) -> PublishedDeployment:
    fields: dict[str, Any] = {
        "feed": "camera-a",
        "valid_from_at": "2025-01-01T00:00:00Z",
        "instrument": "ipc-608",
        "where": make_place(),
    }
    return PublishedDeployment.model_validate({**fields, **changes})


def make_observer(*, version: str = "1.2.0", demonstration: bool = False, **parameters: Any) -> Observer:
    model = ModelRef(
        role="fish",
        name="exampledet",
        version=version,
        sha256="ab" * 32,
        task="detect",
        precision="f32",
        input_px=(640, 640),
        provenance="demonstration" if demonstration else "user",
    )
    return Observer.model_validate(
        {
            "name": "yolo",
            "version": "1.0.0",
            "reader": "still/1",
            "models": (model,),
            "parameters": parameters or {"conf": 0.5, "iou": 0.5},
        }
    )


def make_finding(label: str, score: float | None = 0.8, *, left: float = 0.0, **changes: Any) -> Finding:
    geometry: Geometry = Box(xyxy=(left, 10, left + 20, 30))
    fields: dict[str, Any] = {"n": 0, "by": "fish", "label": label, "score": score, "geometry": geometry}
    return Finding.model_validate({**fields, **changes})


def make_whole(label: str, score: float = 0.9) -> Finding:
    return Finding(n=0, by="fish", label=label, score=score, geometry=Whole())


def make_frame(index: int, findings: list[Finding]) -> LookedImage:
    image = Image(
        index=index,
        kind="frame",
        width_px=640,
        height_px=480,
        offset_s=index / 25,
        place=FramePlace(part="clip", pts=index, time_base=(1, 25)),
    )
    return LookedImage(image=image, findings=number_findings(findings))


def make_still_entry(findings: list[Finding]) -> LookedImage:
    image = Image(index=0, kind="still", width_px=640, height_px=480, place=WholePart(part="still"))
    return LookedImage(image=image, findings=number_findings(findings))


def make_item(  # noqa: PLR0913 - a builder: every argument has a plain default
    entries: list[Entry],
    *,
    kind: UnitKind = "still",
    feed: str = "camera-a",
    at: dt.datetime | None = MORNING,
    content: str = "cd" * 32,
    where: Where = SEABED,
    observer: Observer | None = None,
    duration_s: float | None = None,
    broken: bool = False,
    **changes: Any,
) -> PublishedUnit:
    """Return a unit with one result over ``entries``; ``at`` ``None`` is undated."""
    captured = Instant.model_validate({"at": to_time_text(at)}) if at else Undated(why="no_pattern")
    stamp = make_stamp(installation="obsea", feed=feed, kind=kind, captured=captured, content=content)
    part = Part(
        role=kind, name="a.jpg", media_type="image/jpeg", size_bytes=9, sha256=content, at=f"originals/{content}"
    )
    looked = sum(isinstance(entry, LookedImage) for entry in entries)
    outcome = Observed(
        coverage=Broken(reason="truncated", looked_until_s=duration_s) if broken else Complete(),
        effort=Effort(
            images_looked=looked,
            images_unread=len(entries) - looked,
            quantities=() if duration_s is None else {"duration_s": duration_s},
        ),
        content=InlineContent(images=tuple(entries)),
    )
    unit = Unit(
        stamp=stamp,
        captured_from="filename",
        group="a.jpg",
        layout=kind,
        parts=(part,),
        where=where,
        instrument="cam-1",
    )
    fields: dict[str, Any] = {"media": (part.at,), "stored_at": STORED}
    return PublishedUnit(
        result=make_result(stamp, observer or make_observer(), outcome), unit=unit, **{**fields, **changes}
    )


def make_still(labels: list[str], *, minute: int = 0, **changes: Any) -> PublishedUnit:
    """Return a still, taken some minutes after the first, with one finding per label."""
    findings = [make_finding(label, 0.5 + 0.1 * (at % 5), left=30 * at) for at, label in enumerate(labels)]
    return make_item([make_still_entry(findings)], at=MORNING + dt.timedelta(minutes=minute), **changes)


def make_clip(counts: list[dict[str, int]], *, hour: int = 1, **changes: Any) -> PublishedUnit:
    """Return a clip of 25 frames a second with so many findings of each label per frame."""
    frames: list[Entry] = []
    for index, of_label in enumerate(counts):
        findings = [
            make_finding(label, left=30 * at) for label, count in sorted(of_label.items()) for at in range(count)
        ]
        frames.append(make_frame(index, findings))
    fields: dict[str, Any] = {"kind": "clip", "duration_s": 30.0, "at": MORNING + dt.timedelta(hours=hour)}
    return make_item(frames, **{**fields, **changes})


def make_unread_still(**changes: Any) -> PublishedUnit:
    return make_item([UnreadImage(index=0, reason="corrupt")], **changes)


def make_season() -> list[PublishedUnit]:
    """Return two stills, an empty still, a clip, an empty clip and a broken one, of two cameras and two years."""
    return [
        make_still(["Diplodus vulgaris", "Diplodus vulgaris", "Diver"], minute=0),
        make_still(["Chromis chromis", "Chromis chromis (back)", "puffin", "what"], minute=1, content="01" * 32),
        make_still([], minute=2, content="02" * 32),
        make_clip(
            [{"Diplodus vulgaris": 2}, {"Diplodus vulgaris": 7, "fish": 1}, {"Diplodus vulgaris": 7}, {}],
            content="03" * 32,
        ),
        make_clip([{}, {}], hour=2, content="04" * 32),
        make_clip([{"burrow": 3}], hour=3, content="05" * 32, broken=True, duration_s=12.4, feed="camera-b"),
        make_item(
            [make_still_entry([make_finding("fish")])],
            at=dt.datetime(2024, 12, 31, 23, 59, 59, 500_000, dt.UTC),
            content="06" * 32,
        ),
    ]


def read_files(archive: Path) -> dict[str, str]:
    """Return the texts in an archive by name."""
    with zipfile.ZipFile(archive) as packed:
        return {name: packed.read(name).decode() for name in packed.namelist()}


def read_rows(archive: Path, name: str) -> list[dict[str, str]]:
    """Return the rows of one table of an archive."""
    header, *lines = read_files(archive)[name].splitlines()
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]
