"""What the classifier of whole images says, with a scripted network behind it, and with both runtimes."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.base import ROI_LOOKAHEAD
from detectors.flowcam.detector import BATCH, RoiClassifier
from detectors.flowcam.open import RoiOptions, open_classifier
from detectors.flowcam.parameters import RoiParameters
from detectors.flowcam.preprocessing import Preprocessing
from detectors.runtimes.metadata import Network
from detectors.runtimes.scripted import ScriptedRuntime
from schemas.errors import FatalFault
from schemas.finding import UNIDENTIFIED, Alternative, Finding, LookedImage
from schemas.geometry import Whole
from schemas.result import ModelRef
from tests.support.classifiers import make_roi, make_rois, open_colours

LABELS = ("copepod", "diatom", "bubble")
PREPROCESSING = Preprocessing(input_px=(32, 32))
REF = ModelRef(
    role="plankton", name="test", version="1", sha256="0" * 64, task="classify", precision="f32", input_px=(32, 32),
    provenance="user",
)  # fmt: skip


def make_detector(shares, *, preprocessing=PREPROCESSING, **said):
    def script(batch):
        return (np.repeat(np.asarray([shares], dtype=np.float32), len(batch), axis=0),)

    network = Network("classify", LABELS, (32, 32), end_to_end=False, scaling=preprocessing.scaling)
    return RoiClassifier(ScriptedRuntime(network, script), REF, preprocessing, **said)


def say(detector) -> Finding:
    ((finding,),) = detector.look([make_roi((90, 90, 90))])
    return finding


def test_the_whole_image_is_named_with_the_next_classes_as_alternatives():
    finding = say(make_detector((0.2, 0.7, 0.1)))
    assert (finding.label, finding.score, finding.by, finding.geometry) == ("diatom", 0.7, "plankton", Whole())
    assert [(item.label, item.score) for item in finding.alternatives] == [("copepod", 0.2), ("bubble", 0.1)]
    assert finding.flags == ()


def test_as_many_labels_are_held_as_asked():
    finding = say(make_detector((0.2, 0.7, 0.1), parameters=RoiParameters(top_k=2)))
    assert len(finding.alternatives) == 1


def test_an_image_that_no_class_claims_is_unidentified_and_still_a_finding():
    finding = say(make_detector((0.2, 0.7, 0.1), thresholds={"diatom": 0.8}))
    assert (finding.label, finding.flags, finding.score) == (UNIDENTIFIED, (UNIDENTIFIED,), None)
    assert finding.alternatives[0] == Alternative(label="diatom", score=0.7)


def test_a_score_at_its_threshold_is_believed_as_it_is_written_down():
    assert say(make_detector((0.2, 0.70004, 0.09996), thresholds={"diatom": 0.7})).label == "diatom"
    assert say(make_detector((0.2, 0.69994, 0.10006), thresholds={"diatom": 0.7})).label == UNIDENTIFIED


@pytest.mark.parametrize(
    ("parameters", "label"),
    [
        ({}, UNIDENTIFIED),  # the card's 0.8
        ({"min_score": 0.6}, "diatom"),
        ({"thresholds": {"diatom": 0.6}}, "diatom"),
        ({"min_score": 0.9, "thresholds": {"diatom": 0.6}}, "diatom"),
        ({"min_score": 0.1, "thresholds": {"diatom": 0.71}}, UNIDENTIFIED),
        ({"thresholds": {"copepod": 0.99}}, UNIDENTIFIED),
    ],
)
def test_a_setting_goes_before_the_card(parameters, label):
    detector = make_detector((0.2, 0.7, 0.1), parameters=RoiParameters(**parameters), thresholds={"diatom": 0.8})
    assert say(detector).label == label


def test_a_threshold_of_an_unknown_class_is_refused():
    with pytest.raises(FatalFault, match="no class daitom; it has copepod, diatom, bubble"):
        make_detector((1, 0, 0), parameters=RoiParameters(thresholds={"daitom": 0.5}))


def test_equal_scores_are_named_in_the_order_of_the_classes():
    finding = say(make_detector((0.33331, 0.33333, 0.33334)))
    assert [finding.label, *(item.label for item in finding.alternatives)] == list(LABELS)


def test_every_result_holds_the_believed_ids_of_the_models_classes_whatever_its_folder_says(tmp_path):
    detectors = [
        open_classifier(open_colours(tmp_path / name, ids=ids))
        for name, ids in {
            "stated": ("148985", "Detritus", "1"),
            "none": None,
            "others": ("148985", "1", "840626"),
        }.items()
    ]
    stated = detectors[0].identity.parameters["aphia_ids"]
    assert stated == {"Chaetoceros": 148985, "Tripos_fusus": 840626}
    assert [detector.identity.parameters.get("aphia_ids") for detector in detectors[1:]] == [stated, stated]


def test_a_model_without_ids_says_none():
    assert "aphia_ids" not in make_detector((1, 0, 0)).identity.parameters


def test_logits_are_turned_into_shares():
    preprocessing = PREPROCESSING.model_copy(update={"answers": "logits"})
    finding = say(make_detector((0.0, 100.0, 0.0), preprocessing=preprocessing))
    assert (finding.label, finding.score) == ("diatom", 1.0)


@pytest.mark.parametrize(
    ("shares", "sentence"),
    [
        ((0.5, 0.5), "3 classes"),
        ((0.5, 0.2, 0.2, 0.1), "3 classes"),
        ((float("nan"), 0.5, 0.5), "finite"),
        ((4.0, -2.0, 1.0), "do not sum to 1|no shares"),
        ((1.5, -0.5, 0.0), "no shares"),
    ],
)
def test_answers_that_are_no_shares_are_fatal(shares, sentence):
    with pytest.raises(FatalFault, match=sentence):
        say(make_detector(shares))


def test_several_images_share_a_call_and_none_is_drawn_too_early():
    detector = make_detector((0.2, 0.7, 0.1))
    drawn = answered = 0

    def draw():
        nonlocal drawn
        for view in make_rois(3 * ROI_LOOKAHEAD + 1):
            drawn += 1
            assert drawn - answered <= ROI_LOOKAHEAD
            yield view

    for _ in detector.look(draw()):
        answered += 1
    assert answered == 3 * ROI_LOOKAHEAD + 1
    assert [len(batch) for batch in detector._runtime.seen] == [BATCH] * (3 * ROI_LOOKAHEAD // BATCH) + [1]


def test_identity_changes_with_whatever_changes_an_answer():
    def digest(**changed):
        return make_detector((1, 0, 0), **changed).identity.to_observer(reader="roi/1").to_digest()

    others = [
        digest(parameters=RoiParameters(top_k=2)),
        digest(thresholds={"diatom": 0.5}),
        digest(aphia_ids={"diatom": 148899}),
        digest(preprocessing=PREPROCESSING.model_copy(update={"padding": 3})),
    ]
    assert len({digest(), *others}) == 5
    assert digest(parameters=RoiParameters(min_score=0.0)) == digest()


# --- with both runtimes: scores must not depend on the neighbours in a call ---

RUNTIMES = ("openvino", "onnxruntime")


@pytest.fixture(scope="module", params=RUNTIMES)
def colours(request, tmp_path_factory):
    options = RoiOptions(runtime=request.param, requests=2, threads=2)
    detector = open_classifier(open_colours(tmp_path_factory.mktemp("model")), options=options)
    yield detector
    detector.close()


def test_documents_are_equal_whatever_the_neighbours(colours):
    views = make_rois(29)
    together = list(colours.look(views))
    for size in (1, 2, 3, BATCH, ROI_LOOKAHEAD):
        parts = [colours.look(views[place : place + size]) for place in range(0, len(views), size)]
        assert [findings for part in parts for findings in part] == together
    backwards = list(colours.look(reversed(views)))
    assert backwards[::-1] == together


def test_both_runtimes_write_the_same_document(tmp_path):
    views, written = make_rois(40, seed=3), []
    for runtime in RUNTIMES:
        detector = open_classifier(open_colours(tmp_path), options=RoiOptions(runtime=runtime, requests=1, threads=1))
        answers = zip(views, detector.look(views), strict=True)
        written.append([LookedImage(image=view.image, findings=found).to_canonical() for view, found in answers])
        detector.close()
    assert written[0] == written[1]


def test_the_colours_are_named(colours):
    views = [make_roi((200, 100, 100)), make_roi((100, 200, 100)), make_roi((100, 100, 200))]
    assert [findings[0].label for findings in colours.look(views)] == ["Chaetoceros", "Detritus", "Tripos_fusus"]
