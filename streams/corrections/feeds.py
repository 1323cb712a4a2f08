"""Deriving a feed's results again from its corrected table of deployments, and announcing what took whose place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.topics import Topics
from sinks.result_tables import make_tables, read_entries
from streams.brokers.records import Record
from streams.corrections.rederive import Rederivation, Tables
from streams.feeds.deployment_table import load_feed_deployments
from streams.places import open_broker, open_objects, plan_topics
from streams.units.routing import to_settled_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.corrections.rederive import Rederived, Step
    from streams.settings.model import Deployment


def rederive_feed(deployment: Deployment, feed: str) -> Iterator[Step]:
    """Go through the units of a feed and yield what became of each; running it twice changes nothing.

    Raises
    ------
    FatalFault
        If the table is wrong.
    TransientFault
        If broker or store is away; the next run goes on.
    """
    topics, client = Topics(deployment.broker.topic_prefix), open_broker(deployment)
    client.create(plan_topics(deployment))

    def announce(rederived: Rederived) -> None:
        stored = rederived.stored
        records = [Record(topics.result_stored, stored.unit.unit_id.encode(), stored.to_canonical())]
        if rederived.settled is not None:
            records.append(to_settled_record(topics, rederived.settled))
        client.append(records)

    try:
        deployments = load_feed_deployments(deployment.feeds).get(feed, ())
        rule = deployment.feeds[feed].capture
        tables = Tables(read=read_entries, make=make_tables)
        yield from Rederivation(open_objects(deployment), rule, deployments, tables, announce).run(feed)
    finally:
        client.close()
