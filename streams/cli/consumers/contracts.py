"""The command ``contracts``: write down what the topics promise."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.options import Json, Verbose
from streams.cli.output import open_output, open_place


def contracts(
    to: Annotated[Path, typer.Argument(help="Folder to write into; made if it is not there.")] = Path("contracts"),
    *,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Write the contract of the topics: AsyncAPI 3, a JSON Schema for each message, and a page to read."""
    from streams.serving.contracts.writing import make_files, write_files

    with open_output(as_json=as_json, verbose=verbose) as output:
        with open_place(to):
            changed = write_files(to)
        output.say(f"Wrote {len(changed)} of {len(make_files())} files in {to}; the others were as they should be.")
        output.add({"folder": str(to), "files": list(make_files()), "changed": list(changed)})
