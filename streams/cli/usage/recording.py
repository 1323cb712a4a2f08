"""The commands ``usage record``, for uses of doors outside, and ``usage rejected``, for records that are no use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.options import Json, Out, Settings, Verbose, lend_broker, read_given
from streams.cli.output import Exit, open_output

if TYPE_CHECKING:
    from sinks.object_store.store import ObjectStore
    from streams.cli.output import Output
    from streams.settings.model import Deployment


def record_uses(
    files: Annotated[list[Path], typer.Argument(help="Uses as JSON lines (.jsonl) or tables with commas (.csv).")],
    *,
    settings: Settings = None,
    out: Out = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Record uses of doors outside: each file wholly or not at all, the same file once, names and addresses turned away."""
    from streams.places import open_objects
    from streams.usage.edge.bulk import import_files
    from streams.usage.edge.opening import open_edge

    with open_output(as_json=as_json, verbose=verbose) as output:
        deployment = read_given(settings, out).deployment
        edge = open_edge(deployment.project)
        store = open_objects(deployment)
        found = []
        for imported in import_files(files, edge=edge, store=store, installations=deployment.installations):
            found.append({"file": imported.name, "uses": imported.uses, "known": imported.known})
            said = "was recorded before; nothing is changed" if imported.known else f"{imported.uses:,} uses recorded"
            output.say(f"{imported.name}: {said}.")
        output.add({"files": found})


def show_rejected(
    *,
    reason: Annotated[str | None, typer.Option(help="Only those refused for this reason.")] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="Read them once more from their topic, after the cause is mended.")
    ] = False,
    settings: Settings = None,
    out: Out = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Show records of the usage topic that are no use, each with its reason; with --retry, read them once more."""
    from schemas.errors import FatalFault, RejectedInput
    from schemas.noun import to_time_text
    from streams.places import find_objects
    from streams.usage.refused.rejected import list_refusals

    with open_output(as_json=as_json, verbose=verbose) as output:
        deployment = read_given(settings, out).deployment
        store = find_objects(deployment)
        try:
            if retry and store is not None:
                _retry(output, deployment, store, reason)
            found = list_refusals(store) if store is not None else []
        except RejectedInput as fault:
            raise FatalFault(fault.sentence) from fault
        shown = [refusal for refusal in found if reason in {None, refusal.reason}]
        output.add({"rejected": [refusal.to_plain() for refusal in shown]})
        if not shown:
            output.say("Every record is a use." if reason is None else f"None is refused for the reason {reason}.")
            return
        rows = [
            (f"{item.topic} {item.partition}/{item.offset}", to_time_text(item.appended_at), item.reason, item.sentence)
            for item in shown
        ]
        output.show_table("Records that are no use", ("place", "taken in", "reason", "what is wrong"), rows)
        raise typer.Exit(Exit.SOME_SET_ASIDE)


def _retry(output: Output, deployment: Deployment, store: ObjectStore, reason: str | None) -> None:
    from schemas.errors import FatalFault
    from schemas.topics import Topics
    from streams.usage.refused.retrying import retry_refusals

    with lend_broker(deployment) as client:
        if client is None:
            message = "There is no broker to read the records from."
            raise FatalFault(message)
        topic = Topics(deployment.broker.topic_prefix).usage_recorded
        retried = retry_refusals(store, client, topic, reason=reason)
    output.say(f"{retried.facts:,} are uses now; {len(retried.refused):,} are still none.")
    if retried.gone:
        output.say(f"{retried.gone:,} cannot be tried again: their topic was made anew, or no longer keeps them.")
    output.add({"facts": retried.facts, "refused": len(retried.refused), "gone": retried.gone})
