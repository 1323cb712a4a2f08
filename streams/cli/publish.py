"""Commands that publish, and that correct what was published: ``publish dwca``, ``deployments apply``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.options import Json, Out, Settings, Verbose, read_given
from streams.cli.output import Exit, open_output

publish_app = typer.Typer(no_args_is_help=True, help="Publish stored results.")
deployments_app = typer.Typer(no_args_is_help=True, help="Positions, clocks and masks of cameras.")


@publish_app.command("dwca")
def dwca(
    *,
    to: Annotated[Path, typer.Option(help="The archive to write.")] = Path("dwca.zip"),
    feed: Annotated[list[str] | None, typer.Option(help="Only these feeds.")] = None,
    samples: Annotated[
        Path | None, typer.Option(help="The sample sheet: when and where the water of runs was taken.")
    ] = None,
    allow_demonstration: Annotated[
        bool, typer.Option("--allow-demonstration", help="Publish results of demonstration models too, marked as such.")
    ] = False,
    settings: Settings = None,
    out: Out = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Write a Darwin Core archive in the shape that OBIS reads; it appears only when it passed its own checks."""
    from sinks.darwin_core.units import POSITION_UNKNOWN
    from streams.publishing import explain_positions, publish_deployment

    with open_output(as_json=as_json, verbose=verbose) as output:
        deployment = read_given(settings, out).deployment
        report = publish_deployment(
            deployment, to=to, feeds=tuple(feed or ()), samples=samples, allow_demonstration=allow_demonstration
        )
        output.say(report.to_text())
        for hint in explain_positions(deployment, report.left_out_units.get(POSITION_UNKNOWN, ())):
            output.say(f"  note          {hint} Then publish again.")
        output.add(report.to_plain())
        if not report.is_whole:
            raise typer.Exit(Exit.SOME_SET_ASIDE)


@deployments_app.command("apply")
def apply(
    feed: Annotated[str, typer.Argument(help="The feed whose table was corrected.")],
    *,
    settings: Settings = None,
    out: Out = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Derive the affected results again from a corrected table, without looking at any picture; the old ones are superseded."""
    from streams.corrections.feeds import rederive_feed
    from streams.gathering import choose_feed

    with open_output(as_json=as_json, verbose=verbose) as output:
        deployment = read_given(settings, out).deployment
        replaced, refusals = 0, []
        for step in rederive_feed(deployment, choose_feed(deployment, feed)):
            replaced += len(step.rederived)
            if step.refusal is not None:
                refusals.append((step.unit_id, step.refusal.sentence))
        output.say(f"{replaced:,} results derived again and announced; the old ones are superseded.")
        if refusals:
            output.show_table("Left as they were", ("unit", "why"), refusals)
        output.add({"rederived": replaced, "left": [{"unit": unit, "why": why} for unit, why in refusals]})
        if refusals:
            raise typer.Exit(Exit.SOME_SET_ASIDE)
