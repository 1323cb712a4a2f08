"""Run folders as they should not be: refused with a reason, read without the spoilt particles, or read as if nothing were."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pytest

from schemas.errors import RejectedInput
from streams.demo.flowcam.run import COLUMNS
from tests.support.media import encode
from tests.support.runs import (
    TWO_COLLAGES,
    cut,
    edit_field,
    edit_rows,
    list_path,
    make_picture,
    read,
    replace_text,
    survey,
    write_small_run,
)

COUNT = len(COLUMNS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the folder of a run in two collages, to be copied, and its truth."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, write_small_run(folder, particles=TWO_COLLAGES, edges=True)


@pytest.fixture
def folder(whole, tmp_path):
    """Return a copy of the run."""
    return shutil.copytree(whole[0], tmp_path / "run")


def remove(pattern):
    def spoil(folder):
        paths = list(folder.glob(pattern))
        assert paths
        for path in paths:
            path.unlink()

    return spoil


def overwrite(name, data):
    return lambda folder: (folder / name).write_bytes(data)


def recode(name, codec):
    """Return what saves a text file in another encoding."""
    return lambda folder: (folder / name).write_bytes((folder / name).read_text().encode(codec))


def recount(count):
    """Return what writes another number of columns into the header."""
    return lambda folder: replace_text(list_path(folder), f"num-fields|{COUNT}\n", f"num-fields|{count}\n")


def rename_column(name, new):
    return lambda folder: replace_text(list_path(folder), f"\n{name}|", f"\n{new}|")


def change_rows(change):
    return lambda folder: edit_rows(folder, lambda rows, _: change(rows))


def change_field(column, value, index=5):
    return lambda folder: edit_field(folder, index, column, value)


#: What is done to the run -> reason, and what the sentence must say.
REFUSED = {
    "no collage": (remove("*.tif"), "no_collage", "collage.1 (run_000001.tif) is not there"),
    "second collage missing": (remove("run_000002.tif"), "missing_collage", "collage.2 (run_000002.tif) is not there"),
    "second collage cut": (
        lambda folder: cut(folder / "run_000002.tif"),
        "unfinished_collage",
        "(run_000002.tif) is not whole",
    ),
    "second collage empty": (overwrite("run_000002.tif", b""), "unfinished_collage", "(run_000002.tif) is not whole"),
    "list missing": (remove("run.lst"), "no_list", "list is not there"),
    "list empty": (overwrite("run.lst", b""), "no_list", "list is not there"),
    "list cut in a row": (lambda folder: cut(list_path(folder)), "list_cut", "(run.lst) ends in the middle of a row"),
    "list cut in its header": (lambda folder: cut(list_path(folder), 300), "list_cut", "(run.lst) ends in the middle"),
    "header counts one column too many": (recount(COUNT + 1), "wrong_header_count", f"{COUNT + 1} columns"),
    "header counts one column too few": (recount(COUNT - 1), "wrong_header_count", "more columns than"),
    "header counts no column": (recount(0), "wrong_header_count", "0 columns"),
    "header counts a million columns": (recount(999_999), "wrong_header_count", "999999 columns"),
    "every row one field too long": (
        change_rows(lambda rows: [[*row, "1"] for row in rows]),
        "wrong_header_count",
        f"has {COUNT} columns; its first row has {COUNT + 1}",
    ),
    "column missing": (rename_column("image_w", "breadth"), "missing_column", "no column image_w"),
    "column named twice": (rename_column("src_x", "src_y"), "repeated_column", "names a column twice"),
    "list of a version before columns were named": (
        overwrite("run.lst", b"003\n" + b"1:2:3:4:5:6:7:8:9\n" * 3),
        "old_list",
        "save it again",
    ),
    "two runs side by side": (
        lambda folder: write_small_run(folder, name="other"),
        "several_runs",
        "give each run a folder of its own",
    ),
    "two runs one below the other": (
        lambda folder: write_small_run(folder / "sub", name="other"),
        "several_runs",
        "2 lists",
    ),
    "particle twice": (change_rows(lambda rows: [*rows, rows[3]]), "repeated_particle", "particle 4 twice"),
    "particle without a number": (change_field("id", "x"), "bad_row", "particle's number"),
    "list in UTF-16": (recode("run.lst", "utf-16"), "utf16_text", "'run.lst' was saved as UTF-16"),
    "settings in UTF-16": (recode("run.ctx", "utf-16"), "utf16_text", "'run.ctx' was saved as UTF-16"),
    "row without an end": (
        lambda folder: list_path(folder).write_bytes(list_path(folder).read_bytes() + b"1" * 70_000),
        "line_too_long",
        "longer than 65536 bytes",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_run_that_is_not_whole_or_not_one_run_is_refused_and_the_sentence_says_why(folder, name):
    spoil, reason, words = REFUSED[name]
    spoil(folder)
    with pytest.raises(RejectedInput, match=re.escape(words)) as caught:
        read(folder)
    assert caught.value.reason == reason
    assert str(folder.parent) not in caught.value.sentence


@pytest.mark.parametrize(
    "name", ["no collage", "second collage missing", "second collage cut", "list missing", "list cut in a row"]
)
def test_a_run_that_may_still_be_growing_is_surveyed_with_what_is_missing(folder, name):
    spoil, _, words = REFUSED[name]
    spoil(folder)
    found = survey(folder)
    assert not found.is_complete
    assert any(words in missing.to_words() or missing.to_words() in words for missing in found.missing)


#: What is done to the run -> the particles that cannot be had, and why; all others are read as they were planted.
PARTLY = {
    "box right of its collage": (change_field("image_x", "1290"), {5: "outside_collage"}),
    "box below its collage": (change_field("image_y", "5000"), {5: "outside_collage"}),
    "box left of its collage": (change_field("image_x", "-1"), {5: "outside_collage"}),
    "box larger than its collage": (change_field("image_w", "100000"), {5: "outside_collage"}),
    "box without a width": (change_field("image_w", "0"), {5: "zero_size"}),
    "box without a height": (change_field("image_h", "0"), {5: "zero_size"}),
    "box of negative size": (change_field("image_h", "-7"), {5: "zero_size"}),
    "box that is no number": (change_field("image_x", "1e3"), {5: "bad_number"}),
    "measure that is no number": (change_field("esd_diameter", "wide"), {5: "bad_number"}),
    "measure in the other decimal sign": (change_field("esd_diameter", "12,5"), {5: "bad_number"}),
    "row that names no collage": (change_field("collage_file", ""), {5: "no_collage"}),
    "row of too many fields": (change_rows(lambda rows: [*rows[:4], [*rows[4], "1"], *rows[5:]]), {5: "bad_row"}),
    "row cut short amid others": (change_rows(lambda rows: [*rows[:4], rows[4][:9], *rows[5:]]), {5: "bad_row"}),
    "second collage is no picture": (overwrite("run_000002.tif", b"not a picture at all"), {2: "not_media"}),
}


@pytest.mark.parametrize("name", PARTLY)
def test_a_spoilt_particle_is_told_and_all_others_are_read(folder, whole, name):
    spoil, expected = PARTLY[name]
    planted = {true.index: true for true in whole[1].particles()}
    if name.startswith("second collage"):
        expected = {index: expected[2] for index, true in planted.items() if true.collage == 2}
    spoil(folder)
    _, particles, unread = read(folder)
    assert unread == expected
    assert particles.keys() == planted.keys() - expected.keys()
    for index, (_, pixels, mask) in particles.items():
        np.testing.assert_array_equal(pixels, planted[index].pixels)
        np.testing.assert_array_equal(mask, planted[index].mask)


def use_commas(folder):
    doubles = {name for name, kind in COLUMNS.items() if kind == "double"}

    def change(rows, columns):
        return [
            [text.replace(".", ",") if name in doubles else text for name, text in zip(columns, row, strict=True)]
            for row in rows
        ]

    edit_rows(folder, change)
    for ending in (".ctx", "_summary.csv", "_run_summary.txt"):
        path = folder / f"run{ending}"
        path.write_text(re.sub(r"(?<=\d)\.(?=\d+\s)", ",", path.read_text()))


def rename_run(new, codec="utf-8"):
    """Return what gives the run another name everywhere, the list being written in a codec."""

    def spoil(folder):
        for path in list(folder.iterdir()):
            path.rename(path.with_name(path.name.replace("run", new, 1)))
        path = list_path(folder)
        path.write_bytes(path.read_text().replace("run_0", f"{new}_0").encode(codec))

    return spoil


def write_windows_text(folder):
    for path in folder.iterdir():
        if path.suffix != ".tif":
            path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


#: What is done to the run and takes nothing from it.
HARMLESS = {
    "decimal commas": use_commas,
    "byte order marks and Windows line ends": write_windows_text,
    "umlauts in UTF-8": rename_run("Küste Åland"),
    "umlauts as Western Windows writes them": rename_run("Küste", "cp1252"),
    "umlauts in two characters": rename_run("Ku\u0308ste"),
    "odd characters": rename_run("#1 100% (a) [b] 'c' & 浮游 🦠"),
    "blank lines between rows": lambda folder: replace_text(list_path(folder), "\n5|", "\n\n \n5|"),
    "a collage that no row names": lambda folder: shutil.copy(folder / "run_000001.tif", folder / "run_000003.tif"),
    "folders and files of others": lambda folder: [
        (folder / "notes").mkdir(),
        (folder / "notes/read me.txt").write_text("water was green"),
        (folder / ".DS_Store").write_bytes(b"\0" * 9),
        (folder / "Thumbs.db").write_bytes(b"\0" * 9),
        (folder / "empty").mkdir(),
    ],
    "a second copy of the settings": lambda folder: shutil.copy(folder / "run.ctx", folder / "copy.ctx"),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_odd_and_takes_nothing_away_changes_nothing(folder, whole, name):
    before = read(whole[0])[0]
    HARMLESS[name](folder)
    facts, particles, unread = read(folder)
    assert unread == {}
    planted = {true.index: true for true in whole[1].particles()}
    assert particles.keys() == planted.keys()
    for index, (particle, pixels, _) in particles.items():
        np.testing.assert_array_equal(pixels, planted[index].pixels)
        assert particle.measures["esd_um"] == float(planted[index].columns["esd_diameter"])
    assert facts.counted_ml == pytest.approx(before.counted_ml, rel=1e-9)
    assert (facts.pixel_um, facts.mode, facts.dilution) == (before.pixel_um, before.mode, before.dilution)


def test_grey_collages_are_three_equal_planes(folder, whole):
    sheet = np.zeros((964, 1292), np.uint8)
    sheet[:] = np.arange(1292) % 251
    (folder / "run_000002.tif").write_bytes(encode(sheet, "TIFF"))
    planted = {true.index: true for true in whole[1].particles() if true.collage == 2}
    particles = read(folder)[1]
    for index, true in planted.items():
        high, wide, _ = true.pixels.shape
        expected = sheet[true.y_px : true.y_px + high, true.x_px : true.x_px + wide]
        np.testing.assert_array_equal(particles[index][1], np.repeat(expected[:, :, None], 3, axis=2))


def test_a_spoilt_mask_costs_the_masks_of_its_collage_only(folder):
    (folder / "run_000002_bin.tif").write_bytes(encode(make_picture(), "TIFF"))
    _, particles, unread = read(folder)
    assert unread == {}
    without = {entry[0].place.part for entry in particles.values() if entry[2] is None}
    assert without == {"collage.2"}


@pytest.mark.parametrize("rows_left", [100, 0])
def test_the_concentration_of_a_list_that_breaks_off_between_two_rows_is_unknown(folder, rows_left):
    edit_rows(folder, lambda rows, _: rows[:rows_left])
    facts, particles, _ = read(folder)
    assert (len(particles), facts.notes) == (rows_left, ("count_differs", "list_cut_short"))
    assert (facts.counted_ml, facts.to_concentration(rows_left)) == (None, None)


def test_a_list_that_was_filtered_keeps_the_volume_of_its_run(folder, whole):
    edit_rows(folder, lambda rows, _: rows[::7])
    facts, particles, _ = read(folder)
    assert (len(particles), facts.notes) == (100, ("count_differs",))
    assert facts.counted_ml == read(whole[0])[0].counted_ml
