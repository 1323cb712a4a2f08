"""The options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
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
