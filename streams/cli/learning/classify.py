"""Train a classifier of whole pictures, and show what was measured."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from streams.cli.learning.detect import choose

if TYPE_CHECKING:
    from pathlib import Path

    from detectors.models.classifiers.card import Trial
    from streams.cli.learning.detect import Size
    from streams.cli.output import Output

#: How often reading and measuring are shown.
_SHOW_EVERY = 500


@dataclass(frozen=True)
class Wanted:
    """What was asked for; see the options of ``models train``."""

    name: str | None
    version: str
    about: Path | None
    held_out: tuple[str, ...]
    run_rule: str | None
    runs: Path | None
    measures: tuple[Path, ...]
    aphia_ids: Path | None
    colours: str
    fit: str
    evenness: float
    precision: float | None
    threads: int
    both_ways: bool
    demonstration: bool
    mlflow: str | None


def train_classifier(output: Output, data: Path, to: Path, size: Size, *, wanted: Wanted) -> None:
    """Train, file, show what was measured, and say the line for the settings.

    Raises
    ------
    FatalFault
        If the ``train`` extra is missing, an option is wrong, the pictures cannot be used, or the version is there already.
    """
    from detectors.models.about import read_about
    from detectors.models.catalogue import to_model_name
    from detectors.models.classifiers.filing import Filing
    from detectors.models.classifiers.learning.tracking import open_tracker
    from detectors.models.classifiers.learning.training import Recipe, Source
    from detectors.models.classifiers.making import make_classifier

    source = Source(data, rule=wanted.run_rule, table=wanted.runs, held_out=wanted.held_out, measures=wanted.measures)
    recipe = Recipe(
        input_px=size.input_px, epochs=size.epochs, batch=size.batch, seed=size.seed, limit_s=size.limit_s,
        colours=cast("Literal['grey', 'rgb']", choose("colours", wanted.colours, "grey", "rgb")),
        fit=cast("Literal['pad']", choose("fit", wanted.fit, "pad", "letterbox", "stretch", "middle")),
        evenness=wanted.evenness, precision=wanted.precision, threads=wanted.threads,
    )  # fmt: skip
    filing = Filing(
        wanted.name or to_model_name(data.resolve()),
        wanted.version,
        about=None if wanted.about is None else read_about(wanted.about),
        provenance="demonstration" if wanted.demonstration else "user",
        ids=None if wanted.aphia_ids is None else read_ids(wanted.aphia_ids),
    )
    tracker = open_tracker(wanted.mlflow, name=f"{filing.name}@{filing.version}")

    def show(stage: str, done: int, of: int, figure: float) -> bool:
        if figure or done % _SHOW_EVERY == 0 or done == of:
            output.errors.print(f"{stage}: {done} of {of}" + (f", surprise {figure:.3f}" if figure else ""))
        return True

    card = make_classifier(
        source, recipe, filing, to, progress=show, tracker=tracker, both_ways=wanted.both_ways
    )  # fmt: skip
    for trial in card.trials:
        show_trial(output, trial)
    for sentence in card.comparison:
        output.say(sentence)
    if tracker.lost:
        output.say(f"The record in MLflow ends early: {tracker.lost}")
    folder = to / card.name / card.version
    output.say(f"Filed {card.name}@{card.version} in {folder}, with its card and two pictures.")
    output.say(f'In the settings: detector = "roi-classifier", parameters = {{model = "{card.name}@{card.version}"}}')
    output.say(f'And at their top, above the first table, unless it is there: models = "{to.as_posix()}"')
    output.add({"model": f"{card.name}@{card.version}", "folder": str(folder), "card": card.to_plain()})


def show_trial(output: Output, trial: Trial) -> None:
    """Show a measurement as a table."""

    def tell(share: float | None) -> str:
        return "-" if share is None else f"{share:.3f}"

    rows: list[tuple[object, ...]] = [
        (item.label, item.support, item.predicted, tell(item.precision), tell(item.recall), tell(item.f1))
        for item in trial.classes
    ]
    rows.append(("macro-F1", trial.tested_pictures, "", "", "", tell(trial.macro_f1)))
    learned = f"learnt from {', '.join(trial.learned)}, " if trial.learned else ""
    title = f"{trial.what}: {learned}tested on {', '.join(trial.tested)}"
    output.show_table(title, ("class", "support", "predicted", "precision", "recall", "F1"), rows)
    output.say(
        f"Right: {trial.accuracy:.3f}. Scores are off by {trial.calibration_error:.3f} on average. Unidentified: "
        f"{trial.unidentified:.3f}; right among the others: {tell(trial.identified_accuracy)}."
    )


def read_ids(path: Path) -> dict[str, str]:
    """Return the AphiaIDs (or words for what is no taxon) in a CSV with the columns ``class`` and ``aphia_id``.

    Raises
    ------
    FatalFault
        If it cannot be read, or a row has no class.
    """
    from schemas.errors import FatalFault

    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
        found = {row["class"].strip(): (row["aphia_id"] or "").strip() or "-" for row in rows}
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, AttributeError) as error:
        message = f"The table of ids {path.name} cannot be read: it needs the columns class and aphia_id."
        raise FatalFault(message) from error
    return found
