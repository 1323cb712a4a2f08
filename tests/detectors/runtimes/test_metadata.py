"""What networks say of themselves."""

from __future__ import annotations

import pytest

from detectors.runtimes.metadata import read_network, read_onnx_properties, read_yaml
from schemas.errors import FatalFault
from tests.support.networks import LABELS, make_mean_onnx

SAID = {"task": "detect", "names": {0: "fish", 1: "Diver"}, "imgsz": [416, 640], "end2end": False}


def test_an_onnx_file_is_read_without_its_vendor():
    network = read_network(read_onnx_properties(make_mean_onnx()))
    assert (network.task, network.labels, network.input_px) == ("classify", LABELS, (64, 96))


def test_metadata_of_an_export_is_read():
    text = b"task: segment\nimgsz:\n- 416\n- 416\nnames:\n  0: Chromis chromis\n  1: 'yes'\nend2end: true\n"
    network = read_network(read_yaml(text))
    assert (network.task, network.labels, network.end_to_end) == ("segment", ("Chromis chromis", "yes"), True)


def test_class_names_are_in_the_order_of_their_index():
    assert read_network({**SAID, "names": {2: "c", 0: "a", 1: "b"}}).labels == ("a", "b", "c")


def test_a_network_exported_with_suppression_inside_chooses_itself():
    assert read_network({**SAID, "args": {"nms": True}}).end_to_end
    assert read_network({**SAID, "args": "{'nms': True}", "end2end": "False"}).end_to_end
    assert not read_network(SAID).end_to_end


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"task": "pose"}, "task 'pose'"),
        ({"task": None}, "task None"),
        ({"names": None}, "no class names"),
        ({"names": {}}, "no class names"),
        ({"imgsz": None}, "no usable image size"),
        ({"imgsz": [416]}, "no usable image size"),
        ({"imgsz": [0, 416]}, "no usable image size"),
    ],
)
def test_missing_or_senseless_metadata_is_refused_and_not_guessed(changed, sentence):
    with pytest.raises(FatalFault, match=sentence):
        read_network({**SAID, **changed})


@pytest.mark.parametrize("data", [b"\xff\xff\xff", b"\x72\xff\x01short", b"\x0f"])
def test_bytes_that_are_not_onnx_are_refused(data):
    with pytest.raises(FatalFault, match="not ONNX"):
        read_onnx_properties(data)


@pytest.mark.parametrize("data", [b"a: [", b"- 1\n- 2\n", b""])
def test_text_that_is_not_a_list_of_values_is_refused(data):
    with pytest.raises(FatalFault, match="YAML"):
        read_yaml(data)


def test_yaml_cannot_make_objects():
    with pytest.raises(FatalFault):
        read_yaml(b"a: !!python/object/apply:os.getcwd []\n")
