"""The command ``serve``: figures over HTTP, for Prometheus and as a page; or the page and the figures as files."""

from __future__ import annotations

from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.options import Json, Out, Settings, Verbose, read_given
from streams.cli.output import open_output, open_place

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.cli.output import Output
    from streams.serving.board import Board
    from streams.settings.model import Deployment


#: Name of the page of an assessment.
_ASSESSMENT = "assessment.html"

#: A served assessment is counted again after so long: it takes seconds, and all who ask get the same.
_EVERY_S = 600.0


def serve(  # noqa: PLR0913 - each is an option of the command
    *,
    host: Annotated[str, typer.Option(help="Address to serve at; the default is this machine only.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8040,
    period: Annotated[
        list[str] | None,
        typer.Option(help="Serve this period too, counted from the facts: M13-24, 2025; may be given several times."),
    ] = None,
    sheets: Annotated[
        list[Path] | None,
        typer.Option(
            help="Metric sheets, or a folder of them: serve their assessment as a page; none: those of the settings."
        ),
    ] = None,
    write: Annotated[
        Path | None, typer.Option(help="Write page and figures into this folder instead, and end.")
    ] = None,
    settings: Settings = None,
    out: Out = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Serve the figures of each installation and period, as the report counts them; nothing about one person."""
    from streams.cli.usage.assess import to_sheet_paths
    from streams.serving.opening import make_board

    with open_output(as_json=as_json, verbose=verbose) as output:
        deployment = read_given(settings, out).deployment
        given = to_sheet_paths(deployment, sheets or ())
        with closing(make_board(deployment, tuple(period or ()))) as board:
            if write is not None:
                _write(output, deployment, board, given, to=write)
            else:
                _serve(output, deployment, board, given, at=(host, port))


def _write(output: Output, deployment: Deployment, board: Board, sheets: tuple[Path, ...], *, to: Path) -> None:
    from streams.serving.opening import make_assessment_page, write_static

    with open_place(to):
        links = (("Assessment", _ASSESSMENT),) if sheets else ()
        files = write_static(board.look(), to, more=links)
        if sheets:
            (to / _ASSESSMENT).write_text(make_assessment_page(deployment, sheets), encoding="utf-8")
            files = (*files, _ASSESSMENT)
    output.say(f"Wrote {len(files)} files; open {to / 'index.html'}")
    output.add({"folder": str(to), "files": list(files)})


def _serve(
    output: Output, deployment: Deployment, board: Board, sheets: tuple[Path, ...], *, at: tuple[str, int]
) -> None:
    from schemas.errors import FatalFault, TransientFault

    try:
        from streams.serving.api import Offer, make_api, open_port
        from streams.serving.api import serve as serve_until_interrupted
    except ImportError as error:
        message = "Serving needs the extra serve: pip install 'observatory-streams[serve]'."
        raise FatalFault(message) from error
    from streams.serving.board import Kept
    from streams.serving.opening import make_assessment_page

    pages: dict[str, tuple[str, Callable[[], str]]] = {}
    if sheets:
        kept = Kept(partial(make_assessment_page, deployment, sheets), _EVERY_S)
        kept.read()  # what is wrong in a sheet is said now, not to who looks at the page
        pages["assessment"] = ("Assessment", kept.read)
    with suppress(TransientFault):  # what is away may come back; what is wrong is said now
        board.look()
    with open_port(*at) as listening:
        host, port = listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        output.note(f"Serving {deployment.name} at http://{shown}:{port}/; interrupt to end.")
        serve_until_interrupted(make_api(Offer(board.look, pages)), listening)
