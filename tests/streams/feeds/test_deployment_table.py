"""The table of deployments: read whole, or every mistake named with its line."""

from __future__ import annotations

import pickle

import pytest

from schemas.errors import FatalFault
from schemas.geometry import At, Nowhere
from streams.feeds.deployment_table import WrongTable, load_deployments, read_deployments
from streams.feeds.masks import read_mask

COLUMNS = "feed,valid_from_at,instrument,lat_deg,lon_deg,depth_min_m,depth_max_m,uncertainty_m,time_zone,clock_offset_s,mask,note"
GOOD = 'cam,2024-04-22T10:00:00+02:00,ipc608,41.1819,1.7524,19.5,20,12.5,UTC,-31536000,"0 0, 640 0, 640 40, 0 40","moved, again"'


def complain(*rows: str, columns: str = COLUMNS) -> tuple[str, ...]:
    with pytest.raises(WrongTable) as caught:
        read_deployments("\n".join((columns, *rows)).encode())
    return caught.value.complaints


def row(**cells: str) -> str:
    fields = {"feed": "cam", "valid_from_at": "2024-01-01T00:00:00Z", "instrument": "ipc608", **cells}
    return ",".join(f'"{fields.get(column, "")}"' for column in COLUMNS.split(","))


def test_every_column_is_read():
    (deployment,) = read_deployments(f"{COLUMNS}\n{GOOD}\n".encode())["cam"]
    assert deployment.to_plain() == {
        "feed": "cam",
        "valid_from_at": "2024-04-22T08:00:00.000Z",
        "instrument": "ipc608",
        "where": {
            "kind": "point",
            "lat_deg": 41.1819,
            "lon_deg": 1.7524,
            "source": "deployment",
            "depth_min_m": 19.5,
            "depth_max_m": 20,
            "uncertainty_m": 12.5,
        },
        "time_zone": "UTC",
        "clock_offset_s": -31_536_000,
        "mask": read_mask("0 0, 640 0, 640 40, 0 40").to_plain(),
    }


def test_three_columns_are_enough_and_what_is_empty_is_absent():
    text = "instrument,feed,valid_from_at\nipc608,cam,2024-01-01T00:00:00Z\n"
    (deployment,) = read_deployments(text.encode())["cam"]
    assert deployment.where == Nowhere(why="not_declared")
    assert (deployment.time_zone, deployment.mask, deployment.clock_offset_s) == (None, None, 0)


def test_deployments_are_sorted_by_time_within_each_feed():
    rows = (
        row(valid_from_at="2024-06-01T00:00:00Z"),
        row(feed="b"),
        row(valid_from_at="2024-03-01T00:00:00Z"),
        "",
        ", ,,,,,,,,,,",
    )
    table = read_deployments("\r\n".join((COLUMNS, *rows)).encode("utf-8-sig"))
    assert [item.valid_from_at.month for item in table["cam"]] == [3, 6]
    assert list(table) == ["b", "cam"]


def test_a_note_changes_nothing():
    first, second = (read_deployments("\n".join((COLUMNS, row(note=note))).encode()) for note in ("a", "b"))
    assert first == second


def test_an_empty_table_with_columns_has_no_deployments():
    assert read_deployments(f"{COLUMNS}\n".encode()) == {}


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        (
            {"lat_deg": "41,18", "lon_deg": "1.75"},
            "lat_deg: '41,18' is not a decimal number: a decimal point, not a comma",
        ),
        ({"lat_deg": "141.7", "lon_deg": "41.2"}, "lat_deg: 141.7 is not between -90 and 90; swapped with lon_deg?"),
        ({"lat_deg": "91", "lon_deg": "150"}, "lat_deg: 91 is not between -90 and 90"),
        ({"lat_deg": "41", "lon_deg": "-181"}, "lon_deg: -181 is not between -180 and 180"),
        ({"lat_deg": "41"}, "lat_deg, lon_deg: one without the other"),
        ({"lon_deg": "1"}, "lat_deg, lon_deg: one without the other"),
        ({"depth_min_m": "5"}, "depth_min_m: need lat_deg and lon_deg beside them"),
        (
            {"lat_deg": "1", "lon_deg": "1", "depth_min_m": "-5"},
            "depth_min_m: -5 is not between 0 and 11000; depth counts downwards",
        ),
        (
            {"lat_deg": "1", "lon_deg": "1", "depth_max_m": "9999"},
            "depth_max_m: 9999 looks like a sign for 'unknown'; leave the cell empty",
        ),
        (
            {"lat_deg": "1", "lon_deg": "1", "depth_min_m": "5", "depth_max_m": "4"},
            "depth_min_m: deeper than depth_max_m",
        ),
        ({"lat_deg": "1", "lon_deg": "1", "uncertainty_m": "0"}, "uncertainty_m: must be above 0"),
        ({"lat_deg": "1e1", "lon_deg": "1"}, "lat_deg: '1e1' is not a decimal number"),
        ({"lat_deg": "nan", "lon_deg": "1"}, "lat_deg: 'nan' is not a decimal number"),
        ({"valid_from_at": "2024-01-01T00:00:00"}, "valid_from_at: no zone; write 2024-04-22T08:00:00Z or +02:00"),
        ({"valid_from_at": "2024-01-01"}, "valid_from_at: no zone; write 2024-04-22T08:00:00Z or +02:00"),
        ({"valid_from_at": "1704067200"}, "valid_from_at: a time is text with a zone, not a number"),
        ({"valid_from_at": "2200-01-01T00:00:00Z"}, "valid_from_at: the year 2200 is outside 1900 to 2199"),
        ({"feed": ""}, "feed: must not be empty"),
        ({"time_zone": "CEST"}, "time_zone: 'CEST' is no IANA time zone such as UTC or Europe/Madrid"),
        ({"clock_offset_s": "1 year"}, "clock_offset_s: '1 year' is not a decimal number"),
        ({"clock_offset_s": "99999999999"}, "clock_offset_s: Input should be less than or equal to 6324480000"),
        ({"mask": "0 0, 1 1"}, "mask: a region needs three corners or more: '0 0, 1 1'"),
    ],
    ids=str,
)
def test_what_is_wrong_in_a_line_is_said_once(cells, complaint):
    assert complain(row(feed="other"), row(**cells)) == (f"line 3, {complaint}",)


def test_feeds_and_instruments_are_names():
    assert [text.split(":")[0] for text in complain(row(feed="OBSEA", instrument="IPC 608"))] == [
        "line 2, feed",
        "line 2, instrument",
    ]


def test_every_mistake_of_the_table_is_named_at_once():
    complaints = complain(
        row(),
        row(lat_deg="141.7", lon_deg="41.2", time_zone="CEST", clock_offset_s="x", mask="1"),
        row(valid_from_at="", instrument=""),
        row(valid_from_at="2024-01-01T01:00:00+01:00"),
    )
    assert [text.split(":")[0] for text in complaints] == [
        "line 3, clock_offset_s",
        "line 3, mask",
        "line 3, lat_deg",
        "line 3, time_zone",
        "line 4, valid_from_at",
        "line 4, instrument",
        "line 5, valid_from_at",
    ]
    assert complaints[-1] == "line 5, valid_from_at: cam has this moment in line 2 already"


def test_a_line_is_counted_where_it_starts_although_a_note_has_line_breaks():
    assert complain(row(note="one\ntwo\nthree"), row(feed=""))[0] == "line 5, feed: must not be empty"


@pytest.mark.parametrize(
    ("columns", "complaints"),
    [
        ("feed,valid_from_at", ("line 1: column instrument is missing",)),
        ("feed,valid_from_at,instrument,latitude", ("line 1: unknown column 'latitude'",)),
        ("feed,valid_from_at,instrument,feed", ("line 1: column feed is there 2 times",)),
        (
            "Feed,x,valid_from_at",
            (
                "line 1: unknown column 'Feed'",
                "line 1: unknown column 'x'",
                "line 1: column feed is missing",
                "line 1: column instrument is missing",
            ),
        ),
        ("feed;valid_from_at;instrument", ("line 1: cells are separated by commas here, not by semicolons",)),
    ],
)
def test_wrong_columns_are_all_named(columns, complaints):
    assert complain("a,b,c", columns=columns) == complaints


def test_a_decimal_comma_without_quotes_is_guessed_from_the_number_of_cells():
    columns = "feed,valid_from_at,instrument,lat_deg,lon_deg"
    (complaint,) = complain("cam,2024-01-01T00:00:00Z,a,41,18,1,75", columns=columns)
    assert complaint == (
        "line 2: 7 cells, expected 5; a decimal comma, or a comma in a mask or note without quotes around it?"
    )
    assert complain("cam,2024-01-01T00:00:00Z", columns=columns) == ("line 2: 2 cells, expected 5",)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "no columns; needed are feed, valid_from_at, instrument"),
        (b"\xff\xfef\x00e\x00", "not UTF-8 text: byte 0 is 0xff"),
        (b'feed,valid_from_at,instrument\n"cam', "not CSV"),
        (b'feed,valid_from_at,instrument\n"a"b,c,d\n', "not CSV"),
    ],
    ids=["empty", "UTF-16", "open quote", "text behind a quote"],
)
def test_what_is_no_table_is_refused(data, match):
    with pytest.raises(WrongTable, match=match):
        read_deployments(data)


def test_a_wrong_table_is_a_wrong_setting_and_its_sentence_holds_all_complaints(tmp_path):
    path = tmp_path / "moorings.csv"
    path.write_text(f"{COLUMNS}\n{row(feed='')}\n{row(instrument='')}\n", encoding="utf-8")
    with pytest.raises(FatalFault) as caught:
        load_deployments(path)
    assert caught.value.sentence.splitlines() == [
        "moorings.csv has 2 mistakes:",
        "  line 2, feed: must not be empty",
        "  line 3, instrument: must not be empty",
    ]
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - our own bytes


def test_a_table_that_is_not_there_is_a_wrong_setting(tmp_path):
    with pytest.raises(FatalFault, match=r"moorings\.csv cannot be read: No such file"):
        load_deployments(tmp_path / "moorings.csv")


def test_a_table_is_read_from_its_file(tmp_path):
    path = tmp_path / "moorings.csv"
    path.write_bytes(f"{COLUMNS}\n{GOOD}\n".encode("utf-8-sig"))
    assert isinstance(load_deployments(path)["cam"][0].where, At)
