"""Another try: records that were no use are read once more from their topic, which keeps them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Protocol

from streams.usage.meter import Meter
from streams.usage.refused.rejected import list_refusals, note_retried

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from streams.brokers.records import Partition, Stored, TopicState
    from streams.usage.meter import FactStore, Refused, Taken
    from streams.usage.refused.rejected import Refusal

#: Records metered together.
_AT_ONCE = 4_096


class UsageLog(Protocol):
    """The part of a broker that is asked (:mod:`streams.brokers.client` says what each may raise)."""

    def describe(self) -> tuple[TopicState, ...]:
        """Return the topics."""
        ...

    def end_offsets(self, topics: Iterable[str]) -> dict[Partition, int]:
        """Return the offset after the last of each partition."""
        ...

    def read(self, topic: str, start: Mapping[int, int] | None = None) -> Iterator[Stored]:
        """Return a topic's records from the given offsets on."""
        ...


@dataclass(frozen=True, slots=True)
class Retried:
    """What another try gave.

    Attributes
    ----------
    facts
        How many are uses now; they are stored, and every figure counts them.
    refused
        Those that are still none.
    gone
        Those whose topic was deleted or made again, or no longer keeps them.
    """

    facts: int
    refused: tuple[Refused, ...]
    gone: int


def retry_refusals(store: FactStore, log: UsageLog, topic: str, *, reason: str | None = None) -> Retried:
    """Read records that were no use once more, and make facts of those that are uses by now.

    A record that an older program could not read, since its version was unknown, is one. It stands at the same place of the same
    log as before, so that neither another try nor a worker beside this one makes two uses of it.

    Parameters
    ----------
    reason
        Only those that were refused for it.

    Raises
    ------
    TransientFault, FatalFault
        If store or broker is away, or the topic may not be read.
    RejectedInput
        ``broken_facts``.
    """
    wanted = [refusal for refusal in list_refusals(store) if reason in {None, refusal.reason}]
    log_id = next((state.log_id for state in log.describe() if state.name == topic), "")
    places = {
        (refusal.partition, refusal.offset): refusal
        for refusal in wanted
        if (refusal.log, refusal.topic) == (log_id, topic)
    }
    meter, records = Meter(store, log_id), _read(log, topic, places)
    taken: list[Taken] = []
    while batch := tuple(islice(records, _AT_ONCE)):
        taken.append(meter.take(batch))
        still = {(one.partition, one.offset) for one in taken[-1].refused}
        offsets = defaultdict[int, list[int]](list)
        for record in batch:
            if (record.partition, record.offset) not in still:
                offsets[record.partition].append(record.offset)
        for partition, own in offsets.items():
            note_retried(store, f"{log_id}/{topic}/{partition}", own)
    facts, refused = sum(one.facts for one in taken), tuple(chain.from_iterable(one.refused for one in taken))
    return Retried(facts, refused, len(wanted) - facts - len(refused))


def _read(log: UsageLog, topic: str, places: Mapping[tuple[int, int], Refusal]) -> Iterator[Stored]:
    """Yield the records at some places, from the first of each partition on, and end at the last."""
    if not places:
        return
    start = {partition: end for (name, partition), end in log.end_offsets([topic]).items() if name == topic}
    for partition, offset in places:
        start[partition] = min(offset, start.get(partition, offset))
    left = len(places)
    for record in log.read(topic, start):
        if (record.partition, record.offset) in places:
            yield record
            left -= 1
            if not left:
                return
