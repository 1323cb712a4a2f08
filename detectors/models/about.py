"""What a card says of a model that cannot be read from its file: written by whoever files it, as TOML."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints, ValidationError

from detectors.models.card import Source
from schemas.errors import FatalFault
from schemas.noun import Noun

if TYPE_CHECKING:
    from pathlib import Path

#: How the template marks what is to be written; a card that still holds it says nothing.
BLANK = "..."

TEMPLATE = f"""\
# What the card of a model says that its file does not. Write every line marked {BLANK}; what nobody knows, say so in words.
title = "{BLANK}"                # what it is, in a line: Fish and crabs at the OBSEA platform, small network
licence = "{BLANK}"              # of the weights; those trained with ultralytics are AGPL-3.0
training = "{BLANK}"             # network, epochs, picture size, machine; or who made it, and where it came from
split = "{BLANK}"                # how the pictures it was measured on were kept apart from those it learnt from
limits = ["{BLANK}"]             # what it gets wrong, and must not be used for: one text each

[[data]]                     # one such table for each set of pictures it learnt from
name = "{BLANK}"
licence = "{BLANK}"
attribution = "{BLANK}"          # the words its licence asks for
where = "{BLANK}"                # where the pictures can be had
# pictures = 1200            # how many; leave it out where that is not known
"""

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000)]


class About(Noun):
    """What a card says that cannot be measured.

    Attributes
    ----------
    licence
        Of the weights.
    data
        Pictures it learnt from, with licence and attribution.
    split
        How the pictures it was measured on were kept apart from those it learnt from.
    limits
        What it gets wrong and must not be used for.
    """

    title: Text
    licence: Text
    training: Text
    split: Text
    limits: Annotated[tuple[Text, ...], Field(min_length=1)]
    data: Annotated[tuple[Source, ...], Field(min_length=1)]


def read_about(path: Path) -> About:
    """Read what a card shall say.

    Raises
    ------
    FatalFault
        If the file cannot be read, naming every line that is missing, misspelt, or not filled in.
    """
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"The file {path.name} cannot be read ({error.strerror})."
        raise FatalFault(message) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"The file {path.name} is not TOML: {error}."
        raise FatalFault(message) from error
    try:
        about = About.model_validate(plain)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        message = f"The file {path.name} is not complete or not right: {wrong}."
        raise FatalFault(message) from error
    blank = sorted(_list_blanks(plain))
    if blank:
        message = f"In the file {path.name} these lines are not written yet: {', '.join(blank)}."
        raise FatalFault(message)
    return about


def _list_blanks(plain: object, where: str = "") -> list[str]:
    """Return where the template's mark still stands."""
    if isinstance(plain, dict):
        return [blank for name, value in plain.items() for blank in _list_blanks(value, f"{where}.{name}".lstrip("."))]
    if isinstance(plain, list):
        return [blank for value in plain for blank in _list_blanks(value, where)]
    return [where] if plain == BLANK else []
