"""The command ``serve`` and ``contracts``, as a person runs them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from schemas.topics import Topics
from streams.brokers.client import open_client
from streams.cli.main import app
from streams.places import open_objects, plan_topics, to_broker_url
from streams.reporting import send_metrics
from streams.settings.read import read_settings
from streams.usage.meter import Meter
from tests.streams.serving.browsing import read_drawn
from tests.streams.usage.uses import make_clip_use, make_person, make_records, make_use
from tests.support.deployments import ROOT, ask, run_observatory

SETTINGS = """
name = "here"
folder = "data"

[project]
starts = "2026-09"

[installations.obsea]
detector = "scripted"

[feeds.cam]
installation = "obsea"
"""


SHEET = """
format = "observatory-sheet/1"
installation = "obsea"
title = "The cabled observatory"
project_starts = "2026-09"
periods = ["M1-12"]

[[metric]]
metric = "images"
label = "Images looked at"
definition = "Images with a durable result"
kind = "count"
unit = "image"
measured_by = "images_processed"
baseline = "20"
"""


@pytest.fixture
def settings(tmp_path):
    """Make a deployment with counted uses, and figures on its topic."""
    path = tmp_path / "observatory.toml"
    path.write_text(SETTINGS)
    deployment = read_settings(path).deployment
    store = open_objects(deployment, create=True)
    uses = [make_use(0), make_clip_use("dive", 30, who=make_person("ada"))]
    Meter(store, "log-1").take(make_records(uses))
    client = open_client(to_broker_url(deployment))
    client.create(plan_topics(deployment))
    assert send_metrics(deployment, client, store) > 0
    assert Topics().metric_period in {state.name for state in client.describe()}
    client.close()
    return path


@contextmanager
def open_server(*arguments) -> Iterator[str]:
    """Run ``observatory serve`` at a free port for the time of the block, and give its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "streams.cli", "serve", "--port", "0", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            line = process.stderr.readline()
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            assert found, line + process.stderr.read()
            yield found[0]
        finally:
            process.send_signal(signal.SIGINT)
            rest = process.communicate(timeout=60)[1]
    assert process.returncode == 130, rest
    assert "127.0.0.1" not in rest


def get(address: str, **headers: str):
    request = urllib.request.Request(address, headers=headers)  # noqa: S310 - an address of our own
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return answer.headers, answer.read().decode()


def test_what_is_served_is_what_the_report_says(settings):
    report = ask("report", "--settings", settings, "--period", "M1-12", "--period", "2026-11")
    rows = [row for row in report["installations"]["obsea"] if not row["detail"]]
    with open_server("--settings", settings, "--period", "M1-12") as address:
        _, text = get(f"{address}/metrics/obsea?limit=1000")
        figures = {(one["metric"], one["period"]): one for one in json.loads(text)["figures"]}
        for row in rows:
            figure = figures[row["metric"], row["period"]]
            told = figure.get("names", figure.get("value"))
            assert (figure["state"], told) == (row["state"], row.get("value")), row["metric"]
        assert figures["images_processed", "M1-12"]["value"] == 31
        headers, text = get(f"{address}/metrics/obsea", Accept="text/csv")
        assert headers["content-type"].startswith("text/csv")
        assert text.startswith("installation,metric,")
        with pytest.raises(urllib.error.HTTPError) as caught:
            get(f"{address}/metrics/obsea", **{"If-None-Match": headers["etag"], "Accept": "text/csv"})
        assert caught.value.code == 304
        caught.value.close()
        _, text = get(f"{address}/metrics")
        assert (
            'observatory_figure{installation="obsea",metric="images_processed",period="2026",unit="image"} 31' in text
        )
        assert 'observatory_feed_waiting_records{feed="cam"} 0' in text
        assert get(address)[0]["server"] is None


@pytest.mark.slow
def test_a_browser_draws_what_is_served(settings, tmp_path):
    with open_server("--settings", settings) as address:
        drawn = read_drawn(f"{address}/", tmp_path)
    assert "<h2>obsea</h2>" in drawn
    assert re.search(r'Images processed</th><td class="unit">image</td><td>31</td><td>31</td>', drawn)
    assert drawn.count("<svg") >= 3


@pytest.mark.slow
def test_the_assessment_of_metric_sheets_is_served_and_written_as_a_page(settings, tmp_path):
    sheet = tmp_path / "sheet.toml"
    sheet.write_text(SHEET)
    with open_server("--settings", settings, "--sheets", sheet) as address:
        assert 'href="assessment"' in get(address)[1]
        served = read_drawn(f"{address}/assessment", tmp_path)
    assert "Images looked at" in served
    assert re.search(r"<td[^>]*>31\b", served)
    told = ask("serve", "--settings", settings, "--sheets", sheet, "--write", tmp_path / "site")
    assert "assessment.html" in told["files"]
    assert 'href="assessment.html"' in (tmp_path / "site" / "index.html").read_text()
    assert "Images looked at" in (tmp_path / "site" / "assessment.html").read_text()


def test_page_and_figures_are_written_as_files(settings, tmp_path):
    told = ask("serve", "--settings", settings, "--write", tmp_path / "site")
    assert told["exit"] == 0
    assert sorted(told["files"]) == [
        "index.html",
        "metrics/obsea.csv",
        "metrics/obsea.json",
        "periods.csv",
        "periods.json",
    ]
    assert (
        'Images processed</th><td class="unit">image</td><td>31</td>' in (tmp_path / "site" / "index.html").read_text()
    )


def test_serving_where_nothing_is_makes_nothing(tmp_path):
    told = ask("serve", "--out", tmp_path / "none", "--write", tmp_path / "site")
    assert told["exit"] == 0
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--period", "soon"], "names no period"),
        (["--sheets", "no-such-sheet.toml"], "no-such-sheet.toml"),
        (["--host", "192.0.2.1"], "Nothing can be served at 192.0.2.1"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_served(settings, options, said):
    ran = run_observatory("serve", "--settings", settings, "--port", "0", *options)
    assert ran.returncode == 2
    assert said in ran.stderr


def test_an_installation_that_would_hide_the_periods_is_refused(tmp_path):
    path = tmp_path / "observatory.toml"
    path.write_text(SETTINGS.replace("obsea", "periods"))
    told = ask("serve", "--settings", path, "--write", tmp_path / "site")
    assert (told["exit"], "cannot be served" in told["error"]) == (2, True)


def test_without_the_extra_it_is_said_what_to_install(settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "streams.serving.api", None)
    ran = CliRunner().invoke(app, ["serve", "--settings", str(settings), "--port", "0"])
    assert ran.exit_code == 2
    assert "observatory-streams[serve]" in ran.stderr


def test_the_contract_is_written_where_it_is_wanted(tmp_path):
    told = ask("contracts", tmp_path / "contracts")
    assert told["exit"] == 0
    assert set(told["changed"]) == {path.name for path in (tmp_path / "contracts").iterdir()}
    assert ask("contracts", tmp_path / "contracts")["changed"] == []
