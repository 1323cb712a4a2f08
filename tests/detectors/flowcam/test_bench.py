"""The measure of the classifier's speed counts what it says it counts."""

from __future__ import annotations

from detectors.flowcam.bench import make_images, measure_classifier
from detectors.flowcam.open import RoiOptions
from tests.support.classifiers import open_colours


def test_every_image_of_every_round_is_named_and_timed(tmp_path):
    images = make_images(60)
    rate = measure_classifier(open_colours(tmp_path), images, rounds=3, options=RoiOptions(requests=2, threads=1))
    assert rate.images == 180
    assert 0 < rate.seconds < 60
    assert rate.per_second == rate.images / rate.seconds


def test_images_are_of_many_sizes_and_always_the_same():
    images, again = make_images(100), make_images(100)
    assert all((one == other).all() for one, other in zip(images, again, strict=True))
    assert len({image.shape for image in images}) > 50
    assert max(max(image.shape) for image in images) > 60
