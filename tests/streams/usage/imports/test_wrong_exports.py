"""What is wrong in exports is told all at once, with file and line, or with its place in JSON."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import FatalFault
from streams.usage.imports.counter import Export
from streams.usage.imports.placing import SOURCES, find_source, import_counter
from streams.usage.sheets.reading import read_text
from tests.streams.usage.imports.test_examples import FOLDER
from tests.streams.usage.sheets.sheets import HEAD, STEPS

SHEET = read_text(HEAD + STEPS, "museum.toml")

JANUARY = {"start": "2025-01-01T00:00:00Z", "end": "2025-01-31T23:59:59Z", "group_by": "service"}


def refusal(source: str, *files: tuple[str, object], day: str = "2025-09-01", days=None, **asked: str) -> list[str]:
    """Return the lines of what is said of files that are refused."""
    exports = [
        Export(
            name,
            (data if isinstance(data, str) else json.dumps(data)).encode(),
            dt.datetime.fromisoformat(f"{day}T08:00:00Z"),
            days,
        )
        for name, data in files
    ]
    with pytest.raises(FatalFault) as caught:
        import_counter(find_source(source), exports, SHEET, "steps", **asked)
    return caught.value.sentence.splitlines()


def complain(source: str, export: Export, **asked: str) -> list[str]:
    """Return the lines of what is said of an export, none where it is read."""
    try:
        import_counter(find_source(source), [export], SHEET, "steps", **asked)
    except FatalFault as fault:
        return fault.sentence.splitlines()
    return []


def test_every_wrong_cell_of_every_table_is_told_with_its_line():
    one = "first_day,last_day,value\n2025-01-01,2025-01-31,7\nsoon,2025-02-28,-1\n\n2025-03-01,2025-03-31,1_000\n"
    other = "first_day;last_day;value\n2025-04-01;2025-04-31;2\n"
    assert refusal("counts", ("one.csv", one), ("other.csv", other)) == [
        "one.csv:3: first_day is 'soon', and no date.",
        "one.csv:3: value is '-1', and no count.",
        "one.csv:5: value is '1_000', and no count.",
        "other.csv:2: last_day is '2025-04-31', and no date.",
    ]


def test_every_wrong_field_of_json_is_told_with_its_place():
    items = [{"key": "a", "requests_count_total": -1}, {"key": 3, "requests_count_total": "x"}]
    assert refusal("oscar", ("o.json", JANUARY | {"items": items}), subject="a") == [
        "o.json: items[0]: requests_count_total is '-1', and no count.",
        "o.json: items[1]: key is '3', and no text.",
        "o.json: items[1]: requests_count_total is 'x', and no count.",
    ]
    clones = {"count": 1, "uniques": 1, "clones": [{"timestamp": None, "count": True}, {}]}
    assert len(refusal("git_traffic", ("c.json", clones))) == 4


def test_json_that_breaks_off_is_told_with_its_line():
    assert refusal("zenodo", ("z.json", '{\n"stats": {\n')) == [
        "z.json:3: this is no JSON (Expecting property name enclosed in double quotes, column 1)."
    ]


def test_rows_of_another_width_and_endless_quotes_are_told_with_their_line():
    assert "c.csv:3: 2 cells, and 3 in the heading." in refusal(
        "counts", ("c.csv", "first_day,last_day,value\n2025-01-01,2025-01-02,3\n2025-01-03,4\n")
    )
    (told,) = refusal("counts", ("c.csv", 'first_day,last_day,value\n2025-01-01,"2025-01-02,3\n'))
    assert told.startswith("c.csv:2: this is no row of a table (")


def test_a_thousand_wrong_rows_are_fifty_and_a_number():
    lines = refusal("counts", ("c.csv", "first_day,last_day,value\n" + "x,2025-01-01,1\n" * 1000))
    assert (len(lines), lines[-1]) == (51, "c.csv: and 950 more of the kind.")


def test_all_windows_that_overlap_or_are_not_over_are_told():
    table = "first_day,last_day,value\n2025-01-01,2025-01-31,1\n2025-01-31,2025-02-03,1\n2025-08-01,2025-08-31,1\n"
    assert refusal("counts", ("c.csv", table), day="2025-08-15") == [
        "c.csv: a window ends on 2025-08-31, after it was retrieved.",
        "c.csv: its window from 2025-01-31 overlaps that of c.csv to 2025-01-31; what is in both would count twice.",
    ]


def test_clones_of_days_that_the_host_cannot_know_are_refused():
    export = ("c.json", (FOLDER / "github-clones-2025-06-15.json").read_text())
    (told,) = refusal("git_traffic", export, day="2025-08-01")
    assert told == "c.json: 2025-06-02 is not among the 14 days before it was retrieved: was it on 2025-08-01?"
    assert "not among" in refusal("git_traffic", export, day="2025-06-10")[0]


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        ("2025-01-01T14:00:00Z", "2025-01-02T14:00:00Z", "not made of whole days"),
        ("2025-01-01T00:00:00+01:00", "2025-01-31T23:59:59+01:00", "not made of whole days"),
        ("2025-01-01T00:00:00Z", "2025-01-01T00:00:00Z", "not made of whole days"),
        ("2025-08-01T00:00:00Z", "2025-09-02T00:00:00Z", "after it was retrieved"),
    ],
)
def test_a_range_that_is_not_made_of_whole_days_is_refused_with_what_to_ask(start, end, said):
    plain = {"start": start, "end": end, "group_by": "service", "items": [{"key": "a", "requests_count_total": 1}]}
    assert said in refusal("oscar", ("o.json", plain))[0]


def test_users_and_countries_of_oscar_are_no_services():
    for group in ("user", "country"):
        assert "group_by=service" in refusal("oscar", ("o.json", JANUARY | {"group_by": group, "items": []}))[0]


def test_a_table_without_days_needs_somebody_to_say_them_and_others_do_not():
    table = ("o.csv", (FOLDER / "oscar-breakdown-2025-02.csv").read_text())
    assert "say so (--days)" in refusal("oscar", table, subject="fish-detector")[0]
    days = (dt.date(2025, 1, 1), dt.date(2025, 1, 31))
    itself = ("o.json", (FOLDER / "oscar-breakdown-2025-01.json").read_text())
    assert refusal("oscar", itself, subject="fish-detector", days=days) == [
        "o.json: it tells itself which days it counts."
    ]
    assert "tell themselves" in refusal("counts", ("c.csv", ""), days=days)[0]


def test_a_metric_that_oscar_did_not_count_is_no_zero():
    plain = json.loads((FOLDER / "oscar-service-2025-03.json").read_text())
    for metric in plain["metrics"]:
        metric["sources"] = [{"name": "request-logs", "status": "missing"}]
    assert refusal("oscar", ("o.json", plain)) == [
        "o.json: request-logs was missing when it was asked: nobody counted, which is not 0."
    ]


def test_windows_of_one_kind_of_call_that_overlap_are_refused():
    heading = "service_name,exec_type,status_code,inference_count,start_metric_date,end_metric_date\n"
    twice = heading + "a,/job,200,1,01/Oct/2024,09/Oct/2024\na,/job,200,2,09/Oct/2024,12/Oct/2024\n"
    assert "would count twice" in refusal("oscar", ("d.csv", twice))[0]
    strange = heading + "a,/gpu,200,1,01/Oct/2024,09/Okt/2024\n"
    assert refusal("oscar", ("d.csv", strange)) == [
        "d.csv:2: exec_type is '/gpu', and neither /run nor /job.",
        "d.csv:2: end_metric_date is '09/Okt/2024', and no date.",
    ]


def test_what_is_asked_for_by_name_must_be_there():
    table = ("g.tsv", (FOLDER / "gbif.tsv").read_text())
    assert refusal("gbif", table, subject="nothing")[0].startswith(
        "g.tsv: there is nothing of 'nothing' in it; there is 7f2e"
    )
    doi = ("d.json", (FOLDER / "datacite-2024-08-31.json").read_text())
    assert refusal("doi_citations", doi, subject="10.1/x") == ["d.json: it is of 10.17882/100000, not of 10.1/x."]


def test_looks_at_two_different_dois_have_no_difference():
    looks = [(name, (FOLDER / name).read_text()) for name in ("datacite-2024-08-31.json", "crossref-2025-08-31.json")]
    assert "their difference means nothing" in refusal("doi_citations", *looks)[0]


@given(source=st.sampled_from(sorted(SOURCES)), data=st.binary(max_size=200), name=st.sampled_from(["", "a"]))
def test_whatever_a_file_holds_it_gives_values_or_a_sentence(source, data, name):
    export = Export("file", data, dt.datetime(2025, 9, 1, tzinfo=dt.UTC))
    assert all(line.startswith("file:") for line in complain(source, export, subject=name))


@given(
    source=st.sampled_from(sorted(SOURCES)),
    plain=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["stats", "downloads", "created", "clones", "count", "timestamp", "fetches", "days", "date", "items",
                             "key", "group_by", "start", "end", "metrics", "metric", "value", "sources", "message", "data"]),
            inner, max_size=4,
        ),
        max_leaves=12,
    ),
)  # fmt: skip
def test_whatever_json_a_file_holds_it_gives_values_or_a_sentence(source, plain):
    export = Export("file", json.dumps(plain).encode(), dt.datetime(2025, 9, 1, tzinfo=dt.UTC))
    assert all(line.startswith("file:") for line in complain(source, export))
