"""The command ``usage record``: uses of doors outside, made facts at once."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from streams.cli.options import Json, Out, Settings, Verbose, read_given
from streams.cli.output import open_output


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
    from streams.usage.edge.bulk import import_uses
    from streams.usage.edge.opening import open_edge

    with open_output(as_json=as_json, verbose=verbose) as output:
        deployment = read_given(settings, out).deployment
        edge = open_edge(deployment.project)
        store = open_objects(deployment)
        found = []
        for path in files:
            imported = import_uses(
                path, edge=edge, store=store, installations=deployment.installations, now_at=dt.datetime.now(dt.UTC)
            )
            found.append({"file": imported.name, "uses": imported.uses, "known": imported.known})
            said = "was recorded before; nothing is changed" if imported.known else f"{imported.uses:,} uses recorded"
            output.say(f"{imported.name}: {said}.")
        output.add({"files": found})
