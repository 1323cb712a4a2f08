"""The shipped fake: a runtime that answers with the numbers it was given, for tests of everything around a network."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.errors import ObservatoryError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from detectors.runtimes.base import Answer, Outputs
    from detectors.runtimes.metadata import Network


@dataclass
class ScriptedRuntime:
    """Answers each batch with what ``script`` makes of it.

    Attributes
    ----------
    network
        What it pretends to run.
    script
        From pictures, uint8 (n, height_px, width_px, 3), to outputs; may raise one of our faults.
    seen
        The batches so far, oldest first.
    """

    network: Network
    script: Callable[[NDArray[np.uint8]], Outputs]
    requests: int = 2
    seen: list[NDArray[np.uint8]] = field(default_factory=list)

    def start(self, batch: NDArray[np.uint8]) -> Answer:
        """Answer at once."""
        self.seen.append(batch)
        answer: Future[Outputs] = Future()
        try:
            answer.set_result(self.script(batch))
        except ObservatoryError as error:
            answer.set_exception(error)
        return answer

    def close(self) -> None:
        """Nothing is held."""
