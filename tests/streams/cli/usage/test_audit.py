from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from streams.cli.main import app

_SEEDS = Path(__file__).parents[2] / "usage" / "audit" / "seeds"


def _run(*arguments: str):
    return CliRunner().invoke(app, ["audit", *arguments])


def test_tables_with_faults_are_told_line_by_line_and_end_with_one(tmp_path):
    ran = _run(str(_SEEDS / "m24.toml"), str(_SEEDS / "m36.toml"), "--to", str(tmp_path / "out" / "found.md"))
    assert ran.exit_code == 1
    assert "unique-bounds: m36:" in ran.stdout
    assert "### unique-bounds" in (tmp_path / "out" / "found.md").read_text()


def test_tables_without_faults_end_with_zero_also_for_machines():
    ran = _run(str(_SEEDS / "m24-corrected.toml"), str(_SEEDS / "m36-corrected.toml"), "--json")
    assert (ran.exit_code, json.loads(ran.stdout)) == (0, {"findings": []})


def test_the_rules_can_be_listed():
    ran = _run("--rules", "--json")
    assert ran.exit_code == 0
    assert "unique-sum" in json.loads(ran.stdout)["rules"]


def test_wrong_use_is_told_as_such(tmp_path):
    assert _run().exit_code == 2
    assert _run(str(tmp_path / "nothing.toml")).exit_code == 2
