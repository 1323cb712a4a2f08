"""A log has one worker for each app, and a dead worker holds nothing."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.errors import FatalFault
from streams.embedded.claim import Claim

ROOT = Path(__file__).resolve().parents[3]

HOLDS = """
import os, pathlib, sys
from streams.embedded.claim import Claim
claim = Claim(pathlib.Path(sys.argv[1]), sys.argv[2])
{more}
print(os.getpid(), flush=True)
os.read(0, 1)
"""


@contextlib.contextmanager
def hold_elsewhere(path, app="pier", more=""):
    command = [sys.executable, "-c", HOLDS.format(more=more), str(path), app]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        try:
            run.holder = int(run.stdout.readline())
            yield run
        finally:
            run.kill()


def test_a_second_claim_is_refused_and_names_who_holds_it(tmp_path):
    with hold_elsewhere(tmp_path / "log.db") as run:
        with pytest.raises(
            FatalFault, match=f"worker of pier already runs on the log .*process {run.holder} on "
        ) as caught:
            Claim(tmp_path / "log.db", "pier")
        assert "stop that one first" in caught.value.sentence


def test_a_second_claim_in_the_same_process_is_refused_and_leaves_the_first_one_standing(tmp_path):
    first = Claim(tmp_path / "log.db", "pier")
    with pytest.raises(FatalFault, match=f"process {os.getpid()}"):
        Claim(tmp_path / "log.db", "pier")
    ended = subprocess.run(
        [sys.executable, "-c", HOLDS.format(more=""), str(tmp_path / "log.db"), "pier"],
        cwd=ROOT,
        input="",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "FatalFault" in ended.stderr
    first.release()


def test_a_released_claim_is_free(tmp_path):
    first = Claim(tmp_path / "log.db", "pier")
    first.release()
    first.release()
    with hold_elsewhere(tmp_path / "log.db"):
        pass
    Claim(tmp_path / "log.db", "pier").release()


def test_other_apps_and_other_logs_are_not_concerned(tmp_path):
    with hold_elsewhere(tmp_path / "log.db", "pier/1"):
        Claim(tmp_path / "log.db", "pier").release()
        Claim(tmp_path / "log.db", "pier/2").release()
        Claim(tmp_path / "other.db", "pier/1").release()


def test_one_log_under_two_names_is_one_log(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with hold_elsewhere(tmp_path / "real" / "log.db"), pytest.raises(FatalFault, match="already runs"):
        Claim(tmp_path / "link" / "log.db", "pier")


def test_a_killed_worker_holds_nothing(tmp_path):
    with hold_elsewhere(tmp_path / "log.db") as run:
        run.kill()
        run.wait()
    Claim(tmp_path / "log.db", "pier").release()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_killed_worker_holds_nothing_although_its_children_live(tmp_path):
    # the child inherits the parent's open files; it must not inherit the claim
    more = "child = os.fork()\nif child == 0:\n    os.read(0, 1)\n    os._exit(0)"
    with hold_elsewhere(tmp_path / "log.db", more=more) as run:
        run.kill()
        run.wait()
        Claim(tmp_path / "log.db", "pier").release()
        run.stdin.close()  # the child reads the end of its input, and goes


def test_a_place_that_may_not_be_written_is_refused(tmp_path):
    with pytest.raises(FatalFault, match="cannot be written"):
        Claim(tmp_path / "nowhere" / "log.db", "pier")
