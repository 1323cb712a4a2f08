from __future__ import annotations

import json

from typer.testing import CliRunner

from streams.cli.main import app
from streams.usage.pseudonym import make_key

_LINE = (
    '{"id": "job-1", "at": "2026-03-10T10:00:00Z", "installation": "fish", "door": "oscar", "act": "served", '
    '"resource": "doi:1", "issuer": "idp", "subject": "ana@example.org"}\n'
)
_SETTINGS = """
[project]
pseudonym_key_file = "key"
[installations.fish]
detector = "scripted"
"""


def _run(folder, text):
    (folder / "observatory.toml").write_text(_SETTINGS)
    if not (folder / "key").exists():
        make_key(folder / "key")
    (folder / "uses.jsonl").write_text(text)
    arguments = [
        "usage",
        "record",
        str(folder / "uses.jsonl"),
        "--settings",
        str(folder / "observatory.toml"),
        "--json",
    ]
    return CliRunner().invoke(app, arguments)


def test_uses_of_a_door_outside_are_in_the_report_and_their_names_nowhere(tmp_path):
    ran = _run(tmp_path, _LINE)
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout)["files"] == [{"file": "uses.jsonl", "uses": 1, "known": False}]
    assert json.loads(_run(tmp_path, _LINE).stdout)["files"][0]["known"] is True
    arguments = ["report", "--period", "2026", "--format", "json", "--settings", str(tmp_path / "observatory.toml")]
    shown = CliRunner().invoke(app, arguments)
    assert shown.exit_code == 0, shown.output
    assert '"metric":"reads"' in shown.output
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "uses.jsonl"]
    assert not any(b"ana@example.org" in text for text in (*written, shown.output.encode(), ran.output.encode()))
    assert len(written) > 2


def test_a_wrong_line_is_wrong_use_and_nothing_is_recorded(tmp_path):
    ran = _run(tmp_path, _LINE + '{"id": "job-2"}\n')
    assert ran.exit_code == 2
    assert "uses.jsonl:2: at: it is missing" in ran.output
    assert not list(tmp_path.rglob("*.parquet"))
