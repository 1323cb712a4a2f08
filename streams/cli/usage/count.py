"""The command ``usage count``: count the accesses of logs by a named profile of rules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.options import Json, Verbose
from streams.cli.output import open_output, open_place

if TYPE_CHECKING:
    from streams.cli.output import Output
    from streams.usage.counting.tally import Tally

usage_app = typer.Typer(no_args_is_help=True, help="Usage counted outside: logs counted by named rules.")


@usage_app.command("count")
def count_accesses(
    logs: Annotated[list[Path], typer.Argument(help="Accesses as JSON lines; see docs/usage.md.")],
    *,
    period: Annotated[str, typer.Option(help="2026, 2026-11, 2026-11-01..2026-12-01.")],
    profile: Annotated[str, typer.Option(help="counter-rd-1, counter-r5.1 or observatory-1.")] = "counter-rd-1",
    robots: Annotated[Path | None, typer.Option(help="The list of robots, as COUNTER publishes it.")] = None,
    least_users: Annotated[
        int, typer.Option(min=1, help="Numbers by country of fewer users are suppressed; 1 tells all.")
    ] = 3,
    to: Annotated[Path | None, typer.Option(help="Write the counts there, as canonical JSON.")] = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Count the accesses of logs: the order of lines and files, repetitions and time zones change nothing."""
    from schemas.errors import FatalFault, RejectedInput
    from streams.usage.counting.access import read_accesses
    from streams.usage.counting.profiles import make_profile
    from streams.usage.counting.robots import load_robots
    from streams.usage.counting.tally import count
    from streams.usage.periods import read_period

    with open_output(as_json=as_json, verbose=verbose) as output:
        rules = make_profile(profile, load_robots(robots) if robots else None)
        try:
            named = read_period(period)
            texts = [(path.name, path.read_text(encoding="utf-8")) for path in logs]
        except RejectedInput as fault:
            raise FatalFault(fault.sentence) from fault
        except (OSError, UnicodeDecodeError) as error:
            message = "A log could not be read as UTF-8 text: " + ", ".join(path.name for path in logs) + "."
            raise FatalFault(message) from error
        tally = count(
            (access for name, text in texts for access in read_accesses(text.splitlines(), name)),
            rules,
            named,
            least=least_users,
        )
        _show(output, tally)
        if to is not None:
            with open_place(to):
                to.parent.mkdir(parents=True, exist_ok=True)
                to.write_bytes(tally.to_json() + b"\n")
            output.say(f"Wrote {to}.")


def _show(output: Output, tally: Tally) -> None:
    plain = tally.to_plain()
    columns = ("total_investigations", "unique_investigations", "total_requests", "unique_requests", "sessions")
    rows = [(row["installation"], row["access_method"], *(row[column] for column in columns)) for row in plain["rows"]]
    headings = ("installation", "access", *(column.replace("_", " ") for column in columns))
    output.show_table(f"{tally.period.name}, by {plain['profile']['name']}", headings, rows)
    output.show_table("Not counted", ("rule", "accesses"), tally.removed)
    if tally.conflicts:
        output.say(f"Different accesses under one id: {', '.join(tally.conflicts[:20])}.")
    output.add(plain)
