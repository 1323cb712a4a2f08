from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.units.spending import CpuClock, read_cpu_s


class _Readings:
    """Processor time that goes on as the test says."""

    def __init__(self):
        self.own, self.decoders = 5.0, {7: 1.0}

    def make_clock(self):
        clock = CpuClock(lambda: dict(self.decoders), lambda: {0: self.own})
        clock.lap()
        return clock


def test_a_unit_alone_gets_all_that_is_spent_while_it_is_at_work():
    readings = _Readings()
    clock = readings.make_clock()
    readings.own += 9.0
    with clock.share() as spent:
        readings.own += 0.2
        readings.decoders[7] += 0.05
        assert spent.end_ms() == 250
    readings.own += 9.0
    assert spent.end_ms() == 250


def test_units_at_work_together_share_what_is_spent_meanwhile():
    readings = _Readings()
    clock = readings.make_clock()
    with clock.share() as one:
        readings.own += 0.1
        with clock.share() as two:
            readings.own += 0.1
    assert (one.end_ms(), two.end_ms()) == (150, 50)


def test_a_decoder_that_ends_takes_nothing_back_and_a_new_one_counts_from_its_beginning():
    readings = _Readings()
    clock = readings.make_clock()
    with clock.share() as spent:
        readings.decoders = {8: 0.3}
        assert spent.end_ms() == 300


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 500)), max_size=30))
def test_the_units_together_get_what_was_spent_while_any_was_at_work(steps):
    readings = _Readings()
    clock = readings.make_clock()
    open_blocks, all_spent, wanted_ms = {}, [], 0
    for number, took_ms in steps:
        if number in open_blocks:
            open_blocks.pop(number).__exit__(None, None, None)
        else:
            block = clock.share()
            all_spent.append(block.__enter__())
            open_blocks[number] = block
        readings.own += took_ms / 1000
        wanted_ms += took_ms if open_blocks else 0
    clock.lap()
    got_ms = [spent.end_ms() for spent in all_spent]
    assert sum(got_ms) == pytest.approx(wanted_ms, abs=len(got_ms))


def test_work_in_this_process_is_measured():
    clock = CpuClock()
    with clock.share() as spent:
        until = time.process_time() + 0.05
        while time.process_time() < until:
            pass
        assert spent.end_ms() >= 50


@pytest.mark.skipif(sys.platform != "linux", reason="the clock of another process is Linux's")
def test_the_processor_time_of_another_process_is_read_as_it_counts_it_itself():
    code = "import time\nwhile time.process_time() < 0.1: pass\nprint(time.process_time(), flush=True)\ninput()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        told_s = float(other.stdout.readline())
        assert told_s <= read_cpu_s(other.pid) < told_s + 1
        other.communicate("\n")


def test_a_process_that_is_gone_has_no_clock():
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    assert read_cpu_s(done.pid) is None
    assert read_cpu_s(os.getpid()) is None or read_cpu_s(os.getpid()) > 0
