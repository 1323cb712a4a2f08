"""The options that commands share."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.brokers.client import Client
    from streams.cli.output import Output
    from streams.settings.model import Deployment
    from streams.settings.read import ReadSettings

Settings = Annotated[
    Path | None,
    typer.Option("--settings", "-s", help="Settings file; default: observatory.toml here, if there is one."),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output; logs go to standard error.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say more on standard error.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Folder of broker log and store when there is no settings file."),
]

#: Where a deployment without a settings file keeps everything.
DEFAULT_OUT = Path("observatory-data")


def read_given(settings: Path | None, out: Path | None = None) -> ReadSettings:
    """Read the settings file that is named or lies here; else the built-in settings under ``out``.

    Raises
    ------
    FatalFault
        If the settings are wrong, or both a settings file and an output folder are named.
    """
    from schemas.errors import FatalFault
    from streams.settings.builtin import make_builtin
    from streams.settings.read import DEFAULT_FILE, read_settings

    if settings is not None and out is not None:
        message = "Give --settings or --out, not both: a settings file names its own folder."
        raise FatalFault(message)
    here = Path(DEFAULT_FILE)
    if settings is not None or (out is None and here.is_file()):
        return read_settings(settings or here)
    return make_builtin((out or DEFAULT_OUT).absolute())


@contextmanager
def lend_broker(deployment: Deployment) -> Iterator[Client | None]:
    """Lend the broker to a command that only reads; ``None`` where there is nothing yet. Makes neither folder nor topic."""
    from schemas.topics import Topics
    from streams.places import find_broker

    client = find_broker(deployment)
    if client is None:
        yield None
        return
    try:
        begun = Topics(deployment.broker.topic_prefix).media_arrived in {state.name for state in client.describe()}
        yield client if begun else None
    finally:
        client.close()


def tell_nothing_yet(output: Output, read: ReadSettings, *, aside: bool = False) -> None:
    """Say that nothing ever came in here, how to begin, and what to look at if something was expected.

    Parameters
    ----------
    aside
        Say it on standard error, where standard output is for something else.
    """
    given = read.deployment
    place = f"in {given.folder}" if given.broker.url == "embedded:" else f"at {given.broker.url}"
    if read.source is None:
        begin = "Begin with: observatory run PICTURES..., or with settings of your own: observatory init."
        look = "If you expected something: name the settings with --settings, or the folder of results with --out."
    else:
        begin = "Begin with: observatory worker, and beside it: observatory watch FOLDER; or with: observatory run PICTURES..."
        look = f"If you expected something: are {read.source} the settings that were used?"
    sentence = f"There is nothing yet {place}: no picture was ever announced there."
    for line in (sentence, begin, look):
        output.note(line) if aside else output.say(line)
    output.add({"nothing_yet": f"{sentence} {begin}"})
