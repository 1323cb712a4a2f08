"""The command ``observatory``."""

from __future__ import annotations

import sys

import typer

from streams.cli import account, bench, feed, models, publish, run, setup, worker
from streams.cli.consumers import contracts, serve
from streams.cli.output import WRONG_USE, write_json
from streams.cli.usage import audit, importing, period

app = typer.Typer(
    name="observatory",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Event-driven processing of marine imagery: pictures and video in; stored findings, Darwin Core and counted use out. "
        "Exit codes: 0 done, 1 some inputs set aside, 2 wrong use or settings, 3 an outage, 130 interrupted."
    ),
)

_LOOK, _RUN, _ACCOUNT, _PUBLISH = "Look at pictures", "Run a deployment", "Account for them", "Publish and improve"

app.command(rich_help_panel=_LOOK)(run.demo)
app.command(rich_help_panel=_LOOK)(run.run)
app.command(rich_help_panel=_RUN)(setup.init)
app.command(rich_help_panel=_RUN)(setup.check)
app.add_typer(setup.topics_app, name="topics", rich_help_panel=_RUN)
app.command(rich_help_panel=_RUN)(worker.worker)
app.command(rich_help_panel=_RUN)(feed.watch)
app.command(rich_help_panel=_RUN)(feed.push)
app.command(rich_help_panel=_RUN)(worker.status)
app.command(rich_help_panel=_ACCOUNT)(account.ledger)
app.add_typer(account.letters_app, name="dead-letters", rich_help_panel=_ACCOUNT)
app.command(rich_help_panel=_ACCOUNT)(account.report)
app.command(rich_help_panel=_ACCOUNT)(audit.audit)
app.add_typer(period.period_app, name="period", rich_help_panel=_ACCOUNT)
app.add_typer(importing.usage_app, name="usage", rich_help_panel=_ACCOUNT)
app.command(rich_help_panel=_ACCOUNT)(serve.serve)
app.command(rich_help_panel=_ACCOUNT)(contracts.contracts)
app.add_typer(publish.publish_app, name="publish", rich_help_panel=_PUBLISH)
app.add_typer(publish.deployments_app, name="deployments", rich_help_panel=_PUBLISH)
app.add_typer(models.models_app, name="models", rich_help_panel=_PUBLISH)
app.command(rich_help_panel=_PUBLISH)(bench.bench)


def main() -> None:
    """Run the command line; wrong use is told as JSON too, where that was asked for.

    Raises
    ------
    SystemExit
        With the exit code.
    """
    try:
        app()
    except SystemExit as leaving:
        # typer has told the person what is wrong, and ends because of an error that can say it once more
        say = getattr(leaving.__context__, "format_message", None)
        arguments = sys.argv[1:]
        options = arguments[: arguments.index("--")] if "--" in arguments else arguments
        if say is not None and "--json" in options:
            write_json({"error": say(), "kind": WRONG_USE})
        raise
