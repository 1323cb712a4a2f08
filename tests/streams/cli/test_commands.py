"""The commands, as a person and a machine meet them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import tomllib
from contextlib import closing
from pathlib import Path

import pytest

from schemas.errors import RejectedInput
from schemas.topics import Topic
from streams.feeds.sample_sheet.sheet import load_sample_sheet
from streams.feeds.watched import open_watched
from streams.places import open_broker, to_watched_path
from streams.settings.read import read_settings
from tests.support.deployments import PATIENCE_S, ROOT, Site, ask, run_observatory, wait_for, write_pictures
from tests.support.networks import make_mean_onnx


def write_network(path: Path) -> None:
    """Write a small network, as a colleague might have sent it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(make_mean_onnx())


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a site whose four pictures were looked at, one more being no picture."""
    site = Site(tmp_path_factory.mktemp("looked"))
    write_pictures(site.folder / "in", 4)
    (site.folder / "in" / "note.txt").write_text("no picture", encoding="utf-8")
    ran = ask("run", site.folder / "in", "--settings", site.settings, "--no-page")
    assert ran["exit"] == 1, ran["stderr"]
    return site


def test_init_writes_settings_that_check_accepts_and_never_writes_over_a_file(tmp_path: Path):
    made = ask("init", tmp_path / "site")
    assert made["exit"] == 0
    settings = tmp_path / "site" / "observatory.toml"
    assert tomllib.loads(settings.read_text(encoding="utf-8"))["name"] == "my-observatory"
    checked = ask("check", "--settings", settings)
    assert checked["exit"] == 0, checked
    assert {part["part"] for part in checked["checked"]} >= {"object store", "broker", "installation fish"}
    again = ask("init", tmp_path / "site")
    assert again["exit"] == 2
    assert "nothing was written" in again["error"]


def test_init_writes_a_sample_sheet_and_settings_of_a_flowcam_to_take_the_marks_off(tmp_path: Path):
    assert ask("init", tmp_path)["exit"] == 0
    assert [sample.sample_id for sample in load_sample_sheet(tmp_path / "samples.csv").samples] == [
        "2024-st330-s01",
        "2024-st330-s02",
    ]
    settings = tmp_path / "observatory.toml"
    head, mark, rest = settings.read_text(encoding="utf-8").partition("# [installations.plankton]")
    block, end, rest = rest.partition("\n\n")
    settings.write_text(head + re.sub("^# ", "", mark + block, flags=re.MULTILINE) + end + rest, encoding="utf-8")
    checked = ask("check", "--settings", settings)
    assert checked["exit"] == 0, checked
    assert "installation plankton" in {part["part"] for part in checked["checked"]}


def test_check_names_every_part_that_does_not_work_in_one_go(tmp_path: Path):
    site = Site(
        tmp_path,
        changes='[installations.other]\ndetector = "yolo"\n[installations.other.parameters]\nmodel = "nothing@9"',
    )
    settings = site.settings
    settings.write_text(
        settings.read_text(encoding="utf-8").replace('country = "ES"', 'country = "ES"\ndeployments = "absent.csv"'),
        encoding="utf-8",
    )
    checked = ask("check", "--settings", settings)
    wrong = {part["part"]: part["error"] for part in checked["checked"] if part["error"]}
    assert checked["exit"] == 2
    assert set(wrong) == {"deployments in absent.csv", "installation other"}
    assert "nothing@9" in wrong["installation other"]


def test_check_names_misspelt_settings_wrong_addresses_and_wrong_detectors_together_and_makes_nothing(tmp_path: Path):
    site = Site(
        tmp_path,
        broker="kafak://127.0.0.1:9",
        store="s3://bucket",
        worker={"thread": 1},
        changes='[installations.crab]\ndetector = "yolov8"\n[installations.eel]\ndetector = "yolo"\n'
        '[installations.eel.parameters]\nmodel = "a@1"\nkonf = 0.5\n'
        '[installations.lost]\ndetector = "yolo"\n[installations.lost.parameters]\nmodel = "nothing@9"\n',
    )
    settings = site.settings
    checked = ask("check", "--settings", settings)
    assert checked["exit"] == 2
    for told in (
        "broker.url: No broker is known for kafak://",
        "store.url: ",
        "worker.thread: there is no such setting; did you mean threads?",
        "installations.crab.detector: there is no detector 'yolov8'; did you mean yolo?",
        "installations.eel.parameters.konf: there is no such setting; did you mean conf?",
        "nothing@9",
    ):
        assert told in checked["error"], told
    assert checked["error"].startswith("6 things are wrong")
    assert list(tmp_path.iterdir()) == [settings]
    shown = run_observatory("check", "--settings", settings)
    assert shown.stdout.count("wrong") == 6
    assert "6 things are wrong; see above." in shown.stderr


def test_a_model_that_was_filed_is_found_by_the_line_that_was_said(tmp_path: Path):
    write_network(tmp_path / "best.onnx")
    settings = Site(tmp_path).settings
    about = tmp_path / "about.toml"
    assert ask("models", "about", about)["written"] == str(about)
    file = ("models", "file", tmp_path / "best.onnx", "--name", "crabs", "--version", "1", "--about", about)
    unwritten = ask(*file, "--settings", settings)
    assert (unwritten["exit"], "title" in unwritten["error"]) == (2, True)
    about.write_text(about.read_text(encoding="utf-8").replace('"..."', '"not known"'), encoding="utf-8")
    filed = ask(*file, "--settings", settings)
    assert (filed["exit"], filed["settings"]) == (0, ['model = "crabs@1"', 'models = "models"']), filed
    text = settings.read_text(encoding="utf-8").replace(
        'detector = "scripted"', f'detector = "yolo"\nparameters = {{{filed["settings"][0]}}}'
    )
    settings.write_text(f"{filed['settings'][1]}\n{text}", encoding="utf-8")
    assert ask("check", "--settings", settings)["exit"] == 0
    listed = {model["name"]: model for model in ask("models", "list", "--settings", settings)["models"]}
    assert "figures" not in listed["crabs"]
    assert "demo-aquarium" in listed


def test_a_model_that_was_filed_in_the_store_is_found_by_every_worker(tmp_path: Path):
    write_network(tmp_path / "best.onnx")
    about = tmp_path / "about.toml"
    ask("models", "about", about)
    about.write_text(about.read_text(encoding="utf-8").replace('"..."', '"not known"'), encoding="utf-8")
    settings = Site(
        tmp_path, changes='[installations.eel]\ndetector = "yolo"\nparameters = {model = "crabs@1"}'
    ).settings
    file = ("models", "file", tmp_path / "best.onnx", "--name", "crabs", "--version", "1", "--about", about)
    filed = ask(*file, "--in-store", "--settings", settings)
    assert (filed["exit"], filed["settings"]) == (0, ['model = "crabs@1"']), filed
    assert ask("check", "--settings", settings)["exit"] == 0
    again = ask(*file, "--in-store", "--settings", settings)
    assert (again["exit"], "another version" in again["error"]) == (2, True)


def test_a_misspelt_setting_ends_every_command_with_code_two_and_the_name_that_was_meant(tmp_path: Path):
    site = Site(tmp_path, changes="[store2]\n")
    for command in ("check", "ledger", "report", "worker"):
        ran = ask(command, "--settings", site.settings)
        assert ran["exit"] == 2, command
        assert "store2" in ran["error"], command


def test_the_ledger_sums_to_what_was_submitted(looked: Site):
    told = ask("ledger", "--settings", looked.settings)
    states = ("stored", "duplicates", "rejected", "skipped", "in_flight")
    assert told["submitted"] == 5 == sum(told[state] for state in states)
    assert (told["stored"], told["rejected"], told["images"], told["findings"]) == (4, 1, 4, 2)
    assert told["reasons"] == {"not_media": 1}


def test_the_report_counts_images_and_never_a_user_nobody_logged_in_as(looked: Site):
    told = ask("report", "--settings", looked.settings)
    text = json.dumps(told)
    assert '"bright"' in text
    markdown = run_observatory("report", "--settings", looked.settings, "--format", "md").stdout
    assert "| Images processed | 4 |" in markdown
    assert "| Unique users | not measured: nobody can log in |" in markdown
    assert "Spain" in markdown


def test_a_report_on_no_period_of_this_world_is_wrong_use(looked: Site):
    assert ask("report", "--settings", looked.settings, "--period", "M99")["exit"] == 2
    assert ask("report", "--settings", looked.settings, "--installation", "brigth")["exit"] == 2
    assert (
        ask("report", "--settings", looked.settings, "--format", "docx", "--to", looked.folder / "r.docx")["exit"] == 2
    )


def test_a_dead_letter_is_listed_with_its_reason_and_saved_as_it_came(looked: Site, tmp_path: Path):
    (letter,) = ask("dead-letters", "list", "--settings", looked.settings)["dead_letters"]
    assert (letter["subject"], letter["reason"]) == ("note.txt", "not_media")
    saved = ask("dead-letters", "save", letter["number"], tmp_path / "came", "--settings", looked.settings)
    assert saved["exit"] == 0
    assert (tmp_path / "came").read_bytes() == b"no picture"


def test_topics_are_shown_as_planned_after_a_run(looked: Site):
    told = ask("topics", "plan", "--settings", looked.settings)["topics"]
    assert {topic["is_now"] for topic in told} == {"as planned"}
    assert {"media.arrived.v1", "work.bright.live.v1", "metric.period.v1"} <= {topic["name"] for topic in told}


def test_a_topic_that_was_made_otherwise_is_told_to_differ_and_apply_leaves_it_as_it_is(tmp_path: Path):
    site = Site(tmp_path)
    with closing(open_broker(read_settings(site.settings).deployment)) as client:
        client.create([Topic("usage.recorded.v1", 1, "compact", 7 * 86_400)])
        before = client.describe()
    for command, others in (("plan", "missing"), ("apply", "made"), ("plan", "as planned")):
        told = ask("topics", command, "--settings", site.settings)["topics"]
        assert {topic["is_now"] for topic in told if topic["name"] != "usage.recorded.v1"} == {others}
        (uses,) = [topic for topic in told if topic["name"] == "usage.recorded.v1"]
        assert (uses["is_now"], uses["kept"]) == ("differs", "for ever")
        assert uses["differences"][1:] == [
            {
                "part": "cleanup",
                "planned": "delete",
                "found": "compact,delete",
                "sentence": "cleanup is compact,delete, not delete",
            },
            {
                "part": "retention_s",
                "planned": None,
                "found": 604_800.0,
                "sentence": "kept 7 days, not for ever",
            },
        ]
    shown = " ".join(run_observatory("topics", "apply", "--settings", site.settings).stdout.split())
    assert "What differs is left as it is" in shown
    with closing(open_broker(read_settings(site.settings).deployment)) as client:
        assert set(before) <= set(client.describe())


def test_status_tells_of_each_feed_what_waits_and_what_was_seen_last(looked: Site):
    feed = ask("status", "--settings", looked.settings)["feeds"]["cam"]
    assert feed["lag"] == 0
    assert feed["age_s"] >= 0
    assert feed["freshness"].endswith((" ago", "just now"))
    assert feed["last_result"]["images"] == 1
    shown = run_observatory("status", "--settings", looked.settings).stdout
    assert "1 not_media" in shown


def test_status_says_when_a_feed_last_had_a_result(looked: Site):
    told = ask("status", "--settings", looked.settings)
    assert told["feeds"]["cam"]["state"] == "fresh"
    assert told["feeds"]["cam"]["dead_letters"] == {"not_media": 1}
    assert set(told["lag"].values()) == {0}
    stale = ask("status", "--settings", looked.settings, "--fresh-s", "0")
    assert stale["exit"] == 1


def test_models_list_says_what_a_demonstration_model_must_not_be_used_for():
    told = ask("models", "list")["models"]
    (model,) = [card for card in told if card["name"] == "demo-aquarium"]
    assert model["provenance"] == "demonstration"
    assert model["limits"]
    assert 0 <= model["figures"]["map50"] <= 1


def test_publishing_without_a_description_of_the_data_set_is_refused_with_the_setting_to_make(
    looked: Site, tmp_path: Path
):
    told = ask("publish", "dwca", "--settings", looked.settings, "--to", tmp_path / "a.zip")
    assert told["exit"] == 2
    assert "[dataset]" in told["error"]
    assert not (tmp_path / "a.zip").exists()


def test_publishing_pictures_whose_place_nobody_told_says_what_to_fill_in_until_it_is_filled_in(tmp_path: Path):
    assert ask("init", tmp_path)["exit"] == 0
    settings, table = tmp_path / "observatory.toml", tmp_path / "deployments.csv"
    text = settings.read_text(encoding="utf-8").replace('detector = "yolo"', 'detector = "scripted"')
    text = text.replace('[installations.fish.parameters]\nmodel = "demo-aquarium@1"', "").replace("conf = 0.25", "")
    settings.write_text("\n".join(line for line in text.split("\n") if 'model = "' not in line), encoding="utf-8")
    write_pictures(tmp_path / "in", 2)
    ran = ask("run", tmp_path / "in", "--settings", settings, "--no-page")
    assert ran["stored"] == 2, ran

    def publish():
        return ask("publish", "dwca", "--to", tmp_path / "a.zip", "--settings", settings)

    told = publish()
    assert told["exit"] == 2
    assert 'deployments = "deployments.csv" in [feeds.camera-1]' in told["error"]
    assert "lat_deg and lon_deg" in told["error"]
    settings.write_text(
        settings.read_text(encoding="utf-8").replace("# deployments = ", "deployments = "), encoding="utf-8"
    )
    assert "its rows lack lat_deg and lon_deg" in publish()["error"]
    header, row = table.read_text(encoding="utf-8").splitlines()
    table.write_text(f"{header}\n", encoding="utf-8")
    assert "deployments.csv has no row for it" in publish()["error"]
    table.write_text(f"{header}\n{row.replace('2024-', '2025-').replace(',,,', ',41.5,1.5,', 1)}\n", encoding="utf-8")
    assert "its first row begins at 2025-01-01" in publish()["error"]
    table.write_text(f"{header}\n{row.replace(',,,', ',41.5,1.5,', 1)}\n", encoding="utf-8")
    published = publish()
    assert published["stills"] == 2, published


def test_watching_a_folder_that_is_away_says_so(tmp_path: Path):
    settings = Site(tmp_path).settings
    ran = ask("watch", tmp_path / "mount", "--once", "--settings", settings)
    assert ran["exit"] == 3
    assert "mount is away" in ran["error"]
    assert not (tmp_path / "data").exists()
    ran = ask("watch", settings, "--once", "--settings", settings)
    assert (ran["exit"], "is a file" in ran["error"]) == (2, True)


def test_a_watch_that_goes_on_says_that_the_folder_is_away_and_takes_its_files_when_it_is_there(tmp_path: Path):
    settings = Site(tmp_path, changes='[feeds.cam.watch]\ncomplete_by = "rename"\npoll_s = 0.1\n').settings
    log = tmp_path / "watch.log"
    with log.open("wb") as file:
        command = [sys.executable, "-m", "streams.cli", "watch", str(tmp_path / "mount"), "--settings", str(settings)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file)
    try:
        wait_for(lambda: b"mount is away" in log.read_bytes(), what="it is said")
        write_pictures(tmp_path / "mount", 2)
        wait_for(lambda: b"announced 2" in log.read_bytes(), what="its files are taken up")
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
    said = log.read_text(encoding="utf-8")
    assert said.count("mount is away") == 1
    assert said.index("mount is away") < said.index("mount is there")


def test_help_is_given_for_every_command():
    for command in ("run", "demo", "init", "check", "topics", "worker", "watch", "push", "status", "ledger", "report"):
        ran = run_observatory(command, "--help")
        assert ran.returncode == 0, command
        assert "Usage" in ran.stdout


@pytest.mark.parametrize("command", ["init", "run", "push"])
def test_a_place_where_nothing_can_be_written_is_wrong_use_and_named(tmp_path: Path, command: str):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    place = tmp_path / "file" / "below"
    ran = ask(command, *([place] if command == "init" else [tmp_path, "--out", place]))
    assert ran["exit"] == 2, ran
    assert "below" in ran["error"]


@pytest.mark.parametrize("command", ["ledger", "status"])
def test_who_only_looks_is_told_that_there_is_nothing_yet_and_makes_nothing(tmp_path: Path, command: str):
    told = ask(command, "--out", tmp_path / "none")
    assert "nothing yet" in told["nothing_yet"]
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_is_not_calibrated_takes_no_pictures(tmp_path: Path):
    (tmp_path / "best.pt").write_bytes(b"weights")
    told = ask("models", "export", tmp_path / "best.pt", tmp_path / "out", "--data", tmp_path)
    assert told["exit"] == 2
    assert "--precision int8 only" in told["error"]
    assert ask("models", "export", tmp_path / "best.pt", tmp_path / "out", "--precision", "int4")["exit"] == 2


def test_without_settings_pushed_files_are_the_built_in_cameras(tmp_path: Path):
    write_pictures(tmp_path / "in", 1)
    pushed = ask("push", tmp_path / "in", "--out", tmp_path / "data")
    assert (pushed["exit"], pushed["submitted"]) == (0, 1), pushed
    watched = ask("watch", tmp_path / "in", "--once", "--out", tmp_path / "data")
    assert (watched["exit"], watched["announced"]) == (0, 1), watched
    assert set(ask("ledger", "--out", tmp_path / "data")["feeds"]) == {"camera"}


@pytest.mark.parametrize(("count", "is_said"), [(3, True), (10, False)])
def test_a_background_of_few_pictures_is_said_to_be_one(tmp_path: Path, count: int, is_said: bool):  # noqa: FBT001 - a row
    write_pictures(tmp_path / "in", count)
    made = ask("models", "background", tmp_path / "in", "--to", tmp_path / "background.png")
    assert (made["exit"], made["pictures"]) == (0, count)
    assert ("are few" in made["stderr"]) == is_said


def test_the_ledger_names_what_a_watched_share_holds_that_is_not_whole(tmp_path: Path):
    site = Site(tmp_path / "site")
    path = to_watched_path(read_settings(site.settings, environment={}).deployment)
    path.parent.mkdir(parents=True)
    with open_watched(path, "flowcam-1") as watched:
        watched.wait_for("sea-1", RejectedInput(reason="no_collage", sentence="The run is not complete."))
    told = ask("ledger", "--incomplete", "--settings", site.settings)
    assert told["waiting"] == [
        {"feed": "flowcam-1", "name": "sea-1", "reason": "no_collage", "sentence": "The run is not complete."}
    ]
