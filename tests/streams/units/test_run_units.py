"""Runs from a folder to a unit: announced, routed, found again, and read as they were."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from schemas.errors import RejectedInput
from schemas.media import PARTS_MEDIA_TYPE
from schemas.unit import Instant, Undated
from schemas.wire import from_record
from sinks.object_store.memory import MemoryStore
from streams.feeds.announce import Claimed, Sender
from streams.feeds.decoding.pool import DecodingPool
from streams.feeds.reading.opening import OPENER
from streams.feeds.reading.runs import RunUnitReader
from streams.feeds.runs.local.announcing import announce_run
from streams.feeds.runs.local.finding import FoundRun
from streams.settings.read import check_settings
from streams.units.desk import SettingsDesk
from streams.units.originals import Originals
from streams.units.routing import Router
from streams.usage.record import Recorder
from tests.streams.units.places import TOPICS, to_stored
from tests.support.runs import read, write_pictures, write_small_run, zip_folder

SETTINGS = {
    "installations": {"flowcam": {"detector": "scripted"}},
    "feeds": {
        "lab": {"installation": "flowcam", "reads": "runs", "instrument": "flowcam-8000"},
        "cam": {"installation": "flowcam"},
    },
}


@pytest.fixture(scope="module")
def pool():
    with DecodingPool(size=1, opener=OPENER) as made:
        yield made


@pytest.fixture
def lab(tmp_path, pool):
    """A router and a reader over one store in memory."""
    store = MemoryStore()
    deployment = check_settings(SETTINGS, {}, folder=tmp_path).deployment
    originals = Originals(store)
    desk = SettingsDesk(deployment.feeds, deployment.installations, originals, pool)
    return SimpleNamespace(
        store=store,
        router=Router(TOPICS, desk, store, originals, Recorder({})),
        reader=RunUnitReader(pool, originals, originals.list_parts),
    )


def send(lab, path, subject=None, *, feed="lab", inline_limit=0):
    """Announce a run and return its record as it lies in the topic."""
    name = subject or path.name
    sender = Sender(feed, inline_limit=inline_limit)
    announced = announce_run(FoundRun(path, name), Claimed(name), sender, lab.store)
    return to_stored(announced.to_record(TOPICS.media_arrived))


def route(lab, record):
    """Return what the router prepared, claimed."""
    prepared = lab.router.prepare(record)
    prior = lab.router.decide(prepared)
    return prepared, prior or lab.router.claim(prepared)


def read_unit(lab, unit):
    with lab.reader.open(unit) as opened:
        return {view.image.index: view.pixels.copy() for view in opened.views()}, opened


def test_a_run_folder_is_one_arrival_and_one_unit_of_numbered_parts(tmp_path, lab):
    write_small_run(tmp_path / "run", name="sea-1")
    prepared, prior = route(lab, send(lab, tmp_path / "run"))
    unit = prepared.unit
    assert prior is None
    assert (unit.stamp.kind, unit.group, unit.layout, unit.instrument) == (
        "run", "sea-1", "visualspreadsheet", "flowcam-8000",
    )  # fmt: skip
    assert {"list", "collage.1", "mask.1", "context", "opinion.1"} <= {part.role for part in unit.parts}
    assert isinstance(unit.stamp.captured, Instant)
    assert unit.captured_from == "instrument"
    assert lab.reader.to_version(unit) == "visualspreadsheet/1"


def test_the_particles_of_a_routed_run_are_those_of_its_folder(tmp_path, lab):
    write_small_run(tmp_path / "run")
    prepared, _ = route(lab, send(lab, tmp_path / "run"))
    drawn, opened = read_unit(lab, prepared.unit)
    _, particles, _ = read(tmp_path / "run")
    assert drawn.keys() == particles.keys()
    assert all((drawn[index] == particles[index][1]).all() for index in drawn)
    assert dict(opened.effort.quantities)["volume_ml"] == pytest.approx(opened.account.record.imaged_ml)
    assert opened.account.record.group == "run"
    assert opened.account.said


def test_a_run_sent_again_is_the_same_event_and_under_another_name_a_duplicate(tmp_path, lab):
    write_small_run(tmp_path / "run")
    first = send(lab, tmp_path / "run")
    assert from_record(first.headers, first.value).event == from_record(*_again(lab, tmp_path)).event
    assert route(lab, first)[1] is None
    assert route(lab, send(lab, tmp_path / "run"))[1] is None
    assert route(lab, send(lab, tmp_path / "run", "copy-of-run"))[1] == from_record(first.headers, first.value).event


def _again(lab, tmp_path):
    record = send(lab, tmp_path / "run")
    return record.headers, record.value


def test_a_run_saved_again_with_other_classes_is_a_revision_of_the_same_group(tmp_path, lab):
    write_small_run(tmp_path / "run")
    first, _ = route(lab, send(lab, tmp_path / "run"))
    classes = tmp_path / "run" / "run.cla"
    classes.write_text(classes.read_text().replace("Junk", "Dirt") + "\n")
    second, prior = route(lab, send(lab, tmp_path / "run"))
    assert prior is None
    assert second.unit.stamp.unit_id != first.unit.stamp.unit_id
    assert second.unit.group == first.unit.group


def test_originals_are_kept_once_however_often_a_run_comes(tmp_path, lab):
    write_small_run(tmp_path / "run")
    route(lab, send(lab, tmp_path / "run"))
    before = {info.key for info in lab.store.list("originals/")}
    (tmp_path / "run" / "run.cla").unlink()
    route(lab, send(lab, tmp_path / "run"))
    assert {info.key for info in lab.store.list("originals/")} == before


@pytest.mark.parametrize("inline_limit", [0, 900_000])
def test_a_zip_is_one_unit_whether_it_travels_in_the_message_or_not(tmp_path, lab, inline_limit):
    write_small_run(tmp_path / "run")
    path = zip_folder(tmp_path / "run", tmp_path / "zipped.zip")
    prepared, _ = route(lab, send(lab, path, inline_limit=inline_limit))
    assert [part.role for part in prepared.unit.parts] == ["archive"]
    assert len(read_unit(lab, prepared.unit)[0]) == 30


def test_a_run_of_very_many_files_travels_as_a_list_of_them_and_its_record_stays_small(tmp_path, lab):
    write_pictures(tmp_path / "run", [f"class-{number % 3}/{number:04}.png" for number in range(230)])
    record = send(lab, tmp_path / "run")
    assert PARTS_MEDIA_TYPE in (record.value or b"").decode()
    prepared, _ = route(lab, record)
    unit = prepared.unit
    assert (unit.parts, unit.manifest.count, unit.group, unit.layout) == ((), 230, "run", "pictures")
    assert isinstance(unit.stamp.captured, Undated)
    assert len(lab.router.to_work(prepared).value) < 2_000
    drawn, opened = read_unit(lab, unit)
    assert list(drawn) == list(range(230))
    assert {said.label for said in opened.account.said} == {"class-0", "class-1", "class-2"}
    assert "volume_ml" not in dict(opened.effort.quantities)


def test_a_run_that_lost_a_file_on_its_way_is_refused_by_the_router(tmp_path, lab):
    write_small_run(tmp_path / "run")
    record = send(lab, tmp_path / "run")
    collage = next(
        part for part in from_record(record.headers, record.value).body.parts if part.subject.endswith("1.tif")
    )
    lab.store.delete(collage.dataref)
    with pytest.raises(RejectedInput) as refused:
        lab.router.prepare(record)
    assert refused.value.reason == "missing_object"


def test_an_incomplete_run_is_not_announced_and_the_sentence_says_what_is_missing(tmp_path, lab):
    write_small_run(tmp_path / "run")
    (tmp_path / "run" / "run_000001.tif").unlink()
    with pytest.raises(RejectedInput) as refused:
        send(lab, tmp_path / "run")
    assert refused.value.reason == "no_collage"
    assert "collage.1" in refused.value.sentence


def test_a_camera_that_names_several_parts_is_still_refused(tmp_path, lab):
    write_small_run(tmp_path / "run")
    with pytest.raises(RejectedInput) as refused:
        lab.router.prepare(send(lab, tmp_path / "run", feed="cam"))
    assert refused.value.reason == "too_many_parts"


def test_what_is_no_run_is_refused_by_a_feed_of_runs(tmp_path, lab):
    (tmp_path / "notes.txt").write_text("no run")
    with pytest.raises(RejectedInput) as refused:
        lab.router.prepare(send(lab, tmp_path / "notes.txt"))
    assert refused.value.reason == "not_a_run"
