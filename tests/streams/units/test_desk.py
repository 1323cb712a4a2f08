"""What settings and deployments say of an arrival."""

from __future__ import annotations

import datetime as dt

import pytest

from schemas.errors import RejectedInput
from schemas.geometry import Nowhere
from schemas.media import InlineBody, MediaArrived
from schemas.unit import Instant, Undated
from sinks.object_store.memory import MemoryStore
from streams.feeds.decoding.events import Header
from streams.settings.read import check_settings
from streams.units.desk import SettingsDesk
from streams.units.originals import Originals

JPEG = b"\xff\xd8\xff\xe0 picture"
NOON = dt.datetime(2026, 5, 1, 12, 0, tzinfo=dt.UTC)


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
    context = desk.describe(make_media("20260501-120000-x.jpg"), JPEG, "")
    assert context.captured == Instant(at=NOON)
    assert context.captured_from == "filename"
    assert prober.asked == 0


def test_a_picture_whose_name_says_nothing_is_asked_itself(tmp_path):
    prober = Prober(exif="2026:05:01 12:00:00Z")
    context = make_desk(tmp_path, prober).describe(make_media(), JPEG, "")
    assert (context.captured, context.captured_from) == (Instant(at=NOON), "exif")
    assert prober.asked == 1


def test_a_time_of_modification_counts_only_where_the_feed_says_so(tmp_path):
    media = make_media(modified_at=NOON)
    assert isinstance(make_desk(tmp_path, Prober()).describe(media, JPEG, "").captured, Undated)
    context = make_desk(tmp_path, Prober(), use_mtime=True).describe(media, JPEG, "")
    assert (context.captured, context.captured_from) == (Instant(at=NOON), "mtime")


def test_content_decides_the_kind_whatever_name_and_type_claim(tmp_path):
    desk = make_desk(tmp_path, Prober())
    media = make_media("clip.mp4", media_type="video/mp4")
    context = desk.describe(media, JPEG, "")
    assert (context.kind, context.media_type) == ("still", "image/jpeg")


def test_an_object_is_judged_by_its_first_bytes_where_it_lies(tmp_path):
    desk = make_desk(tmp_path, Prober())
    desk.originals.store.write("a", JPEG + bytes(1 << 20), media_type="")
    assert desk.describe(make_media(), None, "a").kind == "still"


def test_without_a_deployment_only_the_feeds_instrument_is_known(tmp_path):
    context = make_desk(tmp_path, Prober()).describe(make_media(), JPEG, "")
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
