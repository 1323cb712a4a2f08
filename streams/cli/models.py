"""Commands around models: ``list``, ``train``, ``validate``, ``export``, ``about``, ``file``, and fixed cameras' backgrounds."""

from __future__ import annotations

from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from streams.cli.learning.adopt import adopt, validate_classifier
from streams.cli.learning.show import show_model
from streams.cli.learning.train import train
from streams.cli.options import Json, Settings, Verbose, read_given
from streams.cli.output import open_output, open_place

if TYPE_CHECKING:
    from detectors.models.card import Card, Figures
    from detectors.models.catalogue import Model
    from detectors.models.classifiers.card import ClassifierCard
    from detectors.models.filing import Shelf
    from streams.cli.output import Output
    from streams.settings.model import Deployment
    from streams.settings.read import ReadSettings

models_app = typer.Typer(
    no_args_is_help=True, help="Detectors' models: list, train, validate, export, file; build a background."
)


class Stored(StrEnum):
    """Number formats of the weights in a file."""

    f32 = "f32"
    f16 = "f16"
    int8 = "int8"


class Precision(StrEnum):
    """Number formats in which a model can be run."""

    f32 = "f32"
    f16 = "f16"
    bf16 = "bf16"
    int8 = "int8"


#: Fewer pictures than this make a background in which an animal that rested stays.
_FEW_PICTURES = 10

#: Pictures per second is what people ask of a long step; it is shown on standard error.
_SHOW_EVERY = 25


@models_app.command("list")
def list_models(
    folder: Annotated[
        Path | None, typer.Argument(help="A catalogue; default: that of the settings, then the one that comes along.")
    ] = None,
    *,
    settings: Settings = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Show the models of a catalogue with what their cards say."""
    from detectors.models.catalogue import SHIPPED_FOLDER

    with open_output(as_json=as_json, verbose=verbose) as output:
        own = folder or read_given(settings).deployment.models
        roots = [root for root in (own, None if folder else SHIPPED_FOLDER) if root is not None]
        cards: list[tuple[Card | ClassifierCard, str]] = []
        unread: list[str] = []
        for path in (path for root in roots for path in sorted(root.glob("*/*/card.json"))):
            card = _read_card(path, unread)
            if card is not None:
                cards.append(
                    (card, "with the program" if SHIPPED_FOLDER in path.parents else str(path.parent.parent.parent))
                )
        rows = [
            (f"{card.name}@{card.version}", card.provenance, _tell_measured(card), place, card.title)
            for card, place in cards
        ]
        output.show_table("Models", ("model", "provenance", "measured", "where", "what it is"), rows)
        for card, _ in cards:
            output.say(f"{card.name}@{card.version}: " + " ".join(card.limits))
        for sentence in unread:
            output.say(sentence)
        output.add({"models": [card.to_plain() for card, _ in cards], "unread": unread})


def _read_card(path: Path, unread: list[str]) -> Card | ClassifierCard | None:
    """Return a card, or ``None``: then why it is not listed is added to ``unread``."""
    from detectors.models.card import read_card
    from detectors.models.classifiers.card import is_classifier_card, read_classifier_card
    from schemas.errors import FatalFault

    data = path.read_bytes()
    try:
        if is_classifier_card(data):
            return read_classifier_card(data)
        return read_card(data, name=path.parent.parent.name, version=path.parent.name)
    except FatalFault as fault:
        unread.append(fault.sentence)
        return None


def _tell_measured(card: Card | ClassifierCard) -> str:
    """Return a card's figure under its name: those of detectors and of classifiers cannot be compared."""
    figures = card.figures
    return "not measured" if figures is None else figures.headline


def _tell_figures(figures: Figures | None) -> str:
    return "not measured" if figures is None else f"{figures.map50:.3f}"


@models_app.command("about")
def write_about(
    to: Annotated[Path, typer.Argument(help="The file to write, to be filled in.")] = Path("about.toml"),
    *,
    as_json: Json = False,
) -> None:
    """Write the file in which you say what a model's own file does not; models file takes it."""
    from detectors.models.about import TEMPLATE
    from schemas.errors import FatalFault

    with open_output(as_json=as_json) as output:
        if to.exists():
            message = f"{to} is there already; nothing was written."
            raise FatalFault(message)
        with open_place(to):
            to.write_text(TEMPLATE, encoding="utf-8")
        output.say(f"Wrote {to}. Fill it in, then: observatory models file MODEL --name NAME --version 1 --about {to}")
        output.add({"written": str(to)})


@models_app.command("file")
def file_model(  # noqa: PLR0913 - each is an option of the command
    model: Annotated[
        Path,
        typer.Argument(help="An .onnx, .xml or .pt file, or a folder holding one .xml; or the folder of a classifier."),
    ],
    *,
    name: Annotated[str, typer.Option(help="Its name in the catalogue: a-z, 0-9 and hyphens.")],
    version: Annotated[str, typer.Option(help="Its version: a name and version never mean another model.")],
    about: Annotated[Path, typer.Option(help="What its card shall say; observatory models about writes a template.")],
    data: Annotated[
        Path | None,
        typer.Option(
            help="Marked pictures to measure it on, or of a classifier a folder per class; none: it is not measured."
        ),
    ] = None,
    part: Annotated[str, typer.Option(help="Of these: held_out (by capture block) or all.")] = "held_out",
    precision: Annotated[Precision, typer.Option(help="Number format it is measured in.")] = Precision.f32,
    to: Annotated[Path | None, typer.Option(help="Catalogue; default: that of the settings, else models.")] = None,
    in_store: Annotated[
        bool, typer.Option("--in-store", help="File it in the object store, for all workers, instead of a folder.")
    ] = False,
    input_px: Annotated[int, typer.Option(min=32, max=4096, help="Picture size that a .pt is exported for.")] = 640,
    settings: Settings = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """File a trained or foreign model under a name and version, with its card, and say the line for the settings."""
    from detectors.models.about import read_about
    from detectors.models.classifiers.folder import is_classifier
    from detectors.models.filing import Shelf, file_own, measure_model

    with open_output(as_json=as_json, verbose=verbose) as output, ExitStack() as stack:
        chosen, told, given = _to_part(part), read_about(about), read_given(settings)
        catalogue = to or given.deployment.models or (given.source or Path()).parent / "models"
        if in_store:
            catalogue = Path(stack.enter_context(TemporaryDirectory(prefix="observatory-models-")))
        shelf = Shelf(catalogue, name, version)

        def measure(made: Model) -> Figures:
            counter = _make_counter(output)
            return measure_model(made, data or Path(), part=chosen, precision=precision.value, progress=counter)[0]

        if is_classifier(str(model)):
            adopt(output, model, told, shelf=shelf, pictures=data, progress=_make_counter(output))
        else:
            card = file_own(model, told, shelf, measure=measure if data else None, input_px=input_px)
            output.say(f"Filed {name}@{version}: {', '.join(card.classes)}; mAP50 {_tell_figures(card.figures)}.")
            output.add({"card": card.to_plain()})
        if in_store:
            _put_in_store(given.deployment, shelf)
        _show_settings(output, f"{name}@{version}", given, None if in_store else catalogue)


def _put_in_store(deployment: Deployment, shelf: Shelf) -> None:
    """Write a filed model into the object store, its card last: a model without one is not used.

    Raises
    ------
    FatalFault
        If the store has this name and version already.
    """
    from schemas.errors import FatalFault
    from streams.places import open_objects

    store, place = open_objects(deployment), f"models/{shelf.name}/{shelf.version}"
    if store.stat(f"{place}/card.json") is not None:
        message = f"The store has {shelf.name}@{shelf.version} already; results name it, so give another version."
        raise FatalFault(message)
    for path in sorted(shelf.folder.iterdir(), key=lambda path: path.name == "card.json"):
        store.write(f"{place}/{path.name}", path.read_bytes(), media_type="application/octet-stream")


def _show_settings(output: Output, spec: str, given: ReadSettings, catalogue: Path | None) -> None:
    lines = [f'model = "{spec}"']
    output.say(f"In the settings, among the parameters of the installation: {lines[0]}")
    known = given.deployment.models
    if catalogue is not None and (known is None or known.resolve() != catalogue.resolve()):
        home = (given.source or Path("observatory.toml")).resolve().parent
        shown = catalogue.resolve()
        shown = shown.relative_to(home) if shown.is_relative_to(home) else shown
        lines.append(f'models = "{shown.as_posix()}"')
        output.say(f"And at their top, above the first table: {lines[1]}")
    output.add({"model": spec, "catalogue": catalogue and str(catalogue), "settings": lines})


models_app.command("train")(train)
models_app.command("show")(show_model)


@models_app.command("validate")
def validate(
    model: Annotated[
        str,
        typer.Argument(
            help="name@version of the catalogue, or a file: .xml, .onnx, .pt; or the folder of a classifier."
        ),
    ],
    data: Annotated[
        Path,
        typer.Argument(help="Folder with images/, labels/ and data.yaml; of a classifier, with a folder per class."),
    ],
    *,
    part: Annotated[
        str, typer.Option(help="held_out (by capture block) or all; a classifier is measured on all.")
    ] = "held_out",
    precision: Annotated[
        Precision, typer.Option(help="Number format it is run in, as in the settings; a classifier in f32.")
    ] = Precision.f32,
    to: Annotated[Path | None, typer.Option(help="Folder for the pictures of confusions and of scores.")] = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Measure a model on marked pictures; a .pt needs the train extra."""
    from detectors.models.classifiers.folder import is_classifier
    from detectors.models.filing import validate_model

    with open_output(as_json=as_json, verbose=verbose) as output:
        chosen = _to_part(part)
        if to is not None:
            with open_place(to):
                to.mkdir(parents=True, exist_ok=True)
        counter = _make_counter(output)
        if is_classifier(model):
            validate_classifier(output, model, data, to=to, progress=counter)
            return
        figures = validate_model(model, data, part=chosen, precision=precision.value, out=to, progress=counter)
        _show_figures(output, figures)
        output.add(figures.to_plain())


def _to_part(part: str) -> Literal["held_out", "all"]:
    from schemas.errors import FatalFault

    if part not in {"held_out", "all"}:
        message = "--part is held_out or all."
        raise FatalFault(message)
    return "all" if part == "all" else "held_out"


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
    stored: Annotated[
        Stored, typer.Option("--precision", help="Number format of the file; int8 is calibrated on --data.")
    ] = Stored.f32,
    data: Annotated[Path | None, typer.Option(help="For int8: a folder with images/, labels/ and data.yaml.")] = None,
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
        if data is not None and stored is not Stored.int8:
            message = "--data is for --precision int8 only: nothing else is calibrated."
            raise FatalFault(message)
        model = export_model(weights, to, form=chosen, input_px=input_px, stored=stored.value, data=data)
        setting = f'model = "{model}"'
        if stored is Stored.int8:
            setting += ' and precision = "int8"'
        output.say(f"Wrote {model}. In the settings, among the parameters of the installation: {setting}")
        output.say("To give it a name, a version and a card: observatory models about, then observatory models file.")
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
        if made.pictures < _FEW_PICTURES:
            output.note(
                f"{made.pictures} are few: what is seen in half of them becomes background. Take a day's pictures."
            )
        output.say(f'In the settings: background = "{made.key}"')
        output.add({"background": str(to), "key": made.key, "sha256": made.sha256, "pictures": made.pictures})
