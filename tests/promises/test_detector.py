"""The promise of a detector, kept alike by every entry of the registry, the fakes included."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier

import numpy as np
import pytest

from detectors import pixels
from detectors.base import LOOKAHEAD, Identity, find_lookahead
from detectors.motion.background import build_background
from detectors.registry import REGISTRY, BuildContext, build_detector
from detectors.runtimes.scripted import ScriptedRuntime
from detectors.yolo.detector import YoloDetector
from schemas.errors import FatalFault
from schemas.finding import Finding, LookedImage, to_bounds
from schemas.result import ModelRef
from tests.support.classifiers import make_rois, write_catalogue
from tests.support.motion import make_bed, make_clip, make_still, put
from tests.support.networks import make_network

COUNT = 2 * LOOKAHEAD + 3

BACKGROUND_KEY = "backgrounds/camera.png"


def make_stills():
    """Return stills of an empty, a bright and an inhabited scene in turn."""
    scenes = [make_bed(seed=1), make_bed(seed=2, light=2.4), put(make_bed(seed=3), (120, 90, 180, 120))]
    return [make_still(scenes[number % 3].copy(), index=number) for number in range(COUNT)]


def make_frames():
    """Return the frames of a clip in which two fish swim."""
    frames = [make_bed(seed=100 + number) for number in range(5)]
    for number in range(COUNT - 5):
        scene = put(make_bed(seed=number), (20 + 9 * number, 60, 60 + 9 * number, 80))
        frames.append(put(scene, (280 - 8 * number, 150, 310 - 8 * number, 166)))
    return make_clip(frames)


@cache
def read_classifier_files():
    """Return the files of a catalogue with one small classifier, by key."""
    with TemporaryDirectory() as folder:
        root = write_catalogue(Path(folder), thresholds=[["Detritus", 0.9]])
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.*")}


def read_bytes(key):
    """Read from an object store that holds one background picture and one classifier."""
    if key.startswith("colours/"):
        return read_classifier_files()[key]
    if key != BACKGROUND_KEY:
        raise FileNotFoundError(key)
    return pixels.encode_png(build_background([make_bed(seed=number) for number in range(5)]))


def build(name, **parameters):
    return build_detector(name, parameters, BuildContext(read_bytes=read_bytes, threads=1))


def build_scripted_yolo():
    """Return the YOLO detector over the fake runtime: one box, whose score follows the picture's brightness."""

    def script(batch):
        table = np.zeros((1, 7, 4), dtype=np.float32)
        table[0, :, 0] = (40, 30, 20, 10, min(float(batch.mean()) / 128, 1.0), 0, 0)
        return (table,)

    network = make_network()
    ref = ModelRef(
        role="fish", name="test", version="1", sha256="0" * 64, task="detect", precision="f32",
        input_px=network.input_px, provenance="user",
    )  # fmt: skip
    return YoloDetector(ScriptedRuntime(network, script), ref)


def build_classifier(runtime):
    return build("roi-classifier", model="colours@1", runtime=runtime, requests=2)


@dataclass(frozen=True)
class Candidate:
    name: str
    build: object
    views: object


CANDIDATES = {
    "scripted": Candidate("scripted", lambda: build("scripted"), make_stills),
    "motion on clips": Candidate("motion", lambda: build("motion"), make_frames),
    "motion on stills": Candidate("motion", lambda: build("motion", background=BACKGROUND_KEY), make_stills),
    "yolo, scripted": Candidate("yolo", build_scripted_yolo, make_stills),
    "classifier, openvino": Candidate("roi-classifier", lambda: build_classifier("openvino"), lambda: make_rois(COUNT)),
    "classifier, onnx runtime": Candidate(
        "roi-classifier", lambda: build_classifier("onnxruntime"), lambda: make_rois(COUNT)
    ),
    "particles": Candidate("particles", lambda: build("particles"), lambda: make_rois(COUNT)),
    "yolo, demonstration": Candidate("yolo", lambda: build("yolo", model="demo-aquarium@1", conf=0.05), make_stills),
}


@pytest.fixture(scope="module", params=CANDIDATES)
def candidate(request):
    return CANDIDATES[request.param]


@pytest.fixture(scope="module")
def detector(candidate):
    built = candidate.build()
    yield built
    getattr(built, "close", lambda: None)()


def test_every_entry_of_the_registry_is_in_this_suite():
    assert {candidate.name for candidate in CANDIDATES.values()} == set(REGISTRY)


def test_each_view_is_answered_once_and_in_order(candidate, detector):
    answers = list(detector.look(candidate.views()))
    assert len(answers) == COUNT
    assert all(isinstance(answer, tuple) and all(isinstance(item, Finding) for item in answer) for answer in answers)


def test_a_still_is_answered_as_if_no_other_were_looked_at_with_it(candidate, detector):
    views = list(candidate.views())
    if views[0].image.kind == "frame":
        pytest.skip("the frames of a clip belong together")
    alone = [answer for view in views for answer in detector.look([view])]
    assert list(detector.look(views)) == alone


def test_something_is_found_and_something_is_answered_with_nothing(candidate, detector):
    answers = list(detector.look(candidate.views()))
    if candidate.name in {"roi-classifier", "particles"}:
        assert all(len(answer) == 1 for answer in answers)  # every image is named, if only as unidentified
    elif candidate.name != "yolo":  # a poor model may see nothing here, and one script sees something in all
        assert any(answers)
        assert not all(answers)


def test_no_views_give_no_answers(detector):
    assert list(detector.look(iter(()))) == []


def test_findings_are_numbered_and_fit_a_document(candidate, detector):
    for view, findings in zip(candidate.views(), detector.look(candidate.views()), strict=True):
        entry = LookedImage(image=view.image, findings=findings)
        assert LookedImage.from_json(entry.to_canonical()) == entry


def test_findings_lie_in_the_picture(candidate, detector):
    for view, findings in zip(candidate.views(), detector.look(candidate.views()), strict=True):
        for finding in findings:
            left, top, right, bottom = to_bounds(finding.geometry)
            assert 0 <= left <= right <= view.image.width_px
            assert 0 <= top <= bottom <= view.image.height_px


def test_pixels_are_not_written_to(candidate, detector):
    views = candidate.views()
    before = [view.pixels.copy() for view in views]
    for view in views:
        view.pixels.setflags(write=False)
    list(detector.look(views))
    assert all(np.array_equal(view.pixels, kept) for view, kept in zip(views, before, strict=True))


def test_pixels_are_not_needed_once_enough_further_views_were_drawn(candidate, detector):
    expected = list(detector.look(candidate.views()))
    drawn = []

    def lend():
        for view in candidate.views():
            drawn.append(view)
            held = find_lookahead(view.image)
            if len(drawn) > held:
                drawn[-held - 1].pixels[...] = 255  # the slot is used for another picture
            yield view

    assert list(detector.look(lend())) == expected


def test_the_same_views_give_the_same_findings(candidate, detector):
    assert list(detector.look(candidate.views())) == list(detector.look(candidate.views()))


def test_another_build_gives_the_same_findings(candidate, detector):
    other = candidate.build()
    assert list(other.look(candidate.views())) == list(detector.look(candidate.views()))
    assert other.identity == detector.identity
    getattr(other, "close", lambda: None)()


def test_no_more_views_are_drawn_ahead_than_allowed(candidate, detector):
    answered = 0
    furthest = 0

    def draw():
        nonlocal furthest
        for number, view in enumerate(candidate.views(), start=1):
            furthest = max(furthest, number - answered)
            assert number - answered <= find_lookahead(view.image)
            yield view

    for _ in detector.look(draw()):
        answered += 1
    assert answered == COUNT
    assert furthest >= 1


def test_two_units_at_once_do_not_disturb_each_other(candidate, detector):
    expected = list(detector.look(candidate.views()))
    together = Barrier(2)

    def look():
        together.wait(timeout=30)
        return list(detector.look(candidate.views()))

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(look), pool.submit(look)
        assert first.result() == second.result() == expected


def test_a_unit_given_up_half_way_leaves_the_detector_usable(candidate, detector):
    looking = detector.look(candidate.views())
    next(looking)
    looking.close()
    assert len(list(detector.look(candidate.views()))) == COUNT


def test_the_identity_is_stable_and_has_one_digest(candidate, detector):
    assert isinstance(detector.identity, Identity)
    first, second = (detector.identity.to_observer(reader="still/1") for _ in range(2))
    assert first == second
    assert first.to_digest() == candidate.build().identity.to_observer(reader="still/1").to_digest()
    assert hash(first) == hash(second)


def test_findings_say_which_part_of_the_observer_made_them(candidate, detector):
    roles = {model.role for model in detector.identity.models} or {"method"}
    answers = detector.look(candidate.views())
    assert {finding.by for findings in answers for finding in findings} <= roles


def test_a_unit_is_declined_with_a_code_or_looked_at(detector):
    for kind in ("still", "clip", "run", "orthophoto"):
        policy = detector.decline(kind)
        assert policy is None or policy.replace("_", "").isalnum()


# --- the registry itself ---


def test_an_unknown_detector_is_named_with_those_there_are():
    with pytest.raises(FatalFault, match="'motoin'; there are motion, particles, roi-classifier, scripted, yolo"):
        build("motoin")


def test_every_wrong_parameter_is_named_at_once():
    with pytest.raises(FatalFault) as caught:
        build("motion", contrats=5, work_px=-1, most_share="half")
    assert all(name in caught.value.sentence for name in ("contrats", "work_px", "most_share"))


def test_a_background_that_is_not_there_is_fatal():
    with pytest.raises(FatalFault, match=r"no background picture backgrounds/other\.png"):
        build("motion", background="backgrounds/other.png")


def test_a_background_that_is_no_picture_is_fatal():
    context = BuildContext(read_bytes=lambda _: b"not a picture")
    with pytest.raises(FatalFault, match="cannot be used"):
        build_detector("motion", {"background": BACKGROUND_KEY}, context)


@pytest.mark.parametrize("name", ["yolo", "roi-classifier"])
def test_a_model_that_is_not_there_is_fatal(name):
    with pytest.raises(FatalFault, match="nowhere@1"):
        build(name, model="nowhere@1")
