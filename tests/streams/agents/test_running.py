"""A deployment at work in this process: which faults stop what, and when a worker says that it stands still."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import replace

import pytest

from detectors.scripted import ScriptedDetector, find_bright_centre
from schemas.errors import FatalFault, TransientFault
from streams.account.ledger import read_ledger
from streams.agents import running as running_module
from streams.agents.running import StalledError
from streams.assembly import assemble
from streams.faults import OutageError
from streams.places import open_broker, open_objects
from streams.settings.read import read_settings
from streams.working import make_running
from tests.support.deployments import Site, announce_pictures

BOUND_S = 60

NEIGHBOUR = """
[installations.other]
detector = "scripted"
pictures = "none"
[feeds.other-cam]
installation = "other"
[feeds.other-cam.capture]
file_name = "%Y%m%d-%H%M%S-*"
time_zone = "UTC"
"""


@pytest.fixture(autouse=True)
def left(monkeypatch):
    """Note, instead of ending the tests' own process, that a worker would have left without its threads."""
    calls = []
    monkeypatch.setattr(running_module, "leave_soon", lambda fault, **_: calls.append(fault))
    return calls


class Workplace:
    """A deployment in this process whose detectors are the test's."""

    def __init__(self, folder, *, detectors=None, **settings):
        self.site = Site(folder, changes=NEIGHBOUR, worker={"outage_after_s": 60, **settings})
        self.deployment = read_settings(self.site.settings).deployment
        self.store, self.client = open_objects(self.deployment), open_broker(self.deployment)
        self.parts = assemble(self.deployment, self.store)
        for name, detector in (detectors or {}).items():
            self.parts.pipelines[name] = replace(self.parts.pipelines[name], detector=detector)
        self.running = make_running(self.deployment, self.parts, self.client)

    def announce(self, count, *, feed="cam", first=0):
        announce_pictures(self.client, self.parts.topics, feed, count, first=first)

    def count_stored(self, feed="cam"):
        known = self.running.bench.health.feeds.get(feed)
        return known.stored if known else 0


@contextlib.asynccontextmanager
async def open_workplace(folder, **options):
    place = Workplace(folder, **options)
    run = asyncio.create_task(place.running.run())
    place.run = run
    try:
        yield place
    finally:
        place.running.app.end()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(BOUND_S):
                await run
        place.client.close()


async def wait_for(condition):
    async with asyncio.timeout(BOUND_S):
        while not condition():
            await asyncio.sleep(0.02)


def script(action):
    """Return a detector that does something before it answers."""

    def look(view):
        action()
        return find_bright_centre(view)

    return ScriptedDetector(look)


def fail(fault):
    def act():
        raise fault

    return act


async def test_a_fatal_fault_of_one_installation_stops_it_and_not_its_neighbour(tmp_path):
    broken = script(fail(FatalFault(sentence="The model file is gone.")))
    async with open_workplace(tmp_path, detectors={"bright": broken}) as place:
        place.announce(3)
        place.announce(3, feed="other-cam")
        await wait_for(lambda: place.count_stored("other-cam") == 3 and place.running.bench.health.stopped)
        told = place.running.describe()
        assert told["well"] is False
        assert told["stopped"] == {"bright": "The model file is gone."}
        assert not place.run.done()
        place.announce(3, feed="other-cam", first=10)
        await wait_for(lambda: place.count_stored("other-cam") == 6)
    assert place.count_stored("cam") == 0


async def test_a_worker_none_of_whose_installations_is_left_ends_with_the_fault(tmp_path):
    broken = script(fail(FatalFault(sentence="The model file is gone.")))
    async with open_workplace(tmp_path, detectors={"bright": broken, "other": broken}) as place:
        place.announce(1)
        place.announce(1, feed="other-cam")
        with pytest.raises(FatalFault, match="The model file is gone"):
            async with asyncio.timeout(BOUND_S):
                await place.run


async def test_a_mistake_of_ours_ends_the_worker_with_nothing_acknowledged(tmp_path):
    async with open_workplace(tmp_path, detectors={"bright": script(fail(ZeroDivisionError("ours")))}) as place:
        place.announce(2)
        with pytest.raises(ZeroDivisionError, match="ours"):
            async with asyncio.timeout(BOUND_S):
                await place.run
        committed = place.client.committed("observatory.test-site")
    assert not [part for part in committed if part[0].startswith("work.")]


async def test_a_neighbour_that_stays_away_ends_the_worker_as_an_outage(tmp_path):
    away = script(fail(TransientFault(sentence="The store answers 503.")))
    async with open_workplace(tmp_path, detectors={"bright": away}, outage_after_s=0.5) as place:
        place.announce(2)
        with pytest.raises(OutageError, match="503"):
            async with asyncio.timeout(BOUND_S):
                await place.run


async def test_a_stop_wakes_those_who_wait_for_a_neighbour(tmp_path):
    away = script(fail(TransientFault(sentence="The store answers 503.")))
    async with open_workplace(tmp_path, detectors={"bright": away}) as place:
        place.running.app.stop_within_s = 2 * BOUND_S  # so that it is not this bound which ends it
        place.announce(8)
        await wait_for(lambda: place.running.describe()["waiting"])
        place.running.app.end()
        async with asyncio.timeout(BOUND_S):
            await place.run


async def test_a_neighbour_that_comes_back_is_noticed_and_everything_is_stored(tmp_path):
    answers = iter([TransientFault(sentence="The store answers 503.")] * 6)
    lock = threading.Lock()

    def stumble():
        with lock:
            fault = next(answers, None)
        if fault is not None:
            raise fault

    async with open_workplace(tmp_path, detectors={"bright": script(stumble)}) as place:
        place.announce(6)
        await wait_for(lambda: place.count_stored() == 6)
        assert place.running.describe()["well"] is True


async def test_a_detector_that_hangs_makes_the_worker_end_with_its_stacks(tmp_path, capfd, left):
    go_on = threading.Event()
    async with open_workplace(tmp_path, detectors={"bright": script(go_on.wait)}, stall_after_s=2.5) as place:
        place.announce(1)
        try:
            with pytest.raises(StalledError, match=r"work\.bright\.live"):
                async with asyncio.timeout(BOUND_S):
                    await place.run
        finally:
            go_on.set()
    assert "Current thread" in capfd.readouterr().err
    assert left, "a thread that hangs may not keep the process alive"


async def test_a_unit_on_which_a_detector_hangs_again_and_again_is_set_aside_in_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(running_module, "_THREADS_WAIT_S", 0.2)
    go_on, looked = threading.Event(), []

    def hang():
        looked.append(1)
        go_on.wait()

    async def stall(announced):
        async with open_workplace(tmp_path, detectors={"bright": script(hang)}, stall_after_s=1.2) as place:
            place.announce(announced)
            with pytest.raises(StalledError):
                async with asyncio.timeout(BOUND_S):
                    await place.run

    try:
        for times in range(4):
            await stall(1 if times == 0 else 0)
        async with open_workplace(tmp_path, detectors={"bright": script(hang)}) as place:
            place.announce(0)
            await wait_for(lambda: count_ledger(place).rejected == 1)
            place.announce(0)
    finally:
        go_on.set()
    assert len(looked) == 4, "once beside others, three times alone, and then no more"


async def test_a_unit_that_takes_longer_than_the_patience_is_no_stall_while_its_images_are_looked_at(tmp_path):
    from tests.support.media import make_clip

    pace = threading.Event()
    async with open_workplace(
        tmp_path, detectors={"bright": script(lambda: pace.wait(0.25))}, stall_after_s=1.5
    ) as place:
        announce_pictures(place.client, place.parts.topics, "cam", 1, data=make_clip(16))
        await wait_for(lambda: place.count_stored() == 1)
        assert not place.run.done()


async def test_units_that_wait_for_others_longer_than_the_patience_are_no_stall(tmp_path):
    from tests.support.media import make_clip

    pace = threading.Event()
    detector = script(lambda: pace.wait(0.3))
    async with open_workplace(tmp_path, detectors={"bright": detector}, stall_after_s=2.0, threads=1) as place:
        announce_pictures(place.client, place.parts.topics, "cam", 6, data=make_clip(5))
        await wait_for(lambda: place.count_stored() == 6)
        assert not place.run.done()


async def test_an_outage_that_is_known_is_no_stall(tmp_path):
    answers = iter([TransientFault(sentence="The store answers 503.")] * 24)
    lock = threading.Lock()

    def stumble():
        with lock:
            fault = next(answers, None)
        if fault is not None:
            raise fault

    async with open_workplace(tmp_path, detectors={"bright": script(stumble)}, stall_after_s=2.5) as place:
        place.announce(6)
        await wait_for(lambda: place.count_stored() == 6)


async def test_clips_of_one_lane_do_not_keep_the_other_lane_and_the_router_waiting(tmp_path):
    from tests.support.media import make_clip

    go_on, archived = threading.Event(), threading.Event()

    def look(view):
        if view.image.kind == "frame":
            archived.set()
            go_on.wait()
        return find_bright_centre(view)

    async with open_workplace(tmp_path, detectors={"bright": ScriptedDetector(look)}, threads=2) as place:
        try:
            clip = make_clip(3)
            announce_pictures(place.client, place.parts.topics, "cam", 1, data=clip, lane="archive")
            await wait_for(archived.is_set)
            place.announce(3, first=20)
            await wait_for(lambda: place.count_stored() == 3)
        finally:
            go_on.set()
        await wait_for(lambda: place.count_stored() == 4)


async def test_a_feed_of_which_nearly_all_fails_pauses_while_its_neighbour_of_the_same_installation_goes_on(tmp_path):
    async with open_workplace(tmp_path, pause_last=5) as place:
        health = place.running.bench.health
        announce_pictures(place.client, place.parts.topics, "cam", 12, data=b"\xff\xd8\xff\xe0 no picture")
        await wait_for(lambda: health.feeds.get("cam") is not None and health.feeds["cam"].paused)
        place.announce(8, feed="other-cam")
        await wait_for(lambda: place.count_stored("other-cam") == 8)
        assert "paused" in health.feeds["cam"].paused
        assert sum(health.feeds["cam"].set_aside.values()) == 4
    assert len(list(open_and_read(place, place.parts.topics.media_rejected))) == 4


def open_and_read(place, topic):
    with contextlib.closing(open_broker(place.deployment)) as client:
        return list(client.read(topic))


async def test_what_a_paused_feed_left_is_taken_up_by_the_next_worker_when_the_cause_is_mended(tmp_path):
    bad = script(fail_with_rejection)
    async with open_workplace(tmp_path, detectors={"bright": bad}, pause_last=5) as place:
        place.announce(12)
        await wait_for(lambda: place.running.bench.gate.pauses)
    async with open_workplace(tmp_path, pause_last=5) as place:
        await wait_for(lambda: count_ledger(place).in_flight == 0)
        total = count_ledger(place)
    # one that was set aside behind one that was held comes again too, and is stored then
    assert total.submitted == 12 == total.stored + total.rejected
    assert total.rejected <= 4


def count_ledger(place):
    return read_ledger(place.client, place.parts.topics, group="observatory.test-site").total


def fail_with_rejection():
    from schemas.errors import RejectedInput

    reason = "wrong_picture_size"
    raise RejectedInput(reason, "The model was made for another size.")
