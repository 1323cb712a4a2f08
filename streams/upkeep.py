"""Upkeep: what a worker does now and then beside its work, and what anybody may do by hand."""

from __future__ import annotations

import datetime as dt
import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import TYPE_CHECKING

from schemas.errors import ObservatoryError
from sinks.object_store.local import LocalStore
from sinks.object_store.retention import expire_objects
from streams.feeds.references import ORIGINALS
from streams.reporting import send_metrics
from streams.usage.live.late import Told
from streams.usage.reports.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sinks.object_store.store import ObjectStore
    from streams.brokers.client import Client
    from streams.settings.model import Deployment

log = logging.getLogger(__name__)

#: Between two rounds: figures on the metric topic are at most this old. The first are sent at once.
EVERY_S = 600.0

#: A round that is on its way when the worker stops has this long to end; it can be cut off anywhere.
_STOP_WAIT_S = 5.0

#: Retention goes through the whole store, so once a day is enough.
_RETENTION_EVERY = dt.timedelta(days=1)


@dataclass
class Upkeep:
    """The chores of one deployment; each round is safe to be repeated, and to be done by several workers."""

    deployment: Deployment
    client: Client
    store: ObjectStore
    _retained_at: dt.datetime | None = None
    _told: Told = field(default_factory=Told)

    @contextmanager
    def keep_up(self) -> Iterator[None]:
        """Do a round now and then beside the block, in a thread of its own; a round that fails is done again later."""
        stop = Event()
        thread = Thread(target=self._do_rounds, args=(stop,), name="upkeep", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(_STOP_WAIT_S)

    def _do_rounds(self, stop: Event) -> None:
        self._try(self.send_figures)  # at once: who looks after a restart shall see what there is
        while not stop.wait(EVERY_S):
            self._try(lambda: self.do_round(dt.datetime.now(dt.UTC)))

    def _try(self, chore: Callable[[], None]) -> None:
        try:
            chore()
        except ObservatoryError as fault:
            log.warning("upkeep is put off: %s", fault.sentence)
        except Exception:
            log.exception("upkeep failed; the next round tries again")

    def send_figures(self) -> None:
        """Send the figures that are current, or of a month that changed after its end.

        They are counted from facts of which those that no longer change stand in the deployment's folder.

        Raises
        ------
        TransientFault, FatalFault
            If broker or store is away.
        """
        standing = Standing(self.deployment.folder / "state" / "usage")
        send_metrics(self.deployment, self.client, self.store, standing=standing, told=self._told)

    def do_round(self, now_at: dt.datetime) -> None:
        """Send the figures that are current, or of a month that changed after its end; once a day remove old originals.

        Raises
        ------
        TransientFault, FatalFault
            If broker or store is away; the next round does what was left.
        """
        self.send_figures()
        if self._retained_at is None or now_at - self._retained_at >= _RETENTION_EVERY:
            self.expire_originals(now_at)
            if isinstance(self.store, LocalStore):
                self.store.remove_leftovers()
            self._retained_at = now_at

    def expire_originals(self, now_at: dt.datetime) -> int:
        """Remove originals older than ``keep_originals_days`` and return how many; without that setting, none."""
        days = self.deployment.store.keep_originals_days
        if days is None:
            return 0
        removed = expire_objects(self.store, f"{ORIGINALS}/", stored_before_at=now_at - dt.timedelta(days=days))
        if removed:
            log.info("removed %d originals older than %d days", removed, days)
        return removed
