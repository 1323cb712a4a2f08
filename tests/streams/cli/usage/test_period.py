from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sinks.object_store.local import LocalStore
from streams.cli.main import app
from streams.usage.meter import Meter
from streams.usage.pseudonym import make_key
from tests.streams.usage.closing.closings import SHEET, flip, list_uses, write_inputs
from tests.streams.usage.uses import make_records, make_use

_SETTINGS = """
[project]
name = "imagine"
starts = "2020-10"
{more}
[installations.obsea]
detector = "scripted"
"""

_REASON = "The audit has ended and the board decided so."


def _run(*arguments: object):
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture
def place(tmp_path) -> Path:
    """Return a folder with settings of a deployment that counted a month of uses, all of them in 2020."""
    (tmp_path / "observatory.toml").write_text(_SETTINGS.format(more=""), encoding="utf-8")
    _count(tmp_path, list_uses())
    return tmp_path


def _count(place: Path, uses: list) -> None:
    store = LocalStore(place / "observatory-data" / "store")
    store.check(create=True)
    past = [use.model_copy(update={"requested_at": use.requested_at.replace(year=2020)}) for use in uses]
    Meter(store, "log-1").take(make_records(past))


def _close(place: Path, *arguments: object):
    return _run("period", "close", "M2", "--settings", place / "observatory.toml", "--json", *arguments)


def test_a_period_is_closed_listed_and_verified_under_both_names(place):
    given = write_inputs(place / "in", SHEET.replace("2026-10", "2020-10"))
    ran = _close(place, "--sheets", place / "in", "--robots", given["robots"], "--country-file", given["country_file"])
    assert ran.exit_code == 0, ran.output
    made = json.loads(ran.stdout)
    assert made["is_new"]
    listed = _run("period", "list", "--settings", place / "observatory.toml")
    assert f"seal {made['seal']['seal']}, restatement 0." in listed.stdout.replace("\n", " ")
    for command in (("period", "verify"), ("audit", "verify")):
        ran = _run(*command, made["folder"])
        assert ran.exit_code == 0, ran.output
        assert "Every block is what was sealed" in ran.stdout


def test_a_flipped_byte_is_told_with_exit_code_one(place):
    folder = Path(json.loads(_close(place).stdout)["folder"])
    flip(folder / "report" / "usage.md", 77)
    for command in (("period", "verify"), ("audit", "verify")):
        ran = _run(*command, folder, "--json")
        assert ran.exit_code == 1
        assert json.loads(ran.stdout)["verified"][0]["differences"] == [
            {"path": "report/usage.md", "what": "the file is not what was sealed", "block": 0, "byte": 77}
        ]


def test_the_report_of_a_closed_period_says_so_and_tells_figures_that_are_other_ones(place):
    made = json.loads(_close(place).stdout)
    report = ("report", "--period", "M2", "--settings", place / "observatory.toml", "--format", "md")
    told = f"- M2 was closed on {made['seal']['closed_at']}, seal {made['seal']['seal']}, restatement 0."
    assert f"{told} The figures here are the sealed ones.\n" in _run(*report).stdout
    _count(place, [*list_uses(), make_use("late")])
    changed = re.escape(told) + r" [1-9]\d* figures here are other than the sealed ones, which stand until"
    assert re.search(changed, _run(*report).stdout)
    again = json.loads(_close(place).stdout)
    assert (again["is_new"], again["seal"]["restatement"]) == (True, 1)
    assert "restatement 1. The figures here are the sealed ones.\n" in _run(*report).stdout


def test_the_sealed_assessment_is_the_one_that_report_writes_and_that_tells_of_the_seal(place):
    write_inputs(place / "in", SHEET.replace("2026-10", "2020-10"))
    made = json.loads(_close(place, "--sheets", place / "in").stdout)
    sealed = (Path(made["folder"]) / "report" / "assessment.md").read_text(encoding="utf-8")
    asked = (
        "report",
        "--sheets",
        place / "in",
        "--period",
        "M1",
        "--period",
        "M2",
        "--settings",
        place / "observatory.toml",
    )
    told = f"**Closed periods**\n\n- M2 was closed on {made['seal']['closed_at']}, seal {made['seal']['seal']}, restatement 0. "
    written = _run(*asked, "--format", "md").stdout
    assert written.replace(f"{told}The figures here are the sealed ones.\n\n", "") == sealed
    _count(place, [*list_uses(), make_use("late")])
    (place / "in" / "obsea.toml").write_text(SHEET.replace("2026-10", "2020-10").replace("10", "11", 1))
    changed = _run(*asked, "--format", "md").stdout
    assert "other than the sealed ones" in changed


def test_a_seal_that_is_not_the_one_handed_in_is_told(place):
    made = json.loads(_close(place).stdout)
    assert _run("period", "verify", made["folder"], "--seal", made["seal"]["seal"]).exit_code == 0
    assert _run("period", "verify", made["folder"], "--seal", "0" * 64).exit_code == 1


def test_wrong_use_is_told_as_such(place, tmp_path):
    settings = place / "observatory.toml"
    assert _run("period", "close", "M200-212", "--settings", settings).exit_code == 2
    assert "is open until" in _run("period", "close", "2150", "--settings", settings).stderr
    assert _run("period", "verify", tmp_path).exit_code == 2
    assert _run("audit", "verify").exit_code == 2
    assert "Nothing was ever counted" in _run("period", "close", "2020-11", "--out", tmp_path / "none").stderr


def _set_key(place: Path, *, paid_on: dt.date, custodian: str = 'key_custodian = "data protection officer"') -> Path:
    key = place / "key"
    make_key(key)
    more = f'pseudonym_key_file = "key"\n{custodian}\nfinal_payment = {paid_on}\n'
    (place / "observatory.toml").write_text(_SETTINGS.format(more=more), encoding="utf-8")
    return key


def _destroy(place: Path, *arguments: str):
    return _run("period", "destroy-key", "--reason", _REASON, "--settings", place / "observatory.toml", *arguments)


def test_closing_leaves_the_pseudonym_key_alone(place):
    key = _set_key(place, paid_on=dt.date(2000, 1, 1))
    before = key.read_bytes()
    assert _close(place).exit_code == 0
    assert key.read_bytes() == before


def test_the_key_is_destroyed_after_the_audit_window_and_before_it_only_by_force(place):
    key = _set_key(place, paid_on=dt.date(2190, 3, 31))
    refused = _destroy(place)
    assert refused.exit_code == 2
    assert "2195-03-31" in refused.stderr
    assert key.exists()
    ran = _destroy(place, "--force", "--json")
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["forced"] is True
    assert not key.exists()
    listed = json.loads(_run("period", "list", "--settings", place / "observatory.toml", "--json").stdout)
    assert [(step["act"], step["forced"], step["reason"]) for step in listed["key"]] == [
        ("destroying", True, _REASON),
        ("destroyed", True, _REASON),
    ]


def test_a_key_without_a_custodian_is_not_destroyed(place):
    key = _set_key(place, paid_on=dt.date(2000, 1, 1), custodian="")
    assert "project.key_custodian" in _destroy(place).stderr
    assert key.exists()
