from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from sinks.object_store.opening import open_store
from streams.cli.main import app

_SEEDS = Path(__file__).parents[2] / "usage" / "sheets" / "seeds"


def _run(tmp_path: Path, *arguments: str):
    return CliRunner().invoke(app, ["report", "--sheets", str(_SEEDS), "--out", str(tmp_path / "none"), *arguments])


def test_sheets_become_a_report_in_every_form(tmp_path):
    for form, begins in (
        ("md", "# Virtual"),
        ("html", "<!doctype html>"),
        ("csv", "installation,metric"),
        ("json", "{"),
    ):
        ran = _run(tmp_path, "--format", form, "--to", str(tmp_path / "out" / f"report.{form}"))
        assert ran.exit_code == 0, ran.output
        assert (tmp_path / "out" / f"report.{form}").read_text(encoding="utf-8").startswith(begins)
    ran = _run(tmp_path, "--format", "docx", "--to", str(tmp_path / "out" / "report.docx"))
    assert ran.exit_code == 0, ran.output
    assert (tmp_path / "out" / "report.docx").read_bytes().startswith(b"PK")
    golden = (_SEEDS / "golden-m36.md").read_text(encoding="utf-8")
    # what comes first tells of the project, whose settings are not those of the golden file
    assert _run(tmp_path, "--format", "md").stdout.partition("\n## ")[2] == golden.partition("\n## ")[2]


def test_one_installation_and_what_was_known_by_a_day_can_be_asked_for(tmp_path):
    ran = _run(tmp_path, "--installation", "litter", "--period", "M13-24", "--as-of", "2024-10-31", "--json")
    told = json.loads(ran.stdout)
    assert [item["installation"] for item in told["installations"]] == ["litter"]
    assert told["installations"][0]["rows"][4]["cells"]["M13-24"]["value"] == "1 (Italy)"


def test_one_period_is_shown_with_those_before_it_as_deliverables_do(tmp_path):
    told = json.loads(_run(tmp_path, "--installation", "litter", "--period", "M25-36", "--json").stdout)
    assert told["periods"] == ["M13-24", "M25-36"]
    assert "TOTAL" in told["installations"][0]["rows"][0]["cells"]
    assert json.loads(_run(tmp_path, "--period", "M13-24", "--json").stdout)["periods"] == ["M13-24"]


def test_the_folder_of_sheets_can_stand_in_the_settings(tmp_path):
    settings = tmp_path / "observatory.toml"
    settings.write_text(f'[project]\nname = "Tower"\nsheets_folder = "{_SEEDS.as_posix()}"\n', encoding="utf-8")
    asked = ("report", "--settings", str(settings), "--period", "M25-36", "--installation", "obsea", "--format")
    page = CliRunner().invoke(app, [*asked, "html"])
    assert page.exit_code == 0, page.output
    assert "<h2>1 Marine ecosystem monitoring service" in page.stdout
    assert "<li>Project: Tower</li>" in page.stdout
    # the report of figures alone stays what it was
    assert "Virtual Access" not in CliRunner().invoke(app, [*asked[:3], "--format", "md", "--figures"]).stdout


def test_the_form_follows_from_the_name_of_the_file(tmp_path):
    for name, begins in (("report.docx", b"PK"), ("report.HTML", b"<!doctype html>"), ("report.csv", b"installation,")):
        assert _run(tmp_path, "--to", str(tmp_path / name)).exit_code == 0
        assert (tmp_path / name).read_bytes().startswith(begins)


def test_facts_that_cannot_be_read_are_named_where_they_may_be_left_out(tmp_path):
    key = "usage/facts/log/usage.recorded.v1/0/0.parquet"
    store = open_store((tmp_path / "none" / "store").as_uri())
    store.check(create=True)
    store.write(key, b"no table", media_type="application/octet-stream")
    assert _run(tmp_path, "--format", "md").exit_code != 0
    ran = _run(tmp_path, "--format", "md", "--allow-missing")
    assert ran.exit_code == 0, ran.output
    assert f"- Partial: {key} could not be read; uses in it are missing from every figure of ours" in ran.stdout


def test_what_needs_sheets_says_so(tmp_path):
    for asked in (("--format", "html"), ("--progress",), ("--as-of", "2024-10-31")):
        ran = CliRunner().invoke(app, ["report", "--out", str(tmp_path / "none"), *asked])
        assert ran.exit_code == 2
        assert "needs metric sheets" in ran.output


def test_wrong_use_is_told_as_such(tmp_path):
    for wrong in (
        ("--format", "odt"),
        ("--format", "docx"),
        ("--period", "2024"),
        ("--as-of", "soon"),
        ("--installation", "nowhere"),
        ("--progress", "--period", "M25-36"),
    ):
        assert _run(tmp_path, *wrong).exit_code == 2


def test_the_progress_of_a_project_that_is_over_is_none(tmp_path):
    ran = _run(tmp_path, "--progress")
    assert ran.exit_code == 2
    assert "No period of the sheets is open" in ran.output
