"""A deployment at work inside a command: how its agents end."""

from __future__ import annotations

import logging
from threading import Event, Thread

import pytest

from streams.agents import running as running_module
from streams.working import end_agents


class Agents:
    """Agents that end when they are asked to, or never."""

    def __init__(self, *, obey: bool):
        self.over = Event()
        self.obey = obey
        self.thread = Thread(target=self.over.wait, daemon=True)
        self.thread.start()

    def end_from_thread(self):
        if self.obey:
            self.over.set()


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch):
    """Return what the process would be ended with."""
    faults = []
    monkeypatch.setattr(running_module, "leave_soon", faults.append)
    return faults


def test_agents_that_end_are_not_spoken_of(left, caplog: pytest.LogCaptureFixture):
    agents = Agents(obey=True)
    assert end_agents(agents, agents.thread, wait_s=30)
    assert (left, caplog.records) == ([], [])


def test_agents_that_do_not_end_are_said_and_the_process_ends_without_them(left, caplog, capfd):
    agents = Agents(obey=False)
    with caplog.at_level(logging.CRITICAL):
        assert not end_agents(agents, agents.thread, wait_s=0.05)
    assert left == [None]
    assert "do not come to an end" in caplog.text
    assert "Thread 0x" in capfd.readouterr().err, "the stacks tell where they hang"
    agents.over.set()
    agents.thread.join(30)
