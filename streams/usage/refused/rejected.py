"""Records that are no use, as they are kept: without those that a later try could read after all."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.canonical import to_canonical
from schemas.errors import RejectedInput
from schemas.noun import to_time_text
from sinks.parquet import read_table
from streams.usage.meter import REJECTED_FOLDER
from streams.usage.rows import REJECTED, from_milliseconds

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

    from sinks.parquet import Table
    from streams.usage.meter import FactStore

#: Lists of records that were refused and became facts by another try; beside facts and rejected records.
RETRIED_FOLDER = "usage/retried"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that is no use: where it stands on its topic, and why."""

    log: str
    topic: str
    partition: int
    offset: int
    appended_at: dt.datetime
    size_bytes: int
    reason: str
    sentence: str

    def to_plain(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "appended_at": to_time_text(self.appended_at),
            "size_bytes": self.size_bytes,
            "reason": self.reason,
            "sentence": self.sentence,
        }


def leave_out_retried(table: Table, key: str, retried: Mapping[str, frozenset[int]]) -> Table:
    """Return the rows of an object of rejected records without those that became facts by another try.

    The worker that refused a record may write its object again, so nothing is taken out of that: it is passed over.
    """
    taken = retried.get(key.removeprefix(f"{REJECTED_FOLDER}/").rpartition("/")[0])
    if not taken:
        return table
    offsets = table.to_columns(["offset"])["offset"]
    return table.picked([place for place, offset in enumerate(offsets) if offset not in taken])


def read_retried(store: FactStore) -> dict[str, frozenset[int]]:
    """Return the offsets of rejected records that became facts by another try, by ``log/topic/partition``.

    Raises
    ------
    RejectedInput
        ``broken_facts``, naming the object that cannot be read.
    """
    found = {}
    for info in store.list(f"{RETRIED_FOLDER}/"):
        try:
            offsets = frozenset(map(int, json.loads(store.read(info.key))["offsets"]))
        except (ValueError, KeyError, TypeError) as error:
            reason = "broken_facts"
            raise RejectedInput(reason, f"The list of retried records in {info.key} cannot be read.") from error
        found[info.key.removeprefix(f"{RETRIED_FOLDER}/").removesuffix(".json")] = offsets
    return found


def note_retried(store: FactStore, place: str, offsets: Iterable[int]) -> None:
    """Write down that records of a ``log/topic/partition`` are facts now; durable on return.

    Raises
    ------
    RejectedInput
        As :func:`read_retried`.
    TransientFault
        If the store is away.
    """
    united = sorted({*offsets, *read_retried(store).get(place, ())})
    data = to_canonical({"offsets": united})
    store.write(f"{RETRIED_FOLDER}/{place}.json", data, media_type="application/json")


def list_refusals(store: FactStore) -> list[Refusal]:
    """Return every record that is no use, in the order of logs, partitions and offsets.

    Raises
    ------
    RejectedInput
        ``broken_facts``, naming the object that cannot be read.
    """
    found, retried = [], read_retried(store)
    for info in store.list(f"{REJECTED_FOLDER}/"):
        if not info.key.endswith(".parquet"):
            continue
        log, topic, partition = info.key.removeprefix(f"{REJECTED_FOLDER}/").split("/")[:3]
        try:
            table = read_table(store.read(info.key), REJECTED)
        except RejectedInput as fault:
            reason = "broken_facts"
            raise RejectedInput(reason, f"The records in {info.key} cannot be read: {fault.sentence}") from fault
        columns = leave_out_retried(table, info.key, retried).to_columns()
        names = ("offset", "appended_at", "size_bytes", "reason", "sentence")
        found += [
            Refusal(log, topic, int(partition), offset, from_milliseconds(appended), size, why, sentence)
            for offset, appended, size, why, sentence in zip(*(columns[name] for name in names), strict=True)
        ]
    return sorted(found, key=lambda refusal: (refusal.log, refusal.topic, refusal.partition, refusal.offset))
