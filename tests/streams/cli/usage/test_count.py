from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from streams.cli.main import app

_VECTORS = Path(__file__).parents[2] / "usage" / "counting" / "vectors"
_ROBOTS = ("--robots", str(_VECTORS / "robots.json"))


def _run(*arguments: str):
    return CliRunner().invoke(app, ["usage", "count", *arguments])


def test_logs_are_counted_and_every_removal_is_told(tmp_path):
    logs = [str(_VECTORS / name) for name in ("chain.jsonl", "chain.jsonl")]
    ran = _run(*logs, "--period", "2025-03", *_ROBOTS, "--json", "--to", str(tmp_path / "counts.json"))
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    assert {"rule": "double-click@1", "accesses": 3} in told["removed"]
    assert json.loads((tmp_path / "counts.json").read_text()) == told
    assert "double-click@1" in _run(logs[0], "--period", "2025-03", *_ROBOTS).stdout


def test_wrong_use_is_told_as_such(tmp_path):
    log = str(_VECTORS / "chain.jsonl")
    assert _run(log, "--period", "2025-03").exit_code == 2  # no list of robots
    assert _run(log, "--period", "yesterday", *_ROBOTS).exit_code == 2
    assert _run(str(tmp_path / "none.jsonl"), "--period", "2025-03", *_ROBOTS).exit_code == 2
    assert _run(str(_VECTORS / "robots.json"), "--period", "2025-03", *_ROBOTS).exit_code == 2
