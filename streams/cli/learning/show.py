"""``models show``: what is known of one model, and which AphiaIDs of its classes are believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from streams.cli.learning.classify import show_trial
from streams.cli.options import Json, Settings, Verbose, read_given
from streams.cli.output import open_output

if TYPE_CHECKING:
    from detectors.flowcam.open import Classifier
    from streams.cli.output import Output


def show_model(
    model: Annotated[str, typer.Argument(help="name@version of a catalogue, or a model's folder or file.")],
    *,
    settings: Settings = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Show one model: its card, its preprocessing, and what each class of a classifier stands for."""
    from detectors.models.catalogue import open_model, read_folder
    from detectors.models.classifiers.folder import is_classifier, open_classifier_model

    with open_output(as_json=as_json, verbose=verbose) as output:
        own = read_given(settings).deployment.models
        places = () if own is None else (read_folder(own),)
        if is_classifier(model, places):
            _show_classifier(output, open_classifier_model(model, places))
            return
        found = open_model(model, places)
        output.say(f"{found.name}@{found.version} ({found.form}, {found.provenance}), sha256 {found.sha256}")
        if found.network is not None:
            output.say(f"{found.network.task}: {', '.join(found.network.labels)}")
        if found.card is not None:
            output.say(f"{found.card.title}. {' '.join(found.card.limits)}")
        output.add({"model": f"{found.name}@{found.version}", "sha256": found.sha256})
        output.add({"card": found.card.to_plain()} if found.card is not None else {})


def _show_classifier(output: Output, found: Classifier) -> None:
    model, card, preprocessing = found.model, found.card, found.preprocessing
    output.say(f"{model.name}@{model.version} ({model.form}, {model.provenance}), sha256 {model.sha256}")
    if card is not None:
        output.say(f"{card.title}. Licence: {card.licence}")
        for trial in card.trials:
            show_trial(output, trial)
        for sentence in (*card.comparison, *card.limits):
            output.say(sentence)
    else:
        output.say("It has no card: nobody has said what it learnt from or how good it is.")
    height, width = preprocessing.input_px
    output.say(
        f"Pictures: {preprocessing.colours}, {preprocessing.fit} to {height} x {width} px, padded with {preprocessing.padding}, "
        f"mean {preprocessing.mean}, scale {preprocessing.scale}."
    )
    if found.thresholds:
        output.say("Believed from: " + ", ".join(f"{label} {score}" for label, score in found.thresholds.items()))
    show_taxa(output, found)
    output.add(
        {
            "model": f"{model.name}@{model.version}",
            "sha256": model.sha256,
            "preprocessing": preprocessing.to_plain(),
            "thresholds": dict(found.thresholds),
        }
    )
    output.add({"card": card.to_plain()} if card is not None else {})


def show_taxa(output: Output, found: Classifier) -> None:
    """Show what each class stands for, those first of which something else is believed than its folder says, and why."""
    rows = [
        (taxon.label, taxon.said or "-", taxon.aphia_id or "-", taxon.verdict.replace("_", " "), taxon.reason)
        for taxon in sorted(found.taxa, key=lambda taxon: (not taxon.is_overruled, taxon.label))
    ]
    output.show_table("What its classes stand for", ("class", "stated", "AphiaID", "verdict", "why"), rows)
    overruled = sum(taxon.is_overruled for taxon in found.taxa)
    output.say(
        f"Of {overruled} of {len(found.taxa)} classes something else is believed than the model's folder says; they stand first."
    )
    output.add(
        {
            "overruled": overruled,
            "classes": [
                {"label": t.label, "said": t.said, "aphia_id": t.aphia_id, "verdict": t.verdict, "reason": t.reason}
                for t in found.taxa
            ],
        }
    )
