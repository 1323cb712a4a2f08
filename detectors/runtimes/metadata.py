"""What a network says of itself: task, class names and input size, from ``metadata.yaml`` or an ONNX file's own properties."""

from __future__ import annotations

import ast
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import yaml

from schemas.errors import FatalFault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Task = Literal["detect", "segment", "classify"]

#: Field numbers of ONNX's ``ModelProto.metadata_props`` and of the two texts of an entry (onnx.proto3).
_PROPERTIES_FIELD, _KEY_FIELD, _VALUE_FIELD = 14, 1, 2
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SIDES = 2


@dataclass(frozen=True, slots=True)
class Scaling:
    """What a network is given instead of values 0 to 255: ``(value - mean) / scale``, by channel (1 or 3)."""

    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    scale: tuple[float, ...] = (255.0, 255.0, 255.0)

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colour."""
        return len(self.mean)


@dataclass(frozen=True, slots=True)
class Network:
    """What a network is for and how it wants its pictures.

    Attributes
    ----------
    task
        ``detect``, ``segment`` or ``classify``.
    labels
        Class names, verbatim, in the order of their index.
    input_px
        ``(height, width)`` of the input.
    end_to_end
        Whether the network chooses among overlapping boxes itself (no suppression afterwards).
    scaling
        Channels, and what is done to their values.
    """

    task: Task
    labels: tuple[str, ...]
    input_px: tuple[int, int]
    end_to_end: bool
    scaling: Scaling = field(default_factory=Scaling)


@contextmanager
def translate() -> Iterator[None]:
    """Turn the YAML reader's exceptions into ours.

    Raises
    ------
    FatalFault
        The text is not YAML.
    """
    try:
        yield
    except yaml.YAMLError as error:
        message = "A YAML file of a model or picture set cannot be read."
        raise FatalFault(message) from error


def read_yaml(data: bytes) -> dict[str, Any]:
    """Read a YAML mapping (plain values only).

    Raises
    ------
    FatalFault
        If it is not YAML or not a mapping.
    """
    with translate():
        value = yaml.safe_load(data.decode("utf-8", errors="replace"))
    if not isinstance(value, dict):
        message = "A YAML file of a model or picture set is not a list of named values."
        raise FatalFault(message)
    return value


def read_onnx_properties(data: bytes) -> dict[str, str]:
    """Return the ``metadata_props`` of an ONNX file; fields of the protocol buffer are walked, nothing else is read.

    Raises
    ------
    FatalFault
        If the bytes are not an ONNX file.
    """
    found: dict[str, str] = {}
    try:
        for number, body in _walk_fields(memoryview(data)):
            if number == _PROPERTIES_FIELD:
                entry = {key: bytes(text).decode("utf-8") for key, text in _walk_fields(body)}
                found[entry.get(_KEY_FIELD, "")] = entry.get(_VALUE_FIELD, "")
    except (IndexError, ValueError) as error:
        message = "The file is not ONNX: its protocol buffer cannot be walked."
        raise FatalFault(message) from error
    return found


def read_network(values: Mapping[str, Any]) -> Network:
    """Return the description from an export's metadata.

    Parameters
    ----------
    values
        ``task``, ``names``, ``imgsz``, and ``end2end`` or ``args.nms``; ONNX properties hold them as Python literals.

    Raises
    ------
    FatalFault
        If one is missing or makes no sense: a detector must not guess classes or sizes.
    """
    known = {key: _to_value(item) for key, item in values.items()}
    task, names, size = _to_task(known.get("task")), known.get("names"), known.get("imgsz")
    labels = [names[index] for index in sorted(names)] if isinstance(names, dict) else names
    if not isinstance(labels, list | tuple) or not labels:
        message = "The model's metadata lists no class names."
        raise FatalFault(message)
    sides = [size, size] if isinstance(size, int) else size
    if (
        not isinstance(sides, list | tuple)
        or len(sides) != _SIDES
        or not all(isinstance(v, int) and v > 0 for v in sides)
    ):
        message = f"The model's metadata gives no usable image size: {size!r}."
        raise FatalFault(message)
    arguments = known.get("args")
    suppressed = bool(arguments.get("nms")) if isinstance(arguments, dict) else False
    end_to_end = task != "classify" and (bool(known.get("end2end", False)) or suppressed)
    return Network(task, tuple(str(label) for label in labels), (int(sides[0]), int(sides[1])), end_to_end)


def _to_task(said: object) -> Task:
    for task in get_args(Task):
        if said == task:
            return cast("Task", task)
    message = f"The model's metadata names the task {said!r}; usable are {', '.join(get_args(Task))}."
    raise FatalFault(message)


def _to_value(item: Any) -> Any:  # noqa: ANN401 - metadata holds any plain value
    if not isinstance(item, str):
        return item
    try:
        return ast.literal_eval(item)
    except (ValueError, SyntaxError):
        return item


def _walk_fields(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield (field number, body) of the length-delimited fields of one message; other fields are stepped over."""
    place = 0
    while place < len(data):
        tag, place = _read_varint(data, place)
        kind = tag & 7
        if kind == _VARINT:
            _, place = _read_varint(data, place)
        elif kind == _BYTES:
            size, place = _read_varint(data, place)
            if place + size > len(data):
                raise ValueError(size)
            yield tag >> 3, data[place : place + size]
            place += size
        elif kind in {_FIXED64, _FIXED32}:
            place += 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(kind)


def _read_varint(data: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit of a varint
            return value, place
