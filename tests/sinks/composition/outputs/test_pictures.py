"""The plot and the contact sheets: readable PNGs, the same for the same particles, in bounded memory."""

from __future__ import annotations

import tracemalloc

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.forms.taxa import Meaning, Taxon
from sinks.composition.outputs.axis import make_axis, to_power, to_short
from sinks.composition.outputs.contact_sheets import PAGE, ContactSheets, find_bar, to_file_name
from sinks.composition.outputs.lettering import find_width, shorten, write_text
from sinks.composition.outputs.plot import draw_composition
from sinks.pages.pixels import Canvas
from tests.sinks.composition.builders import make_composition, make_sample

COUNTS = {"Chaetoceros": 30, "Noctiluca_scintillans": 3, "Bubbles": 2, "Detritus": 40, None: 25}


def decode(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)


def count_colour(picture, rgb):
    return int((np.abs(picture.astype(int) - np.array(rgb[::-1])).max(axis=2) <= 8).sum())


BLUE, VERMILION, PALE = (0, 114, 178), (213, 94, 0), (200, 225, 240)


def test_the_plot_is_the_same_for_the_same_composition_and_shows_taxa_flags_and_intervals():
    first = draw_composition(make_composition(COUNTS, sample=make_sample()))
    assert first == draw_composition(make_composition(COUNTS, sample=make_sample()))
    picture = decode(first)
    assert picture.shape[1] == 1400
    assert count_colour(picture, BLUE) > 2000
    assert count_colour(picture, VERMILION) > 100
    assert count_colour(picture, PALE) > 1000
    without = decode(draw_composition(make_composition({"Detritus": 40, None: 25})))
    assert count_colour(without[:560], BLUE) < count_colour(picture[:560], BLUE) / 10


@pytest.mark.parametrize("counts", [{}, {None: 1}, {"Rhizosolenia": 1}, {"Bubbles": 3}, {"Detritus": 100_000}])
def test_thin_and_crowded_samples_have_a_plot_too(counts):
    for imaged_ml in (2.0, None):
        assert decode(draw_composition(make_composition(counts, imaged_ml=imaged_ml))).shape[1] == 1400


def test_more_groups_than_rows_share_the_last_one():
    names = [f"Taxon {number}" for number in range(100)]
    meanings = {
        name: Meaning("taxon", Taxon(number + 1, name, "species", "Chromista")) for number, name in enumerate(names)
    }
    heights = [
        decode(draw_composition(make_composition(dict.fromkeys(names[:number], 2), meanings=meanings))).shape[0]
        for number in (40, 41, 100)
    ]
    assert heights[0] == heights[1] == heights[2]


@given(st.lists(st.floats(1e-9, 1e12), min_size=1, max_size=9))
def test_every_value_lies_on_its_axis(values):
    axis = make_axis(values, 100, 500)
    assert all(100 <= axis.find(value) <= 500 for value in values)
    assert 10.0**axis.low <= min(values) * (1 + 1e-9)
    assert max(values) <= 10.0**axis.high * (1 + 1e-9)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (34447.1, "34,400"), (1234, "1,230"), (12.34, "12.3"), (1.0, "1.00"), (0.02512, "0.0251"),
        (999_999, "1,000,000"), (12_345_678, "1.23 x 10\u2077"), (0.0000123, "1.23 x 10\u207b\u2075"),
    ],
)  # fmt: skip
def test_numbers_are_written_with_three_digits(value, text):
    assert to_short(value) == text


@pytest.mark.parametrize(
    ("power", "text"), [(-3, "0.001"), (0, "1"), (5, "100,000"), (6, "10\u2076"), (-4, "10\u207b\u2074")]
)
def test_powers_of_ten_are_written_out_while_they_are_short(power, text):
    assert to_power(power) == text


def draw(text):
    canvas = Canvas(np.full((60, 400, 3), 255, np.uint8))
    write_text(canvas, text, (10, 10), size_px=30, colour=(0, 0, 0))
    return canvas.to_pixels()


def test_letters_that_the_font_lacks_are_made_or_replaced():
    assert not np.array_equal(draw("\u00b5m"), draw("um"))
    assert np.array_equal(draw("Zo\u00eb"), draw("Zoe"))
    assert np.array_equal(draw("\u4f60"), draw("?"))
    assert find_width("mm\u00b3", size_px=30) < find_width("mm3", size_px=30) + 3


def test_a_long_name_is_cut_to_its_room():
    text = "Rhizosolenia_setigera_(f._pungens)+R._hebetata_f._semispina"
    cut = shorten(text, size_px=20, width_px=200)
    assert cut.endswith("..")
    assert find_width(cut, size_px=20) <= 200
    assert shorten("short", size_px=20, width_px=200) == "short"


# --- contact sheets


def make_picture(seed, height_px=24, width_px=30, *, colour=False):
    shape = (height_px, width_px, 3) if colour else (height_px, width_px)
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def make_sheets(pictures, **changes):
    pages = {}
    sheets = ContactSheets("run-1", pages.__setitem__, **changes)
    for label, index, pixels in pictures:
        sheets.add(label, index, pixels, 0.5544)
    sheets.close()
    return pages


def test_each_class_has_pages_of_its_own():
    pictures = [
        ("Chaetoceros" if index % 3 else "Detritus", index, make_picture(index)) for index in range(1, 3 * PAGE)
    ]
    pages = make_sheets(pictures)
    assert sorted(pages) == ["chaetoceros-001.png", "chaetoceros-002.png", "detritus-001.png"]
    full, part = decode(pages["chaetoceros-001.png"]), decode(pages["detritus-001.png"])
    assert full.shape == part.shape
    assert pages == make_sheets(pictures)


def test_a_class_that_fills_its_page_exactly_has_one_page():
    assert list(make_sheets([("a", index, make_picture(index)) for index in range(PAGE)])) == ["a-001.png"]


def test_pages_end_at_their_limit_and_the_last_one_differs_by_what_it_left_out():
    some = make_sheets([("a", index, make_picture(index)) for index in range(2 * PAGE)], most_pages=2)
    more = make_sheets([("a", index, make_picture(index)) for index in range(5 * PAGE)], most_pages=2)
    assert list(some) == list(more) == ["a-001.png", "a-002.png"]
    assert some["a-001.png"] == more["a-001.png"]
    assert some["a-002.png"] != more["a-002.png"]


@pytest.mark.parametrize(
    "picture",
    [
        make_picture(1, 1, 1),
        make_picture(2, 900, 12),
        make_picture(3, 12, 2000, colour=True),
        make_picture(4, 40, 40, colour=True),
    ],
)
def test_pictures_of_any_shape_fit_their_place(picture):
    (page,) = make_sheets([("a", 1, picture)]).values()
    shown = decode(page)
    assert shown.shape == decode(next(iter(make_sheets([("a", 1, make_picture(9))]).values()))).shape


def test_a_picture_is_shown_as_it_is():
    grey = np.full((28, 28), 77, np.uint8)
    (page,) = make_sheets([("a", 1, grey)]).values()
    assert int((decode(page) == 77).all(axis=2).sum()) == 112 * 112


def test_without_a_scale_there_is_no_bar():
    pages = {}
    sheets = ContactSheets("run-1", pages.__setitem__)
    sheets.add("a", 1, np.full((28, 28), 77, np.uint8))
    sheets.close()
    with_bar = make_sheets([("a", 1, np.full((28, 28), 77, np.uint8))])
    assert pages["a-001.png"] != with_bar["a-001.png"]


@given(st.floats(1e-3, 1e3))
def test_the_bar_is_round_and_fits(um_per_px):
    length_um = find_bar(um_per_px)
    assert float(f"{length_um:.0e}"[0]) in {1, 2, 5}
    if 0.002 < um_per_px < 500:
        assert 112 * 0.2 <= length_um / um_per_px <= 112 * 0.56


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Chaetoceros", "Chaetoceros"),
        ("Thalassiosira+Porosira", "Thalassiosira+Porosira"),
        ("../../etc/passwd", "etc_passwd-ba9c7a8a"),
        ("a/b", "a_b-c14cddc0"),
        ("a:b", "a_b-c7b61c4d"),
        ("\u4f60\u597d", "class-670d9743"),
    ],
)
def test_a_class_name_makes_a_safe_file_name_of_its_own(label, name):
    found = to_file_name(label)
    assert found.rpartition("-")[0] == name.rpartition("-")[0]
    assert found.isascii()
    assert "/" not in found
    assert not found.startswith(".")
    assert to_file_name("a/b") != to_file_name("a:b")


def test_memory_does_not_grow_with_the_run():
    picture = make_picture(1, 100, 100)
    peaks = []
    for pictures in (400, 1200):
        sheets = ContactSheets("run-1", lambda _name, _data: None, most_pages=10**6)
        tracemalloc.start()
        for index in range(pictures):
            sheets.add(f"class {index % 4}", index, picture, 0.5)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]
