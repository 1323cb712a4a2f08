"""The command ``audit``: look for what is wrong in tables of usage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.options import Json, Verbose
from streams.cli.output import Exit, open_output, open_place
from streams.cli.usage.period import verify_folders

if TYPE_CHECKING:
    from streams.cli.output import Output
    from streams.usage.audit.auditing import Finding


def audit(
    tables: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Reports as TOML files (see docs/audit.md), or as JSON or CSV files of observatory report; "
            "or the word verify and sealed folders, as in observatory period verify."
        ),
    ] = None,
    *,
    rules: Annotated[bool, typer.Option("--rules", help="List the rules, and what each one asks for.")] = False,
    to: Annotated[Path | None, typer.Option(help="Write the findings there, as Markdown.")] = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Check reports against each other and against themselves; exit code 1 where anything was found."""
    from schemas.errors import FatalFault
    from streams.usage.audit.auditing import audit as run_audit
    from streams.usage.audit.auditing import to_markdown
    from streams.usage.audit.reading import read_document

    with open_output(as_json=as_json, verbose=verbose) as output:
        if rules:
            _list_rules(output)
            return
        if tables and tables[0] == Path("verify"):
            verify_folders(output, tables[1:])
            return
        if not tables:
            message = "Name the tables to audit: TOML files, or reports as JSON or CSV."
            raise FatalFault(message)
        findings = run_audit([read_document(path) for path in tables])
        _show(output, findings)
        output.add({"findings": [finding.to_plain() for finding in findings]})
        if to is not None:
            with open_place(to):
                to.parent.mkdir(parents=True, exist_ok=True)
                to.write_text(to_markdown(findings), encoding="utf-8")
            output.say(f"Wrote {to}.")
        if findings:
            raise typer.Exit(Exit.SOME_SET_ASIDE)


def _list_rules(output: Output) -> None:
    from streams.usage.audit.rulebook import RULES

    rows = [(rule.name, rule.weight, rule.promise) for rule in RULES]
    output.show_table("Rules", ("rule", "what breaks it is a", "what holds in a report without fault"), rows)
    output.add({"rules": {rule.name: rule.promise for rule in RULES}})


def _show(output: Output, findings: tuple[Finding, ...]) -> None:
    from streams.usage.audit.auditing import HEADINGS, to_line

    for weight, heading in HEADINGS.items():
        own = [finding for finding in findings if finding.weight == weight]
        if own:
            output.say(f"{heading}: {len(own):,}")
        for finding in own:
            output.say(f"  {finding.rule}: {to_line(finding)}")
    output.say(f"{len(findings):,} found." if findings else "Nothing was found.")
