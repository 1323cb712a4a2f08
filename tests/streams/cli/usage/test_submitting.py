from __future__ import annotations

import datetime as dt
import json

from typer.testing import CliRunner

from streams.cli.main import app
from streams.usage.pseudonym import make_key

_SETTINGS = """
[project]
starts = "2022-09"
pseudonym_key_file = "key"
[installations.fish]
detector = "scripted"
"""
_USE = (
    '{"id": "job-1", "at": "2024-03-10T10:00:00Z", "installation": "fish", "door": "local", "act": "processed", '
    '"observer": "yolo", "observer_version": "1", "observer_sha256": "' + "ab" * 32 + '", "images": 1, '
    '"issuer": "idp", "subject": "ana@example.org"}\n'
)
_SHEET = """
format = "observatory-sheet/1"
installation = "fish"
title = "Fish"
project_starts = "2022-09"
periods = ["M13-24"]
[[metric]]
metric = "pictures"
label = "Pictures"
definition = "Pictures with a result"
kind = "count"
unit = "image"
measured_by = "images_processed"
"""


def _run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def _submit(folder, *arguments: object):
    (folder / "observatory.toml").write_text(_SETTINGS)
    if not (folder / "key").exists():
        make_key(folder / "key")
    (folder / "uses.jsonl").write_text(_USE)
    settings = ("--settings", folder / "observatory.toml")
    assert _run("usage", "record", folder / "uses.jsonl", *settings).exit_code == 0
    fixed = ("--installation", "fish", "--key", folder / "sign.key", "--to", folder / "fish.json")
    return _run("usage", "submit", "--period", "M13-24", *fixed, *settings, *arguments)


def test_a_local_installation_hands_in_its_counts_and_they_stand_in_the_report(tmp_path):
    ran = _submit(tmp_path, "--new-key")
    assert ran.exit_code == 0, ran.output
    sheet = tmp_path / "sheet.toml"
    sheet.write_text(_SHEET)
    accept = ("usage", "accept", tmp_path / "fish.json", "--sheet", sheet, "--key", tmp_path / "sign.key")
    accepted = _run(*accept)
    assert accepted.exit_code == 0, accepted.output
    sheet.write_text(_SHEET + accepted.stdout)
    shown = _run("report", "--sheets", sheet, "--out", tmp_path / "elsewhere", "--json")
    cell = json.loads(shown.stdout)["installations"][0]["rows"][0]["cells"]["M13-24"]
    assert (cell["value"], cell["provenance"]) == ("1", "imported")
    again = _run(*accept, "--json")
    assert json.loads(again.stdout)["imported"] == []
    assert b"ana" not in (tmp_path / "fish.json").read_bytes()


def test_a_changed_file_is_wrong_use_and_gives_no_value(tmp_path):
    assert _submit(tmp_path, "--new-key").exit_code == 0
    path, sheet = tmp_path / "fish.json", tmp_path / "sheet.toml"
    path.write_bytes(path.read_bytes().replace(b'"station":"fish"', b'"station":"whale"'))
    sheet.write_text(_SHEET)
    ran = _run("usage", "accept", path, "--sheet", sheet, "--key", tmp_path / "sign.key")
    assert ran.exit_code == 2
    assert "fish.json is refused: its content is not what was signed" in " ".join(ran.output.split())
    assert "[[imported]]" not in ran.output


def test_a_key_that_is_there_is_not_made_again_and_a_missing_one_is_named(tmp_path):
    missing = _submit(tmp_path)
    assert (missing.exit_code, "sign.key could not be read" in " ".join(missing.output.split())) == (2, True)
    assert _submit(tmp_path, "--new-key").exit_code == 0
    assert _submit(tmp_path, "--new-key").exit_code == 2
    told = json.loads(_submit(tmp_path, "--station", "laptop", "--json").stdout)
    assert told["submission"]["station"] == "laptop"
    assert dt.datetime.fromisoformat(told["submission"]["made_at"]).tzinfo is not None
