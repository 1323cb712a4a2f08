"""What a command says: a table for people or one JSON object for machines, and the exit code that sums it up."""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import typer

from schemas.errors import FatalFault, ObservatoryError, TransientFault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from rich.console import Console


#: What kind of error wrong use is.
WRONG_USE = "wrong use or settings"

#: The file that standard output is, for what is not written by Python.
_STDOUT = 1


class Exit(IntEnum):
    """What the exit code says.

    ``BROKEN`` is none of the promised ones: it is a mistake of ours, and a traceback stands above it. ``INTERRUPTED`` is what
    shells call a program that a person ended: 128 and the number of the signal.
    """

    DONE = 0
    SOME_SET_ASIDE = 1
    WRONG_USE = 2
    OUTAGE = 3
    BROKEN = 70
    INTERRUPTED = 130


@dataclass
class Output:
    """Where a command writes: results to standard output, everything else to standard error.

    Attributes
    ----------
    as_json
        One JSON object on standard output instead of tables.
    """

    as_json: bool = False
    _plain: dict[str, Any] = field(default_factory=dict)

    @property
    def console(self) -> Console:
        """Standard output for people; nothing is written there with ``--json``."""
        from rich.console import Console

        return Console(quiet=self.as_json, highlight=False)

    @property
    def errors(self) -> Console:
        """Standard error: progress, warnings, and what went wrong."""
        from rich.console import Console

        return Console(stderr=True, highlight=False)

    def say(self, text: str, *, markup: bool = False) -> None:
        """Write a line for people; only a line of our own words may carry markup, for a file's name may look like it."""
        self.console.print(text, markup=markup, soft_wrap=True)

    def note(self, text: str) -> None:
        """Write a line beside the results, on standard error."""
        self.errors.print(text, markup=False, soft_wrap=True)

    def show_table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Write a table for people; numbers stand on the right."""
        from rich.box import SIMPLE_HEAD
        from rich.markup import escape
        from rich.table import Table

        table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
        for place, column in enumerate(columns):
            is_number = bool(rows) and all(isinstance(row[place], int | float) for row in rows)
            table.add_column(column, justify="right" if is_number else "left", overflow="fold")
        for row in rows:
            table.add_row(*(f"{cell:,}" if isinstance(cell, int) else escape(str(cell)) for cell in row))
        self.console.print(table)

    def add(self, plain: Mapping[str, Any]) -> None:
        """Add to the JSON object of this command."""
        self._plain.update(plain)

    def close(self) -> None:
        """Write the JSON object, if one is asked for."""
        if self.as_json:
            write_json(self._plain)


def write_json(plain: Mapping[str, Any]) -> None:
    """Write the one JSON object of a command to standard output."""
    sys.stdout.write(json.dumps(plain, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


@contextmanager
def _keep_clean(*, as_json: bool) -> Iterator[None]:
    """Lead everything that is written to standard output within the block to standard error, where JSON alone is asked for.

    Vendors print what they like, some of them from C and from processes of their own.
    """
    if not as_json:
        yield
        return
    sys.stdout.flush()
    try:
        kept, error = os.dup(_STDOUT), sys.stderr.fileno()
    except (OSError, ValueError):  # no such files here: nothing to lead away
        kept, error = -1, -1
    try:
        if kept >= 0:
            os.dup2(error, _STDOUT)
        with redirect_stdout(sys.stderr):
            yield
    finally:
        if kept >= 0:
            os.dup2(kept, _STDOUT)
            os.close(kept)


@contextmanager
def open_output(*, as_json: bool, verbose: bool = False) -> Iterator[Output]:
    """Open a command's output, and turn our faults into their exit codes and one clear sentence.

    Raises
    ------
    typer.Exit
        With 2 for wrong use or settings, 3 for an outage, 70 for a mistake of ours, 130 when a person interrupted it.
    """
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # Faust and its broker client say at every start what no user of ours can act on
    for name in ("faust", "mode", "aiokafka", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING if verbose else logging.CRITICAL)
    output = Output(as_json=as_json)
    code = Exit.DONE
    try:
        with _keep_clean(as_json=as_json):
            yield output
    except ObservatoryError as fault:
        code = Exit.OUTAGE if isinstance(fault, TransientFault) else Exit.WRONG_USE
        _complain(output, fault, verbose=verbose)
        output.add({"error": fault.sentence, "kind": _to_kind(fault)})
    except typer.Exit as leaving:
        code = Exit(leaving.exit_code)
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
        output.note("Interrupted.")
        output.add({"interrupted": True})
    except Exception:  # noqa: BLE001 - what no one foresaw is told with its traceback
        code = Exit.BROKEN
        traceback.print_exc()
        output.errors.print(
            "[bold red]This is a mistake in the program.[/] Nothing was acknowledged that was not stored."
        )
        output.add({"error": "a mistake in the program; see standard error", "kind": "broken"})
    output.close()
    if code:
        raise typer.Exit(code)


@contextmanager
def open_place(path: Path) -> Iterator[Path]:
    """Lend a place that a person named for writing.

    Raises
    ------
    FatalFault
        If nothing can be written there.
    """
    try:
        yield path
    except OSError as error:
        message = f"{path} cannot be written ({error.strerror or type(error).__name__})."
        raise FatalFault(message) from error


def _complain(output: Output, fault: ObservatoryError, *, verbose: bool) -> None:
    from rich.markup import escape

    output.errors.print(f"[bold red]{_to_kind(fault)}:[/] {escape(fault.sentence)}", soft_wrap=True)
    if verbose and fault.__cause__ is not None:
        output.errors.print(escape("".join(traceback.format_exception(fault.__cause__))), soft_wrap=True)


def _to_kind(fault: ObservatoryError) -> str:
    if isinstance(fault, FatalFault):
        return WRONG_USE
    return "outage" if isinstance(fault, TransientFault) else "rejected"
