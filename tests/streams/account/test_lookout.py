"""The lookout beside a worker: it tells the state of the topics now and then."""

from __future__ import annotations

from threading import Event

from schemas.errors import TransientFault
from streams.account.lookout import Lookout

WAIT_S = 10.0


class Reader:
    """Tells one state after the other; a fault among them is raised."""

    def __init__(self, *states):
        self._states = list(states)

    def read(self):
        state = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        if isinstance(state, Exception):
            raise state
        return state


def test_the_first_look_comes_at_once():
    told = Event()
    with Lookout(Reader("state"), lambda _state: told.set(), every_s=3_600.0).keep_looking():
        assert told.wait(WAIT_S)


def test_a_look_that_fails_is_followed_by_the_next():
    told, seen = Event(), []

    def tell(state):
        seen.append(state)
        told.set()

    reader = Reader(TransientFault("The broker is away."), RuntimeError("a mistake"), "state")
    with Lookout(reader, tell, every_s=0.001).keep_looking():
        assert told.wait(WAIT_S)
    assert seen[0] == "state"


def test_it_ends_with_the_worker_though_the_next_look_is_far_away():
    lookout = Lookout(Reader("state"), lambda _state: None, every_s=3_600.0)
    with lookout.keep_looking():
        pass
