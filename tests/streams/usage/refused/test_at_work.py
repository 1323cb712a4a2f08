"""Records that are no use, on the topic of a deployment at work: what is said of each, and another try after mending."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from schemas.usage import make_usage_id
from streams.brokers.records import Record
from streams.cli.main import app
from streams.places import open_objects
from streams.usage.reports.facts import open_facts
from tests.streams.usage.uses import make_use
from tests.support.cluster import Cluster
from tests.support.deployments import ROOT, Site, wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stops workers by POSIX signals")

#: A worker that knows the delivery of a result and its own heartbeats, and nothing else, as an older program would.
_OLDER_WORKER = """
import sys
from schemas.errors import RejectedInput
from streams.usage import likeness
real = likeness.read_event
def read(record):
    event = real(record)
    if event.act.kind not in {"processed", "heartbeat"}:
        raise RejectedInput("unknown_version", "The version of the use is not known.")
    return event
likeness.read_event = read
from streams.cli.main import app
app(sys.argv[1:])
"""


@contextmanager
def _open_worker(cluster, program="from streams.cli.main import app; import sys; app(sys.argv[1:])"):
    with (cluster.site.folder / "worker.log").open("ab") as log, subprocess.Popen(
        [sys.executable, "-c", program, "worker", "--settings", str(cluster.site.settings), "--verbose"],
        cwd=ROOT, env=os.environ, stdout=log, stderr=log,
    ) as process:  # fmt: skip
        try:
            yield
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            if process.poll() is None:
                process.kill()


def _change(number, **changes):
    event_id = make_usage_id(door="feed", operation="detect", request=str(number), observer_sha256=None)
    return json.dumps(make_use(number).to_plain() | {"event_id": event_id, "installation": "bright"} | changes).encode()


#: What comes -> its reason; ``None`` for what is a use.
_RECORDS = (
    ("a use", _change(0), (), None),
    ("a wrong version", _change(1), (("ce_type", b"usage.recorded.v9"),), "unknown_type"),
    ("a wrong version of the envelope", _change(2), (("ce_specversion", b"2.0"),), "unknown_version"),
    ("an unknown installation", _change(3, installation="atlantis"), (), None),
    ("a negative count", _change(4, bytes=-1), (), "negative_count"),
    ("a negative number of images", _change(5, images={"still": -3}), (), "negative_count"),
    ("a time in the future", _change(6, requested_at="2199-01-01T00:00:00Z"), (), "time_in_future"),
    ("a time of ten years ago", _change(7, requested_at="2016-03-01T00:00:00Z"), (), None),
    ("a time without a zone", _change(8, requested_at="2026-03-01T00:00:00"), (), "naive_time"),
    ("an id that another use has", _change(0, bytes=1), (), None),
    ("a giant string", _change(9, profile="x" * 5_000), (), "text_too_long"),
    ("a giant record", _change(10, door="x" * 70_000), (), "event_too_large"),
    ("no text", b"\xff\xfe", (), "not_json"),
    ("nothing", b"", (), "empty_value"),
    ("what nobody can do", _change(11, act={"kind": "levitated"}), (), "unknown_kind"),
    ("half a use", b'{"event_id": "' + b"0" * 32 + b'"}', (), "missing_field"),
    ("a use that a newer program knows", _change(12, act={"kind": "ingested"}), (), None),
)


def _run(cluster, *arguments):
    shown = CliRunner().invoke(app, [*arguments, "--settings", str(cluster.site.settings), "--json"])
    assert shown.exit_code in {0, 1}, shown.output
    return json.loads(shown.stdout) | {"exit": shown.exit_code}


def _read_state(cluster):
    with open_facts(open_objects(cluster.deployment)) as facts:
        uses = facts.database.run("SELECT count(*) FROM event WHERE act <> 'heartbeat'")[0][0]
        return uses, dict(facts.rejected), facts.conflicts


def test_each_record_that_is_no_use_has_its_reason_stops_nothing_and_can_be_tried_again(tmp_path):
    cluster = Cluster(Site(tmp_path / "site")).prepare()
    assert _run(cluster, "usage", "rejected") == {"rejected": [], "exit": 0}
    expected = {}
    for _, _, _, reason in _RECORDS:
        if reason is not None:
            expected[reason] = expected.get(reason, 0) + 1
    with _open_worker(cluster, _OLDER_WORKER):
        with cluster.open_client() as client:
            for name, value, headers, _ in _RECORDS:
                client.append([Record(cluster.topics.usage_recorded, name.encode(), value, headers)])
        older = expected | {"unknown_version": expected["unknown_version"] + 1}
        wait_for(lambda: _read_state(cluster)[:2] == (3, older), what="all are facts, or refused")
    found = _run(cluster, "usage", "rejected")
    assert (found["exit"], len(found["rejected"])) == (1, len(_RECORDS) - 4)
    with cluster.open_client() as client:
        names = {(one.partition, one.offset): one.key.decode() for one in client.read(cluster.topics.usage_recorded)}
    told = {names[one["partition"], one["offset"]]: one["reason"] for one in found["rejected"]}
    wanted = {name: reason for name, _, _, reason in _RECORDS if reason is not None}
    assert told == wanted | {"a use that a newer program knows": "unknown_version"}
    assert all(one["sentence"].endswith(".") for one in found["rejected"])
    # the program is brought up to date, and a worker of it runs beside
    with _open_worker(cluster):
        again = _run(cluster, "usage", "rejected", "--retry", "--reason", "unknown_version")
        assert (again["facts"], again["refused"], again["gone"], len(again["rejected"])) == (1, 1, 0, 1)
        # its sender mends one of the others and sends it again under its id
        with cluster.open_client() as client:
            client.append([Record(cluster.topics.usage_recorded, b"mended", _change(4, bytes=1), ())])
        wait_for(lambda: _read_state(cluster)[0] == 5, what="what was mended is a fact")
    assert _read_state(cluster)[1] == expected
    event_id = json.loads(_change(0))["event_id"]
    assert _read_state(cluster)[2] == (event_id,)
    report = CliRunner().invoke(
        app, ["report", "--settings", str(cluster.site.settings), "--format", "md", "--period", "2016"]
    )
    for note in (event_id, "atlantis: uses name it", *(f"No use: {reason}" for reason in expected)):
        assert note in report.stdout, note
    assert _run(cluster, "report", "--period", "2016")["installations"]["bright"]
