from __future__ import annotations

import json

from typer.testing import CliRunner

from streams.cli.main import app
from tests.streams.usage.sheets.sheets import HEAD, STEPS


def _run(folder, *arguments: str):
    (folder / "museum.toml").write_text(HEAD + STEPS)
    (folder / "counts.csv").write_text("first_day,last_day,value\n2025-01-01,2025-01-31,7\n")
    fixed = ["--sheet", str(folder / "museum.toml"), "--metric", "steps"]
    return CliRunner().invoke(app, ["usage", "import", "counts", str(folder / "counts.csv"), *fixed, *arguments])


def test_a_counter_is_written_as_a_sheet_has_it(tmp_path):
    ran = _run(tmp_path, "--retrieved", "2025-02-01T08:00:00Z", "--name", "seanoe")
    assert ran.exit_code == 0, ran.output
    assert 'source = "seanoe"\nretrieved_at = 2025-02-01T08:00:00.000Z' in ran.stdout
    told = json.loads(_run(tmp_path, "--retrieved", "2025-02-01T08:00:00Z", "--json").stdout)
    assert told["imported"][0]["value"] == "7"


def test_wrong_use_is_told_as_such(tmp_path):
    for wrong in (["2025-02-01T08:00:00"], ["soon"], ["2025-02-01T08:00:00Z"] * 2):
        arguments = [word for time in wrong for word in ("--retrieved", time)]
        assert _run(tmp_path, *arguments).exit_code == 2


def test_days_are_said_where_a_file_does_not_tell_them(tmp_path):
    (tmp_path / "museum.toml").write_text(HEAD + STEPS)
    (tmp_path / "oscar.csv").write_text("key,requests_count_total\nfish,87\n")
    fixed = ["--retrieved", "2025-03-01T08:00:00Z", "--sheet", str(tmp_path / "museum.toml"), "--metric", "steps"]

    def run(*arguments: str):
        return CliRunner().invoke(app, ["usage", "import", "oscar", str(tmp_path / "oscar.csv"), *fixed, *arguments])

    assert "first_day = 2025-02-01\nlast_day = 2025-02-28" in run("--days", "2025-02-01..2025-02-28").stdout
    for wrong in ([], ["--days", "2025-02-01"], ["--days", "2025-02-01..2025-02-28"] * 2):
        assert run(*wrong).exit_code == 2
