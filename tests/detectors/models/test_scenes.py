"""Generated scenes: truth for pretraining, demonstrations and tests."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.models.animals import KINDS, draw_animal
from detectors.models.dataset import read_picture_set, write_scenes
from detectors.models.scenes import make_scene


def test_one_seed_gives_one_scene():
    first, again, other = (make_scene(seed, width_px=96, height_px=64) for seed in (3, 3, 4))
    assert np.array_equal(first.picture, again.picture)
    assert first.labels == again.labels
    assert not np.array_equal(first.picture, other.picture)


def test_boxes_lie_inside_the_picture_and_are_not_tiny():
    for seed in range(30):
        scene = make_scene(seed, width_px=160, height_px=120)
        assert scene.picture.shape == (120, 160, 3)
        assert len(scene.labels) == len(scene.boxes)
        assert (scene.boxes >= 0).all()
        assert (scene.boxes[:, [0, 2]] <= 160).all()
        assert (scene.boxes[:, [1, 3]] <= 120).all()
        assert ((scene.boxes[:, 2:] - scene.boxes[:, :2]) >= 5).all()


def test_some_scenes_are_empty_and_all_kinds_appear():
    scenes = [make_scene(seed, width_px=64, height_px=64) for seed in range(120)]
    assert any(not scene.labels for scene in scenes)
    assert {label for scene in scenes for label in scene.labels} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_box_of_an_animal_holds_all_its_pixels_and_not_much_more(kind):
    for seed in range(8):
        canvas = np.full((200, 200, 3), 128, dtype=np.float32)
        random = np.random.default_rng(seed)
        box = draw_animal(canvas, kind=kind, look=seed, centre=(100, 100), length_px=90, random=random)
        rows, columns = np.nonzero(np.abs(canvas - 128).max(axis=2) > 1)
        assert columns.min() >= box[0] - 2.5
        assert rows.min() >= box[1] - 2.5
        assert columns.max() + 1 <= box[2] + 2.5
        assert rows.max() + 1 <= box[3] + 2.5
        assert box[2] - box[0] <= (columns.max() + 1 - columns.min()) * 1.25 + 4


def test_scenes_become_a_picture_set_with_its_truth(tmp_path):
    told = []
    listing = write_scenes(
        tmp_path, count=10, side_px=64, seed=0, labels=KINDS, progress=lambda done, of: told.append((done, of))
    )
    assert told[-1] == (10, 10)
    assert "held_out" in listing.read_text(encoding="utf-8")
    for part in ("images", "labels"):
        (tmp_path / part / "learned").rename(tmp_path / "moved")
        for path in (tmp_path / "moved").iterdir():
            path.rename(tmp_path / part / path.name)
    pictures = read_picture_set(tmp_path)
    scene = make_scene(1, width_px=64, height_px=64)
    truth = pictures.read_truth("scene_000001.jpg")
    assert truth.boxes * 64 == pytest.approx(scene.boxes, abs=1e-3)
    assert [KINDS[index] for index in truth.classes] == list(scene.labels)
