"""Decoding processes die, hang and grow; units are tried again, blamed or not, and the pool goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from schemas.errors import RejectedInput, TransientFault
from streams.faults import POISON
from streams.feeds.decoding.channel.deaths import PoisonedInput
from streams.feeds.decoding.limits import Limits
from streams.feeds.decoding.pool import DecodingPool
from tests.support.opening import BY_WORD, TIGHT, count_descriptors

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are POSIX's")


def read(pool, word, **options):
    with pool.open_unit(word.encode(), part="clip", **options) as unit:
        return [(view.image.index, int(view.pixels[0, 0, 0])) for view in unit.views]


def assert_serves(pool):
    assert read(pool, "clip:3") == [(0, 0), (1, 1), (2, 2)]


@pytest.mark.parametrize(
    "word", ["signal:SIGSEGV", "signal:SIGABRT", "signal:SIGBUS", "signal:SIGFPE", "signal:SIGILL", "exit:3"]
)
def test_a_unit_that_ends_every_process_is_poison(word_pool, word):
    with pytest.raises(PoisonedInput) as caught:
        read(word_pool, word)
    assert (caught.value.reason, caught.value.attempts) == (POISON, 3)
    assert_serves(word_pool)


def test_a_mistake_in_the_process_is_poison_and_its_traceback_is_logged(word_pool, caplog):
    with pytest.raises(PoisonedInput) as caught:
        read(word_pool, "mistake:")
    assert "KeyError: 'our own mistake'" in caplog.text
    assert "mistake" not in caught.value.sentence


def test_a_death_in_a_process_that_served_others_is_tried_once_more(word_pool, tmp_path):
    assert_serves(word_pool)
    marker = tmp_path / "deaths"
    with pytest.raises(PoisonedInput) as caught:
        read(word_pool, f"die_at:5@2@9@{marker}")
    assert caught.value.attempts == 3
    assert len(marker.read_text().splitlines()) == 4  # one suspicion, then three attempts alone in a fresh process


def test_a_unit_whose_process_died_in_the_middle_goes_on_where_it_was(word_pool, tmp_path):
    marker = tmp_path / "deaths"
    frames = read(word_pool, f"die_at:12@7@2@{marker}", depth=3)
    assert frames == [(index, index) for index in range(12)]
    assert len(marker.read_text().splitlines()) == 2


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGHUP"])
def test_a_signal_from_outside_is_not_the_units_fault(word_pool, tmp_path, name):
    assert [index for index, _ in read(word_pool, f"signal_once:{name}@{tmp_path / 'marker'}")] == [0, 1, 2, 3, 4]


def test_processes_killed_from_outside_again_and_again_are_an_outage(word_pool):
    with pytest.raises(TransientFault, match="killed from outside"):
        read(word_pool, "signal:SIGKILL")
    assert_serves(word_pool)


def test_an_interrupt_from_the_keyboard_does_not_reach_the_process(word_pool):
    assert_serves(word_pool)
    (decoder,) = word_pool._idle
    os.kill(decoder.process.pid, signal.SIGINT)
    assert_serves(word_pool)
    assert word_pool._idle == [decoder]


@pytest.mark.parametrize("word", ["hang:", "spin:", "hang_after:3"])
def test_a_unit_that_takes_too_long_is_given_up(word_pool, word):
    began = time.monotonic()
    with pytest.raises(RejectedInput) as caught:
        read(word_pool, word, limits=TIGHT)
    assert caught.value.reason == "deadline_exceeded"
    assert time.monotonic() - began < 20
    assert_serves(word_pool)


def test_a_stopped_process_is_given_up_too(word_pool):
    assert_serves(word_pool)
    (decoder,) = word_pool._idle
    os.kill(decoder.process.pid, signal.SIGSTOP)
    with pytest.raises(RejectedInput) as caught:
        read(word_pool, "clip:3", limits=TIGHT)
    assert caught.value.reason == "deadline_exceeded"
    assert_serves(word_pool)


def test_time_the_reader_takes_is_not_counted(word_pool):
    limits = Limits(clip_wait_s=0.4, image_wait_s=0.4)
    with word_pool.open_unit(b"clip:30", limits=limits) as unit:
        for view in unit.views:
            if view.image.index in {0, 10}:
                deadline = time.monotonic() + 0.5
                while time.monotonic() < deadline:
                    pass
    assert unit.ending is not None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's addresses reliably")
def test_a_unit_that_takes_too_much_memory_is_refused(word_pool):
    with pytest.raises(RejectedInput) as caught:
        read(word_pool, "memory:", limits=Limits(memory_mib=200))
    assert caught.value.reason == "too_much_memory"
    assert_serves(word_pool)


def test_what_a_library_prints_does_not_disturb_the_messages(word_pool):
    assert [index for index, _ in read(word_pool, "chatter:")] == [0, 1]


@pytest.mark.parametrize("kind", ["number", "time", "size", "flag", "ending", "headless"])
def test_a_process_that_makes_no_sense_is_ended_and_the_unit_is_poison(word_pool, caplog, kind):
    with pytest.raises(PoisonedInput):
        read(word_pool, f"nonsense:{kind}")
    assert "makes no sense" in caplog.text
    assert_serves(word_pool)


def test_a_process_that_died_while_idle_is_replaced(word_pool):
    assert_serves(word_pool)
    (decoder,) = word_pool._idle
    decoder.process.kill()
    assert_serves(word_pool)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process ends when it next looks at its pipe")
@pytest.mark.parametrize("word", ["hang:", "spin:", "clip:2"])
def test_processes_end_with_a_parent_that_was_killed(word):
    script = f"""
import sys, threading
from streams.feeds.decoding.pool import DecodingPool
pool = DecodingPool(size=1, opener={BY_WORD!r}, preload=())
def work():
    with pool.open_unit({word.encode()!r}) as unit:
        list(unit.views)
def watch():
    while not pool._busy and not pool._idle:
        pass
    print([decoder.process.pid for decoder in [*pool._busy, *pool._idle]][0], flush=True)
threading.Thread(target=watch, daemon=True).start()
work()
threading.Event().wait()
"""
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    psutil.wait_procs([child], timeout=20)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_many_deaths_leave_nothing_behind():
    with DecodingPool(size=2, opener=BY_WORD, preload=()) as pool:
        assert_serves(pool)
        before = count_descriptors()
        for _ in range(5):
            with pytest.raises(PoisonedInput):
                read(pool, "exit:9")
        assert_serves(pool)
        assert count_descriptors() - before <= 6  # the second process's own pipes and notes
