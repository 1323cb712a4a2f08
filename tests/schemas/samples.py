"""One sample of every noun, as rich as it can be."""

from __future__ import annotations

from schemas.finding import Alternative, Finding, Image, LookedImage, MetricScale, UnreadImage, number_findings
from schemas.geometry import At, Box, FramePlace, Line, Mask, Point, Polygon, Whole
from schemas.media import (
    Duplicate,
    InlineBody,
    InWork,
    MediaArrived,
    MediaSettled,
    ReferencedBody,
    ReferencedPart,
    Rejection,
    SetAside,
    Skipped,
    Stored,
    make_event_id,
    make_rejection_id,
)
from schemas.noun import Noun
from schemas.result import (
    Asset,
    Broken,
    Complete,
    Counts,
    Effort,
    InlineContent,
    ModelRef,
    Observed,
    Observer,
    Processing,
    ResultStored,
    TableContent,
    make_result,
)
from schemas.unit import Claim, Instant, Part, Span, Undated, Unit, WorkOrder, make_stamp
from schemas.usage import (
    DeclaredOwner,
    Measured,
    MetricValue,
    Names,
    NotDone,
    NotMeasured,
    Period,
    Person,
    Processed,
    UsageEvent,
    make_usage_id,
)

SHA = "8a2040e1f17a4c57b0f7069a8d042a86c0174ce9712f0073d7ec72eda51ae35a"
AT = "2024-04-22T08:00:01.303Z"

STAMP = make_stamp(installation="obsea", feed="obsea-ipc608", kind="still", captured=Instant(at=AT), content=SHA)
CLIP_STAMP = make_stamp(
    installation="azores",
    feed="azores-cam",
    kind="clip",
    captured=Span(start_at=AT, end_at="2024-04-22T08:02:01Z"),
    content=SHA,
)
UNDATED_STAMP = make_stamp(
    installation="obsea", feed="obsea-ipc608", kind="still", captured=Undated(why="no_time"), content=SHA
)
PART = Part(
    role="still", name="Été/a.jpg", media_type="image/jpeg", size_bytes=82_190, sha256=SHA, at="originals/8a/8a20"
)
UNIT = Unit(
    stamp=STAMP,
    captured_from="filename",
    claimed_at="2024-04-22T07:00:01.303Z",
    group="a.jpg",
    layout="still",
    parts=(PART,),
    where=At(
        lat_deg=41.1819, lon_deg=1.7524, source="deployment", depth_min_m=19.5, depth_max_m=20, uncertainty_m=12.5
    ),
    instrument="ipc608",
    deployment=SHA,
)
MODEL = ModelRef(
    role="fish",
    name="aquarium-s",
    version="1.0.0",
    sha256=SHA,
    task="detect",
    precision="f32",
    input_px=(640, 640),
    provenance="demonstration",
)
OBSERVER = Observer(
    name="yolo",
    version="1.0.0",
    reader="still/1",
    models=(MODEL,),
    parameters={"conf": 0.25, "iou": 0.5, "classes": ["a", "b"], "tiny": 1e-7, "mask": None},
)
FINDINGS = number_findings(
    (
        Finding(
            n=0,
            by="fish",
            label="Chromis chromis",
            score=0.87654,
            geometry=Box(xyxy=(10.04, 20.06, 30.25, 40.35)),
            alternatives=(Alternative(label="Coris julis", score=0.1),),
            measures={"area_px": 12.5, "contrast": 0.25},
            track=3,
            flags=("edge",),
        ),
        Finding(n=0, by="method", label="Étoile", geometry=Polygon(polygons=((((1, 1), (5, 1), (3, 4)),),))),
        Finding(n=0, by="method", label="line", geometry=Line(points=((40, 0), (41, 30), (40, 60)))),
        Finding(n=0, by="method", label="point", geometry=Point(xy=(7.5, 8.5))),
        Finding(n=0, by="method", label="mask", geometry=Mask(x_px=3, y_px=4, width_px=5, height_px=6, rle="0a3")),
        Finding(n=0, by="scene", label="turbid", score=1, geometry=Whole()),
    )
)
ENTRY = LookedImage(
    image=Image(
        index=9,
        kind="frame",
        width_px=2688,
        height_px=1520,
        offset_s=2.5160001,
        place=FramePlace(part="clip", pts=123_456, time_base=(1, 90_000)),
        scale=MetricScale(pixel_um=2000.00004, method="declared"),
        flags=("night", "frozen"),
    ),
    findings=FINDINGS,
)
OUTCOME = Observed(
    coverage=Broken(reason="truncated", looked_until_s=2.5),
    effort=Effort(images_looked=1, images_unread=1, images_passed_over=8, quantities={"duration_s": 2.516}),
    content=InlineContent(images=(ENTRY, UnreadImage(index=10, reason="corrupt"))),
    measures={"motion_share": 0.1},
    flags=("night",),
)
RESULT = make_result(STAMP, OBSERVER, OUTCOME)
DOCUMENT = Asset(role="document", key="results/a/result.json", media_type="application/json", size_bytes=9, sha256=SHA)

NOUNS: dict[str, Noun] = {
    "inline arrival": MediaArrived(
        event=make_event_id("obsea-ipc608", "a.jpg", SHA),
        feed="obsea-ipc608",
        subject="Été/a.jpg",
        media_type="image/jpeg",
        body=InlineBody(),
        sha256=SHA,
        captured_at=AT,
        published_at=AT,
        modified_at=AT,
        lane="archive",
        purpose="replay",
    ),
    "referenced arrival": MediaArrived(
        event="e-1",
        feed="obsea-ipc608",
        subject="b.mp4",
        body=ReferencedBody(
            parts=(ReferencedPart(subject="b.mp4", dataref="s3://bucket/key", size_bytes=5, sha256=SHA),),
            closes_group=True,
        ),
    ),
    "in work": MediaSettled(source="/feeds/a", event="e", subject="Été/a.jpg", end=InWork(unit_id=STAMP.unit_id)),
    "stored": MediaSettled(source="/feeds/a", event="e", end=Stored(unit_ids=(STAMP.unit_id,))),
    "duplicate": MediaSettled(source="/feeds/a", event="e", end=Duplicate(of_unit_id=STAMP.unit_id)),
    "set aside": MediaSettled(source="/feeds/a", event="e", end=SetAside(rejection_id="r", reason="not_media")),
    "skipped": MediaSettled(source="/feeds/a", event="e", end=Skipped(policy="no_background")),
    "rejection": Rejection(
        rejection_id=make_rejection_id("media.arrived.v1", SHA, "not_media"),
        fault="rejected",
        step="decode",
        reason="not_media",
        sentence="Neither a picture nor a video.",
        rejected_at=AT,
        topic="media.arrived.v1",
        value_sha256=SHA,
    ),
    "unit": UNIT,
    "work order": WorkOrder(unit=UNIT, source="/feeds/a", event="e", arrived_at=AT),
    "claim": Claim(unit=UNIT, source="/feeds/a", event="e"),
    "clip stamp": CLIP_STAMP,
    "undated stamp": UNDATED_STAMP,
    "observer": OBSERVER,
    "entry": ENTRY,
    "result": RESULT,
    "result in tables": make_result(
        CLIP_STAMP,
        OBSERVER,
        Observed(
            coverage=Complete(),
            effort=Effort(images_looked=3000),
            content=TableContent(images=3000, findings=0, digests=(SHA,)),
        ),
    ),
    "announcement": ResultStored(
        result_id=RESULT.result_id,
        unit=STAMP,
        document=DOCUMENT,
        products=(DOCUMENT,),
        observer_name="yolo",
        observer_version="1.0.0",
        demonstration=True,
        coverage="broken",
        counts=Counts(looked=1, empty=0, unread=1, findings=6),
        labels=(("Chromis chromis", 1),),
        where=UNIT.where,
        lane="live",
        purpose="user",
        supersedes="other",
        processing=Processing(arrived_at=AT, started_at=AT, finished_at=AT, attempt=2, runtime="python"),
    ),
    "use": UsageEvent(
        event_id=make_usage_id(door="topic", operation="process", request=STAMP.unit_id, observer_sha256=SHA),
        requested_at=AT,
        observed=Instant(at=AT),
        installation="obsea",
        door="topic",
        operation="process",
        purpose="user",
        traffic="external",
        access="Machine",
        profile="default",
        act=Processed(processing_id="p", observer_name="yolo", observer_version="1", observer_sha256=SHA),
        who=DeclaredOwner(owner="upc"),
        country="ES",
        country_source="declared",
        units={"still": 1},
        images={"still": 1},
        bytes=82_190,
        contents=(SHA,),
    ),
    "use not delivered": UsageEvent(
        event_id=make_usage_id(door="http", operation="process", request="r", observer_sha256=None),
        requested_at=AT,
        observed=Undated(why="no_time"),
        installation="obsea",
        door="http",
        operation="process",
        purpose="user",
        traffic="external",
        access="Regular",
        profile="default",
        act=NotDone(status="failure", reason="not_media"),
        who=Person(pseudonym=SHA, tier=4),
        country="ZZ",
        country_source="none",
        units={},
        images={},
        bytes=0,
        contents=(),
    ),
    **{
        f"metric {value.kind}": MetricValue(
            installation="obsea",
            metric="unique_users",
            definition="unique_users@1",
            period=Period(from_at="2024-01-01T00:00:00Z", to_at="2024-02-01T00:00:00Z"),
            unit="1",
            additive=False,
            value=value,
            coverage=1,
            gaps=(Period(from_at=AT, to_at=AT),),
            profile="default",
            as_of="5",
        )
        for value in (Measured(value=3), NotMeasured(why="no_login"), Names(names=("ES", "PT")))
    },
}
