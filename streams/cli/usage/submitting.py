"""The commands ``usage submit`` and ``usage accept``: signed counts of a local installation, made and read."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.options import Json, Out, Settings, Verbose, read_given
from streams.cli.output import open_output, open_place

if TYPE_CHECKING:
    from streams.settings.model import Deployment
    from streams.usage.sheets.sheet import Imported


def submit_counts(  # noqa: PLR0913 - each is an option of the command
    *,
    period: Annotated[list[str], typer.Option(help="M25-36, 2026 or 2026-11; may be given several times.")],
    installation: Annotated[str, typer.Option(help="Whose counts.")],
    key: Annotated[Path, typer.Option(help="The file of the key to sign with; the receiver has a copy.")],
    to: Annotated[Path, typer.Option(help="Where to write the signed file.")],
    station: Annotated[
        str, typer.Option(help="Who counted, such as laptop_azores; else named as the installation.")
    ] = "",
    new_key: Annotated[bool, typer.Option("--new-key", help="Make the key first, in a new file.")] = False,
    settings: Settings = None,
    out: Out = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Write what was counted here, and when, into a signed file for whoever reports: numbers, no pseudonyms."""
    from streams.reporting import make_usage_report
    from streams.usage.closing.inputs import read_code
    from streams.usage.pseudonym import load_key, make_key
    from streams.usage.submitting.making import make_submission
    from streams.usage.submitting.submission import sign

    with open_output(as_json=as_json, verbose=verbose) as output:
        deployment = read_given(settings, out).deployment
        report = make_usage_report(deployment, tuple(period), installation)
        submission = make_submission(
            report,
            station or installation.replace("-", "_"),
            dt.datetime.now(dt.UTC),
            program=read_code()[0],
            pseudonym_key=_find_fingerprint(deployment),
        )
        signed = sign(submission, make_key(key) if new_key else load_key(key))
        with open_place(to):
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(signed)
        if new_key:
            output.say(f"Made the key {key.name}. Hand a copy to the receiver, apart from any submission.")
        named = ", ".join(item.name for item in submission.periods)
        output.say(f"Wrote {to.name}: {installation}, {named}, signed as {submission.station}.")
        output.add({"written": str(to), "submission": submission.to_plain()})


def _find_fingerprint(deployment: Deployment) -> str | None:
    """Return the fingerprint of the project's key, where one key serves the whole project."""
    from streams.usage.pseudonym import load_key

    project = deployment.project
    if project.pseudonym_key_file is None or project.pseudonym_scope == "period":
        return None
    return load_key(project.pseudonym_key_file).fingerprint


def accept_submissions(
    files: Annotated[list[Path], typer.Argument(help="Submissions as they came.")],
    *,
    sheet: Annotated[Path, typer.Option(help="The metric sheet that the values are for.")],
    key: Annotated[Path, typer.Option(help="The file of the key that they were signed with.")],
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Check signed counts and write them as [[imported]] values, to be appended to a metric sheet; each file once."""
    from schemas.errors import FatalFault, RejectedInput
    from streams.usage.imports.placing import to_toml
    from streams.usage.pseudonym import load_key
    from streams.usage.sheets.reading import read_sheet
    from streams.usage.submitting.accepting import to_imported
    from streams.usage.submitting.submission import read_submission

    with open_output(as_json=as_json, verbose=verbose) as output:
        secret, own = load_key(key), read_sheet(sheet)
        found: list[Imported] = []
        for path in files:
            try:
                submission, digest = read_submission(path.read_bytes(), secret, path.name)
            except RejectedInput as fault:
                raise FatalFault(fault.sentence) from fault
            except OSError as error:
                message = f"The file {path.name} could not be read ({error.strerror})."
                raise FatalFault(message) from error
            values = to_imported(submission, digest, own)
            own = own.model_copy(update={"imported": (*own.imported, *values)})
            found += values
            told = f"{len(values)} values" if values else "accepted before; nothing to add"
            output.note(f"{path.name}: {told}.")
        if not as_json:
            typer.echo(to_toml(found), nl=False)
        output.add({"imported": [value.to_plain() for value in found]})
