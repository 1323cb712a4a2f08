"""What an archive says of the machine that identified: its name, its card and digest, its threshold and its scores."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from schemas.unit import SHORT_DIGEST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.result import ModelRef, Observer, Result
    from sinks.darwin_core.plan import ModelCard
    from sinks.darwin_core.tally import Sighting
    from sinks.darwin_core.units import Scene

#: How Darwin Core parts the members of a list in one cell.
LIST_MARK = " | "

#: Parameters that detectors call the smallest score they report by.
SCORE_LIMITS = ("conf", "score_min", "threshold")

#: What stands before everything that a demonstration model said.
DEMONSTRATION = "Made with a demonstration model, not fit for scientific use"


def to_observer_names(observer: Observer, result_id: str) -> tuple[str, ...]:
    """Return every name by which a plan may choose this observer, the readable one first."""
    digest = result_id.rsplit(".", 1)[-1][:SHORT_DIGEST]
    models = [name for model in observer.models for name in (f"{model.name} {model.version}", model.name)]
    return (f"{observer.name} {observer.version}", observer.name, digest, *models)


def rank_observer(observer: Observer, result_id: str, preferred: tuple[str, ...]) -> int | None:
    """Return the place of an observer among the preferred ones (0 is best), or ``None`` when it is not among them."""
    if not preferred:
        return 0
    names = to_observer_names(observer, result_id)
    return next((place for place, name in enumerate(preferred) if name in names), None)


def to_identified_by(observer: Observer, by: Iterable[str]) -> str:
    """Return name and version of the models that found something, or of the detector where it has no model."""
    models = _find_models(observer, by)
    return LIST_MARK.join(f"{item.name} {item.version}" for item in models) or f"{observer.name} {observer.version}"


def to_references(observer: Observer, by: Iterable[str], cards: tuple[ModelCard, ...]) -> str:
    """Return, per model, its card's reference with the digest of the weights that were used."""
    references = []
    for model in _find_models(observer, by):
        exact = f"{model.name} {model.version}, sha256 {model.sha256}"
        card = _find_card(cards, model.name, model.version)
        references.append(f"{card} ({exact})" if card else exact)
    if references:
        return LIST_MARK.join(references)
    exact = f"{observer.name} {observer.version}, no trained model"
    card = _find_card(cards, observer.name, observer.version)
    return f"{card} ({exact})" if card else exact


def to_remarks(scene: Scene, result: Result, sighting: Sighting) -> str:
    """Return how this identification was made: count, scores, threshold; a validated row of the same would differ."""
    said = ["Predicted by machine"]
    if result.observer.is_demonstration:
        said.insert(0, DEMONSTRATION)
    if scene.event_type == "videoClip":
        looked = result.outcome.effort.images_looked
        if sighting.most is not None:
            said.append(f"MaxN {sighting.most} at {sighting.most_at_s:.6g} s (frame {sighting.most_index})")
        said.append(f"{to_count(sighting.findings, 'finding')} in {sighting.images} of {to_count(looked, 'frame')}")
    if sighting.most is None:
        said.append("the whole picture was classified, individuals were not counted")
    said.extend(_to_scores(sighting))
    limit = find_score_limit(result.observer)
    if limit is not None:
        said.append(f"threshold {limit:g}")
    return "; ".join(said)


def to_count(number: int, noun: str) -> str:
    """Return ``1 frame`` or ``2 frames``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _to_scores(sighting: Sighting) -> list[str]:
    if sighting.score_mean is None or sighting.score_max is None:
        return ["the observer gives no score"]
    if sighting.findings == 1:
        return [f"score {sighting.score_max:g}"]
    return [f"mean score {sighting.score_mean:g}", f"max score {sighting.score_max:g}"]


def find_score_limit(observer: Observer) -> float | None:
    """Return the smallest score that the observer reports, if its parameters say one."""
    parameters = json.loads(observer.parameters)
    for name in SCORE_LIMITS:
        value = parameters.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    return None


def to_method(observer: Observer) -> str:
    """Return one sentence that lets somebody repeat the identification."""
    models = [
        f"{model.name} {model.version} ({model.provenance} model, {model.task}, {model.precision}, input "
        f"{model.input_px[0]} x {model.input_px[1]} px, sha256 {model.sha256})"
        for model in observer.models
    ]
    with_models = f" with {', '.join(models)}" if models else " without a trained model"
    return (
        f"Detector {observer.name} {observer.version}{with_models}, pictures opened by reader {observer.reader}; "
        f"parameters {observer.parameters}."
    )


def _find_models(observer: Observer, by: Iterable[str]) -> list[ModelRef]:
    roles = set(by)
    return [model for model in observer.models if model.role in roles]


def _find_card(cards: tuple[ModelCard, ...], name: str, version: str) -> str | None:
    """Return the reference for exactly this version, else the one for all versions of the name."""
    of_name = [card for card in cards if card.name == name and card.version in {version, None}]
    return max(of_name, key=lambda card: card.version is not None).reference if of_name else None
