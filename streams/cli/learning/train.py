"""``models train``: a detector of things in pictures, or a classifier of whole pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.learning.classify import Wanted, train_classifier
from streams.cli.learning.detect import Size, choose, train_detector
from streams.cli.options import Json, Verbose
from streams.cli.output import open_output

_CLASSIFY = "With --task classify"
TASKS = ("detect", "classify")
#: Where classifiers are filed unless told otherwise: beside the settings.
CATALOGUE = "models"
#: What is used where nothing is said: a detector's, a classifier's.
_EPOCHS, _INPUT_PX, _BATCH = (100, 60), (416, 100), (16, 32)


def train(  # noqa: PLR0913 - each is an option of the command
    data: Annotated[
        Path,
        typer.Argument(help="Folder with images/, labels/ (YOLO lines) and data.yaml; to classify: a folder a class."),
    ],
    to: Annotated[
        Path | None,
        typer.Argument(help="Folder for everything that is written; to classify: a catalogue, default models."),
    ] = None,
    *,
    task: Annotated[str, typer.Option(help="detect: things in pictures; classify: whole pictures.")] = "detect",
    architecture: Annotated[
        str, typer.Option(help="yolo11n, yolov8n, yolo26n, ..., or a .pt to go on from; only to detect.")
    ] = "yolo11n",
    epochs: Annotated[int | None, typer.Option(min=1, help="Most epochs; default 100, to classify 60.")] = None,
    input_px: Annotated[
        int | None, typer.Option(min=32, max=4096, help="Side of the network's input; default 416, to classify 100.")
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Pictures a step; default 16, to classify 32.")] = None,
    seed: Annotated[int, typer.Option()] = 0,
    scenes: Annotated[int, typer.Option(min=0, help="Generated scenes to pretrain on; only to detect.")] = 0,
    limit_minutes: Annotated[
        float | None, typer.Option(help="End with the epoch in which this time has passed.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Name in the catalogue; default: that of DATA.", rich_help_panel=_CLASSIFY)
    ] = None,
    version: Annotated[str, typer.Option(help="Version in the catalogue.", rich_help_panel=_CLASSIFY)] = "1",
    about: Annotated[
        Path | None,
        typer.Option(help="What its card shall say; models about writes a template.", rich_help_panel=_CLASSIFY),
    ] = None,
    held_out: Annotated[
        list[str] | None, typer.Option(help="A run to test on; may be repeated.", rich_help_panel=_CLASSIFY)
    ] = None,
    run_rule: Annotated[
        str | None,
        typer.Option(help="How a file's name tells its run: (?P<run>...)_[0-9]+", rich_help_panel=_CLASSIFY),
    ] = None,
    runs: Annotated[
        Path | None, typer.Option(help="CSV with the columns file and run, instead.", rich_help_panel=_CLASSIFY)
    ] = None,
    measures: Annotated[
        list[Path] | None,
        typer.Option(
            help="CSV of the instrument's measures, to compare with; may be repeated.", rich_help_panel=_CLASSIFY
        ),
    ] = None,
    aphia_ids: Annotated[
        Path | None, typer.Option(help="CSV with the columns class and aphia_id.", rich_help_panel=_CLASSIFY)
    ] = None,
    colours: Annotated[str, typer.Option(help="grey or rgb.", rich_help_panel=_CLASSIFY)] = "rgb",
    fit: Annotated[
        str, typer.Option(help="pad (true size), letterbox, stretch or middle.", rich_help_panel=_CLASSIFY)
    ] = "pad",
    evenness: Annotated[
        float,
        typer.Option(min=0, max=1, help="1: all classes weigh alike; 0: by their pictures.", rich_help_panel=_CLASSIFY),
    ] = 1.0,
    precision: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Set thresholds so that answers are right this often.", rich_help_panel=_CLASSIFY
        ),
    ] = None,
    threads: Annotated[
        int, typer.Option(min=1, help="Processor threads; with one, a seed gives one file.", rich_help_panel=_CLASSIFY)
    ] = 1,
    both_ways: Annotated[
        bool,
        typer.Option(
            "--both-ways",
            help="Train a second one the other way round, for its figures only.",
            rich_help_panel=_CLASSIFY,
        ),
    ] = False,
    demonstration: Annotated[
        bool,
        typer.Option(
            "--demonstration",
            help="Every result made with it says that it is a demonstration.",
            rich_help_panel=_CLASSIFY,
        ),
    ] = False,
    mlflow: Annotated[
        str | None,
        typer.Option(help="Tracking server; default: MLFLOW_TRACKING_URI, if it is set.", rich_help_panel=_CLASSIFY),
    ] = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Train a model on marked pictures; needs the train extra.

    A detector is split by capture block. A classifier is split by run, compared with simpler ways, and filed with its card.
    """
    with open_output(as_json=as_json, verbose=verbose) as output:
        place = TASKS.index(choose("task", task, *TASKS))
        limit_s = limit_minutes * 60 if limit_minutes else None
        size = Size(epochs or _EPOCHS[place], input_px or _INPUT_PX[place], batch or _BATCH[place], seed, limit_s)
        if task == "detect":
            train_detector(output, data, _require_folder(to), size, architecture=architecture, scenes=scenes)
            return
        wanted = Wanted(
            name=name, version=version, about=about, held_out=tuple(held_out or ()), run_rule=run_rule, runs=runs,
            measures=tuple(measures or ()), aphia_ids=aphia_ids, colours=colours, fit=fit, evenness=evenness,
            precision=precision, threads=threads, both_ways=both_ways, demonstration=demonstration, mlflow=mlflow,
        )  # fmt: skip
        train_classifier(output, data, to or Path(CATALOGUE), size, wanted=wanted)


def _require_folder(to: Path | None) -> Path:
    """Return where weights are to be written.

    Raises
    ------
    FatalFault
        If nobody said it.
    """
    from schemas.errors import FatalFault

    if to is None:
        message = "Name the folder for the weights: observatory models train DATA FOLDER."
        raise FatalFault(message)
    return to
