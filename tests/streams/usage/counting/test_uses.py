"""Uses counted by profiles: from what a door tells, over the edge and the facts, to the figures."""

from __future__ import annotations

import datetime as dt
import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import FatalFault, RejectedInput
from schemas.usage import Ingested, Program, Served
from sinks.object_store.memory import MemoryStore
from sinks.parquet import Layout, Table, read_table, write_table
from streams.usage.counting.ground import open_uses
from streams.usage.counting.judged import count_judged
from streams.usage.counting.profiles import PROFILES, make_profile
from streams.usage.counting.report import make_profile_report
from streams.usage.counting.robots import load_robots
from streams.usage.counting.tally import count_removed, count_rows
from streams.usage.counting.writing import to_profile_csv, to_profile_json, to_profile_markdown
from streams.usage.edge.admission import Edge
from streams.usage.edge.bulk import import_uses
from streams.usage.edge.keys import KeyRing
from streams.usage.periods import read_period
from streams.usage.pseudonym import PseudonymKey
from streams.usage.reports.facts import open_facts
from streams.usage.reports.report import make_report
from streams.usage.rows import FACTS
from tests.streams.usage.uses import NOW, keep, make_not_done, make_owner, make_person, make_use

_VECTORS = Path(__file__).parent / "vectors" / "uses"
_WIDE = read_period("2020-01-01..2030-01-01")
_LIST = {"list_sha256": "5a" * 32, "list_version": "2025-01-01"}


@pytest.mark.parametrize("path", sorted(_VECTORS.glob("*.jsonl")), ids=lambda path: path.stem)
def test_the_uses_of_a_vector_count_as_it_says(path, tmp_path):
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    edge = Edge(KeyRing("project", PseudonymKey(bytes(range(32)))), robots=load_robots(_VECTORS.parent / "robots.json"))
    store = MemoryStore()
    import_uses(path, edge=edge, store=store, installations=["obsea", "azores"], now_at=NOW)
    period = read_period(expected["period"])
    for name, wanted in expected["profiles"].items():
        with open_uses(store, make_profile(name, asked_at_edge=True), _WIDE) as ground:
            found = {key: row for key, row in count_rows(ground, period).items() if key[0] == "obsea"}
            removed = count_removed(ground, period).get("obsea", {})
            unknown = count_judged(ground, period).of("obsea").count_unjudged()
        rows = {method: {key: row[key] for key in row if key != "countries"} for (_, method), row in found.items()}
        assert (name, rows) == (name, wanted["rows"])
        assert (name, {rule: removed.get(rule, 0) for rule in wanted["removed"]}) == (name, wanted["removed"])
        assert (name, unknown) == (name, wanted["not_judged"])


def test_every_vector_has_its_answer():
    lines, answers = ({path.stem for path in _VECTORS.glob(pattern)} for pattern in ("*.jsonl", "*.json"))
    assert answers == lines
    assert len(lines) >= 6


def _make_any_use(chance: random.Random):
    """Return a use out of few enough possibilities that users, items, sessions and moments meet."""
    number = chance.randrange(1_000)
    programs = [
        None, Program(verdict="no_list"), Program(verdict="no_robot", **_LIST),
        Program(verdict="robot", pattern="bot", **_LIST), Program(verdict="robot", pattern="curl", **_LIST),
    ]  # fmt: skip
    changes = {
        "requested_at": NOW + dt.timedelta(seconds=chance.randrange(0, 4_000, 10)),
        "who": chance.choice([make_person("ana"), make_person("rui"), make_owner()]),
        "access": chance.choice(["Regular", "Machine"]),
        "purpose": chance.choice(["user", "user", "user", "staff"]),
        "traffic": chance.choice(["external", "external", "robot", "test"]),
        "session": chance.choice([None, "ab" * 32, "cd" * 32]),
        "program": chance.choice(programs),
        "bytes": chance.randrange(4),
        "contents": chance.choice([(), ("11" * 32,), ("22" * 32, "11" * 32), ("11" * 32, "22" * 32)]),
    }
    match chance.randrange(5):
        case 0:
            return make_not_done(number, chance.choice(["failure", "refused", "health"]), "why", **changes)
        case 1:
            return make_use(number, act=Ingested(), **changes)
        case 2:
            return make_use(number, **changes)
        case _:
            return make_use(number, act=Served(resource=chance.choice(["doi:1", "doi:2"])), images={}, **changes)


def _count_plainly(uses, name):
    """Return what a plain reading of the rules counts: the second opinion."""
    left = sorted({use.event_id: use for use in uses}.values(), key=lambda use: (use.requested_at, use.event_id))
    removed = dict.fromkeys((rule.name for rule in make_profile(name, asked_at_edge=True).rules), 0)

    def item(use):
        if use.act.kind == "processed":
            return f"{use.act.observer_name}/{use.act.observer_version}"
        return use.act.resource if use.act.kind == "served" else use.operation

    def is_robot(use):
        patterns = {"counter-rd-1": {"bot"}, "counter-r5.1": {"bot", "curl"}, "observatory-1": set()}[name]
        return use.traffic == "robot" or (use.program is not None and use.program.pattern in patterns)

    def click(use):
        action = "request" if use.act.kind in {"processed", "served"} else "look"
        return (use.session, use.who, item(use), tuple(sorted(use.contents)), action)

    def is_clicked_again(place, use):
        return any(
            click(later) == click(use) and later.requested_at - use.requested_at <= dt.timedelta(seconds=30)
            for later in left[place + 1 :]
        )

    for rule, is_gone in (
        ("success@1", lambda _, use: use.act.kind == "not_done"),
        ("user-purpose@1", lambda _, use: use.purpose != "user" or use.traffic == "test"),
        ("robots@1", lambda _, use: is_robot(use)),
        ("double-click@1", is_clicked_again),
    ):
        if rule in removed:
            kept = [use for place, use in enumerate(left) if not is_gone(place, use)]
            removed[rule] = len(left) - len(kept)
            left = kept
    rows = {}
    for method in {use.access for use in left}:
        own = [use for use in left if use.access == method]
        asked = [use for use in own if use.act.kind in {"processed", "served"}]

        def visit(use):
            slice_ = use.requested_at.isoformat()[: 13 if use.session is None else 10]
            return (use.session or use.who, slice_)

        rows[method] = {
            "total_investigations": len(own), "unique_investigations": len({(visit(use), item(use)) for use in own}),
            "total_requests": len(asked), "unique_requests": len({(visit(use), item(use)) for use in asked}),
            "bytes": sum(use.bytes for use in asked), "sessions": len({visit(use) for use in own}),
        }  # fmt: skip
    return rows, removed


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 40), st.sampled_from(sorted(PROFILES)))
def test_uses_count_as_a_plain_reading_of_the_rules_says_however_they_arrive(seed, size, name):
    chance = random.Random(seed)
    uses = list({use.event_id: use for use in (_make_any_use(chance) for _ in range(size))}.values())
    told = uses + chance.choices(uses, k=size // 2) if uses else []
    chance.shuffle(told)
    cut = chance.randrange(size + 1)
    with open_uses(keep(told[:cut], told[cut:]), make_profile(name, asked_at_edge=True), _WIDE) as ground:
        rows = count_rows(ground, _WIDE)
        removed = count_removed(ground, _WIDE).get("obsea", {})
    plain, gone = _count_plainly(uses, name)
    assert {method: {key: row[key] for key in row if key != "countries"} for (_, method), row in rows.items()} == plain
    assert {rule: removed.get(rule, 0) for rule in gone} == gone


def _report(store, name="counter-rd-1"):
    periods = (read_period("2026-10"), read_period("2026-11"))
    with open_facts(store) as facts:
        plain = make_report(facts, periods)
    return plain, make_profile_report(store, make_profile(name, asked_at_edge=True), plain, ())


def _read(report, metric, detail=""):
    lines = [line for sheet in report.sheets for line in sheet.lines if (line.metric, line.detail) == (metric, detail)]
    return lines[0].values if lines else None


def test_the_report_by_a_profile_names_list_entries_and_rules_and_adds_up():
    bot, curl = (Program(verdict="robot", pattern=pattern, **_LIST) for pattern in ("bot", "curl"))
    uses = [make_use(0, program=bot), make_use(1, program=curl), make_use(2, program=Program(verdict="no_robot", **_LIST)),
            make_use(3, program=Program(verdict="no_list")), make_use(4), make_use(5, who=make_person("ana")),
            make_not_done(6, "failure", "outage")]  # fmt: skip
    _, report = _report(keep(uses))
    assert _read(report, "events") == (None, 7)
    assert [_read(report, "removed", rule["name"])[1] for rule in report.profile["rules"]] == [1, 0, 1, 0]
    assert _read(report, "counted") == (None, 5)
    assert _read(report, "judged", "5a" * 32) == (None, 3)
    assert [_read(report, "matched", pattern)[1] for pattern in ("bot", "curl")] == [1, 1]
    assert [_read(report, "not_judged", why)[1] for why in ("no_list", "not_told", "owner")] == [1, 1, 1]
    assert sum("nobody can tell whether robots" in note for note in report.notes) == 3
    markdown = to_profile_markdown(report)
    assert "researchers use: kept" in markdown
    assert report.profile["sha256"] in markdown
    assert "2025-01-01, sha256 " + "5a" * 32 in markdown
    assert "not measured" in markdown
    rows = json.loads(to_profile_json(report))["installations"]["obsea"]
    assert {row["state"] for row in rows if row["period"] == "2026-10"} == {"not_measured"}
    assert to_profile_csv(report).count("\n") == len(rows) + 1


def test_the_house_report_says_the_same_of_its_rules_as_the_report_by_its_profile():
    chance = random.Random(7)
    store = keep([_make_any_use(chance) for _ in range(200)])
    plain, report = _report(store, "observatory-1")
    told = {(line.definition.metric, line.detail): line.cells[1].value.value
            for line in plain.sheets[0].lines if line.definition.section == "uncounted"}  # fmt: skip
    removed = {part: told["removed_events", part] for part in ("not_delivered", "tests", "other_purposes", "robots")}
    assert told["events", ""] == _read(report, "events")[1]
    assert removed["not_delivered"] == _read(report, "removed", "success@1")[1] > 0
    assert removed["tests"] + removed["other_purposes"] == _read(report, "removed", "user-purpose@1")[1] > 0
    assert removed["robots"] == _read(report, "removed", "robots@1")[1] > 0


def test_facts_of_older_programs_are_read_and_of_their_uses_nobody_can_tell():
    """Such facts lack the columns of programs, sessions and models."""
    store = keep([make_use(number, who=make_person("ana")) for number in range(3)])
    (info,) = store.list("usage/facts/")
    older = Layout(FACTS.name, FACTS.columns[: [column.name for column in FACTS.columns].index("session")])
    table = read_table(store.read(info.key), older)
    store.write(info.key, write_table(Table(older, table.arrow)), media_type="application/vnd.apache.parquet")
    assert "program" not in read_table(store.read(info.key), older).to_columns()
    _, report = _report(store)
    assert _read(report, "counted") == (None, 3)
    assert _read(report, "not_judged", "not_told") == (None, 3)


def test_facts_that_cannot_be_read_stop_the_report_unless_they_may_be_missing():
    store = keep([make_use(0)])
    store.write("usage/facts/log/t/0/0.parquet", b"?", media_type="application/vnd.apache.parquet")
    profile = make_profile("counter-rd-1", asked_at_edge=True)
    with pytest.raises(RejectedInput, match="cannot be read"), open_uses(store, profile, _WIDE):
        pass
    with open_uses(store, profile, _WIDE, allow_missing=True) as ground:
        assert ground.broken == ("usage/facts/log/t/0/0.parquet",)


def test_a_profile_that_is_not_there_is_refused_for_uses_too():
    with pytest.raises(FatalFault, match="counter-rd-2"):
        make_profile("counter-rd-2", asked_at_edge=True)
