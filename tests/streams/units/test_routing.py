"""What becomes of an arrival: work, a duplicate, or a reason why it is set aside."""

from __future__ import annotations

import dataclasses

import pytest

from schemas.canonical import to_sha256
from schemas.errors import RejectedInput, TransientFault
from schemas.media import Duplicate, InWork, MediaSettled
from schemas.unit import Claim, Undated, WorkOrder, to_unit_key
from schemas.usage import UsageEvent
from schemas.wire import to_headers
from sinks.object_store.memory import MemoryStore
from streams.brokers.records import Record
from streams.faults import make_rejection
from streams.feeds.announce import Claimed, Sender, announce_bytes, announce_file
from streams.feeds.references import to_original_key
from tests.schemas.hostile import GOOD, HOSTILE
from tests.streams.units.places import JPEG, TOPICS, make_router, to_stored

SUBJECT = "20260501-120000-cam.jpg"


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def router(tmp_path, store):
    return make_router(tmp_path, store)


def announce(data=JPEG, subject=SUBJECT, *, feed="cam", **sender):
    return to_stored(announce_bytes(data, Claimed(subject), Sender(feed, **sender)).to_record(TOPICS.media_arrived))


def write(changed, value=JPEG):
    """Return a record as a foreign client might write it: the good one, some headers changed."""
    headers = {**GOOD, "ce_subject": SUBJECT.encode(), **changed}
    pairs = tuple((name, text) for name, text in headers.items() if text is not None)
    return to_stored(Record(TOPICS.media_arrived, b"cam", value, pairs))


def route(router, stored):
    """Return what an arrival becomes: ``work``, or ``duplicate``."""
    prepared = router.prepare(stored)
    other = router.decide(prepared)
    if other is None:
        other = router.claim(prepared)
    return "work" if other is None else "duplicate"


def refuse(router, stored):
    with pytest.raises(RejectedInput) as raised:
        router.prepare(stored)
    return raised.value


# --- good arrivals ---


def test_an_inline_picture_is_kept_once_under_its_content_and_its_order_refers_to_it(router, store):
    prepared = router.prepare(announce())
    order = WorkOrder.from_json(router.to_work(prepared).value)
    key = to_original_key(to_sha256(JPEG))
    assert store.read(key) == JPEG
    assert order.unit.parts[0].at == key
    assert JPEG not in router.to_work(prepared).value


def test_an_order_goes_to_the_lane_of_its_arrival_under_the_units_id(router):
    for lane in ("live", "archive"):
        record = router.to_work(router.prepare(announce(lane=lane)))
        assert record.topic == f"work.fish.{lane}.v1"
        assert record.key == WorkOrder.from_json(record.value).unit.stamp.unit_id.encode()


def test_a_large_file_comes_by_reference_and_is_the_same_unit_as_if_it_had_come_inline(router, store, tmp_path):
    path = tmp_path / SUBJECT
    path.write_bytes(JPEG)
    announced = announce_file(path, Claimed(SUBJECT), Sender("cam", inline_limit=4), store)
    assert JPEG not in announced.value
    by_reference = router.prepare(to_stored(announced.to_record(TOPICS.media_arrived)))
    assert by_reference.unit == router.prepare(announce()).unit


def test_bytes_in_another_allowed_bucket_are_read_where_they_lie(tmp_path, store):
    others = MemoryStore()
    others.write("deck/a.jpg", JPEG, media_type="image/jpeg")
    router = make_router(tmp_path, store, bucket="ours", others={"incoming": others})
    prepared = router.prepare(write({"ce_dataref": b"s3://incoming/deck/a.jpg"}, None))
    assert prepared.unit.parts[0].at == "s3://incoming/deck/a.jpg"
    assert prepared.unit.stamp.content == to_sha256(JPEG)
    store.write("deck/b.jpg", JPEG, media_type="image/jpeg")
    assert router.prepare(write({"ce_dataref": b"s3://ours/deck/b.jpg"}, None)).unit.stamp == prepared.unit.stamp


def test_both_records_of_an_arrival_in_work_name_it(router):
    prepared = router.prepare(announce())
    settled = MediaSettled.from_json(router.to_in_work(prepared).value)
    assert settled.end == InWork(unit_id=prepared.unit.stamp.unit_id)
    assert (settled.source, settled.event) == ("/feeds/cam", prepared.media.event)
    assert router.to_in_work(prepared).key == router.to_duplicate(prepared).key


def test_arrivals_prepared_together_are_what_each_is_alone_and_one_that_is_refused_does_not_stop_the_others(
    router, store, tmp_path
):
    arrivals = [
        announce(subject=f"20260501-12000{number}-cam.jpg", data=JPEG + b"%d" % (number % 2)) for number in range(4)
    ]
    arrivals.insert(2, write({"ce_dataref": b"file:///etc/passwd"}, None))
    alone = make_router(tmp_path, MemoryStore())
    answers = router.prepare_together(arrivals)
    assert isinstance(answers[2], RejectedInput)
    good = [answer for answer in answers if not isinstance(answer, RejectedInput)]
    assert [one.unit for one in good] == [alone.prepare(arrivals[place]).unit for place in (0, 1, 3, 4)]
    assert {store.read(one.unit.parts[0].at) for one in good} == {JPEG + b"0", JPEG + b"1"}
    assert router.claim_together(good) == [None] * 4
    assert router.claim_together(good) == [None] * 4, "claimed again by the same arrivals"


def test_each_arrival_prepared_is_a_sign_of_life_and_no_more_is_written_between_two_than_a_slow_store_takes(tmp_path):
    steps = []
    store = MemoryStore(before=lambda verb, key: steps.append((verb, key)))
    router = make_router(tmp_path, store)
    videos = []
    for number in range(3):
        path = tmp_path / f"20260501-12000{number}-cam.jpg"
        path.write_bytes(JPEG + b"%d" % number)
        announced = announce_file(path, Claimed(path.name), Sender("cam", inline_limit=4), store)
        videos.append(to_stored(announced.to_record(TOPICS.media_arrived)))
    pictures = [
        announce(subject=f"20260501-12001{number}-cam.jpg", data=JPEG + b"%d" % number * (860 << 10))
        for number in range(9)
    ]
    steps.clear()
    answers = router.prepare_together([*videos, *pictures], on_each=lambda: steps.append(("beat", "")))
    assert not [answer for answer in answers if isinstance(answer, RejectedInput)]
    lots = " ".join(verb for verb, _ in steps).split("beat")
    assert max(lot.count("lend_path") for lot in lots) == 1
    assert sum(lot.count("lend_path") for lot in lots) >= 3
    assert sum(lot.count("write_once") for lot in lots) == 9
    assert max(lot.count("write_once") for lot in lots) == 4


def test_of_units_claimed_together_those_that_another_worker_claimed_first_are_named(tmp_path, store):
    ours, theirs = make_router(tmp_path, store), make_router(tmp_path, store)
    mine = ours.prepare_together([announce(subject=f"20260501-12000{number}-cam.jpg") for number in range(3)])
    other = theirs.prepare(announce(subject="b/20260501-120001-cam.jpg"))
    assert theirs.claim(other) is None
    assert ours.claim_together(mine) == [None, other.media.event, None]


# --- redeliveries, duplicates, and what is neither ---


def test_the_same_event_again_is_a_redelivery_and_gives_the_same_order(router):
    stored = announce()
    assert [route(router, stored) for _ in range(3)] == ["work"] * 3
    orders = {router.to_work(router.prepare(stored)).value for _ in range(2)}
    assert len(orders) == 1


def test_the_same_picture_and_capture_time_under_another_name_is_a_duplicate(router):
    assert route(router, announce()) == "work"
    assert route(router, announce(subject="copies/20260501-120000-again.jpg")) == "duplicate"


def test_two_arrivals_of_one_unit_that_are_on_their_way_together_are_told_apart_by_their_order(router):
    first, second = router.prepare(announce()), router.prepare(announce(subject="b/20260501-120000-x.jpg"))
    assert router.decide(first) is None
    assert router.decide(second) == first.media.event
    assert router.claim(first) is None


@pytest.mark.parametrize(
    ("case", "changes"),
    [
        ("a frozen camera's equal picture of another time", {"subject": "20260501-120100-cam.jpg"}),
        ("another picture of the same time", {"data": b"\xff\xd8\xff\xe0 another"}),
        ("the same picture of another feed", {"feed": "dated-by-sender"}),
    ],
)
def test_no_duplicate_is(router, case, changes):
    assert route(router, announce()) == "work"
    stored = announce(**changes)
    if changes.get("feed"):
        stored = write({"ce_source": b"/feeds/dated-by-sender", "ce_capturedat": b"2026-05-01T12:00:00Z"})
    assert route(router, stored) == "work"


def test_of_two_workers_that_claim_one_unit_the_second_finds_it_taken(tmp_path, store):
    workers = [make_router(tmp_path, store) for _ in range(2)]
    arrivals = [announce(), announce(subject="b/20260501-120000-x.jpg")]
    prepared = [worker.prepare(stored) for worker, stored in zip(workers, arrivals, strict=True)]
    assert [worker.decide(item) for worker, item in zip(workers, prepared, strict=True)] == [None, None]
    assert workers[0].claim(prepared[0]) is None
    assert workers[1].claim(prepared[1]) == prepared[0].media.event
    assert workers[0].claim(prepared[0]) is None, "the same event again is a redelivery"
    record = workers[1].to_duplicate(prepared[1])
    assert MediaSettled.from_json(record.value).end == Duplicate(of_unit_id=prepared[0].unit.stamp.unit_id)


def test_a_new_worker_knows_the_duplicates_of_units_that_came_before_it(tmp_path, store):
    assert route(make_router(tmp_path, store), announce()) == "work"
    assert route(make_router(tmp_path, store), announce(subject="b/20260501-120000-x.jpg")) == "duplicate"
    assert route(make_router(tmp_path, store), announce()) == "work"


def test_a_unit_that_came_before_is_done_as_it_was_placed_then(tmp_path, store, router):
    """A deployment corrected later is for a command of its own; a retry gives what the first try would have given."""
    prepared = router.prepare(announce())
    moved = prepared.unit.model_copy(update={"instrument": "another"})
    claim = Claim(unit=moved, source=prepared.media.source, event=prepared.media.event)
    store.write(to_unit_key(prepared.unit.stamp), claim.to_canonical(), media_type="application/json")
    again = router.prepare(announce())
    assert WorkOrder.from_json(router.to_work(again).value).unit == moved


# --- what is set aside ---


@pytest.mark.parametrize("case", HOSTILE, ids=lambda case: case.name)
def test_a_record_that_is_no_arrival_is_refused_with_its_reason(router, case):
    stored = to_stored(Record(TOPICS.media_arrived, b"k", case.value, case.headers))
    assert refuse(router, stored).reason == case.reason


@pytest.mark.parametrize(
    ("reason", "changed", "value"),
    [
        ("unknown_feed", {"ce_source": b"/feeds/nobody"}, JPEG),
        ("missing_object", {"ce_dataref": b"originals/00/00"}, None),
        ("bucket_not_allowed", {"ce_dataref": b"s3://elsewhere/a.jpg"}, None),
        ("local_reference", {"ce_dataref": b"/etc/passwd"}, None),
        ("local_reference", {"ce_dataref": b"file:///etc/passwd"}, None),
        ("local_reference", {"ce_dataref": rb"C:\Windows\win.ini"}, None),
        ("unsupported_reference", {"ce_dataref": b"http://169.254.169.254/latest/meta-data"}, None),
        ("digest_differs", {"ce_datasha256": b"0" * 64}, JPEG),
        ("not_media", {}, b"plain text"),
    ],
)
def test_an_arrival_that_cannot_be_used_is_refused_with_its_reason(router, reason, changed, value):
    found = refuse(router, write(changed, value))
    assert found.reason == reason
    assert "/etc" not in found.sentence


@pytest.mark.parametrize(
    ("reason", "part"), [("digest_differs", b'"sha256": "%s"' % (b"0" * 64)), ("size_differs", b'"size_bytes": 5')]
)
def test_a_referenced_object_that_is_not_what_was_announced_is_refused(router, store, reason, part):
    store.write("deck/a.jpg", JPEG, media_type="image/jpeg")
    headers = {"content-type": b"application/vnd.observatory.parts+json"}
    assert refuse(router, write(headers, b'{"dataref": "deck/a.jpg", %s}' % part)).reason == reason


def test_a_camera_that_names_several_parts_is_refused(router):
    body = b'{"parts": [{"subject": "a", "dataref": "a"}, {"subject": "b", "dataref": "b"}]}'
    assert (
        refuse(router, write({"content-type": b"application/vnd.observatory.parts+json"}, body)).reason
        == "too_many_parts"
    )


def test_a_feed_whose_rule_wants_a_time_refuses_what_has_none(router):
    assert refuse(router, write({"ce_source": b"/feeds/dated-by-sender", "ce_subject": b"a.jpg"})).reason == "no_time"


def test_a_feed_that_takes_undated_pictures_says_that_they_are(router):
    assert isinstance(router.prepare(announce(subject="a.jpg")).unit.stamp.captured, Undated)


def test_a_feed_of_an_installation_that_is_gone_is_refused(tmp_path, store):
    router = make_router(tmp_path, store)
    lone = dataclasses.replace(router.desk, installations={})
    router.desk = lone
    assert refuse(router, announce()).reason == "unknown_installation"


def test_a_refused_arrival_of_a_known_feed_is_a_use_that_was_not_done(router):
    stored = write({"ce_capturedat": b"2026-05-01T12:00:00", "ce_purpose": b"canary"})
    rejection = make_rejection(stored, refuse(router, stored), step="route", rejected_at=stored.appended_at)
    (record,) = router.to_refused(stored, "cam", rejection)
    use = UsageEvent.from_json(record.value)
    assert record.topic == TOPICS.usage_recorded
    assert use.act.reason == "naive_time"
    assert (use.purpose, use.images, use.requested_at) == ("canary", (), stored.appended_at)


def test_a_refused_arrival_of_a_feed_that_nobody_knows_belongs_to_no_installation(router):
    stored = write({"ce_source": b"/feeds/nobodys"})
    rejection = make_rejection(stored, refuse(router, stored), step="route", rejected_at=stored.appended_at)
    assert router.to_refused(stored, "nobodys", rejection) == ()


def test_nothing_is_refused_because_the_store_is_away(tmp_path):
    def be_away(verb, key):
        raise TransientFault(sentence="The store answers 503.")

    router = make_router(tmp_path, MemoryStore(before=be_away))
    with pytest.raises(TransientFault):
        router.prepare(announce())


def test_headers_of_our_own_producer_are_the_ones_the_router_reads(router):
    announced = announce_bytes(JPEG, Claimed(SUBJECT), Sender("cam"))
    assert announced.headers == to_headers(announced.media)
    assert router.prepare(to_stored(announced.to_record(TOPICS.media_arrived))).media == announced.media
