"""What settings and deployments say of an arrival."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from schemas.canonical import to_sha256
from schemas.errors import RejectedInput
from schemas.geometry import At, Nowhere
from schemas.media import InlineBody, MediaArrived
from schemas.unit import Instant, Part, Undated, Unit, make_stamp
from sinks.object_store.memory import MemoryStore
from streams.feeds.decoding.events import Header
from streams.feeds.deployments import Deployment
from streams.settings.read import check_settings
from streams.units.desk import SettingsDesk
from streams.units.originals import Originals

JPEG = b"\xff\xd8\xff\xe0 picture"
NOON = dt.datetime(2026, 5, 1, 12, 0, tzinfo=dt.UTC)


def make_parts(at="originals/x"):
    digest = to_sha256(JPEG)
    part = Part(role="still", name="a.jpg", media_type="image/jpeg", size_bytes=len(JPEG), sha256=digest, at=at)
    return (part,)


PARTS = make_parts()


class Prober:
    """Finds the given times in any file, and counts how often it was asked."""

    def __init__(self, exif=None, container=None):
        self.header = Header("still", "jpeg", "image/jpeg", 4, 3, exif_time=exif, container_time=container)
        self.asked = 0

    def probe(self, source):
        self.asked += 1
        return self.header


def make_desk(folder, prober, **capture):
    plain = {
        "installations": {"fish": {"detector": "scripted"}},
        "feeds": {"cam": {"installation": "fish", "instrument": "north", "capture": capture}},
    }
    given = check_settings(plain, {}, folder=folder).deployment
    return SettingsDesk(given.feeds, given.installations, Originals(MemoryStore()), prober)


def make_media(subject="a.jpg", **fields):
    return MediaArrived(event="e", feed="cam", subject=subject, body=InlineBody(), **fields)


def test_the_name_says_the_time_and_the_file_is_not_opened_for_it(tmp_path):
    prober = Prober(exif="2020:01:01 00:00:00Z")
    desk = make_desk(tmp_path, prober, file_name="%Y%m%d-%H%M%S-*", time_zone="UTC")
    context = desk.describe(make_media("20260501-120000-x.jpg"), JPEG, PARTS)
    assert context.captured == Instant(at=NOON)
    assert context.captured_from == "filename"
    assert prober.asked == 0


def test_a_picture_whose_name_says_nothing_is_asked_itself(tmp_path):
    prober = Prober(exif="2026:05:01 12:00:00Z")
    context = make_desk(tmp_path, prober).describe(make_media(), JPEG, PARTS)
    assert (context.captured, context.captured_from) == (Instant(at=NOON), "exif")
    assert prober.asked == 1


def test_a_time_of_modification_counts_only_where_the_feed_says_so(tmp_path):
    media = make_media(modified_at=NOON)
    assert isinstance(make_desk(tmp_path, Prober()).describe(media, JPEG, PARTS).captured, Undated)
    context = make_desk(tmp_path, Prober(), use_mtime=True).describe(media, JPEG, PARTS)
    assert (context.captured, context.captured_from) == (Instant(at=NOON), "mtime")


def test_content_decides_the_kind_whatever_name_and_type_claim(tmp_path):
    desk = make_desk(tmp_path, Prober())
    media = make_media("clip.mp4", media_type="video/mp4")
    context = desk.describe(media, JPEG, PARTS)
    assert (context.kind, context.parts[0].media_type) == ("still", "image/jpeg")


def test_an_object_is_judged_by_its_first_bytes_where_it_lies(tmp_path):
    desk = make_desk(tmp_path, Prober())
    desk.originals.store.write("a", JPEG + bytes(1 << 20), media_type="")
    assert desk.describe(make_media(), None, make_parts("a")).kind == "still"


def test_without_a_deployment_only_the_feeds_instrument_is_known(tmp_path):
    context = make_desk(tmp_path, Prober()).describe(make_media(), JPEG, PARTS)
    assert context.deployment.instrument == "north"
    assert isinstance(context.deployment.where, Nowhere)


@pytest.mark.parametrize(("feed", "reason"), [("nobody", "unknown_feed"), ("cam", None)])
def test_a_feed_has_an_installation_or_a_reason_why_not(tmp_path, feed, reason):
    desk = make_desk(tmp_path, Prober())
    if reason is None:
        assert desk.find_installation(feed) == "fish"
        return
    with pytest.raises(RejectedInput) as raised:
        desk.find_installation(feed)
    assert raised.value.reason == reason


# --- which deployment a unit was taken in ---


def make_dated(year, **fields):
    where = At(lat_deg=40.0 + year - 2020, lon_deg=1.5, source="deployment")
    return Deployment(
        feed="cam",
        valid_from_at=dt.datetime(year, 1, 1, tzinfo=dt.UTC),
        instrument=f"cam-{year}",
        where=where,
        **fields,
    )


def make_unit(desk, subject):
    """Return the unit that a router makes of a picture of this name."""
    context = desk.describe(make_media(subject), JPEG, PARTS)
    stamp = make_stamp(installation="fish", feed="cam", kind="still", captured=context.captured, content="0" * 64)
    part = Part(role="still", name=subject, media_type="image/jpeg", size_bytes=9, sha256="0" * 64, at="originals/0")
    return Unit(
        stamp=stamp,
        captured_from=context.captured_from,
        claimed_at=context.claimed_at,
        group=subject,
        layout="still",
        parts=(part,),
        where=context.deployment.where,
        instrument=context.deployment.instrument,
        deployment=context.deployment.digest,
    )


def make_dated_desk(folder, *deployments):
    desk = make_desk(folder, Prober(), file_name="%Y%m%d-%H%M%S-*", time_zone="UTC")
    return replace(desk, deployments={"cam": deployments})


@pytest.mark.parametrize(
    ("taken", "instrument"),
    [("20231231-235959-x.jpg", None), ("20240101-000000-x.jpg", "cam-2024"), ("20250601-120000-x.jpg", "cam-2025")],
)
def test_the_deployment_is_chosen_by_when_the_picture_was_taken(tmp_path, taken, instrument):
    desk = make_dated_desk(tmp_path, make_dated(2024), make_dated(2025))
    unit = make_unit(desk, taken)
    found = desk.find_deployment(unit)
    assert (found and found.instrument) == instrument
    assert unit.instrument == (instrument or "north")
    assert unit.deployment == (found and found.to_digest())


def test_a_corrected_clock_decides_in_which_deployment_a_picture_was_taken(tmp_path):
    year_s = 366 * 86_400.0  # the camera's clock stands in 2024, a leap year, and is a year behind
    plain = make_dated_desk(tmp_path, make_dated(2024), make_dated(2025))
    corrected = make_dated_desk(
        tmp_path, make_dated(2024, clock_offset_s=year_s), make_dated(2025, clock_offset_s=year_s)
    )
    subject = "20240601-120000-x.jpg"
    assert plain.find_deployment(make_unit(plain, subject)).instrument == "cam-2024"
    unit = make_unit(corrected, subject)
    assert unit.stamp.captured == Instant(at=dt.datetime(2025, 6, 2, 12, 0, tzinfo=dt.UTC))
    assert corrected.find_deployment(unit).instrument == "cam-2025"


def test_a_unit_that_came_before_its_clock_was_corrected_is_judged_by_the_table_as_it_is_now(tmp_path):
    before = make_dated_desk(tmp_path, make_dated(2024), make_dated(2025))
    unit = make_unit(before, "20240601-120000-x.jpg")
    offset = {"clock_offset_s": 366 * 86_400.0}
    after = make_dated_desk(tmp_path, make_dated(2024, **offset), make_dated(2025, **offset))
    assert before.find_deployment(unit).instrument == "cam-2024"
    assert after.find_deployment(unit).instrument == "cam-2025"


def test_a_feed_without_a_table_has_no_deployment(tmp_path):
    desk = make_dated_desk(tmp_path)
    assert desk.find_deployment(make_unit(desk, "20240601-120000-x.jpg")) is None
