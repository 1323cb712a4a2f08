from __future__ import annotations

import csv
import datetime as dt
import io
import json
import traceback

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from schemas.errors import FatalFault
from schemas.usage import Ingested, MarkedByHand, NotDone, Processed, Served, make_usage_id
from sinks.object_store.memory import MemoryStore
from sinks.parquet import read_table
from streams.usage.counting.robots import Robots
from streams.usage.edge.admission import Edge, Visitor
from streams.usage.edge.bulk import import_files, import_uses
from streams.usage.edge.caller import Request, record_use
from streams.usage.edge.keys import KeyRing
from streams.usage.events import to_event_bytes
from streams.usage.periods import read_period
from streams.usage.pseudonym import PseudonymKey
from streams.usage.reports.facts import open_facts
from streams.usage.reports.report import make_report
from streams.usage.rows import FACTS, from_fact, to_fact
from tests.streams.usage.uses import NOW, make_record

_ROBOTS = Robots("5a" * 32, "2025-01-01", ("curl", "bot{2}"))
_EDGE = Edge(KeyRing("project", PseudonymKey(bytes(range(32)))), robots=_ROBOTS)
_OBSERVER = {"observer": "yolo", "observer_version": "1.0", "observer_sha256": "ab" * 32}
_LINE = {"id": "job-1", "at": "2026-03-10T10:00:00Z", "installation": "obsea", "door": "oscar", "act": "served",
         "resource": "doi:1", "issuer": "idp", "subject": "ana@example.org"}  # fmt: skip


def _import(folder, lines, store=None, name="uses.jsonl"):
    path = folder / name
    path.write_text(
        "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines), encoding="utf-8"
    )
    store = MemoryStore() if store is None else store
    return store, import_uses(path, edge=_EDGE, store=store, installations=["obsea", "azores"], now_at=NOW)


def _read_rows(store):
    (info,) = store.list("")
    columns = read_table(store.read(info.key), FACTS).to_columns()
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _report(store, period="2026"):
    with open_facts(store) as facts:
        report = make_report(facts, [read_period(period)])
    return {
        (line.definition.metric, line.detail): getattr(line.cells[0].value, "value", None)
        for sheet in report.sheets if sheet.installation == "obsea"
        for line in sheet.lines
    }  # fmt: skip


_acts = st.sampled_from(
    [
        ("processed", _OBSERVER | {"reprocessing_of": "r0"}, "detect"),
        ("processed", _OBSERVER, "detect"),
        ("ingested", {}, "ingest"),
        ("served", {"resource": 'doi:10/é"\\ \t'}, "download"),
        ("annotated", {}, "annotate"),
        ("failure", {"reason": "no_room"}, "detect"),
        ("refused", {"reason": "bad_file"}, "detect"),
        ("health", {}, "detect"),
    ]
)
_names = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).filter(
    lambda text: text == text.strip()
)
_counts = st.integers(0, 2**53 - 1)


@st.composite
def _uses(draw):
    """Return a line, and the use that a door of our own would record of the same request."""
    act, fields, operation = draw(_acts)
    moment = draw(st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2026, 11, 1), timezones=st.just(dt.UTC)))  # noqa: DTZ001 - bounds
    hours = draw(st.integers(-12, 12))
    visitor = draw(
        st.sampled_from(
            [{}, {"address": "10.0.0.1", "agent": "curl/8"}, {"token": "t", "session": "s1", "agent": "a bott"}]
        )
        | st.fixed_dictionaries({"issuer": _names, "subject": _names})
    )
    told = {"id": draw(st.text("abcXYZ-_./{}", min_size=1, max_size=20)), "bytes": draw(_counts), "unit": "clip"}
    assume(len(visitor.get("subject", "")) < 4 or visitor["subject"].casefold() not in told["id"].casefold())
    told |= {"images": draw(st.integers(0, 10**6)), "units": draw(st.integers(0, 99))}
    told |= draw(st.fixed_dictionaries({}, optional={"cpu_ms": _counts, "gpu_ms": _counts}))
    contents = draw(st.lists(st.sampled_from(["ab" * 32, "cd" * 32, "ef" * 32]), max_size=3))
    line = told | visitor | fields | {
        "at": moment.astimezone(dt.timezone(dt.timedelta(hours=hours))).isoformat(),
        "act": act, "installation": "obsea", "door": "oscar", "traffic": "training", "content": contents,
        "institution": "https://ror.org/02nv7yv05", "home_country": "PT",
    }  # fmt: skip
    reason = fields.get("reason", "not_told")
    made = {
        "processed": lambda: Processed(
            processing_id=told["id"], reprocessing_of=fields.get("reprocessing_of"), observer_name="yolo",
            observer_version="1.0", observer_sha256="ab" * 32,
        ),
        "ingested": Ingested, "served": lambda: Served(resource=fields["resource"]), "annotated": MarkedByHand,
    }.get(act, lambda: NotDone(status=act, reason=reason))()  # fmt: skip
    observer = "ab" * 32 if act == "processed" else None
    caller = _EDGE.admit(
        Visitor(door="oscar", traffic="training", institution="02nv7yv05", home_country="PT", **visitor), moment
    )
    event_id = make_usage_id(door="oscar", operation=operation, request=told["id"], observer_sha256=observer)
    event = record_use(caller, Request(
        event_id, moment, "obsea", operation, made, units={"clip": told["units"]},
        images={"frame": told["images"]} if told["images"] else {}, bytes=told["bytes"], contents=tuple(contents),
        cpu_ms=told.get("cpu_ms"), gpu_ms=told.get("gpu_ms"),
    ))  # fmt: skip
    return line, event


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_uses(), min_size=1, max_size=6))
def test_a_line_becomes_the_very_fact_that_a_door_of_our_own_would_make(tmp_path, uses):
    store, imported = _import(tmp_path, [line for line, _ in uses])
    assert (imported.uses, imported.known) == (len(uses), False)
    for number, (row, (_, event)) in enumerate(zip(_read_rows(store), uses, strict=True), start=1):
        wanted = to_fact(make_record(number, to_event_bytes(event.to_plain()), appended_at=NOW), event)
        wanted |= {"units": list(wanted["units"]), "images": list(wanted["images"])}
        assert row == wanted
        assert from_fact(row) == event


def test_the_same_file_twice_counts_once_and_so_does_the_same_line_in_two_files(tmp_path):
    store, first = _import(tmp_path, [_LINE, _LINE | {"id": "job-2"}])
    before = [(info.key, store.read(info.key)) for info in store.list("")]
    _, again = _import(tmp_path, [_LINE, _LINE | {"id": "job-2"}], store, name="renamed.jsonl")
    assert (first.known, again.known) == (False, True)
    assert [(info.key, store.read(info.key)) for info in store.list("")] == before
    _import(tmp_path, [_LINE | {"id": "job-2"}, _LINE | {"id": "job-3"}], store)
    assert _report(store)["reads", ""] == 3


def test_the_same_line_held_against_another_list_of_robots_is_the_same_use(tmp_path):
    line = {name: value for name, value in _LINE.items() if name != "id"} | {"agent": "somebot", "cpu_ms": 5}
    store, _ = _import(tmp_path, [line])
    other = Edge(_EDGE.keys, robots=Robots("77" * 32, "2026-01-01", ("some",)))
    path = tmp_path / "again.jsonl"
    path.write_text(json.dumps(line | {"agent": "somebot"}) + "\n\n", encoding="utf-8")
    import_uses(path, edge=other, store=store, installations=["obsea"], now_at=NOW)
    with open_facts(store) as facts:
        assert facts.conflicts == ()
    assert _report(store)["reads", ""] == 1
    assert len(list(store.list(""))) == 2


def test_lines_without_an_id_are_told_apart_by_what_they_say(tmp_path):
    plain = {name: value for name, value in _LINE.items() if name != "id"}
    same = plain | {"at": "2026-03-10T11:00:00+01:00"}
    store, _ = _import(tmp_path, [plain, same, plain | {"bytes": 5}])
    assert _report(store)["reads", ""] == 2


def test_large_facts_are_counted_in_a_file_as_small_ones_are_in_memory(tmp_path, monkeypatch):
    lines = [_LINE | {"id": f"job-{number}", "subject": f"user-{number % 7}"} for number in range(50)]
    store, _ = _import(tmp_path, lines)
    small = _report(store)
    monkeypatch.setattr("streams.usage.reports.facts.IN_MEMORY_BYTES", 0)
    assert _report(store) == small
    assert small["unique_users", ""] == 7


def test_an_archive_of_twenty_images_is_one_request_and_twenty_images(tmp_path):
    line = _LINE | _OBSERVER | {"act": "processed", "unit": "image_set", "images": 20}
    store, _ = _import(tmp_path, [line])
    found = _report(store)
    assert (found["requests", ""], found["images_processed", ""]) == (1, 20)


def test_an_image_is_processed_once_whatever_model_or_door(tmp_path):
    line = _LINE | _OBSERVER | {"act": "processed", "images": 1, "content": "ab" * 32}
    store, _ = _import(tmp_path, [
        line | {"id": "job-2", "at": "2026-04-01T00:00:00Z", "door": "local"},
        line,
        line | {"id": "job-3", "at": "2026-05-01T00:00:00Z", "observer": "motion", "observer_sha256": "cd" * 32},
        line | {"id": "job-4", "installation": "azores"},
        line | {"id": "job-5", "at": "2026-06-01T00:00:00Z", "purpose": "replay"},
    ])  # fmt: skip
    months = ("2026-03", "2026-04", "2026-05", "2026-06", "2026")
    named = ("images_processed", "images_reprocessed", "image_runs", "requests", "deliveries")
    found = {month: tuple((_report(store, month)[name, ""] or 0) for name in named) for month in months}
    assert found == {"2026-03": (1, 0, 1, 1, 1), "2026-04": (0, 1, 1, 1, 1), "2026-05": (0, 1, 1, 1, 1),
                     "2026-06": (0, 0, 0, 0, 0), "2026": (1, 2, 3, 3, 3)}  # fmt: skip


def test_heartbeats_of_a_door_outside_tell_when_it_was_not_there(tmp_path):
    beat = {"installation": "obsea", "door": "oscar", "act": "heartbeat"}
    store, _ = _import(tmp_path, [
        beat | {"since": "2026-01-01T00:00:00Z", "at": "2026-01-05T00:00:00Z"},
        beat | {"since": "2026-01-06T00:00:00Z", "at": "2026-02-01T00:00:00Z", "last": "true"},
    ])  # fmt: skip
    with open_facts(store) as facts:
        (coverage,) = make_report(facts, [read_period("2026-01")]).sheets[0].coverage
    (gap,) = coverage.gaps
    assert (gap.from_at.day, gap.to_at.day, coverage.share) == (5, 6, 0.9677)
    for row in _read_rows(store):
        assert to_fact(make_record(row["offset"], b""), from_fact(row))["event_sha256"] == row["event_sha256"]


def test_downloads_annotations_and_groups_are_figures_of_their_own(tmp_path):
    lines = [
        _LINE | {"institution": "02nv7yv05"},
        _LINE | {"id": "job-2", "institution": "https://ror.org/02nv7yv05", "subject": "rui"},
        _LINE | {"id": "job-3", "act": "annotated", "images": 12},
        _LINE | {"id": "job-4", "act": "health"},
    ]
    found = _report(_import(tmp_path, lines)[0])
    assert (found["reads", ""], found["images_annotated", ""], found["user_groups", ""]) == (2, 12, 1)
    assert (found["images_processed", ""], found["health_checks", ""], found["unique_users", ""]) == (0, 1, 2)


def test_a_table_with_commas_gives_the_same_facts_as_json_lines(tmp_path):
    lines = [_LINE, _LINE | {"id": "job-2", "subject": 'a "b", c', "bytes": 7}]
    names = sorted({name for line in lines for name in line})
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    rows = _read_rows(_import(tmp_path, lines)[0])
    again = _read_rows(_import(tmp_path, text.getvalue().splitlines(), name="uses.csv")[0])
    assert [row | {"offset": 0} for row in again] == [row | {"offset": 0} for row in rows]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("no json", "it is no JSON object"),
        ("[1, 2]", "it is no JSON object"),
        (_LINE | {"adress": "x"}, "its field number 9 is none of id, at, "),
        (_LINE | {"at": None}, "at: it is missing"),
        (_LINE | {"at": "2026-03-10T10:00:00"}, "at: the time has no zone"),
        (_LINE | {"at": "2026-13-10T10:00:00Z"}, "at: it is no time"),
        (_LINE | {"at": "2027-03-10T10:00:00Z"}, "at: the time is in the future"),
        (_LINE | {"at": "1816-03-10T10:00:00Z"}, "at: the year is before 1900"),
        (_LINE | {"bytes": -1}, "bytes: a whole number from 0"),
        (_LINE | {"images": 1.5}, "images: a whole number from 0"),
        (_LINE | {"bytes": 9 * 10**15 + 10**14}, "a number is beyond 2**53"),
        (_LINE | {"installation": "atlantis"}, "installation: there is none of that name; there are azores, obsea"),
        (_LINE | {"act": "looked"}, "act: what stands there is none of processed, "),
        (_LINE | {"act": None}, "act: it is missing"),
        (_LINE | {"traffic": "x"}, "traffic: what stands there is none of internal, "),
        (_LINE | {"institution": "MIT"}, "institution: a ROR id is expected"),
        (_LINE | {"issuer": None}, "a login has both"),
        (_LINE | {"id": 'a"b'}, "id: up to 300 letters"),
        (_LINE | {"content": "xyz"}, "content: a digest is 64"),
        (_LINE | {"resource": "x" * 1101}, "resource: String should have at most 1100"),
        (_LINE | {"subject": "a\u001fb"}, "it holds control characters"),
        (_LINE | {"door": None}, "door: String should match"),
        (_LINE | {"act": "processed"}, "observer_name: String should match"),
        (_LINE | {"unit": "simulation", "images": 3}, "images: a simulation has none"),
    ],
)
def test_a_bad_line_is_named_with_its_file_and_number_and_nothing_is_imported(tmp_path, line, complaint):
    store = MemoryStore()
    with pytest.raises(FatalFault) as told:
        _import(tmp_path, [_LINE, "", line, _LINE | {"id": "job-2"}], store)
    assert told.value.sentence.startswith("uses.jsonl:3: ")
    assert complaint in told.value.sentence
    assert told.value.sentence.endswith("Nothing was imported.")
    assert "ana@example.org" not in told.value.sentence
    assert list(store.list("")) == []


@pytest.mark.parametrize("name", ["id", "door", "operation", "owner", "observer", "reason", "resource",
                                  "reprocessing_of"])  # fmt: skip
@pytest.mark.parametrize(
    "text", ["of-ana@example.org/3", "ANA@EXAMPLE.ORG", "from/10.20.30.40", "2001:db8::17", "x-canary-cookie"]
)
def test_what_is_kept_of_a_line_may_not_tell_who_it_was(tmp_path, name, text):
    line = _LINE | {"address": "10.20.30.40", "token": "canary-cookie", name: text}
    store = MemoryStore()
    with pytest.raises(FatalFault) as told:
        _import(tmp_path, [line], store)
    assert told.value.sentence.startswith(f"uses.jsonl:1: {name}: ")
    assert text.lower() not in told.value.sentence.lower()
    assert list(store.list("")) == []


@pytest.mark.parametrize(
    "line",
    [{"id": "2026-03-10T10:00:00Z/17"}, {"id": "urn:uuid:0b78eb2c-9c1e-4f1a-8c53-3d2f5f0f0d11"}, {"id": "v1.2.3"},
     {"resource": "doi:10.5281/zenodo.1234.567"}, {"resource": "https://example.org/a@b/c"}, {"id": "12:30:59"},
     {"observer_version": "8.3.40.1"}, {"id": "1.2.3.4.5"}, {"subject": "x", "id": "x-1"}, {"id": "camera::7"}],
)  # fmt: skip
def test_ids_versions_and_addresses_of_data_tell_nobody(tmp_path, line):
    assert _import(tmp_path, [_LINE | line])[1].uses == 1


def _write_files(folder, count, *, wrong=()):
    for number in range(count):
        lines = [_LINE | {"id": f"job-{number}-{line}"} for line in range(1, number + 2)]
        text = "".join(json.dumps(line) + "\n" for line in lines) + ("{\n" if number in wrong else "")
        (folder / f"{number}.jsonl").write_text(text, encoding="utf-8")
    return [folder / f"{number}.jsonl" for number in range(count)]


def test_several_files_come_to_the_facts_that_each_comes_to_alone_and_are_told_in_their_order(tmp_path):
    paths = _write_files(tmp_path, 7)
    together, alone = MemoryStore(), MemoryStore()
    told = list(import_files(paths, edge=_EDGE, store=together, installations=["obsea"]))
    assert [(one.name, one.uses) for one in told] == [(f"{number}.jsonl", number + 1) for number in range(7)]
    for path in paths:
        list(import_files([path], edge=_EDGE, store=alone, installations=["obsea"]))
    assert [info.key for info in together.list("")] == [info.key for info in alone.list("")]
    assert _report(together)["reads", ""] == _report(alone)["reads", ""] == 28


def test_a_wrong_file_among_several_is_named_and_those_before_it_are_recorded(tmp_path):
    paths, store = _write_files(tmp_path, 6, wrong={2}), MemoryStore()
    with pytest.raises(FatalFault, match=r"2\.jsonl:4: ") as refused:
        list(import_files(paths, edge=_EDGE, store=store, installations=["obsea"]))
    assert "Nothing was imported" in refused.value.sentence
    recorded = len(list(store.list("")))
    assert 2 <= recorded <= 3, "the next one may be at work already"
    again = [one.known for one in import_files(paths[:2], edge=_EDGE, store=store, installations=["obsea"])]
    assert again == [True, True]


def test_every_bad_line_is_named_up_to_fifty(tmp_path):
    with pytest.raises(FatalFault) as told:
        _import(tmp_path, [_LINE, *["{"] * 60])
    assert [f"uses.jsonl:{line}:" in told.value.sentence for line in (2, 51, 52)] == [True, True, False]
    assert "and 10 more lines" in told.value.sentence


@pytest.mark.parametrize(
    ("name", "data"),
    [("uses.xml", b"<a/>"), ("uses.jsonl", b""), ("uses.csv", b"at,nonsense\n1,2\n"), ("uses.csv", b'id,at\n"a\nb",c\n'),
     ("uses.jsonl", b'{"id": "' + b"x" * 70_000 + b'"}\n'), ("uses.jsonl", b"\xff\xfe\xff\n"),
     ("uses.csv", b"id,at\na,b,c\n")],
)  # fmt: skip
def test_a_file_that_is_none_of_ours_is_refused_by_name(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(FatalFault, match=name) as told:
        import_uses(tmp_path / name, edge=_EDGE, store=MemoryStore(), installations=["obsea"], now_at=NOW)
    assert str(tmp_path) not in told.value.sentence
    assert "a,b,c" not in "".join(traceback.format_exception(told.value))


def test_no_name_mail_or_address_of_a_file_is_in_the_object(tmp_path):
    canaries = [
        f"{name}{number}@example.org" for number in range(200) for name in ("canary", "10.0.0.", "cookie", "agent")
    ]
    lines = [
        _LINE
        | {"id": f"job-{place}"}
        | dict(zip(("subject", "address", "token", "agent"), canaries[place:], strict=False))
        for place in range(0, 800, 4)
    ]
    for line in lines[::2]:
        del line["subject"], line["issuer"]
    store, _ = _import(tmp_path, lines)
    (info,) = store.list("")
    rows = str(_read_rows(store)) + store.read(info.key).decode("latin-1")
    assert [canary for canary in canaries if canary in rows] == []


def test_a_file_made_in_many_parts_is_the_same_facts_in_the_order_of_its_lines(tmp_path, monkeypatch):
    lines = [
        _LINE | {"id": f"job-{number}", "subject": f"user-{number % 7}", "content": ["ab" * 32] * (number % 3)}
        for number in range(200)
    ]
    whole, _ = _import(tmp_path, lines)
    monkeypatch.setattr("streams.usage.edge.bulk._BYTES_AT_ONCE", 9_000)
    parts, _ = _import(tmp_path, lines)
    assert [row["offset"] for row in _read_rows(parts)] == list(range(1, 201))
    assert _read_rows(parts) == _read_rows(whole)
