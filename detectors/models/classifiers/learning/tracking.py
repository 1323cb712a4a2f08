"""The door to MLflow (the ``mlflow`` extra): write a training down in a tracking server, where one is configured."""

from __future__ import annotations

import os
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from schemas.errors import FatalFault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

#: Where MLflow itself looks for its server.
ADDRESS_VARIABLE = "MLFLOW_TRACKING_URI"
EXPERIMENT = "observatory-streams"

_TEXT_LIMIT = 6_000
#: Since 3.2 the vendor reports its use to a server of its own unless told not to.
_QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "GIT_PYTHON_REFRESH": "quiet"}
#: Unless set otherwise: the vendor tries a server that is away for over four minutes.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}


class Tracker(Protocol):
    """Writes down one training.

    Attributes
    ----------
    lost
        Why the record ends early, if it does.
    """

    lost: str | None

    def note_settings(self, settings: Mapping[str, object]) -> None:
        """Write down how it is trained."""
        ...

    def note_epoch(self, epoch: int, figures: Mapping[str, float]) -> None:
        """Write down the figures of an epoch, from 1."""
        ...

    def finish(self, figures: Mapping[str, float], folder: Path | None) -> None:
        """Write down the last figures and the filed model's folder; without a folder the training failed."""
        ...


@dataclass
class KeptTracker:
    """The shipped fake, and what is used where no server is configured: keeps what it is told."""

    settings: dict[str, object] = field(default_factory=dict)
    epochs: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    finished: tuple[dict[str, float], Path | None] | None = None
    lost: str | None = None

    def note_settings(self, settings: Mapping[str, object]) -> None:
        """Keep them."""
        self.settings.update(settings)

    def note_epoch(self, epoch: int, figures: Mapping[str, float]) -> None:
        """Keep them."""
        self.epochs.append((epoch, dict(figures)))

    def finish(self, figures: Mapping[str, float], folder: Path | None) -> None:
        """Keep them."""
        self.finished = dict(figures), folder


def open_tracker(address: str | None, *, name: str) -> Tracker:
    """Return a tracker for a server's address (``http://...``, ``sqlite:...``).

    ``None`` takes ``MLFLOW_TRACKING_URI``; where that is not set either, nothing is written anywhere.

    Raises
    ------
    FatalFault
        If one is configured and MLflow is not installed, or the server cannot be used: better known now than after hours.
    """
    chosen = address or os.environ.get(ADDRESS_VARIABLE)
    return KeptTracker() if not chosen else SteadyTracker(MlflowTracker(chosen, name=name))


@dataclass
class SteadyTracker:
    """Writes through another tracker until that fails, and goes on without it: a training is worth more than its record.

    Attributes
    ----------
    lost
        Why the record ends early; ``None`` while it does not.
    """

    tracker: Tracker
    lost: str | None = None

    def note_settings(self, settings: Mapping[str, object]) -> None:
        """Pass them on."""
        self._try(lambda: self.tracker.note_settings(settings))

    def note_epoch(self, epoch: int, figures: Mapping[str, float]) -> None:
        """Pass them on."""
        self._try(lambda: self.tracker.note_epoch(epoch, figures))

    def finish(self, figures: Mapping[str, float], folder: Path | None) -> None:
        """Pass them on."""
        self._try(lambda: self.tracker.finish(figures, folder))

    def _try(self, call: Callable[[], None]) -> None:
        if self.lost is None:
            try:
                call()
            except FatalFault as fault:
                self.lost = fault.sentence


class MlflowTracker:
    """Writes to an MLflow server or folder."""

    def __init__(self, address: str, *, name: str) -> None:
        """Begin a run called ``name``.

        Raises
        ------
        FatalFault
            If the ``mlflow`` extra is missing or the server cannot be used.
        """
        self.lost: str | None = None
        os.environ.update({**_PATIENCE, **os.environ, **_QUIET})
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                from mlflow import MlflowClient  # noqa: PLC0415 - seconds, and only where it is configured
        except ImportError as error:
            message = (
                f"MLflow tracking is configured ({ADDRESS_VARIABLE} or --mlflow) but MLflow is not installed: "
                "pip install observatory-streams[mlflow]."
            )
            raise FatalFault(message) from error
        with translate():
            self._client: Any = MlflowClient(tracking_uri=address)
            known = self._client.get_experiment_by_name(EXPERIMENT)
            experiment = known.experiment_id if known else self._client.create_experiment(EXPERIMENT)
            self._run = self._client.create_run(experiment, run_name=name).info.run_id

    def note_settings(self, settings: Mapping[str, object]) -> None:
        """Write parameters; MLflow keeps at most 6,000 characters of each.

        Raises
        ------
        FatalFault
            If the server cannot be used.
        """
        with translate():
            for key, value in settings.items():
                self._client.log_param(self._run, key, str(value)[:_TEXT_LIMIT])

    def note_epoch(self, epoch: int, figures: Mapping[str, float]) -> None:
        """Write metrics at the step of the epoch.

        Raises
        ------
        FatalFault
            If the server cannot be used.
        """
        with translate():
            for key, value in figures.items():
                self._client.log_metric(self._run, key, value, step=epoch)

    def finish(self, figures: Mapping[str, float], folder: Path | None) -> None:
        """Write the last metrics and the folder's files, and end the run.

        Raises
        ------
        FatalFault
            If the server cannot be used.
        """
        with translate():
            for key, value in figures.items():
                self._client.log_metric(self._run, key, value)
            if folder is not None:
                self._client.log_artifacts(self._run, str(folder))
            self._client.set_terminated(self._run, status="FAILED" if folder is None else "FINISHED")


@contextmanager
def translate() -> Iterator[None]:
    """Turn whatever MLflow and the libraries under it raise into ours, and drop its warnings.

    Raises
    ------
    FatalFault
        The server cannot be used.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:
        lines = str(error).splitlines() or [type(error).__name__]
        message = f"MLflow could not write the training down: {lines[0][:200]}"
        raise FatalFault(message) from error
