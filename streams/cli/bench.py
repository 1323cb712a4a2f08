"""The command that measures: ``bench``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.options import Json, Verbose
from streams.cli.output import open_output


def bench(
    *,
    short: Annotated[bool, typer.Option("--short", help="Small numbers, to see that it works.")] = False,
    only: Annotated[list[str] | None, typer.Option(help="Only these measurements.")] = None,
    model: Annotated[str, typer.Option(help="name@version of a catalogue, or a model file.")] = "",
    accuracy: Annotated[
        str | None, typer.Option(help="Print the accuracy of an installation's method: motion.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Write the table there, as Markdown.")] = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Measure speed and memory as ratios within one run, or the accuracy of a method on generated truth."""
    from streams.benchmarks.suite import describe_machine, measure_accuracy, run_suite, to_markdown

    with open_output(as_json=as_json, verbose=verbose) as output:
        if accuracy is not None:
            rows = measure_accuracy(accuracy)
            output.show_table(f"Accuracy of {accuracy}", ("what", "measured"), list(rows.items()))
            output.add({"accuracy": rows})
            return
        measured = []
        for figure in run_suite(short=short, only=tuple(only or ()), model=model):
            output.errors.print(f"{figure.name}: {figure.text}")
            measured.append(figure)
        rows_shown = [(item.name, item.text, item.goal, item.verdict) for item in measured]
        output.show_table(f"Measured on {describe_machine()}", ("what", "measured", "goal", "met"), rows_shown)
        if to is not None:
            to.write_text(to_markdown(measured), encoding="utf-8")
        output.add({"machine": describe_machine(), "figures": [item.to_plain() for item in measured]})
