"""Every runtime keeps the promise: pictures in, the network's numbers out, from several threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from detectors.runtimes.metadata import Network, Scaling
from detectors.runtimes.onnxruntime import OnnxruntimeRuntime
from detectors.runtimes.openvino import OpenvinoOptions, OpenvinoRuntime
from detectors.runtimes.scripted import ScriptedRuntime
from schemas.errors import FatalFault
from tests.support.networks import LABELS, make_colour_onnx, make_mean_onnx, make_network

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


def test_an_answer_that_is_asked_for_again_says_the_same(runtime):
    pictures = make_pictures(5)
    answer = runtime.start(pictures)
    (said,) = answer.result(timeout=30)
    copy = said.copy()
    runtime.start(255 - pictures).result(timeout=30)  # in the same memory, where there is some
    assert np.array_equal(said, copy)
    assert np.array_equal(answer.result(timeout=30)[0], copy)


def test_answers_that_nobody_asks_for_hold_up_nobody(runtime):
    for picture in make_pictures(20):
        runtime.start(picture[None])
    pictures = make_pictures(2, seed=1)
    (means,) = runtime.start(pictures).result(timeout=30)
    assert means == pytest.approx(pictures.mean(axis=(1, 2)) / 255, abs=1e-5)


def test_a_runtime_knows_its_network(runtime):
    assert runtime.network == NETWORK


# --- networks of other shapes: grey, channels last, written for several pictures ---


GREY = Network("classify", ("a", "b", "c"), (64, 96), end_to_end=False, scaling=Scaling(mean=(100.0,), scale=(50.0,)))


@pytest.mark.parametrize("kind", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("batch", [None, 1, 4])
def test_values_are_scaled_and_axes_turned_as_the_network_wants_them(kind, channels_last, batch):
    model = make_colour_onnx(input_px=(64, 96), batch=batch, channels_last=channels_last, softmax=False)
    scaling = Scaling(mean=(100.0, 50.0, 0.0), scale=(50.0, 25.0, 10.0))
    network = Network("classify", LABELS, (64, 96), end_to_end=False, scaling=scaling)
    if kind == "openvino":
        runtime = OpenvinoRuntime(network, model, options=OpenvinoOptions(requests=1, threads=1, batch=4))
    else:
        runtime = OnnxruntimeRuntime(network, model, requests=1, threads=1, batch=4)
    pictures = np.broadcast_to(np.asarray([200, 100, 30], dtype=np.uint8), (6, 64, 96, 3)).copy()
    (found,) = runtime.start(pictures).result(timeout=30)
    runtime.close()
    assert found.shape == (6, 3)
    assert found == pytest.approx(np.broadcast_to([2.0, 2.0, 3.0], (6, 3)), abs=1e-4)


@pytest.mark.parametrize("runtime", [OpenvinoRuntime, OnnxruntimeRuntime])
def test_a_network_in_colour_is_not_given_grey_pictures(runtime):
    with pytest.raises(FatalFault, match="takes pictures of"):
        runtime(GREY, make_colour_onnx(input_px=(64, 96)))
