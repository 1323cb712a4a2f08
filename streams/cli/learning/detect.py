"""Train a detector of things in pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from streams.cli.output import Output


@dataclass(frozen=True, slots=True)
class Size:
    """How long and how large: what every training has."""

    epochs: int
    input_px: int
    batch: int
    seed: int
    limit_s: float | None


def choose(option: str, said: str, *allowed: str) -> str:
    """Return what was said, if it is one of the values an option takes.

    Raises
    ------
    FatalFault
        Naming them, if it is not.
    """
    from schemas.errors import FatalFault

    if said not in allowed:
        message = f"--{option} is {', '.join(allowed[:-1])} or {allowed[-1]}."
        raise FatalFault(message)
    return said


def train_detector(output: Output, data: Path, to: Path, size: Size, *, architecture: str, scenes: int) -> None:
    """Train, show each step, and say what to do next.

    Raises
    ------
    FatalFault
        If the ``train`` extra is missing, the pictures cannot be read, or training fails.
    """
    from detectors.models.training import Recipe, train_model

    recipe = Recipe(
        architecture=architecture, epochs=size.epochs, input_px=size.input_px, batch=size.batch, seed=size.seed,
        scenes=scenes, limit_s=size.limit_s,
    )  # fmt: skip

    def show(stage: str, done: int, of: int, figure: float) -> bool:
        output.errors.print(f"{stage}: {done} of {of}" + (f", mAP50-95 {figure:.3f}" if figure else ""))
        return True

    trained = train_model(data, to, recipe, progress=show)
    output.say(f"Weights of the best epoch: {trained.weights}")
    output.say(f"Next: observatory models validate {trained.weights} {data}")
    output.say(f"Then: observatory models about, and: observatory models file {trained.weights} --data {data} ...")
    output.add({"weights": str(trained.weights), "held_out": len(trained.split.held_out)})
