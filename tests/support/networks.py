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


def _node(kind: str, source: str, target: str) -> bytes:
    return _field(1, source.encode()) + _field(2, target.encode()) + _field(4, kind.encode())


def _value(name: str, shape) -> bytes:
    sides = b"".join(_field(1, _number(1, side)) for side in shape)
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
