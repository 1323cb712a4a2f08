"""Commands that account for what came in: ``ledger``, ``report``, ``dead-letters``."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.options import Json, Out, Settings, Verbose, lend_broker, read_given, tell_nothing_yet
from streams.cli.output import Exit, open_output, open_place
from streams.cli.run import show_ledger

if TYPE_CHECKING:
    from streams.account.dead_letters import DeadLetter
    from streams.cli.output import Output
    from streams.settings.model import Deployment
    from streams.usage.reports.report import Report


def ledger(
    *,
    incomplete: Annotated[
        bool, typer.Option(help="Name what has not ended, and what a watched folder holds that is not whole.")
    ] = False,
    settings: Settings = None,
    out: Out = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Show every arrival's state, recomputed from the topics: submitted equals the sum of the states."""
    from schemas.topics import Topics
    from streams.account.ledger import Ledger, read_ledger
    from streams.places import to_app_id

    with open_output(as_json=as_json, verbose=verbose) as output:
        read = read_given(settings, out)
        with lend_broker(read.deployment) as client:
            if client is None:
                tell_nothing_yet(output, read)
                if incomplete:
                    _show_waiting(output, read.deployment)
                output.add(Ledger().to_plain())
                return
            topics = Topics(read.deployment.broker.topic_prefix)
            found = read_ledger(client, topics, group=to_app_id(read.deployment))
        show_ledger(output, found)
        if incomplete:
            _show_waiting(output, read.deployment)
            for key in found.in_flight:
                output.say(f"  still ours: {key.source} {key.event}")
            left_out = found.total.in_flight - len(found.in_flight)
            if left_out:
                output.say(f"  and {left_out:,} more")
        output.add(found.to_plain())


def _show_waiting(output: Output, deployment: Deployment) -> None:
    """Name what lies in watched folders and is not announced, because something of it is missing."""
    from streams.feeds.watched import read_waiting
    from streams.places import to_watched_path

    waiting = read_waiting(to_watched_path(deployment))
    for item in waiting:
        output.say(f"  not whole yet: {item.feed} {item.name}: {item.sentence}")
    output.add({"waiting": [asdict(item) for item in waiting]})


def report(  # noqa: PLR0913 - each is an option of the command
    *,
    period: Annotated[
        list[str] | None,
        typer.Option(help="2026, 2026-11, 2026-11-01..2026-12-01 or M13-24; may be given several times."),
    ] = None,
    installation: Annotated[str | None, typer.Option(help="Only this installation.")] = None,
    form: Annotated[
        str,
        typer.Option(
            "--format", help="table, md, csv or json; with metric sheets html, docx and pdf too. None: as --to ends."
        ),
    ] = "table",
    to: Annotated[Path | None, typer.Option(help="Write there instead of standard output.")] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Leave out facts that cannot be read, and say which.")
    ] = False,
    publish: Annotated[
        bool, typer.Option("--publish", help="Send the current figures to the metric topic too.")
    ] = False,
    sheets: Annotated[
        list[Path] | None,
        typer.Option(
            help="Metric sheets, or a folder of them: the assessment in the layout of the deliverables. "
            "Where the settings name their folder (project.sheets_folder), every --format but table takes it."
        ),
    ] = None,
    as_of: Annotated[str | None, typer.Option(help="With --sheets: what was known by this day, 2025-09-30.")] = None,
    progress: Annotated[bool, typer.Option("--progress", help="With --sheets: how the open period stands.")] = False,
    figures: Annotated[
        bool, typer.Option("--figures", help="Our figures only, though the settings name metric sheets.")
    ] = False,
    profile: Annotated[
        str | None,
        typer.Option(help="By the rules of counter-rd-1 or counter-r5.1, with how many events each of them removed."),
    ] = None,
    settings: Settings = None,
    out: Out = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Show per installation and period: images processed, unique users, countries; counted from stored facts."""
    from streams.cli.usage.assess import Asked, check_plain, to_form, to_sheet_paths, write_assessment
    from streams.cli.usage.profile import write_by_profile
    from streams.places import find_objects
    from streams.reporting import make_usage_report, publish_metrics, render_report
    from streams.usage.reports.tables import to_plain

    with open_output(as_json=as_json, verbose=verbose) as output:
        read = read_given(settings, out)
        form = to_form(form, to)
        if profile is not None:
            asked = Asked((), tuple(period or ()), installation, form, to, allow_missing=allow_missing)
            write_by_profile(output, read.deployment, profile, asked)
            return
        given = to_sheet_paths(read.deployment, sheets or ()) if sheets or form != "table" or progress or as_of else ()
        if given and not figures:
            asked = Asked(given, tuple(period or ()), installation, form, to, as_of, progress, allow_missing)
            write_assessment(output, read.deployment, asked)
            if publish and find_objects(read.deployment) is not None:
                output.say(f"Published {publish_metrics(read.deployment)} figures.")
            return
        check_plain(form, is_progress=progress, is_as_of=as_of is not None)
        deployment = read.deployment
        found = make_usage_report(deployment, tuple(period or ()), installation, allow_missing=allow_missing)
        is_empty = find_objects(deployment) is None
        is_shown = form == "table" and to is None
        if is_empty:
            tell_nothing_yet(output, read, aside=not is_shown)
        if to is not None:
            with open_place(to):
                to.parent.mkdir(parents=True, exist_ok=True)
                to.write_text(render_report(found, form), encoding="utf-8")
            output.say(f"Wrote {to}.")
        elif not is_shown and not as_json:
            typer.echo(render_report(found, form), nl=False)
        elif not is_empty:
            _show_report(output, found)
        if publish and not is_empty:
            output.say(f"Published {publish_metrics(deployment)} figures.")
        output.add(to_plain(found))


def _show_report(output: Output, report: Report) -> None:
    from streams.usage.reports.tables import list_notes, to_tables

    for table in to_tables(report):
        output.show_table(table.title, table.columns, table.rows)
    for note in list_notes(report):
        output.say(f"Note: {note}")


letters_app = typer.Typer(no_args_is_help=True, help="Inputs that were set aside: list them, look at one, try again.")


@letters_app.command("list")
def list_letters(
    *,
    reason: Annotated[str | None, typer.Option(help="Only those set aside for this reason.")] = None,
    settings: Settings = None,
    out: Out = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Show what is set aside, each with its reason."""
    with open_output(as_json=as_json, verbose=verbose) as output:
        read = read_given(settings, out)
        found = _read_letters(read.deployment)
        letters = [letter for letter in found or () if reason in (None, letter.rejection.reason)]
        output.add({"dead_letters": [item.to_plain() for item in letters]})
        if found is None:
            tell_nothing_yet(output, read)
            return
        if not letters:
            output.say("Nothing is set aside." if reason is None else f"Nothing is set aside for the reason {reason}.")
            return
        rows = [
            (item.number, item.feed, item.subject, item.rejection.reason, item.rejection.sentence) for item in letters
        ]
        output.show_table("Dead letters", ("number", "feed", "name", "reason", "what is wrong"), rows)


@letters_app.command("save")
def save_letter(
    number: Annotated[str, typer.Argument(help="Its number in the list.")],
    to: Annotated[Path, typer.Argument(help="Where to write the bytes as they came.")],
    *,
    settings: Settings = None,
    out: Out = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Write the bytes of one dead letter into a file, to look at what came."""
    from schemas.errors import FatalFault
    from streams.account.dead_letters import read_bytes
    from streams.assembly import assemble
    from streams.places import open_objects

    with open_output(as_json=as_json, verbose=verbose) as output:
        deployment = read_given(settings, out).deployment
        found = [item for item in _read_letters(deployment) or () if item.number == number]
        if not found:
            message = f"There is no dead letter {number}; see: observatory dead-letters list"
            raise FatalFault(message)
        data = read_bytes(found[0], assemble(deployment, open_objects(deployment)).originals)
        with open_place(to):
            to.write_bytes(data)
        output.say(f"Wrote {to} ({to.stat().st_size:,} bytes).")
        output.add({"written": str(to), "size_bytes": to.stat().st_size})


@letters_app.command("retry")
def retry_letters(
    numbers: Annotated[list[str] | None, typer.Argument(help="Their numbers in the list; none: all.")] = None,
    *,
    reason: Annotated[str | None, typer.Option(help="Only those set aside for this reason.")] = None,
    settings: Settings = None,
    out: Out = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Send dead letters again as they came, to the topic they came from."""
    from schemas.errors import FatalFault
    from streams.faults import to_retry
    from streams.places import open_broker

    with open_output(as_json=as_json, verbose=verbose) as output:
        deployment = read_given(settings, out).deployment
        letters = _read_letters(deployment) or ()
        wanted = [
            item
            for item in letters
            if reason in (None, item.rejection.reason)
            and (item.number in numbers if numbers else item.can_be_sent_again)
        ]
        for item in wanted:
            if not item.can_be_sent_again:
                message = (
                    f"Dead letter {item.number} cannot be sent again: a file that could not be announced is to be pushed "
                    "again, and an envelope that cannot be read stays so."
                )
                raise FatalFault(message)
        if wanted:
            with closing(open_broker(deployment)) as client:
                for item in wanted:
                    client.append([to_retry(item.record, item.rejection)])
        output.say(f"Sent {len(wanted)} again; a worker takes them up.")
        output.add({"sent": [item.number for item in wanted]})
        if numbers and len(wanted) < len(numbers):
            raise typer.Exit(Exit.SOME_SET_ASIDE)


def _read_letters(deployment: Deployment) -> list[DeadLetter] | None:
    """Return what is set aside; ``None`` where nothing ever came in."""
    from schemas.topics import Topics
    from streams.account.dead_letters import read_dead_letters

    with lend_broker(deployment) as client:
        if client is None:
            return None
        return list(read_dead_letters(client, Topics(deployment.broker.topic_prefix)))
