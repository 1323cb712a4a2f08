"""Commands that prepare a deployment: ``init``, ``check``, ``topics``."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.options import Json, Settings, Verbose, read_given
from streams.cli.output import open_output, open_place

if TYPE_CHECKING:
    from schemas.topics import Topic
    from streams.brokers.records import TopicState
    from streams.checking import Checked
    from streams.cli.output import Output


def init(
    folder: Annotated[Path, typer.Argument(help="Where to write observatory.toml.")] = Path(),
    *,
    as_json: Json = False,
) -> None:
    """Write an annotated settings file, a table of deployments and a sample sheet to start from."""
    from schemas.errors import FatalFault
    from streams.feeds.sample_sheet.template import FILE_NAME, make_template
    from streams.settings.read import DEFAULT_FILE
    from streams.settings.template import DATASET_TEMPLATE, DEPLOYMENTS_TEMPLATE, TEMPLATE

    with open_output(as_json=as_json) as output:
        with open_place(folder):
            folder.mkdir(parents=True, exist_ok=True)
        files = {
            DEFAULT_FILE: TEMPLATE,
            "deployments.csv": DEPLOYMENTS_TEMPLATE,
            FILE_NAME: make_template(),
            "dataset.toml": DATASET_TEMPLATE,
        }
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
    from schemas.errors import FatalFault, TransientFault
    from streams.checking import Check, Checked
    from streams.settings.read import SettingsError

    with open_output(as_json=as_json, verbose=verbose) as output:
        complaints: tuple[str, ...] = ()
        try:
            read = read_given(settings)
            deployment, source = read.deployment, read.source
        except SettingsError as error:
            complaints, source = error.complaints, settings
            if error.right is None:
                raise
            deployment = error.right
        found = [Checked("settings", FatalFault(complaint)) for complaint in complaints]
        for step in found:
            _show_step(output, step)
        for step in Check(deployment, complaints).try_all():
            _show_step(output, step)
            found.append(step)
        output.add(
            {
                "checked": [
                    {"part": step.part, "error": step.fault and step.fault.sentence, "notes": list(step.notes)}
                    for step in found
                ]
            }
        )
        faults = [step for step in found if step.fault is not None]
        if faults:
            worst = FatalFault if any(isinstance(step.fault, FatalFault) for step in faults) else TransientFault
            raise worst(_sum_up(faults, as_json=as_json))
        if source is None and not complaints:
            output.say("No settings file was named or lies here: these are the built-in settings.")
        output.say("Everything fits. Start with: observatory worker")


def _show_step(output: Output, step: Checked) -> None:
    from rich.markup import escape

    mark = "[green]ok[/]" if step.fault is None else "[bold red]wrong[/]"
    told = "" if step.fault is None else escape(f": {step.fault.sentence}")
    output.say(f"  {mark}  {step.part}{told}", markup=True)
    for note in step.notes:
        output.say(f"      note: {note}")


def _sum_up(faults: list[Checked], *, as_json: bool) -> str:
    """Return how much is wrong; a machine is told it all once more, for it reads this first."""
    count = f"{len(faults)} thing{'s are' if len(faults) > 1 else ' is'} wrong"
    if not as_json:
        return f"{count}; see above."
    return f"{count}:\n" + "\n".join(f"  - {step.part}: {step.fault and step.fault.sentence}" for step in faults)


topics_app = typer.Typer(no_args_is_help=True, help="Show and make the topics.")


@topics_app.command("plan")
def plan(*, settings: Settings = None, as_json: Json = False, verbose: Verbose = False) -> None:
    """Show every topic as it shall be, and in what it differs now; change nothing."""
    _show_topics(settings, as_json=as_json, verbose=verbose, apply=False)


@topics_app.command("apply")
def apply(*, settings: Settings = None, as_json: Json = False, verbose: Verbose = False) -> None:
    """Make the topics that are missing; what differs is shown, and left as it is."""
    _show_topics(settings, as_json=as_json, verbose=verbose, apply=True)


def _show_topics(settings: Path | None, *, as_json: bool, verbose: bool, apply: bool) -> None:
    from streams.places import find_broker, open_broker, plan_topics

    with open_output(as_json=as_json, verbose=verbose) as output:
        deployment = read_given(settings).deployment
        wanted = plan_topics(deployment)
        client = open_broker(deployment) if apply else find_broker(deployment)
        if client is None:
            _show_states(output, wanted, {}, ())
            return
        with closing(client):
            made = client.create(wanted) if apply else ()
            _show_states(output, wanted, {state.name: state for state in client.describe()}, made)


def _show_states(
    output: Output, wanted: tuple[Topic, ...], found: dict[str, TopicState], made: tuple[str, ...]
) -> None:
    from streams.brokers.comparison import describe_age, find_differences

    rows: list[tuple[object, ...]] = []
    plain: list[dict[str, object]] = []
    for topic in wanted:
        state = found.get(topic.name)
        is_made = topic.name in made
        differences = () if state is None or is_made else find_differences(topic, state)
        is_now = "made" if is_made else "missing" if state is None else "differs" if differences else "as planned"
        told = "; ".join(difference.sentence for difference in differences)
        row = (topic.name, topic.partitions, topic.cleanup, describe_age(topic.retention_s))
        rows.append((*row, f"{is_now}: {told}" if told else is_now))
        names = ("name", "partitions", "cleanup", "kept", "is_now")
        told_plain = [asdict(difference) for difference in differences]
        plain.append({**dict(zip(names, (*row, is_now), strict=True)), "differences": told_plain})
    output.show_table("Topics", ("topic", "partitions", "cleanup", "kept", "is now"), rows)
    if any(topic["is_now"] == "missing" for topic in plain):
        output.say("What is missing is made by: observatory topics apply, or by the first worker.")
    if any(topic["is_now"] == "differs" for topic in plain):
        output.say("What differs is left as it is: only what is missing is ever made.")
    output.add({"topics": plain})
