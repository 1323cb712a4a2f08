"""Small networks with known answers, written byte by byte: an ONNX file needs no library to be made."""

from __future__ import annotations

from detectors.runtimes.metadata import Network

#: Names of the classes of the small networks: one of them has a space, a bracket and a letter outside ASCII.
LABELS = ("Chromis chromis (back)", "Diver", "Mújol")


def make_network(task="detect", *, input_px=(64, 96), end_to_end=False, labels=LABELS):
    """Return the description of a network."""
    return Network(task=task, labels=tuple(labels), input_px=input_px, end_to_end=end_to_end)


def make_mean_onnx(*, input_px=(64, 96), properties=None) -> bytes:
    """Return an ONNX file that answers a picture with the means of its three planes, float32 (1, 3)."""
    nodes = [_node("GlobalAveragePool", "images", "pooled"), _node("Flatten", "pooled", "output0")]
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, b"means")
    graph += _field(11, _value("images", (1, 3, *input_px))) + _field(12, _value("output0", (1, 3)))
    said = {"task": "classify", "names": str(dict(enumerate(LABELS))), "imgsz": str(list(input_px))}
    props = b"".join(
        _field(14, _field(1, key.encode()) + _field(2, text.encode()))
        for key, text in (said if properties is None else properties).items()
    )
    opset = _field(8, _number(2, 13))
    return _number(1, 8) + _field(7, graph) + opset + props


def make_colour_onnx(*, input_px=(32, 48), batch=None, channels_last=False, softmax=True) -> bytes:
    """Return an ONNX file that answers a picture with the softmax of the means of its three planes, float32 (n, 3).

    ``batch``: pictures it is written for; ``None`` is any number. Without ``softmax`` the answers are logits.
    """
    axes = (1, 2) if channels_last else (2, 3)
    settings = _ints("axes", axes) + _int("keepdims", 0)
    nodes = [_node("ReduceMean", "images", "means" if softmax else "output0", settings)]
    if softmax:
        nodes.append(_node("Softmax", "means", "output0", _int("axis", 1)))
    taken = (batch, *input_px, 3) if channels_last else (batch, 3, *input_px)
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, b"colours")
    graph += _field(11, _value("images", taken)) + _field(12, _value("output0", (batch, 3)))
    return _number(1, 8) + _field(7, graph) + _field(8, _number(2, 13))


def _int(name: str, value: int) -> bytes:
    return _field(5, _field(1, name.encode()) + _number(3, value) + _number(20, 2))


def _ints(name: str, values) -> bytes:
    return _field(5, _field(1, name.encode()) + b"".join(_number(8, value) for value in values) + _number(20, 7))


def _node(kind: str, source: str, target: str, settings: bytes = b"") -> bytes:
    return _field(1, source.encode()) + _field(2, target.encode()) + _field(4, kind.encode()) + settings


def _value(name: str, shape) -> bytes:
    sides = b"".join(_field(1, _field(2, b"n") if side is None else _number(1, side)) for side in shape)
    tensor = _number(1, 1) + _field(2, sides)
    return _field(1, name.encode()) + _field(2, _field(1, tensor))


def _field(number: int, body: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
