"""Every runtime keeps the promise: pictures in, the network's numbers out, from several threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from detectors.runtimes.onnxruntime import OnnxruntimeRuntime
from detectors.runtimes.openvino import OpenvinoOptions, OpenvinoRuntime
from detectors.runtimes.scripted import ScriptedRuntime
from schemas.errors import FatalFault
from tests.support.networks import make_mean_onnx, make_network

NETWORK = make_network("classify", input_px=(64, 96))


def make_runtime(kind):
    if kind == "openvino":
        return OpenvinoRuntime(NETWORK, make_mean_onnx(), options=OpenvinoOptions(requests=2, threads=2))
    if kind == "onnxruntime":
        return OnnxruntimeRuntime(NETWORK, make_mean_onnx(), requests=2, threads=1)
    return ScriptedRuntime(NETWORK, lambda batch: ((batch.mean(axis=(1, 2)) / 255).astype(np.float32),))


@pytest.fixture(params=["scripted", "openvino", "onnxruntime"])
def runtime(request):
    made = make_runtime(request.param)
    yield made
    made.close()


def make_pictures(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 64, 96, 3), dtype=np.uint8)


def test_pictures_are_scaled_to_one_and_their_colours_stay_in_order(runtime):
    picture = np.zeros((1, 64, 96, 3), dtype=np.uint8)
    picture[..., 0], picture[..., 1], picture[..., 2] = 255, 51, 0
    (means,) = runtime.start(picture).result(timeout=30)
    assert means.dtype == np.float32
    assert means[0] == pytest.approx([1.0, 0.2, 0.0], abs=1e-6)


def test_a_batch_is_answered_picture_by_picture(runtime):
    pictures = make_pictures(3)
    (means,) = runtime.start(pictures).result(timeout=30)
    assert means == pytest.approx(pictures.mean(axis=(1, 2)) / 255, abs=1e-5)


def test_answers_do_not_depend_on_how_many_threads_ask(runtime):
    pictures = make_pictures(24)
    alone = [runtime.start(picture[None]).result(timeout=30)[0] for picture in pictures]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda picture: runtime.start(picture[None]).result(timeout=30)[0], pictures))
    assert np.array_equal(np.stack(alone), np.stack(together))


def test_more_pictures_than_requests_may_be_under_way(runtime):
    answers = [runtime.start(picture[None]) for picture in make_pictures(20)]
    assert [answer.result(timeout=30)[0].shape for answer in answers] == [(1, 3)] * 20


def test_a_runtime_knows_its_network(runtime):
    assert runtime.network == NETWORK


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


def test_a_compiled_network_is_kept_only_where_asked(tmp_path):
    OpenvinoRuntime(NETWORK, make_mean_onnx(), options=OpenvinoOptions(cache_folder=tmp_path, requests=1)).close()
    assert list(tmp_path.iterdir())
