"""A death is the unit's own doing, somebody else's, or a deadline; and enough of them are a verdict."""

from __future__ import annotations

import pickle
import signal

import pytest

from schemas.errors import RejectedInput, TransientFault
from streams.faults import POISON
from streams.feeds.decoding.channel.deaths import (
    ATTEMPTS_LIMIT,
    MEMORY_EXIT,
    OUTSIDE_LIMIT,
    Deaths,
    PoisonedInput,
    judge,
)


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (-signal.SIGSEGV, "inside"),
        (-signal.SIGABRT, "inside"),
        (-signal.SIGBUS, "inside"),
        (-signal.SIGFPE, "inside"),
        (-signal.SIGILL, "inside"),
        (70, "inside"),
        (1, "inside"),
        (0xC0000005, "inside"),
        (-signal.SIGKILL, "outside"),
        (-signal.SIGTERM, "outside"),
        (-signal.SIGINT, "outside"),
        (-signal.SIGHUP, "outside"),
        (0, "outside"),
        (MEMORY_EXIT, "memory"),
        (-signal.SIGXCPU, "overdue"),
    ],
)
def test_how_a_process_ended_tells_who_ended_it(code, cause):
    assert judge(code, is_overdue=False) == cause


def test_a_process_killed_for_its_deadline_was_not_killed_from_outside():
    assert judge(-signal.SIGKILL, is_overdue=True) == "overdue"


def test_three_deaths_in_fresh_processes_are_poison():
    deaths = Deaths()
    for _ in range(ATTEMPTS_LIMIT - 1):
        deaths.add("inside", was_fresh=True)
    with pytest.raises(PoisonedInput) as caught:
        deaths.add("inside", was_fresh=True)
    assert (caught.value.reason, caught.value.attempts) == (POISON, 3)


def test_a_death_in_a_process_that_served_others_is_a_suspicion_and_no_attempt():
    deaths = Deaths()
    deaths.add("inside", was_fresh=False)
    assert (deaths.attempts, deaths.was_suspected) == (0, True)


def test_deaths_from_outside_never_count_as_attempts_and_are_an_outage_in_the_end():
    deaths = Deaths()
    for _ in range(OUTSIDE_LIMIT - 1):
        deaths.add("outside", was_fresh=True)
    assert deaths.attempts == 0
    with pytest.raises(TransientFault):
        deaths.add("outside", was_fresh=True)


@pytest.mark.parametrize(("cause", "reason"), [("overdue", "deadline_exceeded"), ("memory", "too_much_memory")])
def test_time_and_memory_are_judged_at_once(cause, reason):
    with pytest.raises(RejectedInput) as caught:
        Deaths().add(cause, was_fresh=True)
    assert caught.value.reason == reason


def test_a_poisoned_input_survives_pickling():
    copy = pickle.loads(pickle.dumps(PoisonedInput(3)))  # noqa: S301 - our own bytes
    assert (type(copy), copy.attempts, copy.reason) == (PoisonedInput, 3, POISON)
