"""Commands of the running part: ``worker`` and ``status``."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli.options import Json, Out, Settings, Verbose, lend_broker, read_given, tell_nothing_yet
from streams.cli.output import Exit, open_output

if TYPE_CHECKING:
    from streams.account.status import StatusReader
    from streams.brokers.client import Client
    from streams.cli.output import Output
    from streams.settings.model import Deployment


def worker(*, settings: Settings = None, out: Out = None, as_json: Json = False, verbose: Verbose = False) -> None:
    """Look at what arrives, until interrupted; several workers share the work."""
    import asyncio
    from functools import partial

    from streams.account.lookout import Lookout
    from streams.assembly import assemble
    from streams.checking import require_installations
    from streams.places import open_broker, open_objects
    from streams.upkeep import Upkeep
    from streams.working import Working, make_feed_door, make_running

    with open_output(as_json=as_json, verbose=verbose) as output:
        deployment = read_given(settings, out).deployment
        require_installations(deployment)
        store, client = open_objects(deployment), open_broker(deployment)
        try:
            parts = assemble(deployment, store)
            running = make_running(deployment, parts, client)
            from streams.agents.running import serve_health

            port = deployment.worker.health_port
            where = f"; health on http://127.0.0.1:{port}/healthz" if port else ""
            output.note(f"Worker of {deployment.name} at {deployment.broker.url}{where}; interrupt to end.")
            with ExitStack() as beside:
                beside.enter_context(Upkeep(deployment, client, store).keep_up())
                door, working = make_feed_door(deployment, client, store), Working(parts, client, running)
                running.farewell = partial(
                    door.say_farewell,
                    commit=running.commit_from_thread,
                    has_metered=working.has_metered,
                    is_patient=False,
                )
                beside.enter_context(door.keep())
                if port:
                    reader = make_status_reader(deployment, client)
                    beside.enter_context(Lookout(reader, running.bench.health.note_status).keep_looking())
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
    """Show per feed: freshness, what waits, last result, dead letters by reason; and the lag of each topic."""
    from streams.account.status import Status

    with open_output(as_json=as_json, verbose=verbose) as output:
        read = read_given(settings, out)
        with lend_broker(read.deployment) as client:
            if client is None:
                tell_nothing_yet(output, read)
                found = Status.make_empty(tuple(read.deployment.feeds))
            else:
                found = make_status_reader(read.deployment, client).read()
        plain = found.to_plain(fresh_s)
        _show_status(output, plain)
        output.add(plain)
        if not plain["fresh"]:
            raise typer.Exit(Exit.SOME_SET_ASIDE)


def make_status_reader(deployment: Deployment, client: Client) -> StatusReader:
    """Return what reads the state of a deployment from its topics."""
    from schemas.topics import Topics
    from streams.account.status import StatusReader
    from streams.places import to_app_id

    return StatusReader(
        client,
        Topics(deployment.broker.topic_prefix),
        group=to_app_id(deployment),
        installations=tuple(deployment.installations),
        feeds=tuple(deployment.feeds),
    )


def _show_status(output: Output, plain: dict[str, Any]) -> None:
    least = "" if plain["feed_lag_is_whole"] else "at least "
    rows = [
        (
            name,
            feed["state"],
            feed["freshness"],
            f"{least}{feed['lag']:,}",
            _describe_result(feed["last_result"]),
            ", ".join(f"{count} {reason}" for reason, count in feed["dead_letters"].items()) or "none",
        )
        for name, feed in plain["feeds"].items()
    ]
    columns = ("feed", "state", "last result", "waiting", "what was seen", "dead letters")
    output.show_table("Feeds", columns, rows)
    if any(plain["lag"].values()):
        output.show_table("Lag", ("topic", "records waiting"), list(plain["lag"].items()))


def _describe_result(result: dict[str, Any] | None) -> str:
    if result is None:
        return "-"
    found = ", ".join(f"{count} {label}" for label, count in result["labels"].items()) or "nothing found"
    images = "" if result["images"] == 1 else f" in {result['images']:,} images"
    return f"{found}{images}, taken {result['captured'].replace('.000Z', 'Z')}"
