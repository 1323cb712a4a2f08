"""The sample sheet: what a person wrote is read, or every mistake is named at once with its line and column."""

from __future__ import annotations

import csv
import io
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import FatalFault
from schemas.geometry import At, Nowhere
from schemas.unit import Undated
from streams.feeds.deployment_table import WrongTable
from streams.feeds.sample_sheet.sheet import COLUMNS, OF_RUN, SampleSheet, load_sample_sheet, read_sample_sheet
from streams.feeds.sample_sheet.template import make_template

FULL = {
    "sample_id": "s01",
    "run": "run-1",
    "visit": "st330",
    "taken_at": "2024-05-14T11:12:00+02:00",
    "lat_deg": "51.43",
    "lon_deg": "2.81",
    "depth_min_m": "0",
    "depth_max_m": "3",
    "water": "concentrated",
    "volume_filtered_l": "50",
    "volume_concentrate_ml": "100",
    "gear": "Apstein net",
}


def write(*rows, delimiter=",", columns=COLUMNS.known):
    out = io.StringIO()
    table = csv.DictWriter(out, columns, restval="", delimiter=delimiter)
    table.writeheader()
    table.writerows(rows)
    return out.getvalue().encode()


def complain_of(data):
    with pytest.raises(WrongTable) as caught:
        read_sample_sheet(data)
    return caught.value.complaints


def test_runs_of_one_sample_stand_in_rows_of_their_own_and_share_what_the_first_one_says():
    second = {"sample_id": "s01", "run": "run-2", "dilution": "2", "volume_subsample_ml": "5"}
    (sample,) = read_sample_sheet(write(FULL, second)).samples
    assert [(run.run, dict(run.quantities)) for run in sample.runs] == [
        ("run-1", {}),
        ("run-2", {"dilution": 2, "volume_subsample_ml": 5}),
    ]
    assert (sample.visit, sample.water, sample.gear) == ("st330", "concentrated", "Apstein net")
    assert dict(sample.quantities) == {"volume_filtered_l": 50, "volume_concentrate_ml": 100}
    assert sample.where == At(lat_deg=51.43, lon_deg=2.81, depth_min_m=0, depth_max_m=3, source="sample_sheet")
    assert sample.to_plain()["taken"] == {"kind": "instant", "at": "2024-05-14T09:12:00.000Z"}


def test_what_is_said_twice_alike_is_said_once():
    again = {**FULL, "run": "run-2", "lat_deg": "51.430"}
    assert len(read_sample_sheet(write(FULL, again)).samples[0].runs) == 2


def test_a_sheet_that_names_only_samples_and_runs_is_enough_to_pool_them():
    (sample,) = read_sample_sheet(b"sample_id,run\ns1,a\ns1,b\n").samples
    assert isinstance(sample.taken, Undated)
    assert isinstance(sample.where, Nowhere)
    assert sample.water is None


def test_both_volumes_say_that_a_sample_was_concentrated():
    assert read_sample_sheet(write({**FULL, "water": ""})).samples[0].water == "concentrated"
    whole = {**FULL, "water": "Whole", "volume_filtered_l": "", "volume_concentrate_ml": ""}
    assert read_sample_sheet(write(whole)).samples[0].water == "whole"


def test_a_tow_has_a_begin_and_an_end():
    (sample,) = read_sample_sheet(write({**FULL, "taken_until_at": "2024-05-14T09:20:00Z"})).samples
    assert sample.to_plain()["taken"] == {
        "kind": "span",
        "start_at": "2024-05-14T09:12:00.000Z",
        "end_at": "2024-05-14T09:20:00.000Z",
    }


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_cells_may_be_parted_by_semicolons_and_tabs_too(delimiter):
    assert read_sample_sheet(write(FULL, delimiter=delimiter)) == read_sample_sheet(write(FULL))


def test_a_byte_order_mark_and_empty_lines_do_no_harm():
    data = b"\xef\xbb\xbf\n" + write(FULL) + b"\n,,,\n"
    assert read_sample_sheet(data).samples == read_sample_sheet(write(FULL)).samples


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sample_id": ""}, "line 2, sample_id: must not be empty"),
        ({"run": ""}, "line 2, run: must not be empty"),
        ({"sample_id": "s 01"}, "line 2, sample_id: at most 63 letters, digits, '.', '_' and '-'"),
        ({"visit": "a:b"}, "line 2, visit: at most 63 letters"),
        ({"feed": "Flow Cam"}, "line 2, feed: a feed's id has small letters"),
        ({"gear_uri": "TOOL0979"}, "line 2, gear_uri: an address like http://vocab.nerc.ac.uk/collection/L22/"),
        ({"taken_at": "14/05/2024"}, "line 2, taken_at: '14/05/2024' is not a time as 2024-05-14T09:12:00Z"),
        ({"taken_at": "2024-05-14T09:12:00"}, "line 2, taken_at: no zone; write 2024-05-14T09:12:00Z"),
        ({"taken_at": "0024-05-14T09:12:00Z"}, "line 2, taken_at: the year 24 is not between 1900 and 2199"),
        ({"taken_at": "", "taken_until_at": "2024-05-14T09:12:00Z"}, "line 2, taken_until_at: stands without taken_at"),
        ({"taken_until_at": "2024-05-14T09:11:59Z"}, "line 2, taken_until_at: before taken_at"),
        ({"lat_deg": "51,43"}, "line 2, lat_deg: '51,43' is not a decimal number: a decimal point, not a comma"),
        ({"lat_deg": "91"}, "line 2, lat_deg: 91 is not between -90 and 90"),
        ({"lon_deg": "9999"}, "line 2, lon_deg: 9999 looks like a sign for 'unknown'; leave the cell empty"),
        ({"lon_deg": ""}, "line 2, lat_deg, lon_deg: one without the other"),
        ({"lat_deg": "", "lon_deg": ""}, "line 2, depth_min_m, depth_max_m: need lat_deg and lon_deg beside them"),
        ({"depth_min_m": "5"}, "line 2, depth_min_m: deeper than depth_max_m"),
        ({"depth_min_m": "-1"}, "line 2, depth_min_m: -1 looks like a sign for 'unknown'"),
        ({"depth_max_m": "-3"}, "line 2, depth_max_m: -3 is not between 0 and 11000"),
        ({"uncertainty_m": "0"}, "line 2, uncertainty_m: 0 is not above 0"),
        ({"water": "tap"}, "line 2, water: 'tap' is neither whole nor concentrated"),
        ({"water": "whole"}, "line 2, water: whole water has no volume_filtered_l and no volume_concentrate_ml"),
        ({"volume_filtered_l": ""}, "line 2, volume_filtered_l: needed, because the sample was concentrated"),
        ({"volume_concentrate_ml": "60000"}, "line 2, volume_concentrate_ml: more than was filtered; litres and"),
        ({"volume_filtered_l": "0"}, "line 2, volume_filtered_l: 0 is not above 0"),
        ({"volume_filtered_l": "0.0000001"}, "line 2, volume_filtered_l: 0.0000001 is not above 0"),
        ({"dilution": "0.5"}, "line 2, dilution: 0.5 is not between 1 and 1e+09"),
        ({"dilution": "1:10"}, "line 2, dilution: '1:10' is not a decimal number"),
        ({"volume_subsample_ml": "ca. 5"}, "line 2, volume_subsample_ml: 'ca. 5' is not a decimal number"),
        ({"volume_imaged_ml": "0"}, "line 2, volume_imaged_ml: 0 is not above 0"),
        ({"mesh_um": "nan"}, "line 2, mesh_um: 'nan' is not a decimal number"),
    ],
)
def test_a_wrong_cell_is_named_with_its_line_and_column(changes, told):
    complaints = complain_of(write({**FULL, **changes}))
    assert len(complaints) == 1
    assert complaints[0].startswith(told)


def test_all_wrong_cells_are_named_at_once_in_the_order_of_lines():
    rows = [
        {**FULL, "lat_deg": "north"},
        {"sample_id": "s02", "run": "run-2", "dilution": "0"},
        {"sample_id": "s01", "run": "run-3", "gear": "Bongo net", "feed": "A"},
        {"sample_id": "", "run": "run-1"},
    ]
    complaints = complain_of(write(*rows))
    assert [complaint.split(": ")[0] for complaint in complaints] == [
        "line 2, lat_deg",
        "line 3, dilution",
        "line 4, feed",
        "line 4, gear",
        "line 5, sample_id",
    ]
    assert "'Bongo net' here and 'Apstein net' in line 2 for the same sample" in complaints[3]


@pytest.mark.parametrize(("first", "second"), [("", ""), ("a", "a"), ("", "a"), ("a", "")])
def test_a_run_stands_in_one_row(first, second):
    rows = [{"sample_id": "s1", "run": "r", "feed": first}, {"sample_id": "s2", "run": "r", "feed": second}]
    assert complain_of(write(*rows)) == ("line 3, run: 'r' stands in line 2 already",)


def test_runs_of_one_name_are_told_apart_by_their_feeds():
    rows = [{"sample_id": "s1", "run": "r", "feed": "a"}, {"sample_id": "s2", "run": "r", "feed": "b"}]
    sheet = read_sample_sheet(write(*rows))
    assert [sheet.find(feed, "r")[0].sample_id for feed in ("a", "b")] == ["s1", "s2"]
    assert sheet.find("c", "r") is None


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "line 1: no columns; needed are sample_id, run"),
        (b"sample_id,run,lattitude\n", "line 1: unknown column 'lattitude'"),
        (b"sample_id\n", "line 1: column run is missing"),
        (b"sample_id,run,run\n", "line 1: column run is there 2 times"),
        (b"sample_id,run\ns1\n", "line 2: 1 cells, expected 2"),
        (b"sample_id,run,dilution\ns1,r,1,5\n", "line 2: 4 cells, expected 3; a comma in a note without quotes"),
        ("sample_id,run,note\ns1,r,Zoë\n".encode("latin-1"), "not UTF-8 text: byte 26 is 0xeb; save it as CSV UTF-8"),
        (b'sample_id,run\n"s1,r\n', "line 2: not CSV"),
    ],
)
def test_a_table_that_is_none_says_why(data, told):
    assert any(complaint.startswith(told) for complaint in complain_of(data))


def test_names_are_found_however_their_letters_are_composed():
    sheet = read_sample_sheet("sample_id,run\ns1,Zoe\u0308\n".encode())
    assert sheet.find("any", "Zo\u00eb") is not None


def test_rows_whose_run_is_nowhere_are_told():
    sheet = read_sample_sheet(b"sample_id,run\ns1,run-1\ns1,run-2\n")
    assert sheet.list_unused([("flowcam", "run-1"), ("flowcam", "other")]) == ("run-2",)
    assert SampleSheet().find("flowcam", "run-1") is None


def test_the_template_is_a_sheet_without_mistakes_that_shows_every_column():
    sheet = read_sample_sheet(make_template().encode())
    assert [len(sample.runs) for sample in sheet.samples] == [2, 1]
    assert tuple(make_template().splitlines()[0].split(",")) == COLUMNS.known
    assert {sample.water for sample in sheet.samples} == {"whole", "concentrated"}


def test_a_sheet_is_read_from_its_file(tmp_path):
    path = tmp_path / "samples.csv"
    path.write_bytes(write(FULL))
    assert load_sample_sheet(path) == read_sample_sheet(write(FULL))
    with pytest.raises(FatalFault, match=r"^The sample sheet nothing\.csv cannot be read: No such file"):
        load_sample_sheet(tmp_path / "nothing.csv")


def test_the_mistakes_survive_a_process_boundary():
    with pytest.raises(WrongTable) as caught:
        read_sample_sheet(b"")
    copied = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert copied.complaints == caught.value.complaints


def read_or_refuse(data):
    try:
        return read_sample_sheet(data)
    except WrongTable as wrong:
        return wrong


cells = st.text(max_size=12) | st.sampled_from(["1", "-1", "9999", "2024-05-14T09:12:00Z", "whole", "s1", "nan", "1e5"])


@given(st.lists(st.dictionaries(st.sampled_from(COLUMNS.known), cells), max_size=4))
def test_whatever_is_written_is_read_or_refused_with_lines(rows):
    found = read_or_refuse(write(*rows))
    if isinstance(found, SampleSheet):
        assert all(sample.runs for sample in found.samples)
    else:
        assert all(complaint.startswith("line ") for complaint in found.complaints)


def test_notes_are_of_the_run_and_may_differ():
    assert "note" in OF_RUN
    read_sample_sheet(write({**FULL, "note": "one"}, {**FULL, "run": "run-2", "note": "two, with a comma"}))
