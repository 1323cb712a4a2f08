"""Folders of cut-outs as people send them: every kind of picture, mixed, spoilt, doubled, oddly named, or none at all."""

from __future__ import annotations

import os
import sys

import numpy as np
import pytest
from PIL import Image

from schemas.errors import RejectedInput
from streams.feeds.decoding.limits import Limits
from streams.feeds.runs.files import list_folder
from streams.feeds.runs.limits import RunLimits
from streams.feeds.runs.registry import make_readers, open_files
from tests.support.media import encode
from tests.support.runs import make_picture, read, read_opinions, write_pictures

COLOUR, GREY = make_picture(1), make_picture(2, grey=True)


def to_palette(pixels):
    return Image.fromarray(pixels).convert("P", palette=Image.Palette.ADAPTIVE, colors=256)


def to_planes(grey):
    return np.repeat(grey[:, :, None], 3, axis=2)


#: File name -> its bytes, and the pixels that must come out.
FORMS = {
    "colour.png": (encode(COLOUR, "PNG"), COLOUR),
    "grey.png": (encode(GREY, "PNG"), to_planes(GREY)),
    "colour.bmp": (encode(COLOUR, "BMP"), COLOUR),
    "grey.bmp": (encode(GREY, "BMP"), to_planes(GREY)),
    "colour.webp": (encode(COLOUR, "WEBP", lossless=True), COLOUR),
    "colour.tif": (encode(COLOUR, "TIFF"), COLOUR),
    "grey.tif": (encode(GREY, "TIFF"), to_planes(GREY)),
    "grey.gif": (encode(GREY, "GIF"), to_planes(GREY)),
    "colour.gif": (encode(to_palette(COLOUR), "GIF"), np.asarray(to_palette(COLOUR).convert("RGB"))),
    "palette.png": (encode(to_palette(COLOUR), "PNG"), np.asarray(to_palette(COLOUR).convert("RGB"))),
    "a png in truth.jpg": (encode(COLOUR, "PNG"), COLOUR),
    "no ending": (encode(COLOUR, "BMP"), COLOUR),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_picture_gives_its_pixels_as_three_planes(tmp_path, name):
    data, pixels = FORMS[name]
    (tmp_path / name).write_bytes(data)
    np.testing.assert_array_equal(read(tmp_path)[1][0][1], pixels)


def test_grey_colour_and_all_forms_may_be_mixed_in_one_folder(tmp_path):
    for name, (data, _) in FORMS.items():
        (tmp_path / name).write_bytes(data)
    _, particles, unread = read(tmp_path)
    assert unread == {}
    assert {entry[0].name for entry in particles.values()} == FORMS.keys()
    for particle, pixels, _ in particles.values():
        np.testing.assert_array_equal(pixels, FORMS[particle.name][1])


def animate():
    frames = [Image.fromarray(make_picture(seed)) for seed in range(3)]
    return encode(frames[0], "GIF", save_all=True, append_images=frames[1:])


#: Bytes under the name of a picture -> why they are none.
SPOILT = {
    "empty": (b"", "empty_file"),
    "text": (b"not a picture at all", "not_media"),
    "cut PNG": (encode(make_picture(3, 200, 200), "PNG")[:-500], "truncated_picture"),
    "cut JPEG": (encode(make_picture(3, 200, 200), "JPEG")[:-500], "truncated_picture"),
    "cut BMP": (encode(make_picture(3, 200, 200), "BMP")[:-500], "truncated_picture"),
    "moving GIF": (animate(), "many_pictures"),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_picture_keeps_its_place_and_all_others_are_read(tmp_path, name):
    write_pictures(tmp_path, ["1.png", "2.png", "3.png", "4.png"])
    data, reason = SPOILT[name]
    (tmp_path / "2.png").write_bytes(data)
    _, particles, unread = read(tmp_path)
    assert unread == {1: reason}
    assert {index: entry[0].name for index, entry in particles.items()} == {0: "1.png", 2: "3.png", 3: "4.png"}


def test_a_picture_that_would_fill_the_memory_is_refused_by_what_its_header_says(tmp_path):
    write_pictures(tmp_path, ["1.png"])
    Image.new("1", (30_000, 30_000)).save(tmp_path / "2.png")
    assert (tmp_path / "2.png").stat().st_size < 1 << 18
    assert read(tmp_path)[2] == {1: "too_many_pixels"}
    strict = make_readers(RunLimits(picture=Limits(still_pixels=100)))
    assert read(tmp_path, strict)[2] == {0: "too_many_pixels", 1: "too_many_pixels"}
    small = make_readers(RunLimits(picture=Limits(still_bytes=10)))
    assert read(tmp_path, small)[2] == {0: "too_large", 1: "too_large"}


def test_the_same_picture_again_is_read_and_flagged_wherever_it_lies(tmp_path):
    write_pictures(tmp_path, ["a/1.png", "a/2.png", "b/3.png"])
    (tmp_path / "b/4.png").write_bytes((tmp_path / "a/1.png").read_bytes())
    particles = read(tmp_path)[1]
    assert {entry[0].name: entry[0].flags for entry in particles.values()} == {
        "a/1.png": (),
        "a/2.png": (),
        "b/3.png": (),
        "b/4.png": ("repeated",),
    }


@pytest.mark.parametrize("folders", [(), ("a", "a/b")])
def test_a_folder_without_a_file_is_no_run(tmp_path, folders):
    for name in folders:
        (tmp_path / name).mkdir()
    with pytest.raises(RejectedInput, match="no list of particles, no table of objects and no picture") as caught:
        read(tmp_path)
    assert caught.value.reason == "not_a_run"


def test_a_folder_of_nothing_but_spoilt_pictures_is_no_run(tmp_path):
    (tmp_path / "1.png").write_bytes(b"text")
    with pytest.raises(RejectedInput) as caught:
        read(tmp_path)
    assert caught.value.reason == "not_a_run"


ODD = [
    " leading blank.png",
    "#1 100% (a) [b] 'c' & d.png",
    "浮游生物 🦠.png",
    "Küste.png",
    "Ku\u0308ste 2.png",
    "a..b.png",
    "-rf.png",
]


def test_names_with_odd_characters_are_kept_as_they_are(tmp_path):
    write_pictures(tmp_path, ODD)
    _, particles, unread = read(tmp_path)
    assert unread == {}
    assert {entry[0].name for entry in particles.values()} == set(ODD)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps file names that are no text")
def test_a_name_that_is_no_text_is_read_as_western_windows_writes_it(tmp_path):
    write_pictures(tmp_path, ["1.png"])
    (tmp_path / "1.png").rename(os.fsdecode(os.fsencode(tmp_path) + b"/K\xfcste.png"))
    _, particles, unread = read(tmp_path)
    assert unread == {}
    particles[0][0].to_image().to_canonical()
    assert particles[0][0].name.encode("utf-8").decode() == "Küste.png"
    (tmp_path / "Küste.png").write_bytes(b"the same name in UTF-8")
    with pytest.raises(RejectedInput, match=r"'Küste\.png' twice"):
        list_folder(tmp_path)


def test_what_lies_too_deep_is_refused_and_not_left_out(tmp_path):
    write_pictures(tmp_path, ["1.png", "a/b/c/2.png"])
    assert len(list_folder(tmp_path, RunLimits(depth=3)).sizes) == 2
    with pytest.raises(RejectedInput, match="more than 2 deep") as caught:
        list_folder(tmp_path, RunLimits(depth=2))
    assert caught.value.reason == "too_deep"


def test_links_and_hidden_files_are_not_followed(tmp_path):
    outside = tmp_path / "outside"
    write_pictures(outside, ["secret.png"])
    write_pictures(tmp_path / "run", ["1.png", ".hidden.png"])
    (tmp_path / "run/link.png").symlink_to(outside / "secret.png")
    (tmp_path / "run/folder").symlink_to(outside)
    assert [entry[0].name for entry in read(tmp_path / "run")[1].values()] == ["1.png"]


def test_a_file_that_goes_away_while_it_is_read_may_come_back(tmp_path):
    from schemas.errors import TransientFault

    write_pictures(tmp_path, ["1.png", "2.png"])
    with open_files(tmp_path) as files:
        run = make_readers()[2].open(files)
        particles = run.particles()
        next(particles)
        (tmp_path / "2.png").unlink()
        with pytest.raises(TransientFault):
            next(particles)


def test_one_folder_sorts_nothing_and_two_do(tmp_path):
    write_pictures(tmp_path, ["a/1.png", "a/2.png"])
    assert read_opinions(tmp_path) == []
    write_pictures(tmp_path, ["b/3.png"])
    assert [(said.index, said.label, said.is_validated) for said in read_opinions(tmp_path)] == [
        (0, "a", False),
        (1, "a", False),
        (2, "b", False),
    ]
