"""Pictures to learn from: a folder a class, and the run each comes from."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import pixels
from detectors.flowcam.preprocessing import Preprocessing
from detectors.models.classifiers.learning.pictures import (
    PictureFiles,
    PreparedFiles,
    choose_distinct,
    count_pictures,
    find_pictures,
    read_run_table,
)
from schemas.errors import FatalFault

UUID = "00A984FB-09CD-4CC6-8F63-1EDC45749BBD"


def write_pictures(root, names):
    """Write a picture under each name (``class/file``), every one of another content."""
    for number, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels.write_picture(path, np.full((4, 5, 3), number, dtype=np.uint8))
    return root


def find_runs(root, **told):
    """Return the run of each file's name."""
    return {picture.path.name: picture.run for picture in find_pictures(root, **told).pictures}


@pytest.mark.parametrize(
    ("stem", "run"),
    [
        (f"7-Pygsuia-day5_replicate3_{UUID}", "7-Pygsuia-day5_replicate3"),
        ("D20240408T120000_IFCB107_00012", "D20240408T120000_IFCB107"),
        ("tow_3_roi_17", "tow_3"),
    ],
)
def test_names_as_instruments_write_them_tell_their_run(tmp_path, stem, run):
    write_pictures(tmp_path, [f"a/{stem}.png", "b/other_1.png"])
    assert find_runs(tmp_path)[f"{stem}.png"] == run


def test_classes_are_the_folders_in_alphabetical_order_and_other_files_are_left_out(tmp_path):
    write_pictures(tmp_path, ["b/r_1.png", "a/r_2.png", "a/r_3.png"])
    (tmp_path / "a" / "notes.txt").write_text("no picture", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    found = find_pictures(tmp_path)
    assert (found.labels, found.left_out, found.runs) == (("a", "b"), 1, ("r",))
    assert count_pictures(found.pictures, found.labels) == {"a": 2, "b": 1}


def test_a_rule_of_ones_own_tells_the_run(tmp_path):
    write_pictures(tmp_path, ["a/x-0001.png", "b/y-0002.png"])
    assert find_runs(tmp_path, rule="(?P<run>[a-z])-[0-9]+") == {"x-0001.png": "x", "y-0002.png": "y"}


def test_a_table_goes_before_names_by_path_or_by_name(tmp_path):
    write_pictures(tmp_path / "set", ["a/r_1.png", "b/r_2.png", "b/r_3.png"])
    table = tmp_path / "runs.csv"
    table.write_text("file,run\na/r_1.png,one\nr_2.png,two\n", encoding="utf-8-sig")
    assert find_runs(tmp_path / "set", table=table) == {"r_1.png": "one", "r_2.png": "two", "r_3.png": "r"}


@pytest.mark.parametrize("text", ["file\na.png\n", "file,run\na.png,\n", "file,run\na.png,1\na.png,2\n"])
def test_a_table_that_leaves_a_run_open_is_refused(tmp_path, text):
    (tmp_path / "runs.csv").write_text(text, encoding="utf-8")
    with pytest.raises(FatalFault, match=r"needs a file and one run in every row; wrong at a\.png"):
        read_run_table(tmp_path / "runs.csv")


def test_pictures_whose_run_cannot_be_told_are_refused_with_a_way_out(tmp_path):
    write_pictures(tmp_path, ["a/r_1.png", "b/holiday.png"])
    with pytest.raises(FatalFault, match=r"run of 1 of 2 pictures .*holiday\.png.*Give a rule") as caught:
        find_pictures(tmp_path)
    assert str(tmp_path) not in caught.value.sentence


@pytest.mark.parametrize(("rule", "sentence"), [("(", "no regular expression"), ("(.+)_.+", "a group named run")])
def test_a_rule_that_cannot_be_used_is_refused(tmp_path, rule, sentence):
    write_pictures(tmp_path, ["a/r_1.png", "b/r_2.png"])
    with pytest.raises(FatalFault, match=sentence):
        find_pictures(tmp_path, rule=rule)


def test_one_class_is_nothing_to_tell_apart(tmp_path):
    with pytest.raises(FatalFault, match="pictures of 1"):
        find_pictures(write_pictures(tmp_path, ["a/r_1.png"]))
    with pytest.raises(FatalFault, match="There is no folder absent"):
        find_pictures(tmp_path / "absent")


def test_equal_contents_are_kept_once_and_contradicting_ones_not_at_all(tmp_path):
    write_pictures(tmp_path, ["a/r_1.png", "a/r_2.png", "b/r_3.png", "b/r_4.png"])
    (tmp_path / "a/r_5.png").write_bytes((tmp_path / "a/r_1.png").read_bytes())
    (tmp_path / "b/r_6.png").write_bytes((tmp_path / "a/r_2.png").read_bytes())
    kept = choose_distinct(find_pictures(tmp_path).pictures)
    assert [picture.path.name for picture in kept] == ["r_1.png", "r_3.png", "r_4.png"]


def test_pixels_are_read_when_they_are_asked_for_and_not_before(tmp_path):
    write_pictures(tmp_path, ["a/r_1.png", "a/r_2.png", "b/r_3.png"])
    files = PictureFiles(choose_distinct(find_pictures(tmp_path).pictures))
    (tmp_path / "b/r_3.png").unlink()
    assert [int(picture[0, 0, 0]) for picture in files[:2]] == [0, 1]
    assert (len(files), int(files[1][0, 0, 0])) == (3, 1)
    with pytest.raises(FatalFault, match=r"b/r_3\.png cannot be read"):
        files[2]
    small = Preprocessing(input_px=(8, 8), colours="grey", padding=9)
    assert PreparedFiles(files, small)[1:2][0, :, 3, 0].tolist() == [9, 9, 1, 1, 1, 1, 9, 9]


def test_a_picture_that_cannot_be_read_is_named(tmp_path):
    write_pictures(tmp_path, ["a/r_1.png", "b/r_2.png"])
    (tmp_path / "b/r_2.png").write_bytes(b"cut")
    with pytest.raises(FatalFault, match=r"The picture b/r_2\.png cannot be read"):
        choose_distinct(find_pictures(tmp_path).pictures)
