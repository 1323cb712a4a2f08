"""The pool of decoding processes: opens stills and clips for many threads at once, in processes that can be killed."""

from __future__ import annotations

from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from threading import Condition
from typing import TYPE_CHECKING, Self

from detectors.base import LOOKAHEAD, ROI_LOOKAHEAD
from schemas.errors import FatalFault, TransientFault
from streams.feeds.decoding.channel.arena import Arena
from streams.feeds.decoding.channel.decoder import Decoder, DecoderDiedError, start_decoder
from streams.feeds.decoding.channel.nurse import Nurse
from streams.feeds.decoding.limits import EVERY_IMAGE, Limits, Order, Sampling
from streams.feeds.decoding.unit import OpenUnit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future
    from pathlib import Path
    from types import TracebackType

    from streams.feeds.decoding.events import Header

#: Who opens units in the processes; tests put another in its place to see processes die.
OPENER = "streams.feeds.decoding.opening:open_any"

#: Seconds a process may take to start and load its libraries (0.5 s on an idle machine).
_START_S = 60.0


@dataclass(slots=True)
class DecodingPool:
    """Opens units in ``size`` processes, started when first needed; safe for many threads, each with its own units.

    A thread that finds all processes at work waits for one. A still occupies a process only while it is decoded; a clip does
    until its last view was drawn, so a thread opens one clip at a time.

    Parameters
    ----------
    size
        Processes; as many as processor cores is a good number, for each decodes in one thread.
    limits
        What a unit may cost, unless one is opened with limits of its own.
    opener
        ``module:function`` that opens units inside the processes.
    preload
        Kinds whose libraries a process loads when it starts, instead of at its first unit of the kind: ``still``, ``clip``.
    units_per_process, private_mib
        After so many units, or with so much memory of its own, a process is replaced: vendors' libraries leak.
    """

    size: int = 2
    limits: Limits = field(default_factory=Limits)
    preload: Sequence[str] = ("still",)
    opener: str = OPENER
    units_per_process: int = 5_000
    private_mib: int = 768
    arena: Arena = field(default_factory=Arena)
    _idle: list[Decoder] = field(default_factory=list)
    _busy: set[Decoder] = field(default_factory=set)
    _count: int = 0
    _hint_bytes: int = 0
    _is_closed: bool = False
    _turn: Condition = field(default_factory=Condition)
    _nurse: Nurse = field(init=False)

    def __post_init__(self) -> None:
        """Refuse a pool of nothing.

        Raises
        ------
        FatalFault
            If it shall have no process.
        """
        if self.size < 1:
            raise FatalFault(sentence="A decoding pool needs at least one process.")
        self._nurse = Nurse(self._start)

    def __enter__(self) -> Self:
        """Return the pool; processes start when first needed, or with :meth:`warm`."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def warm(self) -> None:
        """Start all processes now, without waiting until they are ready."""
        with self._turn:
            missing = self.size - self._count
            self._count += missing
        for wanted in [self._nurse.call() for _ in range(missing)]:
            self._return(self._await(wanted))

    def open_unit(
        self,
        source: bytes | memoryview | Path,
        *,
        part: str = "still",
        sampling: Sampling = EVERY_IMAGE,
        depth: int = LOOKAHEAD + 1,
        limits: Limits | None = None,
    ) -> OpenUnit:
        """Return a context manager that opens a unit.

        Parameters
        ----------
        source
            Its bytes, or a local file lent for as long as the context lasts.
        part
            Role of the part the images are in; they name it as their place.
        sampling
            Which frames of a clip are looked at.
        depth
            Views of a clip that stay valid at once, the newest included: those a detector may draw ahead, and the one it
            answers for.

        Raises
        ------
        RejectedInput
            On entering or while drawing: the unit cannot be used (see docs/decisions/0009). A deadline is one, too;
            :class:`~streams.feeds.decoding.channel.deaths.PoisonedInput` says that it ends the process that opens it.
        TransientFault
            On entering or while drawing: processes are killed from outside, or the pool is closed.
        FatalFault
            On entering: the decoding process does not start here.
        """
        order = Order(limits or self.limits, sampling)
        return OpenUnit(self, self.arena, source, order, part, max(depth, 1), self._hint_bytes)

    def open_run(self, listing: Path, *, probe: bool = False, depth: int = ROI_LOOKAHEAD + 1) -> OpenUnit:
        """Return a context manager that opens an instrument's run; the pool's opener must know runs.

        Parameters
        ----------
        listing
            What :func:`streams.feeds.runs.listing.write_listing` wrote: names and places of the run's files.
        probe
            Say what it is and which file is which part, and hand over no pixels.
        depth
            As of :meth:`open_unit`.

        Raises
        ------
        RejectedInput, TransientFault, FatalFault
            As :meth:`open_unit`.
        """
        order = Order(self.limits, probe=probe, is_run=True)
        return OpenUnit(self, self.arena, listing, order, "run", max(depth, 1), 0)

    def probe(self, source: bytes | memoryview | Path, *, limits: Limits | None = None) -> Header:
        """Return what a unit is, without its pixels.

        Raises
        ------
        RejectedInput, TransientFault, FatalFault
            As :meth:`open_unit`.
        """
        order = Order(limits or self.limits, probe=True)
        with OpenUnit(self, self.arena, source, order, "probe", 1, 0) as unit:
            return unit.header

    def borrow(self, *, fresh: bool) -> Decoder:
        """Return a process that is ready; part of the promise to :class:`~streams.feeds.decoding.unit.OpenUnit`.

        Raises
        ------
        TransientFault, FatalFault
            As :meth:`open_unit`.
        """
        for is_last in (False, False, True):
            decoder = self._claim(fresh=fresh)
            try:
                decoder.await_ready(_START_S)
            except DecoderDiedError as death:
                self.discard(decoder)
                _judge_start(death, is_last=is_last)
            else:
                return decoder
        raise AssertionError  # the last failure was judged

    def _claim(self, *, fresh: bool) -> Decoder:
        """Take an idle process, or start one where there is room, or wait."""
        with self._turn:
            while True:
                if self._is_closed:
                    raise TransientFault(sentence="The decoding pool is closed.")
                usable = [decoder for decoder in self._idle if not fresh or not decoder.served]
                if usable:
                    decoder = usable[-1]
                    self._idle.remove(decoder)
                    self._busy.add(decoder)
                    return decoder
                if self._count < self.size or self._idle:
                    break
                self._turn.wait()
            stale = self._idle.pop() if self._count >= self.size else None
            self._count += stale is None
        if stale is not None:
            self._nurse.dismiss(stale)
        decoder = self._await(self._nurse.call())
        with self._turn:
            self._busy.add(decoder)
        return decoder

    def _await(self, wanted: Future[Decoder]) -> Decoder:
        try:
            return wanted.result()
        except (OSError, CancelledError) as error:
            with self._turn:
                self._count -= 1
                self._turn.notify()
            raise TransientFault(sentence="No decoding process can be started now.") from error

    def give_back(self, decoder: Decoder, *, private_bytes: int, still_bytes: int) -> None:
        """Take back a process that waits for its next order, or replace it where it has served long enough."""
        self._hint_bytes = still_bytes or self._hint_bytes
        is_spent = decoder.served >= self.units_per_process or private_bytes > self.private_mib << 20
        if is_spent or decoder.is_overdue or self._is_closed:
            self.discard(decoder)
            return
        self._return(decoder)

    def _return(self, decoder: Decoder) -> None:
        with self._turn:
            self._busy.discard(decoder)
            self._idle.append(decoder)
            self._turn.notify()

    def discard(self, decoder: Decoder) -> None:
        """End a process, and make room for another."""
        self._nurse.dismiss(decoder)
        with self._turn:
            self._busy.discard(decoder)
            self._count -= 1
            self._turn.notify()

    def list_processes(self) -> tuple[int, ...]:
        """Return the numbers of the processes there are."""
        with self._turn:
            return tuple(decoder.process.pid for decoder in (*self._idle, *self._busy))

    def close(self) -> None:
        """End all processes; whoever is in the middle of a unit gets a TransientFault."""
        with self._turn:
            self._is_closed = True
            idle, busy = list(self._idle), list(self._busy)
            self._idle.clear()
            self._turn.notify_all()
        for decoder in busy:
            decoder.process.kill()  # its pipes are for its reader to close
        for decoder in idle:
            self.discard(decoder)
        self._nurse.close()
        self.arena.close()

    def _start(self) -> Decoder:
        return start_decoder(self.arena, opener=self.opener, warm=self.preload)


def _judge_start(death: DecoderDiedError, *, is_last: bool) -> None:
    """Go on after a process that died before it was ready, if trying again may help.

    Raises
    ------
    FatalFault, TransientFault
        If it may not.
    """
    if death.cause == "inside":
        last_line = (death.last_words.splitlines() or ["no reason given"])[-1]
        raise FatalFault(sentence=f"The decoding process does not start: {last_line}")
    if death.cause != "outside" or is_last:
        raise TransientFault(sentence="The decoding process does not start: it is killed, or the machine is too busy.")
