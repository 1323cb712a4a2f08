"""``report --profile``: our own uses by the rules of COUNTER, from a file of a door outside to the figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from streams.cli.main import app
from streams.usage.pseudonym import make_key

_SETTINGS = """
[project]
name = "imagine"
pseudonym_key_file = "key"
robots_file = "robots.json"
[installations.obsea]
detector = "scripted"
"""

_ROBOTS = [{"pattern": "bot", "last_changed": "2026-02-03"}, {"pattern": "python"}]
_LINE = {"installation": "obsea", "door": "web", "act": "served", "resource": "doi:1", "issuer": "idp"}
_AGENTS = ("Mozilla/5.0 Firefox/130.0", "python-requests/2.32 anna@example.org", "Mozilla/5.0 (somebot)", "")


def _run(*arguments: object):
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture
def place(tmp_path) -> Path:
    (tmp_path / "observatory.toml").write_text(_SETTINGS, encoding="utf-8")
    (tmp_path / "robots.json").write_text(json.dumps(_ROBOTS), encoding="utf-8")
    make_key(tmp_path / "key")
    lines = [
        _LINE | {"id": f"u{number}-{again}", "at": f"2026-03-10T10:0{number}:{10 * again:02}Z", "subject": f"s{number}"}
        | ({"agent": agent} if agent else {})
        for number, agent in enumerate(_AGENTS) for again in range(2)
    ]  # fmt: skip
    (tmp_path / "uses.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    ran = _run("usage", "record", tmp_path / "uses.jsonl", "--settings", tmp_path / "observatory.toml")
    assert ran.exit_code == 0, ran.output
    return tmp_path


def _report(place: Path, *arguments: object):
    return _run("report", "--settings", place / "observatory.toml", "--period", "2026-03", *arguments)


@pytest.mark.parametrize(("profile", "robots", "counted"), [("counter-rd-1", 2, 3), ("counter-r5.1", 4, 2)])
def test_our_uses_are_counted_by_a_profile_of_counter(place, profile, robots, counted):
    ran = _report(place, "--profile", profile, "--json")
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    found = {(row["metric"], row["detail"]): row["value"] for row in told["installations"]["obsea"]}
    assert told["profile"]["name"] == profile
    assert (found["events", ""], found["removed", "robots@1"], found["counted", ""]) == (8, robots, counted)
    assert found["removed", "double-click@1"] == counted
    (sha256,) = (detail for metric, detail in found if metric == "judged")
    assert found["judged", sha256] == 6
    assert any("of 2 uses nobody can tell whether robots made them" in note for note in told["notes"])
    assert "anna" not in ran.output


@pytest.mark.parametrize("form", ["md", "csv", "json", "table"])
def test_every_form_names_the_list_and_what_each_rule_removed(place, form):
    ran = _report(place, "--profile", "counter-rd-1", "--format", form, "--to", place / "out" / "report")
    assert ran.exit_code == 0, ran.output
    text = (place / "out" / "report").read_text(encoding="utf-8")
    assert "2026-02-03" in text
    assert "double-click@1" in text
    shown = _report(place, "--profile", "counter-rd-1", "--format", form)
    assert shown.exit_code == 0
    assert "double-click@1" in shown.stdout


def test_an_unknown_profile_or_form_is_told_with_those_there_are(place):
    ran = _report(place, "--profile", "counter-rd-9")
    assert ran.exit_code == 2
    assert "counter-rd-1" in ran.output
    assert _report(place, "--profile", "counter-rd-1", "--format", "docx").exit_code == 2
