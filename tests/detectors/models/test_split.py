"""Splitting by capture block."""

from __future__ import annotations

import pytest

from detectors.models.dataset import read_picture_set
from detectors.models.split import group_blocks, split_blocks


def test_neighbouring_numbers_are_one_block_and_a_jump_begins_another():
    names = ["IMG_2274.jpg", "IMG_2289.jpg", "IMG_2305.jpg"]
    assert group_blocks(names) == (("IMG_2274.jpg", "IMG_2289.jpg"), ("IMG_2305.jpg",))


def test_frames_of_one_clip_stay_together():
    names = ["IMG_8497_MOV-0_jpg.jpg", "IMG_8497_MOV-5_jpg.jpg", "IMG_9000.jpg"]
    assert len(group_blocks(names)[0]) == 2


def test_cameras_with_the_same_numbers_are_different_blocks():
    assert len(group_blocks(["left_100.jpg", "right_100.jpg"])) == 2


def test_pictures_without_a_number_are_blocks_of_their_own():
    assert len(group_blocks(["reef.jpg", "wreck.jpg"])) == 2


def test_order_of_the_names_changes_nothing():
    names = [f"a_{number}.jpg" for number in (900, 100, 101, 901, 500)]
    assert group_blocks(names) == group_blocks(sorted(names))


def test_no_block_is_on_both_sides_and_none_is_lost():
    names = [f"c_{100 * block + place:05d}.jpg" for block in range(1, 13) for place in range(5)]
    classes = {name: [block % 3] for block, name in enumerate(names)}
    split = split_blocks(names, classes)
    assert sorted([*split.learned, *split.held_out]) == names
    for block in split.blocks:
        assert len({name in split.held_out for name in block}) == 1
    assert 0.1 <= len(split.held_out) / len(names) <= 0.3


def test_one_block_cannot_be_split():
    with pytest.raises(ValueError, match="one capture block"):
        split_blocks(["a_100.jpg", "a_101.jpg"], {})


def test_the_aquarium_pictures_are_split_with_every_class_on_both_sides(real_data):
    pictures = read_picture_set(real_data / "fish" / "aquarium")
    classes = pictures.read_classes()
    split = split_blocks(pictures.names, classes)
    assert (len(split.learned), len(split.held_out)) == (226, 74)
    held_out = {index for name in split.held_out for index in classes[name]}
    learned = {index for name in split.learned for index in classes[name]}
    assert held_out == learned == set(range(7))
