"""The measures a deployment is held against."""

from __future__ import annotations

import pytest

from detectors import pixels
from detectors.models.catalogue import open_model
from detectors.models.scenes import make_scene
from detectors.yolo.bench import Rate, measure_bare_loop, measure_detector, measure_network, measure_vendor
from tests.support.overfitted import require_train_extra, train_overfitted


@pytest.fixture(scope="module")
def model():
    return open_model("demo-aquarium@1")


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    for seed in range(6):
        pixels.write_picture(folder / f"{seed}.jpg", make_scene(seed, width_px=320, height_px=240).picture)
    return sorted(folder.iterdir())


def test_the_bare_loop_and_the_detector_find_the_same(model, paths):
    bare = measure_bare_loop(model, paths, rounds=2)
    ours = measure_detector(model, paths, rounds=2)
    assert (bare.pictures, ours.pictures) == (12, 12)
    assert bare.findings == ours.findings


def test_the_network_alone_is_measured_on_as_many_pictures_as_asked(model):
    rate = measure_network(model, pictures=5)
    assert (rate.pictures, rate.findings) == (5, 0)
    assert rate.seconds > 0


def test_a_rate_is_pictures_per_second():
    assert Rate("x", pictures=30, seconds=2.0, findings=0).per_second == 15.0


@pytest.mark.train
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_vendors_own_prediction_goes_through_the_same_pictures(paths, real_data, tmp_path):
    require_train_extra()
    weights = train_overfitted("yolov8n", real_data, tmp_path)
    rate = measure_vendor(weights, paths[0].parent, rounds=2)
    assert rate.pictures == 12
