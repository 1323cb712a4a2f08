"""`--json`: one object on standard output, whatever happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import typer

from schemas.errors import FatalFault, TransientFault
from streams.cli.output import open_output
from tests.support.deployments import run_observatory

WRONG_USE = (
    ("run",),
    ("run", "--nope"),
    ("nothing-of-the-kind",),
    ("dead-letters",),
    ("dead-letters", "save", "0-1"),
    ("models", "train", "data", "to", "--epochs", "none"),
    ("report", "--format", "docx"),
    ("run", "nothing-by-that-name.jpg"),
    ("watch", "nothing-by-that-name", "--once", "--feed", "none"),
    ("ledger", "--settings", "nothing-by-that-name.toml"),
)


@pytest.mark.parametrize("command", WRONG_USE)
def test_wrong_use_is_one_object_with_an_error(command):
    ran = run_observatory(*command, "--json")
    told = json.loads(ran.stdout)
    assert ran.returncode in {2, 3}
    assert told["error"]
    assert told["kind"] in {"wrong use or settings", "outage"}


def test_a_person_is_told_of_wrong_use_on_standard_error_alone():
    ran = run_observatory("run", "--nope")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "--nope" in ran.stderr


def test_a_file_whose_name_looks_like_the_option_does_not_ask_for_json():
    ran = run_observatory("run", "--nope", "--", "--json")
    assert (ran.returncode, ran.stdout) == (2, "")


def test_what_others_print_goes_to_standard_error():
    script = """
import os, subprocess, sys
from streams.cli.output import open_output
with open_output(as_json=True) as output:
    print("from Python")
    os.write(1, b"from C\\n")
    subprocess.run([sys.executable, "-c", "print('from a process')"], check=True)
    output.add({"done": True})
print("after")
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == '{"done": true}\nafter\n'
    assert sorted(ran.stderr.split(os.linesep)) == ["", "from C", "from Python", "from a process"]


def end_command(raised):
    with open_output(as_json=True) as output:
        output.add({"submitted": 3})
        raise raised


@pytest.mark.parametrize(
    ("raised", "code", "told"),
    [
        (FatalFault("No such feed."), 2, {"error": "No such feed.", "kind": "wrong use or settings"}),
        (TransientFault("The broker is away."), 3, {"error": "The broker is away.", "kind": "outage"}),
        (KeyboardInterrupt(), 130, {"interrupted": True}),
        (typer.Exit(1), 1, {}),
        (RuntimeError("a mistake"), 70, {"error": "a mistake in the program; see standard error", "kind": "broken"}),
    ],
)
def test_however_a_command_ends_its_object_is_written_once(capsys, raised, code, told):
    with pytest.raises(typer.Exit) as left:
        end_command(raised)
    assert left.value.exit_code == code
    assert json.loads(capsys.readouterr().out) == {"submitted": 3, **told}
