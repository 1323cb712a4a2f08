"""Commands around models: ``models list``, ``train``, ``validate``, ``export``, and the background of fixed cameras."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from streams.cli.options import Json, Verbose
from streams.cli.output import open_output

if TYPE_CHECKING:
    from detectors.models.card import Figures
    from streams.cli.output import Output

models_app = typer.Typer(
    no_args_is_help=True, help="Detectors' models: list, train, validate, export; build a background."
)

#: Pictures per second is what people ask of a long step; it is shown on standard error.
_SHOW_EVERY = 25


@models_app.command("list")
def list_models(
    folder: Annotated[
        Path | None, typer.Argument(help="A catalogue; default: the one that comes with the program.")
    ] = None,
    *,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Show the models of a catalogue with what their cards say."""
    from detectors.models.card import read_card
    from detectors.models.catalogue import SHIPPED_FOLDER

    with open_output(as_json=as_json, verbose=verbose) as output:
        root = folder or SHIPPED_FOLDER
        cards = [
            read_card(path.read_bytes(), name=path.parent.parent.name, version=path.parent.name)
            for path in sorted(root.glob("*/*/card.json"))
        ]
        rows = [
            (f"{card.name}@{card.version}", card.provenance, f"{card.figures.map50:.3f}", card.title) for card in cards
        ]
        output.show_table("Models", ("model", "provenance", "mAP50", "what it is"), rows)
        for card in cards:
            output.say(f"{card.name}@{card.version}: " + " ".join(card.limits))
        output.add({"models": [card.to_plain() for card in cards]})


@models_app.command("train")
def train(  # noqa: PLR0913 - each is an option of the command
    data: Annotated[Path, typer.Argument(help="Folder with images/, labels/ (YOLO lines) and data.yaml.")],
    to: Annotated[Path, typer.Argument(help="Folder for weights and everything that is written.")],
    *,
    architecture: Annotated[
        str, typer.Option(help="yolo11n, yolov8n, yolo26n, ..., or a .pt to go on from.")
    ] = "yolo11n",
    epochs: Annotated[int, typer.Option(min=1)] = 100,
    input_px: Annotated[int, typer.Option(min=32, max=4096)] = 416,
    batch: Annotated[int, typer.Option(min=1)] = 16,
    seed: Annotated[int, typer.Option()] = 0,
    scenes: Annotated[int, typer.Option(min=0, help="Generated scenes to pretrain on.")] = 0,
    limit_minutes: Annotated[
        float | None, typer.Option(help="End with the epoch in which this time has passed.")
    ] = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Train a detector, split by capture block; needs the train extra."""
    from detectors.models.training import Recipe, train_model

    with open_output(as_json=as_json, verbose=verbose) as output:
        recipe = Recipe(
            architecture=architecture,
            epochs=epochs,
            input_px=input_px,
            batch=batch,
            seed=seed,
            scenes=scenes,
            limit_s=limit_minutes * 60 if limit_minutes else None,
        )

        def show(stage: str, done: int, of: int, figure: float) -> bool:
            output.errors.print(f"{stage}: {done} of {of}" + (f", mAP50-95 {figure:.3f}" if figure else ""))
            return True

        trained = train_model(data, to, recipe, progress=show)
        output.say(f"Weights of the best epoch: {trained.weights}")
        output.say(f"Next: observatory models validate {trained.weights} {data}")
        output.add({"weights": str(trained.weights), "held_out": len(trained.split.held_out)})


@models_app.command("validate")
def validate(
    model: Annotated[str, typer.Argument(help="name@version of the catalogue, or a file: .xml, .onnx, .pt.")],
    data: Annotated[Path, typer.Argument(help="Folder with images/, labels/ and data.yaml.")],
    *,
    part: Annotated[str, typer.Option(help="held_out (by capture block) or all.")] = "held_out",
    to: Annotated[Path | None, typer.Option(help="Folder for the picture of confusions.")] = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Measure a model on marked pictures; a .pt needs the train extra."""
    from detectors.models.filing import validate_model
    from schemas.errors import FatalFault

    with open_output(as_json=as_json, verbose=verbose) as output:
        if part not in {"held_out", "all"}:
            message = "--part is held_out or all."
            raise FatalFault(message)
        if to is not None:
            to.mkdir(parents=True, exist_ok=True)
        chosen: Literal["held_out", "all"] = "all" if part == "all" else "held_out"
        figures = validate_model(model, data, part=chosen, out=to, progress=_make_counter(output))
        _show_figures(output, figures)
        output.add(figures.to_plain())


def _make_counter(output: Output) -> _Counter:
    return _Counter(output)


class _Counter:
    """Says now and then how many pictures were looked at."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def __call__(self, done: int, of: int) -> None:
        """Say it."""
        if done % _SHOW_EVERY == 0 or done == of:
            self._output.errors.print(f"{done} of {of} pictures")


def _show_figures(output: Output, figures: Figures) -> None:
    rows = [(item.label, item.objects, f"{item.map50:.3f}", f"{item.map50_95:.3f}") for item in figures.classes]
    rows.append(("all", figures.objects, f"{figures.map50:.3f}", f"{figures.map50_95:.3f}"))
    output.show_table("As measured", ("class", "objects", "mAP50", "mAP50-95"), rows)
    output.say(f"{figures.pictures} pictures; {figures.how}.")


@models_app.command("export")
def export(
    weights: Annotated[Path, typer.Argument(help="A .pt file.")],
    to: Annotated[Path, typer.Argument(help="Folder for the model files.")],
    *,
    form: Annotated[str, typer.Option("--format", help="openvino or onnx.")] = "openvino",
    input_px: Annotated[int, typer.Option(min=32, max=4096)] = 640,
    half: Annotated[bool, typer.Option(help="Keep the weights as 16-bit floats.")] = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Write a .pt as OpenVINO IR or ONNX; needs the train extra."""
    from detectors.models.filing import export_model
    from schemas.errors import FatalFault

    with open_output(as_json=as_json, verbose=verbose) as output:
        if form not in {"openvino", "onnx"}:
            message = "--format is openvino or onnx."
            raise FatalFault(message)
        if not weights.is_file():
            message = f"There is no file {weights}."
            raise FatalFault(message)
        chosen: Literal["openvino", "onnx"] = "onnx" if form == "onnx" else "openvino"
        model = export_model(weights, to, form=chosen, input_px=input_px, stored="f16" if half else "f32")
        output.say(f'Wrote {model}. In the settings: model = "{model}"')
        output.add({"model": str(model)})


@models_app.command("background")
def background(
    pictures: Annotated[list[Path], typer.Argument(help="Pictures of one day of a fixed camera, or folders of them.")],
    *,
    to: Annotated[Path, typer.Option(help="The background picture to write (.png).")],
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Build the background of a fixed camera, which the motion detector needs for stills: the median of a day."""
    from streams.backgrounds import build_background_file

    with open_output(as_json=as_json, verbose=verbose) as output:
        made = build_background_file(pictures, to)
        output.say(f"Wrote {to} from {made.pictures} pictures ({made.left_out} could not be read).")
        output.say(f'In the settings: background = "{made.key}"')
        output.add({"background": str(to), "key": made.key, "sha256": made.sha256, "pictures": made.pictures})
