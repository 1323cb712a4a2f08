"""Made-up persons sent through every door of a deployment at work, and looked for in everything that it wrote."""

from __future__ import annotations

import base64
import csv
import datetime as dt
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import urllib.request
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from typer.testing import CliRunner

from schemas.usage import Served, make_usage_id
from streams.brokers.records import Record
from streams.cli.main import app
from streams.places import open_objects
from streams.usage.edge.admission import Visitor
from streams.usage.edge.caller import Request, record_use
from streams.usage.edge.opening import open_edge
from streams.usage.events import to_event_bytes
from streams.usage.pseudonym import make_key
from streams.usage.reports.facts import open_facts
from tests.services.servers import find_free_port
from tests.support.canaries import CANARIES, find_canaries
from tests.support.cluster import Cluster, make_cluster
from tests.support.deployments import ROOT, Site, announce_pictures, wait_for
from tests.support.health import Health

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stops workers by POSIX signals")

AT = dt.datetime(2025, 9, 10, 10, tzinfo=dt.UTC)

_PROJECT = """
[project]
starts = "2025-09"
pseudonym_key_file = "key"
"""

_SHEET = """
format = "observatory-sheet/1"
installation = "bright"
title = "Bright"
project_starts = "2025-09"
periods = ["M1", "M2"]
[[metric]]
metric = "users"
label = "Unique users"
definition = "Persons who logged in"
kind = "unique"
unit = "person"
measured_by = "unique_users"
baseline = "2"
[[metric]]
metric = "reads"
label = "Reads"
definition = "Datasets handed out"
kind = "count"
unit = "read"
measured_by = "reads"
"""

#: A worker that writes down everything it can, and its vendors too.
_LOUD_WORKER = """
import logging, sys
given = logging.basicConfig
def write_all(**options):
    given(**options)
    logging.root.level = logging.DEBUG
logging.basicConfig = write_all
logging.Logger.setLevel = lambda logger, level: None
from streams.cli.main import app
app(sys.argv[1:])
"""


@dataclass
class _Place:
    """A deployment at work, and everything that was said by it."""

    cluster: Cluster
    caplog: pytest.LogCaptureFixture
    health: Health
    said: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def folder(self):
        return self.cluster.site.folder

    def run(self, *arguments, exit_code=0):
        """Run a command with all it can say, and keep what it said."""
        shown = CliRunner().invoke(app, [*map(str, arguments), "--verbose"])
        assert shown.exit_code == exit_code, shown.output
        self.said.append((f"said by {' '.join(map(str, arguments[:2]))}", shown.output.encode()))
        return shown.stdout

    def wait_metered(self, count):
        def is_metered():
            with open_facts(open_objects(self.cluster.deployment)) as facts:
                rejected = sum(number for _, number in facts.rejected)
                return facts.database.run("SELECT count(*) FROM event")[0][0] + rejected >= count

        wait_for(is_metered, what=f"{count} uses are facts")

    def list_topics(self, left_out=()):
        """Yield each record of each topic, but those values that were no door's."""
        with self.cluster.open_client() as client:
            names = [state.name for state in client.describe() if state.name.startswith(self.cluster.site.prefix)]
            for name in names:
                for record in client.read(name):
                    if record.value not in left_out:
                        yield (
                            f"topic {name}",
                            b"\n".join([record.key or b"", repr(record.headers).encode(), record.value or b""]),
                        )

    def list_objects(self):
        store = open_objects(self.cluster.deployment)
        for info in store.list(""):
            yield f"object {info.key}", info.key.encode() + b"\n" + store.read(info.key)
            yield f"object {info.key}", store.read(info.key)

    def list_files(self):
        """Yield every file of the deployment's folder: logs, databases, memories, sealed folders, the embedded log itself."""
        for path in self.folder.rglob("*"):
            if path.is_file() and "door" not in path.parts:
                yield f"file {path.relative_to(self.folder)}", path.name.encode() + b"\n" + path.read_bytes()
                yield f"file {path.relative_to(self.folder)}", path.read_bytes()

    def list_said(self):
        yield from self.said
        yield "log of commands", self.caplog.text.encode()


@contextmanager
def _open_loud_worker(cluster):
    log = (cluster.site.folder / "worker.log").open("wb")
    with log, subprocess.Popen(
        [sys.executable, "-c", _LOUD_WORKER, "worker", "--settings", str(cluster.site.settings), "--verbose"],
        cwd=ROOT, env={**os.environ, **cluster.environment}, stdout=log, stderr=log,
    ) as process:  # fmt: skip
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            if process.poll() is None:
                process.kill()


_KAFKA = [
    pytest.mark.kafka,
    pytest.mark.s3,
    pytest.mark.chaos,
    pytest.mark.skipif(os.environ.get("OBSERVATORY_CHAOS") != "long", reason="only in the long form of make chaos"),
]


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=_KAFKA)])
def cluster(request, tmp_path, unique_name):
    """Give a place to work: in one folder, or on Kafka and MinIO."""
    folder, options = tmp_path / "site", {"changes": _PROJECT, "worker": {"health_port": find_free_port()}}
    if request.param == "embedded":
        return Cluster(Site(folder, **options)).prepare()
    services = request.getfixturevalue("kafka_url"), request.getfixturevalue("minio_service")
    return make_cluster(folder, *services, unique_name, **options)


@pytest.fixture
def place(cluster, monkeypatch, caplog):
    """Give a deployment with a worker that says all it can."""
    folder, health = cluster.site.folder, Health()
    health.port = cluster.site.worker["health_port"]
    for name, value in cluster.environment.items():
        monkeypatch.setenv(name, value)
    make_key(folder / "key")
    (folder / "door").mkdir()
    caplog.set_level("DEBUG")
    with _open_loud_worker(cluster):
        wait_for(lambda: health.read()[0] is not None, what="the worker is there")
        yield _Place(cluster, caplog, health)


def _to_identity(canary):
    """Return what a door knows of somebody: a login, a cookie, or an address."""
    return (
        {"issuer": "https://idp.example", "subject": canary.mail, "address": canary.address, "agent": canary.agent},
        {"issuer": canary.name, "subject": canary.name, "token": canary.token},
        {"token": canary.token, "address": canary.address, "agent": canary.agent},
        {"address": canary.address, "agent": canary.agent},
    )[canary.number % 4]


def _to_line(canary, **changes):
    at = AT + dt.timedelta(minutes=canary.number)
    line = {"id": f"job-{canary.number}", "at": at.isoformat(), "installation": "bright", "door": "web", "act": "served",
            "resource": f"doi:{canary.number}"}  # fmt: skip
    return line | _to_identity(canary) | changes


def _record_by_files(place):
    """Let 100 persons come by files of a door outside, and as many lines be wrong in every way that there is."""
    door = place.folder / "door"
    (door / "good.jsonl").write_text("".join(json.dumps(_to_line(one)) + "\n" for one in CANARIES[:60]))
    lines = [_to_line(one) for one in CANARIES[60:100]]
    with (door / "good.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, sorted({name for line in lines for name in line}))
        writer.writeheader()
        writer.writerows(lines)
    settings = ("--settings", place.cluster.site.settings)
    place.run("usage", "record", door / "good.jsonl", door / "good.csv", *settings)
    for name, data in _make_wrong_files().items():
        (door / name).write_bytes(data)
        said = place.run("usage", "record", door / name, *settings, exit_code=2)
        assert said == ""


def _make_wrong_files():
    """Return files by which names could come into a message: in another field, as a field, in broken lines."""
    one, fields = CANARIES[7], ("act", "traffic", "access", "purpose", "unit", "installation", "door", "operation",
                                "institution", "at", "bytes", "images", "content", "observer_sha256", "since", "last",
                                "home_country", "owner", "reason", "resource", "id", "reprocessing_of")  # fmt: skip
    shifted = [_to_line(one, **{name: text}) for name in fields for text in (one.mail, one.address)]
    wrong = [{one.name: 1}, {one.mail: one.name}, {"act": "heartbeat", "since": one.mail}]
    wrong = [_to_line(one, **changes) for changes in wrong]
    table = io.StringIO()
    csv.writer(table).writerows([list(_to_line(one).values()), list(_to_line(CANARIES[11]).values())])
    text = json.dumps(_to_line(one))
    return {
        "shifted.jsonl": "".join(json.dumps(line) + "\n" for line in [*wrong, *shifted]).encode(),
        "headless.csv": table.getvalue().encode(),
        "ragged.csv": f'id,subject\n1,"{one.mail}",{one.name}\n'.encode(),
        "torn.jsonl": f"{text[:-9]}\n{one.mail}\n[{one.name!r}]\n".encode(),
        "latin.jsonl": text.encode()[:-2] + one.name.encode("latin-1") + b'"}\n',
        "giant.jsonl": json.dumps(_to_line(one, resource=one.mail * 4_000)).encode() + b"\n",
        "control.jsonl": json.dumps(_to_line(one, subject=f"{one.mail}\u001f{one.name}")).encode() + b"\n",
        "nameless.txt": text.encode(),
    }  # fmt: skip


def _record_by_topic(place):
    """Let 100 persons come by a door that sends its uses itself."""
    edge = open_edge(place.cluster.deployment.project)
    records = []
    for one in CANARIES[100:]:
        visitor = Visitor(door="portal", **_to_identity(one))
        place.said.append(("a visitor as text", f"{visitor} {visitor!r}".encode()))
        event_id = make_usage_id(door="portal", operation="download", request=str(one.number), observer_sha256=None)
        request = Request(
            event_id, AT + dt.timedelta(minutes=one.number), "bright", "download", act=Served(resource="doi:1")
        )
        use = record_use(edge.admit(visitor, AT), request)
        records.append(Record(place.cluster.topics.usage_recorded, b"bright", to_event_bytes(use.to_plain()), ()))
    with place.cluster.open_client() as client:
        client.append(records)


def _send_what_is_wrong(place):
    """Send records with persons in them that no door of ours would, and return their values."""
    one, topics = CANARIES[3], place.cluster.topics
    with open_facts(open_objects(place.cluster.deployment)) as facts:
        assert facts.rejected == ()
    use = next(json.loads(text) for name, text in _list_values(place) if name == topics.usage_recorded)
    wrong = [
        use | {"who": {"kind": "person", "pseudonym": one.mail, "tier": 4}},
        use | {"who": {"kind": one.name, "tier": 4}},
        use | {"country": one.mail}, use | {"door": one.address}, use | {"requested_at": one.mail},
        use | {"images": {one.mail: -1}}, use | {"units": {one.name: 1}}, use | {"act": {"kind": one.mail}},
        use | {"bytes": one.mail}, use | {one.mail: 1, "bytes": -1}, use | {"contents": [one.mail]},
        use | {"institution": one.name}, use | {"profile": one.mail * 20},
        # a newer writer's field is passed over, and what stood in it with it
        use | {"event_id": "0" * 32, "mail": one.mail, "address": one.address},
    ]  # fmt: skip
    values = [json.dumps(plain).encode() for plain in wrong]
    values += [
        f"to {one.mail}".encode(),
        f'{{"subject": "{one.mail}'.encode(),
        one.name.encode("latin-1"),
        one.mail.encode() * 4_000,
    ]
    headers = (("ce_userid", one.mail.encode()), ("authorization", f"Bearer {one.token}".encode()))
    arrivals = [
        Record(topics.media_arrived, one.mail.encode(), one.name.encode(), headers),
        Record(topics.media_arrived, b"cam", b"\xff\xd8" + one.mail.encode(), (*headers, ("ce_id", one.mail.encode()))),
    ]
    with place.cluster.open_client() as client:
        client.append(
            [*(Record(topics.usage_recorded, one.mail.encode(), value, headers) for value in values), *arrivals]
        )
    return len(values), {*values, *(record.value for record in arrivals)}


def _list_values(place):
    with place.cluster.open_client() as client:
        for name in (place.cluster.topics.usage_recorded,):
            yield from ((name, record.value) for record in client.read(name))


def _write_everything(place):
    """Make every report, page, sealed folder and list that there is."""
    site, out = place.cluster.site, place.folder / "written"
    settings = ("--settings", site.settings)
    (place.folder / "bright.toml").write_text(_SHEET)
    for form in ("md", "csv", "json"):
        place.run("report", "--period", "M1", *settings, "--format", form, "--publish")
    for form in ("md", "html", "docx", "pdf", "csv", "json"):
        place.run(
            "report", "--sheets", place.folder / "bright.toml", *settings, "--format", form, "--to", out / f"a.{form}"
        )
    place.run("period", "close", "M1", "--sheets", place.folder / "bright.toml", *settings)
    place.run("audit", "verify", place.folder / "data" / "closed" / "M1" / "restatement-0")
    place.run("usage", "submit", "--installation", "bright", "--period", "M1", "--key", place.folder / "hand.key",
              "--new-key", "--to", out / "counts.json", *settings)  # fmt: skip
    place.run("serve", "--write", out / "site", "--sheets", place.folder / "bright.toml", *settings)
    place.run("report", *settings)
    for command in (["ledger"], ["dead-letters", "list"], ["check"]):
        place.run(*command, *settings)
    with urllib.request.urlopen(f"http://127.0.0.1:{place.health.port}/healthz", timeout=10) as page:
        place.said.append(("health page", page.read()))


def test_nobody_who_came_by_any_door_is_in_any_topic_object_log_report_page_or_message(place):
    with place.cluster.open_client() as client:
        announce_pictures(client, place.cluster.topics, "cam", 2)
        announce_pictures(client, place.cluster.topics, "cam", 1, first=5, data=b"no picture")
    _record_by_files(place)
    _record_by_topic(place)
    place.wait_metered(200 + 3)
    _write_everything(place)
    with open_facts(open_objects(place.cluster.deployment)) as facts:
        persons = facts.database.run("SELECT count(DISTINCT identity) FROM event WHERE who = 'person'")[0][0]
    assert persons == 200, "each of them is in the facts, as a pseudonym"
    everything = [*place.list_topics(), *place.list_objects(), *place.list_files(), *place.list_said()]
    assert {"file", "object", "topic", "said"} <= {name.split()[0] for name, _ in everything}
    assert find_canaries(everything) == []
    # then what no door of ours sends: it stands where its sender put it, and goes no further
    sent, values = _send_what_is_wrong(place)
    place.wait_metered(203 + sent)
    place.said.clear()
    for form in ("md", "json"):
        place.run("report", "--period", "M1", "--settings", place.cluster.site.settings, "--format", form)
    letters = f"topic {place.cluster.topics.media_rejected}"
    # the broker client's own debug lines, which none of our commands shows, hold what it fetched
    log = [line for line in (place.folder / "worker.log").read_bytes().splitlines() if b"DEBUG aiokafka" not in line]
    behind = [*place.list_topics(left_out=values), *place.list_objects(), *place.list_said(), ("log", b"\n".join(log))]
    assert find_canaries(entry for entry in behind if entry[0] != letters) == []


@pytest.mark.parametrize(
    "text", ["Kanariq Ñandú 7", "kanariq.7@Vogelsang.example", "198.51.100.8", "2001:db8:ca7a:7::1"]
)
def test_the_search_finds_a_person_in_every_spelling_packing_and_digest(text):
    data = text.encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", text)
    hidden = {
        "plain": data, "upper": text.upper().encode(), "hexadecimal": data.hex().upper().encode(),
        "percent": "".join(f"%{byte:02X}" for byte in data).encode(),
        "base64": base64.b64encode(data), "moved": base64.b64encode(b"1" + data), "twice": base64.b64encode(b"12" + data),
        "url": base64.urlsafe_b64encode(b'{"user": "' + data), "utf-16": text.encode("utf-16"),
        "sha256": hashlib.sha256(data).hexdigest().encode(), "cut": hashlib.sha256(data).hexdigest()[:32].encode(),
        "zip": packed.getvalue(),
    }  # fmt: skip
    assert [name for name, told in hidden.items() if not find_canaries([(name, told)])] == []
    assert find_canaries([("nothing", b"a pseudonym: " + hashlib.sha256(b"k" + data).hexdigest().encode())]) == []
