"""What each vendor's runtime refuses, and what OpenVINO is told."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.runtimes.onnxruntime import OnnxruntimeRuntime
from detectors.runtimes.openvino import OpenvinoOptions, OpenvinoRuntime, find_own_precision, hold_precision
from schemas.errors import FatalFault
from tests.support.networks import make_mean_onnx, make_network

NETWORK = make_network("classify", input_px=(64, 96))


@pytest.mark.parametrize("door", [OpenvinoRuntime, OnnxruntimeRuntime])
def test_bytes_that_are_no_network_are_a_fatal_fault(door):
    with pytest.raises(FatalFault, match="could not run the model"):
        door(NETWORK, b"not a network")


@pytest.mark.parametrize("door", [OpenvinoRuntime, OnnxruntimeRuntime])
def test_a_network_whose_input_is_not_what_its_metadata_says_is_refused(door):
    with pytest.raises(FatalFault, match="its metadata says"):
        door(make_network("classify", input_px=(32, 32)), make_mean_onnx())


def test_int8_is_refused_for_a_network_that_is_not_quantised():
    with pytest.raises(FatalFault, match="cannot run as int8"):
        OpenvinoRuntime(NETWORK, make_mean_onnx(), options=OpenvinoOptions(precision="int8"))


@pytest.mark.parametrize(("precision", "name"), [("f32", "f32"), ("bf16", "bf16")])
def test_openvino_is_told_the_precision(precision, name):
    runtime = OpenvinoRuntime(NETWORK, make_mean_onnx(), options=OpenvinoOptions(precision=precision, requests=1))
    told = runtime._compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    runtime.close()
    if name == "bf16" and told == "f32":
        pytest.skip("this processor computes no bf16, and OpenVINO says so")
    assert told == name


def test_outputs_whose_number_follows_from_the_picture_are_all_there(tmp_path):
    from openvino import Model, opset13, serialize

    taken = opset13.parameter([1, 3, 64, 96], name="x")
    coloured = opset13.non_zero(opset13.reduce_mean(taken, [2, 3]), output_type="i32")  # rank, how many
    found = opset13.unsqueeze(opset13.gather(coloured, 1, 0), 0)
    serialize(Model([opset13.convert(found, "f32")], [taken]), tmp_path / "m.xml", tmp_path / "m.bin")
    runtime = OpenvinoRuntime(NETWORK, (tmp_path / "m.xml").read_bytes(), (tmp_path / "m.bin").read_bytes())
    picture = np.zeros((1, 64, 96, 3), dtype=np.uint8)
    for channels in ([0], [0, 2], [], [0, 1, 2]):
        picture[...] = 0
        picture[..., channels] = 100
        assert runtime.start(picture).result(timeout=30)[0].tolist() == [channels]
    runtime.close()


@pytest.mark.parametrize("shape", [(1, 64, 96, 1), (1, 1, 1, 3), (1, 96, 64, 3)])
def test_pictures_of_another_shape_are_a_fatal_fault_and_not_stretched(shape):
    runtime = OpenvinoRuntime(NETWORK, make_mean_onnx(), options=OpenvinoOptions(requests=1))
    with pytest.raises(FatalFault, match="pictures of"):
        runtime.start(np.zeros(shape, dtype=np.uint8)).result(timeout=30)
    runtime.close()


def test_a_compiled_network_is_kept_only_where_asked(tmp_path):
    OpenvinoRuntime(NETWORK, make_mean_onnx(), options=OpenvinoOptions(cache_folder=tmp_path, requests=1)).close()
    assert list(tmp_path.iterdir())


def test_within_a_block_whatever_is_compiled_computes_in_the_format_that_is_held():
    import openvino

    def compile_one():
        core = openvino.Core()
        compiled = core.compile_model(core.read_model(make_mean_onnx()), "CPU", {"PERFORMANCE_HINT": "LATENCY"})
        return compiled.get_property("INFERENCE_PRECISION_HINT").to_string()

    with hold_precision("f32"):
        assert compile_one() == "f32"
    # the name of what OpenVINO chooses when nobody says
    assert compile_one() == {"f32": "f32", "bf16": "bf16", "f16": "f16"}[find_own_precision()]
