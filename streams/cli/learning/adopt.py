"""Take in a classifier that was made elsewhere: file it, measure it, and say what is believed of its ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streams.cli.learning.classify import show_trial
from streams.cli.learning.show import show_taxa

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from detectors.models.about import About
    from detectors.models.filing import Shelf
    from streams.cli.output import Output


def adopt(
    output: Output,
    model: Path,
    about: About,
    *,
    shelf: Shelf,
    pictures: Path | None,
    progress: Callable[[int, int], None],
) -> None:
    """File a classifier of whole images, and say what was measured and what is believed of its ids."""
    from detectors.models.classifiers.adopting import adopt_classifier
    from detectors.models.classifiers.folder import read_classifier_folder

    card = adopt_classifier(model, about, shelf, pictures=pictures, progress=progress)
    output.say(f"Filed {card.name}@{card.version}, a classifier of {len(card.classes)} classes.")
    for trial in card.trials:
        show_trial(output, trial)
    if not card.trials:
        output.say("It was not measured: --data takes a folder of pictures for each class.")
    show_taxa(output, read_classifier_folder(shelf.folder))
    output.add({"card": card.to_plain()})


def validate_classifier(
    output: Output, model: str, data: Path, *, to: Path | None, progress: Callable[[int, int], None]
) -> None:
    """Measure a classifier on sorted pictures, and draw its confusions and how good its scores are."""
    from detectors.models.classifiers.adopting import measure_on_folder
    from detectors.models.classifiers.filing import draw_figures
    from detectors.models.classifiers.folder import open_classifier_model

    classifier = open_classifier_model(model)
    trial, answers = measure_on_folder(classifier, data, progress=progress)
    if to is not None:
        name = f"{classifier.model.name}@{classifier.model.version}"
        draw_figures(to, answers, tuple(taxon.label for taxon in classifier.taxa), name=name)
    show_trial(output, trial)
    output.say("Measured on all of these pictures: if it learnt from some of them, it looks better than it is.")
    output.add(trial.to_plain())
