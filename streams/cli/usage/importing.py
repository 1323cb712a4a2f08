"""The command ``usage import``: counters of other systems, as a metric sheet has them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.options import Json, Verbose
from streams.cli.output import open_output
from streams.cli.usage import recording, submitting
from streams.cli.usage.count import usage_app

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.usage.imports.counter import Export

__all__ = ["import_counters", "usage_app"]

usage_app.command("record")(recording.record_uses)
usage_app.command("rejected")(recording.show_rejected)
usage_app.command("submit")(submitting.submit_counts)
usage_app.command("accept")(submitting.accept_submissions)


@usage_app.command("import")
def import_counters(  # noqa: PLR0913 - each is an option of the command
    source: Annotated[
        str, typer.Argument(help="zenodo, seanoe, docker_hub, git_traffic, oscar, gbif, obis, doi_citations or counts.")
    ],
    exports: Annotated[list[Path], typer.Argument(help="Files as the source gave them out.")],
    *,
    retrieved: Annotated[
        list[str], typer.Option(help="When each file was retrieved, 2025-09-01T08:00:00Z; in their order.")
    ],
    sheet: Annotated[Path, typer.Option(help="The metric sheet that the values are for.")],
    metric: Annotated[str, typer.Option(help="The metric of the sheet that they count.")],
    counter: Annotated[str, typer.Option(help="Which counter of the source; else the usual one.")] = "",
    of: Annotated[str, typer.Option(help="Of which service or data set, where a file has several.")] = "",
    days: Annotated[
        list[str] | None,
        typer.Option(
            help="Which days each file counts, 2025-01-01..2025-01-31, both included; where files do not tell."
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="What to call the source, such as seanoe for a table of counts.")] = "",
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Write what other systems counted as imported values, to be appended to a metric sheet."""
    from streams.usage.imports.placing import find_source, import_counter, to_toml
    from streams.usage.sheets.reading import read_sheet

    with open_output(as_json=as_json, verbose=verbose) as output:
        found = find_source(source)
        read = _read(exports, retrieved, days or ())
        values = import_counter(found, read, read_sheet(sheet), metric, counter=counter, subject=of, name=name)
        if not as_json:
            typer.echo(to_toml(values), nl=False)
        output.note(f"{len(values)} values; days outside the periods of the sheet are left out.")
        output.add({"imported": [value.to_plain() for value in values]})


def _read(paths: Sequence[Path], retrieved: Sequence[str], days: Sequence[str]) -> list[Export]:
    from schemas.errors import FatalFault
    from streams.usage.imports.counter import Export

    if len(paths) != len(retrieved):
        message = (
            f"{len(paths)} files need {len(paths)} times of retrieval, in their order; {len(retrieved)} are given."
        )
        raise FatalFault(message)
    if days and len(days) != len(paths):
        message = f"{len(paths)} files need {len(paths)} spans of days, in their order; {len(days)} are given."
        raise FatalFault(message)
    spans: Sequence[tuple[dt.date, dt.date] | None] = [_read_days(text) for text in days] or [None] * len(paths)
    try:
        moments = [dt.datetime.fromisoformat(text) for text in retrieved]
        if any(moment.tzinfo is None for moment in moments):
            message = "A time of retrieval has a zone: 2025-09-01T08:00:00Z."
            raise FatalFault(message)
        told = zip(paths, moments, spans, strict=True)
        return [Export(path.name, path.read_bytes(), moment, span) for path, moment, span in told]
    except ValueError as error:
        message = f"A time of retrieval is none: {error}."
        raise FatalFault(message) from error
    except OSError as error:
        message = f"An export could not be read ({error.strerror})."
        raise FatalFault(message) from error


def _read_days(text: str) -> tuple[dt.date, dt.date]:
    from schemas.errors import FatalFault

    first, _, last = text.partition("..")
    try:
        return dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    except ValueError as error:
        message = f"{text!r} is no span of days; write 2025-01-01..2025-01-31, both included."
        raise FatalFault(message) from error
