"""Reading the settings: a TOML file, then the environment, every mistake in one go."""

from __future__ import annotations

import copy
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from schemas.errors import FatalFault
from streams.settings.complaints import SECRETS, to_complaint
from streams.settings.meaning import find_wrong_meanings
from streams.settings.model import Deployment

if TYPE_CHECKING:
    from collections.abc import Mapping

#: ``OBSERVATORY__BROKER__URL=kafka://host:9092`` overrules ``url`` in the table ``[broker]``; one TOML value, or plain text.
PREFIX = "OBSERVATORY__"

#: Where a settings file is looked for when none is named.
DEFAULT_FILE = "observatory.toml"


#: Wrong settings may hide others behind them; so many layers are taken off.
_SALVAGE_ROUNDS = 10

#: Names of model files: in a detector's parameters, these are paths like any other.
MODEL_FILES = (".onnx", ".xml", ".pt")


class SettingsError(FatalFault):
    """Every wrong setting, one a line.

    Attributes
    ----------
    complaints
        Each begins with where it stands: ``broker.url: ...``.
    right
        The settings without what is wrong: what ``check`` can still try. They may contradict themselves.
    """

    def __init__(self, source: str, complaints: list[str], right: Deployment | None = None) -> None:
        self.complaints, self.right = tuple(complaints), right
        lines = "\n".join(f"  - {complaint}" for complaint in complaints)
        super().__init__(f"{len(complaints)} wrong setting{'s' if len(complaints) > 1 else ''} in {source}:\n{lines}")


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """Settings, and where they came from: ``source`` is ``None`` for the built-in ones."""

    deployment: Deployment
    source: Path | None


def read_settings(path: Path, environment: Mapping[str, str] | None = None) -> ReadSettings:
    """Read a settings file and what the environment overrules.

    Raises
    ------
    SettingsError
        Naming every setting that is wrong, misspelt ones with the name that was probably meant.
    """
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(str(path), [f"the file cannot be read ({error.strerror})"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(str(path), [f"this is not TOML: {error}"]) from error
    return ReadSettings(_check(plain, environment, source=str(path), folder=path.resolve().parent), path)


def check_settings(
    plain: dict[str, Any], environment: Mapping[str, str] | None = None, *, folder: Path
) -> ReadSettings:
    """Check settings that do not come from a file; relative paths are taken from ``folder``."""
    return ReadSettings(_check(plain, environment, source="the settings", folder=folder), None)


def _check(plain: dict[str, Any], environment: Mapping[str, str] | None, *, source: str, folder: Path) -> Deployment:
    complaints = _find_written_secrets(plain)
    _overrule(plain, os.environ if environment is None else environment, complaints)
    try:
        Deployment.model_validate(plain)
    except ValidationError as error:
        complaints += [
            to_complaint(dict(item), _find_names(item["loc"][:-1])) for item in error.errors(include_url=False)
        ]
    complaints += find_wrong_meanings(plain)
    right = _salvage(plain)
    anchored = None if right is None else _anchor(right, folder)
    if complaints or anchored is None:
        raise SettingsError(source, complaints, anchored)
    return anchored


def _find_written_secrets(plain: dict[str, Any]) -> list[str]:
    """Return which secrets stand in the settings' own text, which is copied and committed without a thought."""
    return [
        f"{table}.{name}: keep it out of the settings; name its file as {name}_file, "
        f"or set {PREFIX}{table.upper()}__{name.upper()}"
        for table in ("broker", "store")
        for name in sorted(SECRETS)
        if isinstance(plain.get(table), dict) and name in plain[table]
    ]


def _overrule(plain: dict[str, Any], environment: Mapping[str, str], complaints: list[str]) -> None:
    for name, text in sorted(environment.items()):
        if not name.startswith(PREFIX):
            complaints += _find_lost_overrule(name)
            continue
        path = [step.lower().replace("_", "-") if depth and path_is_named else step.lower()
                for depth, (step, path_is_named) in enumerate(_to_steps(name))]  # fmt: skip
        table = plain
        for step in path[:-1]:
            table = table.setdefault(step, {})
            if not isinstance(table, dict):
                complaints.append(f"{name}: {step} is not a table")
                break
        else:
            table[path[-1]] = _to_secret(text) if path[-1] in SECRETS else _to_value(text)


def _find_lost_overrule(name: str) -> list[str]:
    """Return what is wrong with a variable that was meant to overrule a setting and has an underscore too few.

    The store's keys are let pass: docker-compose.yml takes them from variables of such names and passes them on.
    """
    start = PREFIX.removesuffix("_")
    step = name.removeprefix(start).lower()
    if not name.startswith(start) or step.removeprefix("store_") in SECRETS:
        return []
    for table, field in Deployment.model_fields.items():
        if step == table:
            return [f"{name}: nothing reads this variable; did you mean {PREFIX}{table.upper()}?"]
        model = field.annotation
        if step.startswith(f"{table}_") and isinstance(model, type) and issubclass(model, BaseModel):
            rest = step.removeprefix(f"{table}_").strip("_").upper()
            return [f"{name}: nothing reads this variable; did you mean {PREFIX}{table.upper()}__{rest}?"]
    return []


def _to_steps(name: str) -> list[tuple[str, bool]]:
    """Return the steps of a variable's name, and whether each is the name of a feed or installation."""
    steps = name.removeprefix(PREFIX).split("__")
    return [(step, depth == 1 and steps[0] in {"FEEDS", "INSTALLATIONS"}) for depth, step in enumerate(steps)]


def _to_value(text: str) -> object:
    """Read one TOML value; what is none is text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _to_secret(text: str) -> str:
    """Read a secret: one of digits alone is no number."""
    value = _to_value(text)
    return value if isinstance(value, str) else text


def _find_names(location: tuple[str | int, ...]) -> list[str]:
    """Return the names that may stand where an unknown one was found."""
    model: Any = Deployment
    named = False
    for step in location:
        if named:
            named = False
            continue
        annotation = model.model_fields[str(step)].annotation
        arguments = [part for part in getattr(annotation, "__args__", ()) if isinstance(part, type)]
        found = [part for part in (annotation, *arguments) if isinstance(part, type) and issubclass(part, BaseModel)]
        if not found:
            return []
        model, named = found[0], step in {"feeds", "installations"}
    return list(model.model_fields)


def _salvage(plain: dict[str, Any]) -> Deployment | None:
    """Return what the settings say where they are right, so that it can be tried; ``None`` where that is nothing."""
    rest = copy.deepcopy(plain)
    for _ in range(_SALVAGE_ROUNDS):
        try:
            return Deployment.model_validate(rest)
        except ValidationError as error:
            for item in error.errors(include_url=False):
                _take_out(rest, item["loc"][:-1] if item["type"] == "missing" else item["loc"])
    return None


def _take_out(plain: dict[str, Any], location: tuple[str | int, ...]) -> None:
    """Take a setting out of the tables; one that pydantic names by a step of its own (of a list, a key) with its table."""
    table: Any = plain
    for depth, step in enumerate(location):
        below = table.get(step) if isinstance(table, dict) else None
        if depth + 1 == len(location) or not isinstance(below, dict):
            table.pop(step, None)
            return
        table = below


def _anchor_model(value: Any, folder: Path) -> Any:  # noqa: ANN401
    """Return a detector's ``model`` with a file or folder of one's own taken from the settings file's folder."""
    is_place = isinstance(value, str) and (value.endswith(MODEL_FILES) or (folder / value).is_dir())
    return str(folder / value) if is_place and not Path(value).is_absolute() else value


def _anchor(deployment: Deployment, folder: Path) -> Deployment:
    """Return the settings with every relative path taken from the settings file's folder, model files too."""

    def walk(value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, Path):
            return value if value.is_absolute() else folder / value
        if isinstance(value, dict):
            return {key: _anchor_model(item, folder) if key == "model" else walk(item) for key, item in value.items()}
        if isinstance(value, BaseModel):
            fields = type(value).model_fields
            return value.model_copy(update={name: walk(getattr(value, name)) for name in fields})
        return value

    anchored: Deployment = walk(deployment)
    return anchored
