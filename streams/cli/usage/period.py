"""Commands that close a period: ``period close``, ``period list``, ``period verify``, ``period destroy-key``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.options import Json, Out, Settings, Verbose, lend_broker, read_given
from streams.cli.output import Exit, open_output

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from streams.cli.output import Output
    from streams.settings.model import Deployment
    from streams.usage.closing.close import Closing, Request

period_app = typer.Typer(no_args_is_help=True, help="Periods: close one, list the sealed ones, hold one to its seal.")

SHEETS_HELP = (
    "Metric sheets, or folders of them; none: those of the settings (project.sheets_folder), or at a restatement those of the "
    "closing before."
)


@period_app.command("close")
def close(
    period: Annotated[str, typer.Argument(help="M25-36, 2026, 2026-11 or 2026-11-01..2026-12-01.")],
    *,
    sheets: Annotated[list[Path] | None, typer.Option(help=SHEETS_HELP)] = None,
    robots: Annotated[
        Path | None, typer.Option(help="The list of robots as COUNTER publishes it: the COUNTER report needs one.")
    ] = None,
    country_file: Annotated[
        Path | None,
        typer.Option(
            help="The file that addresses were led to countries by, if other than the settings' own: its digest is sealed."
        ),
    ] = None,
    settings: Settings = None,
    out: Out = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Freeze a report and what it rests on in one sealed folder; closed again, restate it if anything came late."""
    from schemas.errors import FatalFault
    from streams.cli.usage.assess import to_sheet_paths
    from streams.places import find_objects
    from streams.usage.closing.close import close_period
    from streams.usage.closing.shelf import to_shelf

    with open_output(as_json=as_json, verbose=verbose) as output:
        deployment = read_given(settings, out).deployment
        store = find_objects(deployment)
        given = to_sheet_paths(deployment, sheets or ())
        request = _to_request(
            deployment, period, given, robots=robots or deployment.project.robots_file, country_file=country_file
        )
        if store is None:
            message = f"Nothing was ever counted here, so {request.period.name} cannot be closed."
            raise FatalFault(message)
        _check_lag(output, deployment, request)
        _show_closing(output, close_period(store, to_shelf(deployment), request, _tell_time()))


def _check_lag(output: Output, deployment: Deployment, request: Request) -> None:
    """Refuse to seal a period whose uses are not all counted; a broker that is gone is told and stops nothing."""
    from schemas.errors import FatalFault, TransientFault
    from schemas.topics import Topics
    from streams.places import to_app_id
    from streams.usage.closing.lag import is_behind

    topic = Topics(deployment.broker.topic_prefix).usage_recorded
    try:
        with lend_broker(deployment) as client:
            behind = client is not None and is_behind(client, topic, to_app_id(deployment), request.period.to_at)
    except TransientFault:
        output.note("The broker is away, so nobody can tell whether every use is counted.")
        return
    if behind:
        message = (
            f"Uses of the time before the end of {request.period.name} are recorded and not counted yet: "
            "let a worker run (observatory worker) until they are, then close."
        )
        raise FatalFault(message)


def _tell_time() -> dt.datetime:
    import datetime as dt

    return dt.datetime.now(dt.UTC)


def _to_request(
    deployment: Deployment, period: str, sheets: Sequence[Path], *, robots: Path | None, country_file: Path | None
) -> Request:
    import datetime as dt

    from schemas.errors import FatalFault, RejectedInput
    from streams.usage.closing.close import Request
    from streams.usage.closing.shelf import tell_key
    from streams.usage.periods import read_period
    from streams.usage.sheets.reading import read_sheets

    starts = deployment.project.starts
    if starts is None and sheets:
        starts = read_sheets(sheets)[0].project_starts
    try:
        named = read_period(period, project_start=dt.date.fromisoformat(f"{starts}-01") if starts else None)
    except RejectedInput as fault:
        raise FatalFault(fault.sentence) from fault
    return Request(
        period=named,
        project=deployment.project.name,
        project_starts=starts,
        installations=tuple(deployment.installations),
        sheets=tuple(sheets),
        robots=robots,
        country_file=country_file or deployment.project.country_file,
        custody=tell_key(deployment),
    )


def _show_closing(output: Output, closing: Closing) -> None:
    closed, inputs = closing.closed, closing.inputs
    if not closing.is_new:
        output.say("Nothing came since: the period stays as it was closed.")
    for reason in inputs.because if closing.is_new else ():
        output.say(f"Restated: {reason}")
    for late in inputs.late if closing.is_new else ():
        output.say(f"  {late.installation}: {late.uses:,} uses are other ones")
    output.say(closed.sentence)
    output.say(f"Sealed in {closed.folder}. Write the seal down, and hand it in with the report.")
    if inputs.counter_profile is None:
        output.note("There is no COUNTER report in it: that needs a list of robots (--robots).")
    if not inputs.sheets:
        output.note("There is no assessment in it: that needs metric sheets (--sheets).")
    elif not (closed.folder / "report" / "assessment.pdf").is_file():
        output.note("There is no PDF in it: that needs the pdf extra and the system library Pango.")
    output.add({"folder": str(closed.folder), "is_new": closing.is_new, "seal": closed.seal.to_plain()})


@period_app.command("list")
def list_periods(
    *, settings: Settings = None, out: Out = None, as_json: Json = False, verbose: Verbose = False
) -> None:
    """Show which periods are closed, with their seals, and what became of the pseudonym key."""
    from streams.usage.closing.key import LOG_FILE, read_log
    from streams.usage.closing.shelf import list_closed, tell_key, to_shelf

    with open_output(as_json=as_json, verbose=verbose) as output:
        deployment = read_given(settings, out).deployment
        shelf = to_shelf(deployment)
        found, steps = list_closed(shelf), read_log(shelf / LOG_FILE)
        for closed in found:
            output.say(closed.sentence)
        if not found:
            output.say("No period is closed.")
        if custody := tell_key(deployment):
            output.say(f"Pseudonym key: {custody}.")
        for step in steps:
            output.say(f"Key {step['fingerprint']}: {step['act']} on {step['at']}. {step['reason']}")
        output.add({"closed": [closed.seal.to_plain() for closed in found], "custody": custody, "key": steps})


@period_app.command("verify")
def verify(
    folders: Annotated[list[Path], typer.Argument(help="Sealed folders, wherever they lie now.")],
    *,
    seal: Annotated[str | None, typer.Option(help="The seal as it was handed in, 64 hexadecimal digits.")] = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Hold sealed folders to their seals, and make their reports again, offline; exit code 1 where anything differs."""
    with open_output(as_json=as_json, verbose=verbose) as output:
        verify_folders(output, folders, seal)


def verify_folders(output: Output, folders: Sequence[Path], seal: str | None = None) -> None:
    """Verify folders and say what was found, for ``period verify`` and ``audit verify``.

    Raises
    ------
    FatalFault
        If no folder is named, or one has no seal.
    typer.Exit
        With 1, where anything differs.
    """
    from schemas.errors import FatalFault
    from streams.usage.closing.shelf import Closed
    from streams.usage.closing.verify import verify_folder

    if not folders:
        message = "Name the sealed folders to verify."
        raise FatalFault(message)
    told = []
    for folder in folders:
        verdict = verify_folder(folder, seal)
        output.say(Closed(folder, verdict.seal).sentence)
        for difference in verdict.differences:
            output.say(f"  {difference.to_line()}")
        if not verdict.differences:
            by = "" if verdict.is_own_code else " (by another version of the program than the one that closed it)"
            output.say(f"  Every block is what was sealed, and the report made again is the same{by}.")
        elif not verdict.is_remade:
            output.say("  The report was not made again: something that it follows from differs.")
        told.append(
            {
                "folder": str(folder),
                "seal": verdict.seal.to_plain(),
                "differences": [difference.to_plain() for difference in verdict.differences],
                "is_remade": verdict.is_remade,
                "is_own_code": verdict.is_own_code,
            }
        )
    output.add({"verified": told})
    if any(entry["differences"] for entry in told):
        raise typer.Exit(Exit.SOME_SET_ASIDE)


@period_app.command("destroy-key")
def destroy(
    *,
    reason: Annotated[str, typer.Option(help="Why, in a sentence: it is written down.")],
    force: Annotated[bool, typer.Option("--force", help="Before the audit window has ended.")] = False,
    settings: Settings = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Destroy the project's pseudonym key for good, after the audit window; never part of closing a period."""
    from schemas.errors import FatalFault
    from streams.usage.closing.key import LOG_FILE, destroy_key
    from streams.usage.closing.shelf import find_custody, to_shelf

    with open_output(as_json=as_json, verbose=verbose) as output:
        deployment = read_given(settings).deployment
        custody = find_custody(deployment)
        if custody is None:
            message = "The settings name no pseudonym key: project.pseudonym_key_file is not set."
            raise FatalFault(message)
        log = to_shelf(deployment) / LOG_FILE
        found = destroy_key(custody, log, reason=reason, force=force, now_at=_tell_time())
        output.say(f"Destroyed the key {found.fingerprint}; written down in {log}.")
        output.say(f"Copies of it are for the custodian to destroy: {custody.custodian}.")
        output.add({"fingerprint": found.fingerprint, "forced": found.is_forced, "log": str(log)})
