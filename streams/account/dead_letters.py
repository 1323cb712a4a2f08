"""Dead letters: what is still set aside, with its reason and the one step that tries it again."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from schemas.media import Rejection, SetAside
from schemas.unit import WorkOrder
from schemas.wire import read_rejection
from streams.account.ledger import NAMELESS, UNREADABLE, ArrivalKey, read_ends, to_arrival_key, to_feed
from streams.brokers.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.media import MediaSettled
    from schemas.topics import Topics
    from streams.brokers.client import Client
    from streams.brokers.records import Stored
    from streams.units.originals import Originals


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record that was set aside.

    Attributes
    ----------
    number
        ``<partition>-<offset>`` in the topic of dead letters.
    record
        As it lies there: the record as it came, with the rejection as one more header.
    """

    number: str
    feed: str
    subject: str
    record: Record
    rejection: Rejection

    @property
    def can_be_sent_again(self) -> bool:
        """Whether sending it again may help: a file that could not be announced, and what names no arrival, are what they are."""
        return self.rejection.step != "announce" and self.feed != UNREADABLE

    def to_plain(self) -> dict[str, object]:
        """Return one JSON object, without the bytes."""
        return {
            "number": self.number,
            "feed": self.feed,
            "subject": self.subject,
            "retry": f"observatory dead-letters retry {self.number}" if self.can_be_sent_again else None,
            **self.rejection.to_plain(),
        }


def read_dead_letters(log: Client, topics: Topics) -> Iterator[DeadLetter]:
    """Yield the newest dead letter of each arrival that is still set aside, in the order of the topic.

    An arrival that was tried again and ended otherwise is left out. A record that names no arrival is always there.

    Raises
    ------
    TransientFault
        If the broker is away.
    """
    if not {topics.media_settled, topics.media_rejected} <= {state.name for state in log.describe()}:
        return
    ends = read_ends(log.read(topics.media_settled))
    newest: dict[tuple[ArrivalKey, str], DeadLetter] = {}
    for stored in log.read(topics.media_rejected):
        rejection = read_rejection(stored.headers)
        if rejection is None:
            continue
        key, subject = identify(stored, rejection)
        if key.source == NAMELESS or _is_still_set_aside(ends.get(key), rejection):
            record = Record(stored.topic, stored.key, stored.value, stored.headers)
            letter = DeadLetter(
                number=f"{stored.partition}-{stored.offset}",
                feed=to_feed(key),
                subject=subject,
                record=record,
                rejection=rejection,
            )
            newest[key, rejection.rejection_id] = letter
    yield from newest.values()


def read_bytes(letter: DeadLetter, originals: Originals) -> bytes:
    """Return the bytes as they came: from the letter itself, or from the original that it refers to.

    Raises
    ------
    RejectedInput
        ``missing_object`` if the original is gone.
    TransientFault, FatalFault
        From the store.
    """
    record = letter.record
    texts = {name.lower(): value for name, value in record.headers if value is not None}
    if not record.value and "ce_dataref" in texts:
        return originals.read(texts["ce_dataref"].decode("utf-8", "replace"))
    if letter.rejection.step == "work":
        with suppress(ValidationError):
            parts = WorkOrder.from_json(record.value or b"").unit.parts
            if len(parts) == 1:  # of several, the order says where each of them is
                return originals.read(parts[0].at)
    return record.value or b""


def identify(stored: Stored, rejection: Rejection) -> tuple[ArrivalKey, str]:
    """Return whose arrival it was and its name: from the envelope, or from the work order that followed it."""
    texts = {name.lower(): value for name, value in stored.headers if value is not None}
    subject = texts.get("ce_subject", b"").decode("utf-8", "replace")
    key = to_arrival_key(stored)
    if rejection.step == "work" and stored.value:
        try:
            order = json.loads(stored.value)
            return ArrivalKey(order["source"], order["event"]), order["unit"]["group"]
        except (ValueError, KeyError, TypeError):
            return key, subject
    return key, subject


def _is_still_set_aside(settled: MediaSettled | None, rejection: Rejection) -> bool:
    """Return whether this letter is how its arrival ended."""
    if settled is None:
        return True
    return isinstance(settled.end, SetAside) and settled.end.rejection_id == rejection.rejection_id
