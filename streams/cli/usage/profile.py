"""The report of ``report --profile``: our own uses counted by the rules of a named profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from streams.cli.output import Output
    from streams.cli.usage.assess import Asked
    from streams.settings.model import Deployment


def write_by_profile(output: Output, deployment: Deployment, profile: str, asked: Asked) -> None:
    """Write the report by a profile where it is asked for.

    Raises
    ------
    FatalFault
        If there is no such profile or form, or a period or the installation is wrong.
    """
    from schemas.errors import FatalFault
    from streams.cli.output import open_place
    from streams.reporting import make_counted_report
    from streams.usage.counting.writing import PROFILE_FORMS, to_profile_plain, to_profile_tables

    if asked.form not in {"table", *PROFILE_FORMS}:
        message = f"A report by a profile is table, {', '.join(PROFILE_FORMS)}; not {asked.form!r}."
        raise FatalFault(message)
    found = make_counted_report(
        deployment, asked.periods, asked.installation, profile=profile, allow_missing=asked.allow_missing
    )
    text = PROFILE_FORMS["md" if asked.form == "table" else asked.form](found)
    if asked.to is not None:
        with open_place(asked.to) as to:
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_text(text, encoding="utf-8")
        output.say(f"Wrote {asked.to}.")
    elif asked.form != "table" and not output.as_json:
        typer.echo(text, nl=False)
    else:
        output.say(f"Profile {found.profile['name']}, sha256 {found.profile['sha256']}.")
        for table in to_profile_tables(found):
            output.show_table(table.title, table.columns, table.rows)
        for note in found.notes:
            output.say(f"Note: {note}")
    output.add(to_profile_plain(found))
