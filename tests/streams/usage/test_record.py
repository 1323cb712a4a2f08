from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import pytest

from schemas.geometry import Nowhere
from schemas.media import Rejection
from schemas.result import (
    Asset,
    Counts,
    ModelRef,
    Observer,
    Processing,
    ResultStored,
    make_result_id,
)
from schemas.unit import Instant, Part, Undated, Unit, WorkOrder, make_stamp
from schemas.usage import Ingested, NotDone, Person, UsageEvent
from streams.usage.edge.caller import Caller, make_feed_caller
from streams.usage.edge.kinds import IMAGE_KINDS
from streams.usage.events import read_event
from streams.usage.record import (
    Turned,
    make_ingested,
    make_not_done,
    make_processed,
    make_recorder,
    make_refused,
)
from streams.usage.rows import from_fact, to_fact
from tests.streams.usage.uses import NOW, make_record, to_content

_OBSERVER = Observer(name="yolo", version="1.0.0", reader="still/1")
_CALLER = make_feed_caller("upc-obsea", "ES")


def _make_order(kind="still", **changes: object) -> WorkOrder:
    content = to_content("picture")
    stamp = make_stamp(
        installation="obsea",
        feed="camera",
        kind=kind,
        captured=Instant(at=NOW - dt.timedelta(days=900)),
        content=content,
    )
    part = Part(
        role="still", name="a.jpg", media_type="image/jpeg", size_bytes=82_190, sha256=content, at="originals/a"
    )
    unit = Unit(
        stamp=stamp,
        captured_from="filename",
        group="a.jpg",
        layout="still",
        parts=(part,),
        where=Nowhere(why="not_declared"),
        instrument="camera",
    )
    fields = {"unit": unit, "source": "/feeds/camera", "event": "e-1", "arrived_at": NOW}
    return WorkOrder.model_validate(fields | changes)


def _announce(order: WorkOrder, *, looked: int = 1, started_at: dt.datetime = NOW, **changes: object) -> ResultStored:
    stamp = order.unit.stamp
    fields = {
        "result_id": make_result_id(stamp.unit_id, _OBSERVER),
        "unit": stamp,
        "document": Asset(role="document", key="k", media_type="application/json", size_bytes=1, sha256="0" * 64),
        "observer_name": "yolo",
        "observer_version": "1.0.0",
        "demonstration": True,
        "coverage": "complete",
        "counts": Counts(looked=looked, empty=0, unread=0, findings=3),
        "where": Nowhere(why="not_declared"),
        "lane": "live",
        "purpose": "user",
        "processing": Processing(arrived_at=NOW, started_at=started_at, finished_at=started_at, runtime="openvino"),
    }
    return ResultStored.model_validate(fields | changes)


def _process(order: WorkOrder, announced: ResultStored) -> UsageEvent:
    return make_processed(order, announced, observer_sha256=_OBSERVER.to_digest(), caller=_CALLER)


def test_a_delivered_result_is_a_use_of_the_feeds_declared_owner():
    order = _make_order()
    use = _process(order, _announce(order))
    assert (use.who.owner, use.who.tier, use.country, use.country_source) == ("upc-obsea", 1, "ES", "declared")
    assert (use.units, use.images, use.bytes) == ((("still", 1),), (("still", 1),), 82_190)
    assert use.requested_at == NOW
    assert use.observed == order.unit.stamp.captured
    assert use.contents == (order.unit.stamp.content,)
    assert use.act.demonstration
    assert use.act.processing_id == make_result_id(order.unit.stamp.unit_id, _OBSERVER)


def test_a_use_made_again_after_a_crash_is_the_same_to_the_byte():
    order = _make_order()
    again = _announce(
        order,
        started_at=NOW + dt.timedelta(hours=5),
        processing=Processing(arrived_at=NOW, started_at=NOW, finished_at=NOW, attempt=3, runtime="onnxruntime"),
    )
    assert _process(order, again).to_canonical() == _process(order, _announce(order)).to_canonical()


def test_a_use_names_each_model_with_its_version_and_digest():
    order = _make_order()
    model = ModelRef(
        role="detector", name="deepsea", version="2", sha256="ab" * 32, task="detect", precision="f32",
        input_px=(640, 640), provenance="user",
    )  # fmt: skip
    digest = _OBSERVER.to_digest()
    recorder = make_recorder(SimpleNamespace(feeds={}))
    use = recorder.record_processed(order, _announce(order), digest, (model,))
    assert [(one.name, one.version, one.sha256) for one in use.act.models] == [("deepsea", "2", "ab" * 32)]
    plain = recorder.record_processed(order, _announce(order), digest)
    one, other = (to_fact(make_record(0, event.to_canonical()), event) for event in (use, plain))
    assert one["use_sha256"] == other["use_sha256"]
    assert one["event_sha256"] != other["event_sha256"]
    assert from_fact(one) == use


def test_another_observer_makes_another_use_of_the_same_unit():
    order = _make_order()
    other = Observer(name="motion", version="1.0.0", reader="still/1")
    announced = _announce(order, result_id=make_result_id(order.unit.stamp.unit_id, other))
    use = make_processed(order, announced, observer_sha256=other.to_digest(), caller=_CALLER)
    assert use.event_id != _process(order, _announce(order)).event_id


def test_a_result_that_is_not_of_the_order_is_a_mistake():
    order, clip = _make_order(), _make_order("clip")
    with pytest.raises(ValueError, match="not what this order was for"):
        _process(order, _announce(clip))
    with pytest.raises(ValueError, match="not what this order was for"):
        make_processed(order, _announce(order), observer_sha256="0" * 64, caller=_CALLER)


def test_images_are_counted_as_what_their_unit_holds():
    clip = _make_order("clip")
    assert _process(clip, _announce(clip, looked=250)).images == (("frame", 250),)
    assert _process(clip, _announce(clip, looked=0)).images == ()


def test_a_run_saved_again_is_the_same_content_and_one_of_another_start_or_without_a_clock_is_not():
    def content_of(byte, captured, group="sea-1"):
        order = _make_order("run")
        stamp = make_stamp(
            installation="obsea", feed="camera", kind="run", captured=captured, content=to_content(byte)
        )  # fmt: skip
        unit = order.unit.model_copy(update={"stamp": stamp, "group": group})
        (content,) = make_ingested(order.model_copy(update={"unit": unit}), caller=_CALLER).contents
        return content

    start = Instant(at=NOW - dt.timedelta(days=900))
    assert content_of("saved", start) == content_of("saved again", start)
    later, undated = Instant(at=NOW), Undated(why="no_clock")
    others = [content_of("saved", later), content_of("saved", start, "sea-2"), content_of("saved", undated)]
    assert len({content_of("saved", start), *others, content_of("saved again", undated)}) == 5
    assert content_of("saved", undated) == to_content("saved")


def test_a_unit_taken_in_is_a_use_of_its_own_kind():
    order = _make_order()
    use = make_ingested(order, caller=_CALLER)
    assert use.act == Ingested()
    assert use.images == (("still", 1),)
    assert use.event_id != _process(order, _announce(order)).event_id
    assert make_ingested(_make_order("clip"), caller=_CALLER).images == ()


@pytest.mark.parametrize(("fault", "status"), [("rejected", "refused"), ("expired", "refused"), ("poison", "failure")])
def test_a_unit_set_aside_is_a_request_that_was_not_served(fault, status):
    order = _make_order()
    rejection = Rejection(
        rejection_id="ab" * 16,
        fault=fault,
        step="work",
        reason="not_an_image",
        sentence="No.",
        rejected_at=NOW,
        topic="work.obsea.live.v1",
        value_sha256="0" * 64,
    )
    use = make_not_done(order, rejection, caller=_CALLER)
    assert use.act == NotDone(status=status, reason="not_an_image")
    assert use.images == ()
    later = rejection.model_copy(update={"rejected_at": NOW + dt.timedelta(days=1), "attempts": 3})
    assert make_not_done(order, later, caller=_CALLER).to_canonical() == use.to_canonical()
    assert use.event_id != _process(order, _announce(order)).event_id


def test_the_purpose_of_the_order_is_that_of_the_use():
    order = _make_order(purpose="canary")
    assert _process(order, _announce(order)).purpose == "canary"


def test_a_person_may_be_the_caller():
    order = _make_order()
    who = Person(pseudonym=to_content("ada"), tier=4)
    caller = Caller(who, "IT", "idp", door="gateway", traffic="external", access="Regular")
    use = make_processed(order, _announce(order), observer_sha256=_OBSERVER.to_digest(), caller=caller)
    assert (use.who, use.door, use.traffic, use.access) == (who, "gateway", "external", "Regular")
    assert use.event_id != _process(order, _announce(order)).event_id


def test_a_deployments_recorder_knows_its_feeds_owners():
    feeds = {
        "camera": SimpleNamespace(owner="upc-obsea", country="ES", institution=None),
        "other": SimpleNamespace(owner="x", country="ZZ", institution="03mb6wj31"),
    }
    order, digest = _make_order(), _OBSERVER.to_digest()
    assert make_recorder(SimpleNamespace(feeds=feeds)).record_processed(order, _announce(order), digest) == _process(
        order, _announce(order)
    )
    feeds["camera"] = feeds["other"]
    declared = make_recorder(SimpleNamespace(feeds=feeds)).record_processed(order, _announce(order), digest)
    assert (declared.institution, declared.country_source) == ("03mb6wj31", "none")
    orphan = make_recorder(SimpleNamespace(feeds={})).record_processed(order, _announce(order), digest)
    assert (orphan.who.owner, orphan.country, orphan.country_source) == ("unknown", "ZZ", "none")


def test_every_use_can_be_read_from_the_topic():
    order = _make_order()
    for use in (_process(order, _announce(order)), make_ingested(order, caller=_CALLER)):
        assert read_event(make_record(0, use.to_canonical())) == use


def test_every_kind_of_unit_has_a_kind_of_image_or_none_at_all():
    from typing import get_args

    from schemas.finding import ImageKind
    from schemas.unit import UnitKind

    assert set(get_args(UnitKind)) - set(IMAGE_KINDS) == {"simulation"}
    assert set(IMAGE_KINDS.values()) == set(get_args(ImageKind))


def _refuse(reason="unreadable_envelope", **changes: object) -> UsageEvent:
    turned = Turned(**({"installation": "obsea", "feed": "camera", "arrived_at": NOW, "value": b"junk"} | changes))
    rejection = SimpleNamespace(rejection_id="c" * 32, reason=reason, fault="rejected")
    return make_refused(turned, rejection, caller=_CALLER)


def test_an_arrival_refused_before_it_was_a_unit_is_a_use_that_was_not_done_and_counts_nothing():
    use = _refuse()
    assert use.act == NotDone(status="refused", reason="unreadable_envelope")
    assert (use.units, use.images, use.bytes) == ((), (), 4)
    assert (use.installation, use.requested_at, use.purpose) == ("obsea", NOW, "user")
    assert UsageEvent.from_json(use.to_canonical()) == use


def test_the_same_refusal_is_the_same_use_and_a_canary_stays_one():
    assert _refuse() == _refuse()
    assert _refuse(purpose="canary").purpose == "canary"
