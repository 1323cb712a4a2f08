"""Commands of the running part: ``worker`` and ``status``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.options import Json, Out, Settings, Verbose, read_given
from streams.cli.output import Exit, open_output

if TYPE_CHECKING:
    from streams.cli.output import Output

#: Dead letters and results read from the end of each partition for ``status``: enough for the newest of every feed.
TAIL_RECORDS = 500


def worker(*, settings: Settings = None, out: Out = None, as_json: Json = False, verbose: Verbose = False) -> None:
    """Look at what arrives, until interrupted; several workers share the work."""
    import asyncio

    from streams.assembly import assemble
    from streams.places import open_broker, open_objects
    from streams.upkeep import Upkeep
    from streams.working import make_running

    with open_output(as_json=as_json, verbose=verbose) as output:
        deployment = read_given(settings, out).deployment
        store, client = open_objects(deployment), open_broker(deployment)
        try:
            parts = assemble(deployment, store)
            running = make_running(deployment, parts, client)
            from streams.agents.running import serve_health

            port = deployment.worker.health_port
            where = f"; health on http://127.0.0.1:{port}/healthz" if port else ""
            output.note(f"Worker of {deployment.name} at {deployment.broker.url}{where}; interrupt to end.")
            with Upkeep(deployment, client, store).keep_up():
                asyncio.run(serve_health(running, port))
        finally:
            client.close()
        output.add({"ended": "in order"})


def status(
    *,
    settings: Settings = None,
    out: Out = None,
    fresh_s: Annotated[float, typer.Option(help="A feed without a result for longer is called stale.")] = 600.0,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Show per feed: freshness, last result, dead letters by reason; and the lag of each topic."""
    from schemas.topics import Topics
    from streams.account.status import read_status
    from streams.places import open_broker, to_app_id

    with open_output(as_json=as_json, verbose=verbose) as output:
        deployment = read_given(settings, out).deployment
        client = open_broker(deployment)
        try:
            found = read_status(
                client,
                Topics(deployment.broker.topic_prefix),
                group=to_app_id(deployment),
                installations=tuple(deployment.installations),
                tail=TAIL_RECORDS,
                feeds=tuple(deployment.feeds),
            )
        finally:
            client.close()
        plain = found.to_plain(fresh_s)
        _show_status(output, plain)
        output.add(plain)
        if not plain["fresh"]:
            raise typer.Exit(Exit.SOME_SET_ASIDE)


def _show_status(output: Output, plain: dict[str, Any]) -> None:
    rows = [
        (
            name,
            feed["state"],
            feed["last_result_at"] or "never",
            feed["last_captured"] or "-",
            json.dumps(feed["dead_letters"]) if feed["dead_letters"] else "none",
        )
        for name, feed in plain["feeds"].items()
    ]
    output.show_table("Feeds", ("feed", "state", "last result", "its capture time", "dead letters"), rows)
    output.show_table("Lag", ("topic", "records waiting"), list(plain["lag"].items()))
