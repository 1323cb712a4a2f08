"""What the router's agent does: arrivals in; each on its way to its installation, or at its end, before it is acknowledged."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from schemas.errors import RejectedInput
from schemas.media import MediaSettled, SetAside
from streams.account.ledger import find_feed, find_subject, to_arrival_key
from streams.agents.window import HoldEvent
from streams.brokers.records import Record
from streams.faults import make_rejection, to_dead_letter
from streams.units.routing import to_settled_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.agents.bench import Bench
    from streams.agents.takes import BundleTake
    from streams.brokers.records import Stored
    from streams.units.routing import Prepared, Router

#: The step at which an arrival may fail here.
_ROUTE = "route"


@dataclass
class RouterAgent:
    """Routes arrivals, those that came together at once: prepared in a thread or several, decided in order, claimed, sent on."""

    router: Router
    bench: Bench

    async def work(self, takes: Sequence[BundleTake]) -> list[BundleTake]:
        """Route arrivals to their work topics, or to their ends; return the bundles with some of a feed that stands still."""
        held = {id(record) for record in await self._route([record for take in takes for record in take.records])}
        return [take for take in takes if any(id(record) in held for record in take.records)]

    async def _route(self, records: Sequence[Stored]) -> list[Stored]:
        """Route arrivals; return those of feeds that stand still."""
        held: list[Stored] = []
        going = [record for record in records if not self._is_paused(record, held)]
        prepare = partial(self.router.prepare_together, on_each=self.bench.pulse.beat)
        answers = await self.bench.spread(going, prepare)
        prepared: list[tuple[Stored, Prepared]] = []
        refused: list[tuple[Stored, RejectedInput]] = []
        for record, answer in zip(going, answers, strict=True):
            if isinstance(answer, RejectedInput):
                refused.append((record, answer))
            else:
                prepared.append((record, answer))
        refused += await self._send_on(prepared)
        for record, fault in refused:
            try:
                await self._set_aside(record, find_feed(record), fault)
            except HoldEvent:
                held.append(record)
        return held

    def _is_paused(self, record: Stored, held: list[Stored]) -> bool:
        try:
            self.bench.check_pause(find_feed(record))
        except HoldEvent:
            held.append(record)
            return True
        return False

    async def _send_on(self, prepared: Sequence[tuple[Stored, Prepared]]) -> list[tuple[Stored, RejectedInput]]:
        """Claim what is ours and send it on, settle duplicates; return what was refused on the way."""
        known = [self.router.decide(arrival) for _, arrival in prepared]
        mine = [pair for pair, other in zip(prepared, known, strict=True) if other is None]
        second = [arrival for (_, arrival), other in zip(prepared, known, strict=True) if other is not None]
        claims = await self.bench.spread([arrival for _, arrival in mine], self.router.claim_together)
        refused: list[tuple[Stored, RejectedInput]] = []
        ours: list[Prepared] = []
        for (record, arrival), claim in zip(mine, claims, strict=True):
            if isinstance(claim, RejectedInput):
                refused.append((record, claim))
            elif claim is None:
                ours.append(arrival)
            else:
                second.append(arrival)
        router = self.router
        taken_in = [told for arrival in ours for told in (router.to_in_work(arrival), router.to_ingested(arrival))]
        await self.bench.publish([*taken_in, *map(router.to_duplicate, second)])
        await self.bench.publish(list(map(router.to_work, ours)))
        for arrival in (*ours, *second):
            self.bench.gate.record_success(arrival.media.feed, _ROUTE)
            self.bench.health.note_arrival(arrival.media.feed, arrival.order.arrived_at)
        return refused

    async def _set_aside(self, stored: Stored, feed: str, fault: RejectedInput) -> None:
        key = to_arrival_key(stored)
        record = Record(stored.topic, stored.key, stored.value, stored.headers)
        rejection = make_rejection(record, fault, step=_ROUTE, rejected_at=dt.datetime.now(dt.UTC))
        end = SetAside(rejection_id=rejection.rejection_id, reason=fault.reason)
        settled = MediaSettled(source=key.source, event=key.event, subject=find_subject(stored), end=end)
        ends = [to_settled_record(self.bench.topics, settled), *self.router.to_refused(stored, feed, rejection)]
        letter = to_dead_letter(record, rejection, self.bench.topics.media_rejected)
        await self.bench.refuse(feed, fault, letter, ends, step=_ROUTE)
