"""Zips as they should not be: nothing is unpacked outside, nothing swells, and what is damaged is told."""

from __future__ import annotations

import re
import stat
import struct
import warnings
import zipfile

import numpy as np
import pytest

from schemas.errors import RejectedInput
from streams.feeds.decoding.limits import Limits
from streams.feeds.runs.archive import ZipFiles
from streams.feeds.runs.files import check_name, lend_files
from streams.feeds.runs.limits import RunLimits
from tests.support.media import encode
from tests.support.runs import (
    TWO_COLLAGES,
    cut,
    make_picture,
    read,
    survey,
    write_pictures,
    write_small_run,
    zip_folder,
)

PICTURE = encode(make_picture(), "PNG")


def write_zip(path, members, method=zipfile.ZIP_DEFLATED):
    """Write a zip of name -> bytes; members given as pairs may share a name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a name that is there twice is what is tested
        with zipfile.ZipFile(path, "w", method) as archive:
            for name, data in members:
                archive.writestr(name, data)
    return path


def write_link(path):
    member = zipfile.ZipInfo("a.png")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, "/etc/passwd")


def encrypt(path):
    """Set the bit that says a member is encrypted, in both headers."""
    data = bytearray(write_zip(path, [("a.png", PICTURE)]).read_bytes())
    for head, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(head) + place] |= 1
    path.write_bytes(data)


def cut_zip(path):
    write_zip(path, [(f"{number}.png", encode(make_picture(number), "PNG")) for number in range(9)])
    cut(path, 3_000)


def misdirect(path):
    """Let a zip say that its directory is elsewhere: its members are looked for before the file's first byte."""
    data = bytearray(write_zip(path, [("a.png", PICTURE)]).read_bytes())
    data[data.index(b"PK\x05\x06") + 19] = 0x18
    path.write_bytes(data)


def named(*names):
    return lambda path: write_zip(path, [(name, encode(make_picture(seed), "PNG")) for seed, name in enumerate(names)])


#: How a zip is made -> reason, and what the sentence must say.
REFUSED = {
    "same name twice": (named("a.png", "a.png"), "repeated_member", "holds 'a.png' twice"),
    "same name twice, composed in two ways": (named("\xe9.png", "e\u0301.png"), "repeated_member", "twice"),
    "path that leads out": (named("../../etc/cron.d/a.png"), "unsafe_path", "leads out of its folder"),
    "path that leads out and in again": (named("a/../../run/b.png"), "unsafe_path", "leads out of its folder"),
    "absolute path": (named("/etc/a.png"), "unsafe_path", "absolute"),
    "absolute path of Windows": (named("C:/Windows/a.png"), "unsafe_path", "absolute"),
    "path with a drive": (named("C:a.png"), "unsafe_path", "absolute"),
    "empty segment": (named("a//b.png"), "unsafe_path", "on every system"),
    "line break in a name": (named("a\nb.png"), "unsafe_path", "'a?b.png'"),
    "endless name": (named("a" * 2_000 + ".png"), "unsafe_path", "endless"),
    "folders without end": (named("a/" * 40 + "b.png"), "too_deep", "more than 16 deep"),
    "link": (write_link, "unsafe_path", "link"),
    "encrypted": (encrypt, "encrypted_archive", "without a password"),
    "cut short": (cut_zip, "unreadable_archive", "damaged or cut short"),
    "directory somewhere else": (misdirect, "not_a_run", "no picture among them"),
    "packed by an unusual method": (
        lambda path: write_zip(path, [("a.png", PICTURE)], zipfile.ZIP_LZMA),
        "unsupported_archive",
        "as a plain zip",
    ),
    "bomb": (lambda path: write_zip(path, [("a.png", b"\0" * (8 << 20))]), "archive_bomb", "more than 300 times"),
    "empty": (lambda path: write_zip(path, []), "not_a_run", "no picture among them"),
    "nothing but a zip": (
        lambda path: write_zip(path, [("inner.zip", b"PK\x05\x06" + bytes(18))]),
        "not_a_run",
        "no run",
    ),
    "nothing but text": (lambda path: write_zip(path, [("read me.txt", b"water was green")]), "not_a_run", "no run"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_zip_that_cannot_be_trusted_or_read_is_refused_and_the_sentence_says_why(tmp_path, name):
    make, reason, words = REFUSED[name]
    path = tmp_path / "run.zip"
    make(path)
    with pytest.raises(RejectedInput, match=re.escape(words)) as caught:
        read(path)
    assert caught.value.reason == reason
    assert str(tmp_path) not in caught.value.sentence
    assert list(tmp_path.iterdir()) == [path], "something was unpacked"


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (RunLimits(files=2), "too_many_files"),
        (RunLimits(archive_bytes=2 * len(PICTURE)), "too_large"),
        (RunLimits(member_bytes=len(PICTURE) - 1), "too_large"),
        (RunLimits(depth=1), "too_deep"),
        (RunLimits(swelling=1, swelling_bytes=0), "archive_bomb"),
    ],
    ids=["files", "whole size", "size of one", "depth", "swelling"],
)
def test_each_limit_may_be_set_lower(tmp_path, limits, reason):
    members = [(f"a/b/{number}.png", PICTURE) for number in range(2)] + [("list.txt", b"a" * 2_000)]
    path = write_zip(tmp_path / "run.zip", members)
    with ZipFiles(path):
        pass  # by the limits that are in force otherwise, it is opened
    with pytest.raises(RejectedInput) as caught:
        ZipFiles(path, limits)
    assert caught.value.reason == reason


def test_the_limit_of_the_settings_bounds_the_whole_and_each_member(tmp_path):
    path = write_zip(tmp_path / "run.zip", [("1.png", PICTURE), ("2.png", PICTURE)])
    ZipFiles(path, RunLimits.make(Limits(archive_bytes=2 * len(PICTURE)))).__exit__(None, None, None)
    for most in (2 * len(PICTURE) - 1, len(PICTURE) - 1):
        with pytest.raises(RejectedInput, match=f"at most {most} are") as caught:
            ZipFiles(path, RunLimits.make(Limits(archive_bytes=most)))
        assert caught.value.reason == "too_large"


def test_a_member_that_unpacks_to_more_than_the_zip_declares_gives_no_byte_more(tmp_path):
    path = write_zip(tmp_path / "run.zip", [("a.txt", b"x" * 100_000)])
    data = path.read_bytes()
    size = struct.pack("<I", 100_000)
    assert data.count(size) == 2
    path.write_bytes(data.replace(size, struct.pack("<I", 50)))
    with ZipFiles(path) as files, files.open("a.txt") as file:
        assert files.sizes == {"a.txt": 50}
        with pytest.raises(RejectedInput, match="damaged"):
            file.read()


def test_a_damaged_member_costs_its_picture_only(tmp_path):
    write_pictures(tmp_path / "run", [f"{number}.png" for number in range(5)])
    path = zip_folder(tmp_path / "run", tmp_path / "run.zip")
    with zipfile.ZipFile(path) as archive:
        place = archive.getinfo("2.png").header_offset + 200
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(data)
    _, particles, unread = read(path)
    assert unread == {2: "unreadable_archive"}
    assert sorted(particles) == [0, 1, 3, 4]


def test_members_of_equal_bytes_are_read_and_the_later_ones_flagged(tmp_path):
    members = [("a/1.png", PICTURE), ("b/1.png", PICTURE), ("b/2.png", encode(make_picture(9), "PNG"))]
    _, particles, unread = read(write_zip(tmp_path / "run.zip", members))
    assert unread == {}
    assert [particles[index][0].flags for index in range(3)] == [(), ("repeated",), ()]


def test_nested_folders_and_what_computers_add_for_themselves_do_no_harm(tmp_path):
    members = [
        ("2024/05/b/1.png", PICTURE),
        ("2024/05/a/2.png", encode(make_picture(2), "PNG")),
        ("__MACOSX/2024/._1.png", b"\0"),
        ("2024/.DS_Store", b"\0"),
        ("2024/empty/", b""),
    ]
    _, particles, unread = read(write_zip(tmp_path / "run.zip", members))
    assert unread == {}
    assert [particles[index][0].name for index in range(2)] == ["2024/05/a/2.png", "2024/05/b/1.png"]
    assert particles[0][0].to_image().place.path == "2024/05/a/2.png"


def test_a_zip_cannot_make_the_list_point_outside_of_it(tmp_path):
    run = write_small_run(tmp_path / "run")
    text = (tmp_path / "run/run.lst").read_text().replace("run_000001.tif", "../../etc/run_000001.tif")
    (tmp_path / "run/run.lst").write_text(text)
    _, particles, unread = read(zip_folder(tmp_path / "run", tmp_path / "run.zip"))
    assert (len(particles), unread) == (run.plan.particles, {})


def test_a_zipped_run_without_its_second_collage_is_refused_as_its_folder_is(tmp_path):
    write_small_run(tmp_path / "run", particles=TWO_COLLAGES)
    (tmp_path / "run/run_000002.tif").unlink()
    path = zip_folder(tmp_path / "run", tmp_path / "run.zip")
    assert [missing.role for missing in survey(path).missing] == ["collage.2"]
    with pytest.raises(RejectedInput, match=r"run_000002\.tif"):
        read(path)


def test_a_zipped_run_with_a_damaged_collage_goes_on_with_the_next(tmp_path):
    run = write_small_run(tmp_path / "run", particles=TWO_COLLAGES, masks=False)
    path = zip_folder(tmp_path / "run", tmp_path / "run.zip")
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("run_000001.tif")
    data = bytearray(path.read_bytes())
    place = member.header_offset + member.compress_size // 2
    data[place : place + 8] = bytes(8)
    path.write_bytes(data)
    _, particles, unread = read(path)
    planted = {true.index: true for true in run.particles()}
    assert unread == {index: "unreadable_archive" for index, true in planted.items() if true.collage == 1}
    for index, (_, pixels, _) in particles.items():
        np.testing.assert_array_equal(pixels, planted[index].pixels)


@pytest.mark.parametrize("name", ["", "..", "a/..", "./a", "a/./b", "/a", "a\\b", "c:", "a\0", "a/"])
def test_names_that_lead_elsewhere_are_refused_wherever_they_come_from(tmp_path, name):
    with pytest.raises(RejectedInput):
        check_name(name)
    with pytest.raises(RejectedInput):
        lend_files({name: tmp_path})


def test_a_zip_inside_a_zip_is_not_passed_over_without_a_word(tmp_path):
    write_pictures(tmp_path / "inner", ["hidden.png"])
    write_pictures(tmp_path / "outer", ["a.png", "b.png"])
    zip_folder(tmp_path / "inner", tmp_path / "outer" / "more.zip")
    facts, particles, unread = read(zip_folder(tmp_path / "outer", tmp_path / "outer.zip"))
    assert (facts.notes, len(particles), unread) == (("zip_inside",), 2, {})
    (tmp_path / "outer" / "more.zip").unlink()
    assert read(zip_folder(tmp_path / "outer", tmp_path / "alone.zip"))[0].notes == ()
