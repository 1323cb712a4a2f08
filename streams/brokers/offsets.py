"""How far a partition may be committed: up to the first record that is not finished, whatever was finished behind it."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from faust.transport.consumer import Consumer
from faust.types import TP, Message
from faust.types.tuples import ack_lock
from mode.utils.futures import notify


class InFlight:
    """The records of one partition that were handed out, in order, and which of them are not finished."""

    def __init__(self) -> None:
        self._order: deque[int] = deque()
        self._unfinished: set[int] = set()
        self._last = -1
        self._done: int | None = None

    def hand_out(self, offset: int) -> None:
        """Note a record that is given to the agents; one that is given again is known already: after a seek all is forgotten."""
        if offset > self._last:
            self._last = offset
            self._order.append(offset)
            self._unfinished.add(offset)

    def finish(self, offset: int) -> bool:
        """Note that a record is finished; return whether that is news."""
        if offset not in self._unfinished:
            return False
        self._unfinished.discard(offset)
        return True

    def find_committable(self) -> int | None:
        """Return the offset that everything before it is finished, ``None`` while that is nothing.

        Offsets that were never handed out, because compaction removed their records, do not stand in the way.
        """
        while self._order and self._order[0] not in self._unfinished:
            self._done = self._order.popleft() + 1
        return self._done


class OrderedCommits(Consumer):
    """A Faust consumer that loses nothing when events are finished out of order.

    Faust 0.15.3 itself (a) commits past one unfinished event, and past any number of them before its first commit
    (faust-streaming issue 606); (b) on a rebalance forgets what was finished, and then commits past what was not; (c) counts an
    event that a stream skipped because of a rebalance as finished. To be put before a transport's own consumer class.
    """

    _in_flight: defaultdict[TP, InFlight]

    def _reset_state(self) -> None:
        super()._reset_state()
        self._in_flight = defaultdict(InFlight)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109 - Faust's own
        """Fetch messages, noting each that must be finished."""
        must_finish = self.app.topics.acks_enabled_for
        async for tp, message in super().getmany(timeout):
            if must_finish(message.topic):
                with ack_lock:
                    self._in_flight[tp].hand_out(message.offset)
            yield tp, message

    def ack(self, message: Message) -> bool:
        """Note that a message is finished, if it is: not one of before a rebalance, and not one that was only thrown away."""
        with ack_lock:
            if message.acked:
                return False
            message.acked = True
            self._unacked_messages.discard(message)
            current = message.generation_id == self.app.consumer_generation_id
            # While the flow stands still, only what a stream had begun (Faust calls it tracked) can come to its end.
            counts = current and (self.flow_active or message.tracked) and self._finish(message)
            notify(self._waiting_for_ack)
            return counts

    def _finish(self, message: Message) -> bool:
        news = self.app.topics.acks_enabled_for(message.topic) and self._in_flight[message.tp].finish(message.offset)
        self._n_acked += news
        return news

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:  # noqa: ANN401 - Faust's own signature
        return (tp for tp in list(self._in_flight) if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        with ack_lock:
            self._absorb(tp)
            return self._in_flight[tp].find_committable()

    def _absorb(self, tp: TP) -> None:
        """Take over what Faust's compiled stream iterator, which does not call :meth:`ack`, has noted as finished."""
        for offset in self._acked_index.pop(tp, ()):
            self._in_flight[tp].finish(offset)
        self._acked.pop(tp, None)

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Do nothing: gaps between offsets need no bookkeeping here."""

    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:  # noqa: FBT001, FBT002
        before = {tp: self._committed_offset[tp] for tp in offsets}
        done = await super()._commit_offsets(offsets, start_new_transaction)
        if not done:
            # Faust takes a failed commit for done; the next one shall try again.
            self._committed_offset.update({tp: offset for tp, offset in before.items() if tp in self._committed_offset})
        return done

    async def seek(self, partition: TP, offset: int) -> None:
        """Seek on somebody's order; what was handed out of the partition before no longer counts."""
        self._in_flight.pop(partition, None)
        await super().seek(partition, offset)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let what is in work come to its end and be committed, then forget the partitions."""
        with ack_lock:
            for tp in revoked:
                self._absorb(tp)
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self._in_flight.pop(tp, None)
