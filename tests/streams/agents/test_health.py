"""What a worker says of itself, and when it says that it stands still."""

from __future__ import annotations

import datetime as dt
import json
import socket
import urllib.error
import urllib.request
from collections import Counter

import pytest

from schemas.errors import FatalFault, TransientFault
from streams.account.status import FeedStatus, Status
from streams.agents.gate import FEEDS_LIMIT
from streams.agents.health import Health, Pulse, StallWatch
from streams.agents.health_page import open_health_page

NOW = dt.datetime(2026, 5, 1, 12, 0, tzinfo=dt.UTC)
WORK = ("work.fish.live.v1", 0)


def make_health() -> Health:
    return Health(NOW)


def test_a_worker_is_well_until_something_stands_still():
    health = make_health()
    health.note_stored("cam", "20260501t120000000z", NOW)
    health.note_dead_letter("cam", "truncated_picture")
    assert health.is_well
    told = health.to_plain({WORK: 3, ("work.fish.live.v1", 1): 4})
    assert told["lag"] == {"work.fish.live.v1": 7}
    assert told["feeds"]["cam"]["set_aside"] == {"truncated_picture": 1}
    assert told["feeds"]["cam"]["last_result_at"] == "2026-05-01T12:00:00.000Z"


def make_status(**feeds):
    return Status(NOW, {name.replace("_", "-"): FeedStatus(**given) for name, given in feeds.items()})


def test_each_feed_is_told_with_freshness_lag_last_result_and_dead_letters():
    health = make_health()
    health.note_status(make_status(cam={"lag": 7, "dead_letters": Counter(bad_time=2)}, silent={}))
    health.note_stored("cam", "2026-05-01T11:59:00.000Z", NOW)
    told = health.to_plain({}, now_at=NOW + dt.timedelta(minutes=3))
    cam, silent = told["feeds"]["cam"], told["feeds"]["silent"]
    assert (cam["age_s"], cam["freshness"], cam["lag"]) == (180.0, "3 minutes ago", 7)
    assert (cam["last_captured"], cam["dead_letters"]) == ("2026-05-01T11:59:00.000Z", {"bad_time": 2})
    assert (silent["age_s"], silent["freshness"], silent["lag"], silent["dead_letters"]) == (None, "never", 0, {})
    assert (told["topics_read_at"], told["feed_lag_is_whole"]) == ("2026-05-01T12:00:00.000Z", True)


def test_what_the_topics_were_not_asked_for_yet_is_not_told_as_nothing():
    health = make_health()
    health.note_stored("cam", "2026-05-01T11:59:00.000Z", NOW)
    told = health.to_plain({})
    assert (told["feeds"]["cam"]["lag"], told["feeds"]["cam"]["dead_letters"], told["topics_read_at"]) == (
        None,
        None,
        None,
    )


@pytest.mark.parametrize("what", ["pause", "stop"])
def test_a_paused_feed_and_a_stopped_installation_are_told_by_name(what):
    health = make_health()
    if what == "pause":
        health.note_pause("cam", "Feed cam is paused.")
    else:
        health.note_stop("fish", "The model is gone.")
    told = health.to_plain({})
    assert told["well"] is False
    assert told["stopped"] == ({"fish": "The model is gone."} if what == "stop" else {})
    assert [name for name, feed in told["feeds"].items() if feed["paused"]] == (["cam"] if what == "pause" else [])


def test_a_neighbour_that_is_away_is_told_until_it_is_back(caplog):
    health = make_health()
    for _ in range(3):
        with pytest.raises(TransientFault), health.watch("work"):
            raise TransientFault(sentence="The store answers 503.")
    assert health.to_plain({})["waiting"] == {"work": "The store answers 503."}
    assert not health.is_well
    with health.watch("work"):
        pass
    assert health.is_well
    assert [record.message for record in caplog.records] == [
        "work waits for a neighbour, and is tried again: The store answers 503.",
        "work goes on",
    ]


def test_names_that_a_sender_invents_do_not_fill_the_memory():
    health = make_health()
    for number in range(3 * FEEDS_LIMIT):
        health.note_dead_letter(f"feed-{number}", "unknown_feed")
    assert len(health.feeds) == FEEDS_LIMIT
    assert f"feed-{3 * FEEDS_LIMIT - 1}" in health.feeds


# --- stalls ---


def test_a_partition_with_lag_that_does_not_move_is_found_after_the_patience():
    watch = StallWatch(10.0)
    assert watch.find_stalled({WORK: 5}, {WORK: 8}, now_s=0.0) == ()
    assert watch.find_stalled({WORK: 5}, {WORK: 9}, now_s=10.0) == ()
    assert watch.find_stalled({WORK: 5}, {WORK: 9}, now_s=10.1) == (WORK,)


def test_a_partition_of_which_nothing_was_ever_committed_is_found_too():
    watch = StallWatch(10.0)
    watch.find_stalled({WORK: 0}, {WORK: 1}, now_s=0.0)
    assert watch.find_stalled({WORK: 0}, {WORK: 1}, now_s=11.0) == (WORK,)


@pytest.mark.parametrize(
    "why", ["it moves", "nothing waits", "it is held", "an image was looked at", "never asked for"]
)
def test_a_partition_is_not_stalled_while(why):
    watch = StallWatch(0.0 if why == "never asked for" else 10.0)
    for now_s in range(0, 100, 5):
        committed = {WORK: now_s if why == "it moves" else 5}
        ends = {WORK: 5 if why == "nothing waits" else 1000}
        beats = {WORK: now_s - 3.0} if why == "an image was looked at" else {}
        held = {WORK} if why == "it is held" else set()
        assert watch.find_stalled(committed, ends, beats=beats, held=held, now_s=float(now_s)) == ()


def test_a_sign_of_life_counts_from_when_it_was_given():
    watch = StallWatch(10.0)
    watch.find_stalled({WORK: 5}, {WORK: 8}, now_s=0.0)
    watch.find_stalled({WORK: 5}, {WORK: 8}, beats={WORK: 8.0}, now_s=9.0)
    assert watch.find_stalled({WORK: 5}, {WORK: 8}, now_s=17.0) == ()
    assert watch.find_stalled({WORK: 5}, {WORK: 8}, now_s=19.0) == (WORK,)


def test_a_partition_that_went_to_another_worker_and_came_back_begins_anew():
    watch = StallWatch(10.0)
    watch.find_stalled({WORK: 5}, {WORK: 8}, now_s=0.0)
    watch.find_stalled({}, {}, now_s=9.0)
    assert watch.find_stalled({WORK: 5}, {WORK: 8}, now_s=11.0) == ()
    assert watch.find_stalled({WORK: 5}, {WORK: 8}, now_s=22.0) == (WORK,)


OTHER = ("work.fish.live.v1", 1)


def test_a_unit_whose_images_are_looked_at_is_judged_by_them_alone():
    pulse = Pulse()
    pulse.look(WORK)
    first = pulse.find(WORK, is_ours=True)
    pulse.beat()
    pulse.look(OTHER)
    assert pulse.find(WORK, is_ours=True) == first > 0
    pulse.look(WORK)
    assert pulse.find(WORK, is_ours=True) >= first
    pulse.end(WORK)
    pulse.beat()
    assert pulse.find(WORK, is_ours=True) > first


def test_a_record_that_waits_for_its_turn_here_is_alive_while_anything_is():
    pulse = Pulse()
    pulse.look(OTHER)
    assert pulse.find(WORK, is_ours=True) > 0


def test_a_record_that_was_never_handed_to_us_is_not_alive_because_others_are():
    pulse = Pulse()
    pulse.look(OTHER)
    assert pulse.find(WORK, is_ours=False) == 0


# --- the page ---


def find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def read_page(port: int) -> tuple[int, dict[str, object]]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as page:
            return page.status, json.load(page)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.mark.parametrize(("well", "status"), [(True, 200), (False, 503)])
async def test_the_page_says_by_its_status_whether_all_is_well(well, status):
    import asyncio

    port = find_port()
    async with open_health_page(port, lambda: {"well": well}):
        assert await asyncio.to_thread(read_page, port) == (status, {"well": well})


async def test_a_port_that_is_taken_is_named():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(FatalFault, match=str(port)):
            async with open_health_page(port, lambda: {"well": True}):
                pass


async def test_without_a_port_no_page_is_served():
    async with open_health_page(None, lambda: {"well": True}):
        pass
