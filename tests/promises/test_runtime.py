"""Every runtime keeps the promise: pictures in, the network's numbers out, from several threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from detectors.runtimes.onnxruntime import OnnxruntimeRuntime
from detectors.runtimes.openvino import OpenvinoOptions, OpenvinoRuntime
from detectors.runtimes.scripted import ScriptedRuntime
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
