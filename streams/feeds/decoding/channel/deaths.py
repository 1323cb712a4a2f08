"""Why a decoding process died, and whether its unit is to blame."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import Literal

from schemas.errors import RejectedInput, TransientFault
from streams.faults import POISON

Cause = Literal["overdue", "memory", "inside", "outside"]

#: A unit that ended so many processes which had opened nothing before it is poison.
ATTEMPTS_LIMIT = 3

#: So many deaths by other hands in a row are an outage (a machine out of memory, a service being stopped), not a coincidence.
OUTSIDE_LIMIT = 5

#: Signals that people, supervisors and the kernel's memory killer send; a fault in the process itself raises others.
_FROM_OUTSIDE = frozenset(
    getattr(signal, name)
    for name in ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGPIPE", "SIGALRM", "SIGUSR1", "SIGUSR2")
    if hasattr(signal, name)
)

#: Exit code by which a process says that it ran out of memory beyond rescue.
MEMORY_EXIT = 75


def judge(returncode: int, *, is_overdue: bool) -> Cause:
    """Return what ended a process.

    Parameters
    ----------
    returncode
        As ``subprocess`` gives it: minus the signal's number, or the exit code.
    is_overdue
        We killed it because it kept us waiting.
    """
    if is_overdue or -returncode == getattr(signal, "SIGXCPU", None):
        return "overdue"
    if returncode == MEMORY_EXIT:
        return "memory"
    return "outside" if returncode == 0 or -returncode in _FROM_OUTSIDE else "inside"


class PoisonedInput(RejectedInput):
    """A unit that ends the process that opens it; its dead letter is of the kind ``poison``.

    Attributes
    ----------
    attempts
        How many processes it ended that had opened nothing before it.
    """

    def __init__(self, attempts: int) -> None:
        sentence = f"The file crashes its decoder: it ended {attempts} decoding processes that had opened nothing else."
        super().__init__(POISON, sentence)
        self.attempts = attempts

    def __reduce__(self) -> tuple[type[PoisonedInput], tuple[int]]:  # type: ignore[override]
        """Pickle with its own argument."""
        return type(self), (self.attempts,)


@dataclass(slots=True)
class Deaths:
    """The deaths over one unit, and the verdict when there were enough.

    A process that served other units before may have been harmed by one of them, so its death is no proof: the unit is tried
    again in a fresh process, where it is alone, and only deaths there are attempts.
    """

    attempts: int = 0
    outside: int = 0
    was_suspected: bool = field(default=False)

    def add(self, cause: Cause, *, was_fresh: bool) -> None:
        """Count a death, and return if the unit may be tried again in a fresh process.

        Raises
        ------
        RejectedInput
            ``deadline_exceeded``, ``too_much_memory``, or :class:`PoisonedInput` at the third attempt.
        TransientFault
            If processes are being killed from outside.
        """
        if cause == "overdue":
            raise RejectedInput(
                reason="deadline_exceeded", sentence="Decoding the file took longer than a unit may take."
            )
        if cause == "memory":
            raise RejectedInput(
                reason="too_much_memory", sentence="Decoding the file took more memory than a unit may take."
            )
        if cause == "outside":
            self.outside += 1
            if self.outside >= OUTSIDE_LIMIT:
                raise TransientFault(sentence=f"{self.outside} decoding processes in a row were killed from outside.")
        elif was_fresh or self.was_suspected:
            self.attempts += 1
            if self.attempts >= ATTEMPTS_LIMIT:
                raise PoisonedInput(self.attempts)
        else:
            self.was_suspected = True
