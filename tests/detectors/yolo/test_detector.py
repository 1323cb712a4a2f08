"""What the YOLO detector says of pictures, with a scripted network behind it."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from detectors.base import LOOKAHEAD, View
from detectors.runtimes.base import make_ready
from detectors.runtimes.scripted import ScriptedRuntime
from detectors.yolo.detector import YoloDetector
from detectors.yolo.parameters import YoloParameters
from schemas.errors import FatalFault
from schemas.finding import Image
from schemas.forms.runlength import decode_mask
from schemas.geometry import Box, Mask, Whole, WholePart
from schemas.result import ModelRef
from tests.support.networks import LABELS, make_network


def make_view(height_px=128, width_px=192, *, index=0, value=0):
    image = Image(index=index, kind="still", width_px=width_px, height_px=height_px, place=WholePart(part="still"))
    return View(image=image, pixels=np.full((height_px, width_px, 3), value, dtype=np.uint8))


def make_ref(network):
    return ModelRef(
        role="fish", name="test", version="1", sha256="0" * 64, task=network.task, precision="f32",
        input_px=network.input_px, provenance="user",
    )  # fmt: skip


def make_detector(script, *, parameters=None, **network):
    described = make_network(**network)
    return YoloDetector(ScriptedRuntime(described, script), make_ref(described), parameters)


def answer_boxes(*candidates):
    table = np.zeros((1, 7, 10), dtype=np.float32)
    for column, candidate in enumerate(candidates):
        table[0, :, column] = candidate
    return lambda batch: (table,)


def test_boxes_are_in_the_pixels_of_the_picture():
    # 192 x 128 goes into 96 x 64: half the size, no bars
    detector = make_detector(answer_boxes((40, 30, 20, 10, 0, 0.9, 0)))
    (findings,) = detector.look([make_view()])
    assert [(finding.by, finding.label, finding.score) for finding in findings] == [("fish", "Diver", 0.9)]
    assert findings[0].geometry == Box(xyxy=(60, 50, 100, 70))


def test_a_picture_in_which_nothing_is_seen_is_answered_with_nothing():
    assert list(make_detector(answer_boxes()).look([make_view(), make_view()])) == [(), ()]


def test_a_box_in_the_grey_bars_is_not_in_the_picture():
    # 64 x 192 lies between bars 16 pixels high
    detector = make_detector(answer_boxes((40, 7, 20, 10, 0.9, 0, 0), (40, 15, 20, 10, 0.8, 0, 0)))
    (findings,) = detector.look([make_view(64, 192)])
    assert [finding.geometry for finding in findings] == [Box(xyxy=(60, 0, 100, 8))]


def test_findings_are_numbered_from_the_top_and_not_by_score():
    detector = make_detector(answer_boxes((40, 50, 20, 10, 0.9, 0, 0), (40, 10, 20, 10, 0.5, 0, 0)))
    (findings,) = detector.look([make_view()])
    assert [(finding.n, finding.score) for finding in findings] == [(0, 0.5), (1, 0.9)]


def test_answers_come_in_the_order_of_the_pictures_whatever_is_ready_first():
    def by_brightness(batch):
        table = np.zeros((1, 7, 4), dtype=np.float32)
        table[0, :, 0] = (48, 32, 2 + batch[0, 32, 48, 0], 10, 0.9, 0, 0)
        return (table,)

    detector = make_detector(by_brightness)
    found = list(detector.look(make_view(index=place, value=place) for place in range(20)))
    widths = [findings[0].geometry.xyxy[2] - findings[0].geometry.xyxy[0] for findings in found]
    assert widths == [2 * (2 + place) for place in range(20)]


def test_no_more_views_are_drawn_ahead_than_the_promise_allows():
    drawn = []

    def views():
        for place in range(20):
            drawn.append(place)
            yield make_view(index=place)

    answers = make_detector(answer_boxes()).look(views())
    next(answers)
    assert len(drawn) == LOOKAHEAD
    next(answers)
    assert len(drawn) == LOOKAHEAD + 1


def test_a_view_may_be_overwritten_once_the_next_is_drawn():
    shared = np.zeros((64, 96, 3), dtype=np.uint8)
    runtime = ScriptedRuntime(make_network(), answer_boxes())

    def views():
        for place in range(4):
            shared[...] = place
            yield View(image=make_view(64, 96, index=place).image, pixels=shared)

    list(YoloDetector(runtime, make_ref(runtime.network)).look(views()))
    assert [int(batch.max()) for batch in runtime.seen] == [0, 1, 2, 3]


def test_several_pictures_are_in_the_network_at_once():
    class Waiting(ScriptedRuntime):
        gate = threading.Barrier(LOOKAHEAD, timeout=30)

        def start(self, batch):
            from concurrent.futures import Future

            answer = Future()

            def run():
                self.gate.wait()
                answer.set_result(self.script(batch))

            threading.Thread(target=run).start()
            return answer

    network = make_network()
    detector = YoloDetector(Waiting(network, answer_boxes()), make_ref(network))
    assert len(list(detector.look(make_view(index=place) for place in range(LOOKAHEAD)))) == LOOKAHEAD


def test_a_fault_of_the_network_stops_the_detector():
    def fail(batch):
        message = "The model is gone."
        raise FatalFault(message)

    with pytest.raises(FatalFault, match="gone"):
        list(make_detector(fail).look([make_view()]))


def test_masks_are_cut_to_their_box_in_the_picture():
    # one prototype, positive in the left half of the input; the box covers its middle
    prototypes = np.full((1, 1, 16, 24), -1, dtype=np.float32)
    prototypes[..., :12] = 1
    table = np.zeros((1, 8, 4), dtype=np.float32)
    table[0, :, 0] = (48, 32, 40, 20, 0.9, 0, 0, 1)
    (findings,) = make_detector(lambda batch: (table, prototypes), task="segment").look([make_view()])
    geometry = findings[0].geometry
    assert isinstance(geometry, Mask)
    assert (geometry.x_px, geometry.y_px, geometry.width_px, geometry.height_px) == (56, 44, 80, 40)
    mask = decode_mask(geometry.rle, width_px=80, height_px=40)
    assert mask[:, :40].all()
    assert not mask[:, 40:].any()


def test_a_segment_without_a_pixel_is_no_finding():
    prototypes = np.full((1, 1, 16, 24), -1, dtype=np.float32)
    table = np.zeros((1, 8, 4), dtype=np.float32)
    table[0, :, 0] = (48, 32, 40, 20, 0.9, 0, 0, 1)
    assert list(make_detector(lambda batch: (table, prototypes), task="segment").look([make_view()])) == [()]


def test_a_classifier_names_the_whole_picture_and_what_it_might_be_instead():
    shares = np.asarray([[0.2, 0.1, 0.7]], dtype=np.float32)
    parameters = YoloParameters(top_k=2)
    (findings,) = make_detector(lambda batch: (shares,), task="classify", parameters=parameters).look([make_view()])
    (finding,) = findings
    assert (finding.label, finding.score, finding.geometry) == (LABELS[2], 0.7, Whole())
    assert [(other.label, other.score) for other in finding.alternatives] == [(LABELS[0], 0.2)]


def test_identity_holds_only_parameters_that_can_change_answers():
    def names(**network):
        detector = make_detector(answer_boxes(), parameters=YoloParameters(top_k=3), **network)
        return sorted(detector.identity.parameters)

    assert names() == ["conf", "iou", "labels", "max_det"]
    assert names(end_to_end=True) == ["conf", "labels", "max_det"]
    assert names(task="classify") == ["labels", "top_k"]


def test_other_class_names_are_another_observer():
    def digest(labels):
        return make_detector(answer_boxes(), labels=labels).identity.to_observer(reader="still/1").to_digest()

    assert digest(("a", "b", "c")) != digest(("a", "b", "d"))


def test_the_order_in_which_classes_are_asked_for_changes_nothing():
    def digest(classes):
        detector = make_detector(answer_boxes(), parameters=YoloParameters(classes=classes))
        return detector.identity.to_observer(reader="still/1").to_digest()

    assert digest(("Diver", "Mújol")) == digest(("Mújol", "Diver"))


def test_thresholds_that_are_one_identity_are_one_number():
    # a 32-bit 0.1, as a slider gives it, and the 0.1 of a settings file
    slider, written = YoloParameters(conf=float(np.float32(0.1))), YoloParameters(conf=0.1)
    assert slider.conf == written.conf == 0.1


def test_a_class_the_network_does_not_know_is_refused_before_the_first_picture():
    with pytest.raises(FatalFault, match="no class Divers"):
        make_detector(answer_boxes(), parameters=YoloParameters(classes=("Divers",)))


def test_an_answer_that_is_ready_is_returned_at_once():
    assert make_ready((np.zeros(3, dtype=np.float32),)).done()
