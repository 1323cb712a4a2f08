"""The same boxes as the trainer's own prediction, on the same weights, for each family of networks."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import pixels
from detectors.base import View
from detectors.boxes import measure_overlaps
from detectors.models.catalogue import read_model_file
from detectors.models.filing import export_model
from detectors.yolo.open import YoloOptions, open_yolo
from detectors.yolo.parameters import YoloParameters
from schemas.finding import Image, to_bounds
from schemas.forms.runlength import decode_mask
from schemas.geometry import WholePart
from tests.support.overfitted import INPUT_PX, choose_pictures, require_train_extra, train_overfitted

pytestmark = [pytest.mark.train, pytest.mark.slow, pytest.mark.timeout(1800)]

#: The defaults of both sides.
CONF, IOU = 0.25, 0.7
SCORE_SLACK, LEAST_OVERLAP, LEAST_BOXES = 0.02, 0.95, 100


@pytest.fixture(scope="module", params=["yolov8n", "yolo11n", "yolo26n"])
def weights(request, real_data, tmp_path_factory):
    require_train_extra()
    return train_overfitted(request.param, real_data, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def segmenting_weights(real_data, tmp_path_factory):
    require_train_extra()
    return train_overfitted("yolo11n-seg", real_data, tmp_path_factory.mktemp("segment"), task="segment")


def list_paths(real_data):
    """Return the pictures the weights know, and five they do not, of another shape."""
    pictures = choose_pictures(real_data)
    known = [pictures.root / "images" / name for name in pictures.names]
    return [*known, *sorted((real_data / "fish" / "obsea").glob("*.jpg"))]


def look(model_path, paths, *, runtime="openvino"):
    detector = open_yolo(
        read_model_file(model_path), YoloParameters(conf=CONF, iou=IOU), options=YoloOptions(runtime=runtime)
    )
    views = []
    for index, path in enumerate(paths):
        picture = pixels.read_picture(path)
        place = WholePart(part="still")
        image = Image(index=index, kind="still", width_px=picture.shape[1], height_px=picture.shape[0], place=place)
        views.append(View(image, picture))
    try:
        return list(detector.look(views))
    finally:
        detector.close()


def predict(weights, paths, **options):
    """Return the trainer's own results, one a picture."""
    from detectors.ultralytics_door import load_ultralytics

    model = load_ultralytics().YOLO(str(weights), task=options.pop("task", "detect"))
    return [
        model.predict(
            str(path), imgsz=INPUT_PX, rect=False, conf=CONF, iou=IOU, device="cpu", verbose=False, **options
        )[0]
        for path in paths
    ]


def compare(findings, result):
    """Return how many boxes of both agree, and the boxes of either that the other lacks, as (score, by whom)."""
    ours = np.asarray([to_bounds(finding.geometry) for finding in findings], dtype=np.float64).reshape(-1, 4)
    scores = np.asarray([finding.score for finding in findings], dtype=np.float64)
    labels = [finding.label for finding in findings]
    theirs = result.boxes.xyxy.numpy().astype(np.float64)
    overlaps = measure_overlaps(ours, theirs)
    free = set(range(len(theirs)))
    matched, unmatched = 0, []
    for place in range(len(ours)):
        near = [
            other
            for other in free
            if overlaps[place, other] >= LEAST_OVERLAP
            and abs(scores[place] - float(result.boxes.conf[other])) <= SCORE_SLACK
            and result.names[int(result.boxes.cls[other])] == labels[place]
        ]
        if near:
            free.discard(max(near, key=lambda other: overlaps[place, other]))
            matched += 1
        else:
            unmatched.append((float(scores[place]), "ours"))
    unmatched += [(float(result.boxes.conf[other]), "theirs") for other in free]
    return matched, unmatched


def assert_same_boxes(found, results):
    matched = 0
    for findings, result in zip(found, results, strict=True):
        here, unmatched = compare(findings, result)
        matched += here
        assert not [item for item in unmatched if item[0] > CONF + SCORE_SLACK]
    assert matched >= LEAST_BOXES


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_an_onnx_export_gives_the_boxes_of_the_weights_it_came_from(weights, real_data, tmp_path, runtime):
    paths = list_paths(real_data)
    exported = export_model(weights, tmp_path, form="onnx", input_px=INPUT_PX)
    assert_same_boxes(look(exported, paths, runtime=runtime), predict(weights, paths))


def test_openvino_ir_gives_the_boxes_of_the_weights_it_came_from(weights, real_data, tmp_path):
    paths = list_paths(real_data)
    exported = export_model(weights, tmp_path, form="openvino", input_px=INPUT_PX)
    assert_same_boxes(look(exported, paths), predict(weights, paths))


def test_weights_run_as_they_are_give_the_trainers_boxes(weights, real_data):
    paths = list_paths(real_data)
    detector_boxes = look(weights, paths)
    assert_same_boxes(detector_boxes, predict(weights, paths))


def test_a_network_that_chooses_itself_gives_the_trainers_boxes(weights, real_data, tmp_path):
    if "26" not in weights.name and "26" not in str(weights):
        pytest.skip("only YOLO26 has a head that chooses among overlapping boxes itself")
    paths = list_paths(real_data)
    exported = export_model(weights, tmp_path, form="openvino", input_px=INPUT_PX, end_to_end=True)
    model = read_model_file(exported)
    assert model.network is not None
    assert model.network.end_to_end
    assert_same_boxes(look(exported, paths), predict(weights, paths, nms=False))


def test_masks_are_those_of_the_trainers_prediction(segmenting_weights, real_data, tmp_path):
    paths = list_paths(real_data)
    exported = export_model(segmenting_weights, tmp_path, form="openvino", input_px=INPUT_PX)
    found = look(exported, paths)
    results = predict(segmenting_weights, paths, task="segment", retina_masks=True)
    overlaps = []
    for findings, result in zip(found, results, strict=True):
        masks = [] if result.masks is None else result.masks.data.numpy() > 0
        for finding in findings:
            near = [measure_mask_overlap(finding.geometry, mask) for mask in masks]
            overlaps.append(max(near, default=0.0))
    assert len(overlaps) >= LEAST_BOXES
    assert sum(len(findings) for findings in found) == sum(len(result.boxes) for result in results)
    assert np.mean(np.asarray(overlaps) >= 0.9) >= 0.98


def measure_mask_overlap(geometry, mask):
    whole = np.zeros(mask.shape, dtype=bool)
    rows = slice(geometry.y_px, geometry.y_px + geometry.height_px)
    columns = slice(geometry.x_px, geometry.x_px + geometry.width_px)
    whole[rows, columns] = decode_mask(geometry.rle, width_px=geometry.width_px, height_px=geometry.height_px)
    return float((whole & mask).sum() / max((whole | mask).sum(), 1))
