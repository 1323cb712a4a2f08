"""EcoTaxa-format exports: as PlanktoScope's segmenter and EcoTaxa itself write them, whole and spoilt."""

from __future__ import annotations

import datetime as dt
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import RejectedInput
from schemas.finding import NoScale
from schemas.forms.quantities import QUANTITIES
from streams.feeds.runs.ecotaxa.measures import add_diameters
from streams.feeds.runs.limits import RunLimits
from streams.feeds.runs.registry import make_readers
from tests.support.media import encode
from tests.support.runs import cut, make_picture, read, read_opinions, replace_text, survey, zip_folder

#: Columns and types as a segmenter of PlanktoScope writes them, with the values that do not change from row to row.
SEGMENTER = {
    "img_file_name": "[t]",
    "img_rank": "[f]",
    "object_id": "[t]",
    "object_date": "[t]",
    "object_area": "[f]",
    "object_equivalent_diameter": "[f]",
    "object_width": "[f]",
    "object_circ.": "[f]",
    "object_MeanHue": "[f]",
    "acq_id": "[t]",
    "acq_instrument": "[t]",
    "acq_celltype": "[t]",
    "acq_imaged_volume": "[f]",
    "acq_nb_frame": "[f]",
    "acq_local_datetime": "[t]",
    "acq_software": "[t]",
    "process_pixel": "[f]",
    "sample_id": "[t]",
    "sample_dilution_factor": "[f]",
    "sample_operator": "[t]",
}
SAME = {
    "img_rank": "0",
    "object_date": "20210115",
    "object_width": "31",
    "object_MeanHue": "87.5",
    "acq_id": "station_7_1",
    "acq_instrument": "PlanktoScope v2.2",
    "acq_celltype": "300",
    "acq_imaged_volume": "4.9152",
    "acq_nb_frame": "450",
    "acq_local_datetime": "2021-01-15T14:22:31",
    "acq_software": "PlanktoScope v2.3",
    "process_pixel": "0.75",
    "sample_id": "station_7",
    "sample_dilution_factor": "2",
    "sample_operator": "Erika Mustermann",
}


def make_row(number, **changes):
    own = {
        "img_file_name": f"{number}.png",
        "object_id": f"station_7_{number}",
        "object_area": str(100 + number),
        "object_equivalent_diameter": f"{10 + number}.5",
        "object_circ.": "0.81",
    }
    return {**SAME, **own, **changes}


def write_export(folder, rows=None, *, columns=None, types=True, end="\n", codec="utf-8"):
    """Write a table and a picture of its own for each name in it that is one; a picture's seed is its row."""
    rows = [make_row(number) for number in range(4)] if rows is None else rows
    columns = columns or list(SEGMENTER)
    lines = ["\t".join(columns)]
    if types:
        lines.append("\t".join(SEGMENTER.get(name, "[t]") for name in columns))
    lines += ["\t".join(row.get(name, "") for name in columns) for row in rows]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ecotaxa_export.tsv").write_bytes((end.join(lines) + end).encode(codec))
    for seed, row in enumerate(rows):
        if re.fullmatch(r"\w+\.png", row.get("img_file_name", "")):
            (folder / row["img_file_name"]).write_bytes(encode(make_picture(seed), "PNG"))
    return folder


def table(folder):
    return folder / "ecotaxa_export.tsv"


def test_an_export_in_a_folder_gives_facts_particles_and_measures(tmp_path):
    facts, particles, unread = read(write_export(tmp_path / "run"))
    assert unread == {}
    assert (facts.layout, facts.instrument, facts.pixel_um, facts.flow_cell) == (
        "ecotaxa",
        "PlanktoScope v2.2",
        0.75,
        "300",
    )
    assert (facts.volume.imaged_ml, facts.volume.source, facts.frames, facts.dilution) == (4.9152, "export", 450, 2)
    assert facts.to_concentration(4) == pytest.approx(4 / 4.9152)
    assert (facts.started_at, facts.started_local) == (None, "2021-01-15T14:22:31")
    for index, (particle, pixels, mask) in particles.items():
        np.testing.assert_array_equal(pixels, make_picture(index))
        assert mask is None
        assert particle.name == f"station_7_{index}"
        assert particle.measures == {
            "area_px": 100 + index,
            "area_um2": (100 + index) * 0.75**2,
            "abd_um": (10.5 + index) * 0.75,
            "esd_um": (10.5 + index) * 0.75,
            "circularity": 0.81,
        }
        assert particle.to_image().scale.pixel_um == 0.75
        assert particle.to_image().place.part == f"roi.{index}"


def test_a_zip_gives_the_same_particles_as_its_folder(tmp_path):
    folder = write_export(tmp_path / "run")
    path = zip_folder(folder, tmp_path / "run.zip", prefix="export_7/")
    one, other = read(folder), read(path)
    assert one[0] == other[0]
    assert (one[2], other[2]) == ({}, {})
    for index, (particle, pixels, _) in other[1].items():
        np.testing.assert_array_equal(pixels, one[1][index][1])
        assert (particle.name, particle.measures) == (one[1][index][0].name, one[1][index][0].measures)
        assert particle.to_image().place.path == f"export_7/{index}.png"
    assert [part.role for part in survey(path).parts] == ["archive"]


def test_the_survey_names_the_table_and_the_pictures_and_the_acquisition(tmp_path):
    found = survey(write_export(tmp_path / "run"))
    assert [(part.role, part.name) for part in found.parts] == [
        ("list", "ecotaxa_export.tsv"),
        ("roi.0", "0.png"),
        ("roi.1", "1.png"),
        ("roi.2", "2.png"),
        ("roi.3", "3.png"),
    ]
    assert (found.group, found.is_complete, found.is_closed) == ("station_7_1", True, False)


@settings(max_examples=25, deadline=None)
@given(
    types=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
    codec=st.sampled_from(["utf-8", "utf-8-sig", "cp1252"]),
    comma=st.booleans(),
    order=st.permutations(list(SEGMENTER)),
    upper=st.booleans(),
)
def test_an_export_is_read_however_it_was_saved(tmp_path_factory, *, types, end, codec, comma, order, upper):
    folder = tmp_path_factory.mktemp("run")
    rows = [make_row(number, sample_operator="Jürgen") for number in range(3)]
    numbers = ("object_equivalent_diameter", "object_circ.", "acq_imaged_volume", "process_pixel", "object_MeanHue")
    if comma:
        rows = [
            {name: text.replace(".", ",") if name in numbers else text for name, text in row.items()} for row in rows
        ]
    write_export(folder, rows, columns=order, types=types, end=end, codec=codec)
    if upper:
        data = table(folder).read_bytes()
        first, _, rest = data.partition(b"\n")
        table(folder).write_bytes(first.upper() + b"\n" + rest if codec != "utf-8-sig" else data)
    facts, particles, unread = read(folder)
    assert unread == {}
    assert (facts.pixel_um, facts.volume.imaged_ml) == (0.75, 4.9152)
    assert [particles[index][0].measures["abd_um"] for index in range(3)] == [10.5 * 0.75, 11.5 * 0.75, 12.5 * 0.75]


def test_a_table_without_its_line_of_types_loses_no_row(tmp_path):
    _, particles, unread = read(write_export(tmp_path / "run", types=False))
    assert ([entry[0].name for entry in particles.values()], unread) == (
        ["station_7_0", "station_7_1", "station_7_2", "station_7_3"],
        {},
    )


def change(number, **changes):
    return [make_row(index, **changes) if index == number else make_row(index) for index in range(4)]


def write_bad_rows(folder):
    write_export(folder)
    lines = table(folder).read_text().splitlines()
    lines[4] += "\tone too many"
    table(folder).write_text("\n".join(lines) + "\n")


def write_without(*names):
    def write(folder):
        write_export(folder)
        for name in names:
            (folder / name).unlink()

    return write


def write_spoilt(data):
    def write(folder):
        write_export(folder)
        (folder / "2.png").write_bytes(data)

    return write


#: How an export is written -> the rows that cannot be had, and why; the others are read.
PARTLY = {
    "image missing": (write_without("2.png"), {2: "missing_image"}),
    "most images missing": (
        write_without("1.png", "2.png", "3.png"),
        dict.fromkeys((1, 2, 3), "missing_image"),
    ),
    "no image named": (lambda folder: write_export(folder, change(2, img_file_name="")), {2: "missing_image"}),
    "image outside": (lambda folder: write_export(folder, change(2, img_file_name="../2.png")), {2: "unsafe_path"}),
    "image of another computer": (
        lambda folder: write_export(folder, change(2, img_file_name="C:\\data\\2.png")),
        {2: "unsafe_path"},
    ),
    "absolute path": (lambda folder: write_export(folder, change(2, img_file_name="/etc/passwd")), {2: "unsafe_path"}),
    "image spoilt": (write_spoilt(b"not a picture"), {2: "not_media"}),
    "image empty": (write_spoilt(b""), {2: "empty_file"}),
    "two objects of one id": (
        lambda folder: write_export(folder, change(2, object_id="station_7_1")),
        {2: "repeated_id"},
    ),
    "row of too many fields": (write_bad_rows, {2: "bad_row"}),
}


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize("name", PARTLY)
def test_an_object_that_cannot_be_had_is_told_and_all_others_are_read(tmp_path, name, kind):
    write, expected = PARTLY[name]
    write(tmp_path / "run")
    path = tmp_path / "run" if kind == "folder" else zip_folder(tmp_path / "run", tmp_path / "run.zip")
    _, particles, unread = read(path)
    assert unread == expected
    assert particles.keys() == set(range(4)) - expected.keys()
    for index, (particle, pixels, _) in particles.items():
        np.testing.assert_array_equal(pixels, make_picture(index))
        assert particle.measures["area_px"] == 100 + index
    assert survey(path).is_complete


def test_another_picture_of_the_same_object_is_no_particle(tmp_path):
    rows = change(2, object_id="station_7_1", img_rank="1")
    _, particles, unread = read(write_export(tmp_path / "run", rows))
    assert (sorted(particles), unread) == ([0, 1, 3], {})


def test_objects_without_an_id_are_objects_all_the_same_named_as_their_pictures(tmp_path):
    rows = [make_row(number, object_id="") for number in range(3)]
    _, particles, unread = read(write_export(tmp_path / "run", rows))
    assert ([entry[0].name for entry in particles.values()], unread) == (["0.png", "1.png", "2.png"], {})


@pytest.mark.parametrize("told", ["images\\1.png", "images/1.png", "IMAGES/1.PNG"])
def test_a_picture_in_a_folder_is_found_however_the_path_was_written(tmp_path, told):
    folder = write_export(tmp_path / "run", change(1, img_file_name=told))
    (folder / "images").mkdir()
    (folder / "images/1.png").write_bytes(encode(make_picture(1), "PNG"))
    _, particles, unread = read(folder)
    assert unread == {}
    np.testing.assert_array_equal(particles[1][1], make_picture(1))


def test_a_measure_that_is_no_number_is_absent(tmp_path):
    rows = change(2, object_area="", object_equivalent_diameter="nan")
    particles = read(write_export(tmp_path / "run", rows))[1]
    assert particles[2][0].measures == {"circularity": 0.81}


def write_two(folder):
    write_export(folder)
    (folder / "second.tsv").write_bytes(table(folder).read_bytes())


#: How an export is written -> reason, and what the sentence must say.
REFUSED = {
    "two tables": (write_two, "several_runs", "a folder or zip of its own"),
    "two acquisitions in one table": (
        lambda folder: write_export(folder, change(2, acq_id="station_8_1")),
        "several_runs",
        "export them one by one",
    ),
    "cut in a row": (
        lambda folder: cut(table(write_export(folder)), table(folder).stat().st_size - 40),
        "list_cut",
        "(ecotaxa_export.tsv) ends in the middle of a row",
    ),
    "no column of pictures": (
        lambda folder: replace_text(table(write_export(folder)), "img_file_name", "picture"),
        "missing_column",
        "no column img_file_name",
    ),
    "no column of ids": (
        lambda folder: replace_text(table(write_export(folder)), "object_id", "object_name"),
        "missing_column",
        "no column object_id",
    ),
    "column named twice": (
        lambda folder: replace_text(table(write_export(folder)), "object_area", "object_width"),
        "repeated_column",
        "twice",
    ),
    "saved as Unicode text": (
        lambda folder: write_export(folder, codec="utf-16"),
        "utf16_text",
        "'ecotaxa_export.tsv' was saved as UTF-16",
    ),
    "quotation mark never closed": (
        lambda folder: write_export(folder, change(2, object_MeanHue='"' + "x" * 200_000)),
        "line_too_long",
        "longer than",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_table_that_is_not_whole_or_not_one_run_is_refused_and_the_sentence_says_why(tmp_path, name):
    write, reason, words = REFUSED[name]
    write(tmp_path / "run")
    with pytest.raises(RejectedInput, match=re.escape(words)) as caught:
        read(tmp_path / "run")
    assert caught.value.reason == reason
    assert str(tmp_path) not in caught.value.sentence


def test_limits_may_be_set_lower(tmp_path):
    write_export(tmp_path / "run")
    with pytest.raises(RejectedInput, match="more than 3 rows"):
        read(tmp_path / "run", make_readers(RunLimits(particles=3)))
    with pytest.raises(RejectedInput, match="more than 5 columns"):
        read(tmp_path / "run", make_readers(RunLimits(columns=5)))


def test_a_table_without_a_row_is_a_run_without_particles(tmp_path):
    facts, particles, unread = read(write_export(tmp_path / "run", []))
    assert (particles, unread, facts.counted_ml) == ({}, {}, None)


def test_without_the_size_of_a_pixel_lengths_are_left_out_and_without_a_volume_the_concentration(tmp_path):
    rows = [make_row(number, process_pixel="", acq_imaged_volume="0") for number in range(2)]
    facts, particles, _ = read(write_export(tmp_path / "run", rows))
    assert (facts.counted_ml, facts.to_concentration(2), facts.notes) == (None, None, ("no_calibration",))
    assert particles[0][0].measures == {"area_px": 100, "circularity": 0.81}
    assert isinstance(particles[0][0].to_image().scale, NoScale)


def test_diameters_follow_from_the_area_where_the_table_has_none_and_the_size_of_a_pixel_is_known():
    area_um2 = 400 * 0.75**2
    found = add_diameters({"area_px": 400, "area_um2": area_um2})
    assert found["esd_um"] == found["abd_um"] == pytest.approx(2 * 20 / math.sqrt(math.pi) * 0.75)
    assert math.pi / 4 * found["esd_um"] ** 2 == pytest.approx(area_um2)
    assert add_diameters({"area_px": 400}) == {"area_px": 400}
    assert add_diameters({"area_um2": 0.0}) == {"area_um2": 0.0}


def test_measures_of_visualspreadsheet_are_in_micrometres_already(tmp_path):
    columns = ["img_file_name", "object_id", "object_diameter_esd", "object_area_abd", "object_width", "object_length"]
    row = {"object_diameter_esd": "12.5", "object_area_abd": "100.25", "object_width": "8", "object_length": "20"}
    particles = read(write_export(tmp_path / "run", [make_row(0, **row)], columns=[*columns, "process_pixel"]))[1]
    assert particles[0][0].measures == {"esd_um": 12.5, "area_um2": 100.25, "width_um": 8, "length_um": 20}
    assert set(particles[0][0].measures) <= set(QUANTITIES)


ANNOTATED = [*SEGMENTER, *(f"object_annotation_{what}" for what in ("category", "status", "date", "person_name"))]
PERSON, DAY = "Erika Mustermann", dt.date(2021, 2, 3)


@pytest.mark.parametrize(
    ("said", "decided_on", "is_validated"),
    [
        (("validated", PERSON, "20210203"), DAY, True),
        (("validated", PERSON, "2021-02-03"), DAY, True),
        (("validated", PERSON, ""), None, False),
        (("validated", PERSON, "last week"), None, False),
        (("validated", "", "20210203"), None, False),
        (("predicted", PERSON, "20210203"), None, False),
        (("", PERSON, "20210203"), None, False),
    ],
)
def test_only_a_row_that_names_person_and_date_is_validated_and_the_name_stays_there(
    tmp_path, said, decided_on, is_validated
):
    told = dict(zip(("status", "person_name", "date"), said, strict=True), category="Chaetoceros<Chaetocerotaceae")
    row = make_row(0, **{f"object_annotation_{what}": text for what, text in told.items()})
    folder = write_export(tmp_path / "run", [row, make_row(1)], columns=ANNOTATED)
    (opinion,) = read_opinions(folder)
    assert (opinion.index, opinion.label, opinion.source) == (0, "Chaetoceros<Chaetocerotaceae", "annotation")
    assert (opinion.decided_on, opinion.is_validated) == (decided_on, is_validated)
    assert PERSON not in repr((read_opinions(folder), read(folder), survey(folder)))
