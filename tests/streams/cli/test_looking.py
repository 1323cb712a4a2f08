"""Commands that only look: they make nothing, and where nothing is they say how to begin."""

from __future__ import annotations

import os

import pytest

from tests.support.deployments import ROOT, ask, run_observatory

LOOKING = (
    ("status",),
    ("ledger",),
    ("report",),
    ("topics", "plan"),
    ("dead-letters", "list"),
)

#: With them nothing lies here: neither settings nor results.
HERE = {"PYTHONPATH": os.fspath(ROOT)}


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """Make an empty folder the one in which commands are run."""
    monkeypatch.setattr("tests.support.deployments.ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", LOOKING)
def test_looking_where_nothing_is_makes_neither_topic_nor_folder(nowhere, command):
    ran = run_observatory(*command, environment=HERE)
    assert ran.returncode == (1 if command == ("status",) else 0), ran.stderr
    assert "Begin with: observatory run PICTURES" in ran.stdout or "topics apply" in ran.stdout
    assert ask(*command, environment=HERE)
    assert list(nowhere.iterdir()) == []


@pytest.mark.parametrize("command", LOOKING)
def test_looking_right_after_init_makes_nothing_either(nowhere, command):
    assert ask("init", environment=HERE)["exit"] == 0
    before = sorted(nowhere.rglob("*"))
    ran = run_observatory(*command, environment=HERE)
    assert "observatory worker" in ran.stdout or "topics apply" in ran.stdout
    assert sorted(nowhere.rglob("*")) == before


def test_publishing_where_nothing_is_says_so_and_makes_nothing(nowhere):
    ask("init", environment=HERE)
    before = sorted(nowhere.rglob("*"))
    told = ask("publish", "dwca", environment=HERE)
    assert (told["exit"], sorted(nowhere.rglob("*"))) == (2, before)
    assert "nothing to publish yet" in told["error"]


def test_a_machine_gets_the_numbers_all_the_same(nowhere):
    told = ask("ledger", environment=HERE)
    states = ("submitted", "stored", "duplicates", "rejected", "skipped", "in_flight", "images", "findings")
    assert {name: told[name] for name in states} == dict.fromkeys(states, 0)
    assert "observatory run PICTURES" in told["nothing_yet"]
    assert ask("dead-letters", "list", environment=HERE)["dead_letters"] == []
    assert ask("status", environment=HERE)["feeds"]["camera"]["freshness"] == "never"
