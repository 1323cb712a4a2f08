"""Commands that prepare a deployment: ``init``, ``check``, ``topics``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.options import Json, Settings, Verbose, read_given
from streams.cli.output import open_output, open_place

if TYPE_CHECKING:
    from schemas.topics import Topic
    from streams.brokers.records import TopicState
    from streams.cli.output import Output


def init(
    folder: Annotated[Path, typer.Argument(help="Where to write observatory.toml.")] = Path(),
    *,
    as_json: Json = False,
) -> None:
    """Write an annotated settings file and a table of deployments to start from."""
    from schemas.errors import FatalFault
    from streams.settings.read import DEFAULT_FILE
    from streams.settings.template import DATASET_TEMPLATE, DEPLOYMENTS_TEMPLATE, TEMPLATE

    with open_output(as_json=as_json) as output:
        with open_place(folder):
            folder.mkdir(parents=True, exist_ok=True)
        files = {DEFAULT_FILE: TEMPLATE, "deployments.csv": DEPLOYMENTS_TEMPLATE, "dataset.toml": DATASET_TEMPLATE}
        there = [name for name in files if (folder / name).exists()]
        if there:
            message = f"{', '.join(there)} is there already; nothing was written."
            raise FatalFault(message)
        for name, text in files.items():
            with open_place(folder / name) as place:
                place.write_text(text, encoding="utf-8")
        output.say(f"Wrote {', '.join(str(folder / name) for name in files)}. Edit them, then: observatory check")
        output.add({"written": [str(folder / name) for name in files]})


def check(*, settings: Settings = None, as_json: Json = False, verbose: Verbose = False) -> None:
    """Build everything, connect, make the bucket if it is missing, and name every wrong setting in one go."""
    from rich.markup import escape

    from schemas.errors import FatalFault, ObservatoryError, TransientFault
    from streams.assembly import check_parts

    with open_output(as_json=as_json, verbose=verbose) as output:
        read = read_given(settings)
        steps: list[tuple[str, ObservatoryError | None]] = []
        for name, fault in check_parts(read.deployment):
            steps.append((name, fault))
            mark = "[green]ok[/]" if fault is None else "[bold red]wrong[/]"
            output.say(f"  {mark}  {name}{'' if fault is None else escape(f': {fault.sentence}')}", markup=True)
        output.add({"checked": [{"part": name, "error": fault.sentence if fault else None} for name, fault in steps]})
        wrong = [fault for _, fault in steps if fault is not None]
        if wrong:
            worst = next((FatalFault for fault in wrong if isinstance(fault, FatalFault)), TransientFault)
            sentence = f"{len(wrong)} of {len(steps)} parts do not work; see above."
            raise worst(sentence)
        output.say("Everything fits. Start with: observatory worker")


topics_app = typer.Typer(no_args_is_help=True, help="Show and make the topics.")


@topics_app.command("plan")
def plan(*, settings: Settings = None, as_json: Json = False, verbose: Verbose = False) -> None:
    """Show every topic as it shall be and as it is, and change nothing."""
    _show_topics(settings, as_json=as_json, verbose=verbose, apply=False)


@topics_app.command("apply")
def apply(*, settings: Settings = None, as_json: Json = False, verbose: Verbose = False) -> None:
    """Make the topics that are missing."""
    _show_topics(settings, as_json=as_json, verbose=verbose, apply=True)


def _show_topics(settings: Path | None, *, as_json: bool, verbose: bool, apply: bool) -> None:
    from streams.places import open_broker, plan_topics

    with open_output(as_json=as_json, verbose=verbose) as output:
        deployment = read_given(settings).deployment
        wanted = plan_topics(deployment)
        client = open_broker(deployment)
        try:
            made = client.create(wanted) if apply else ()
            _show_states(output, wanted, {state.name: state for state in client.describe()}, made)
        finally:
            client.close()


def _show_states(
    output: Output, wanted: tuple[Topic, ...], found: dict[str, TopicState], made: tuple[str, ...]
) -> None:
    rows = []
    for topic in wanted:
        state = found.get(topic.name)
        differs = state is not None and state.partitions != topic.partitions
        is_now = (
            "made" if topic.name in made else "missing" if state is None else "differs" if differs else "as planned"
        )
        kept = "for ever" if topic.retention_s is None else f"{topic.retention_s // 86_400} days"
        rows.append((topic.name, topic.partitions, topic.cleanup, kept, is_now))
    output.show_table("Topics", ("topic", "partitions", "cleanup", "kept", "is now"), rows)
    names = ("name", "partitions", "cleanup", "kept", "is_now")
    output.add({"topics": [dict(zip(names, row, strict=True)) for row in rows]})
