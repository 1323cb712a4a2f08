"""The commands, as a person and a machine meet them."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from tests.support.deployments import Site, ask, run_observatory, write_pictures


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
    assert set(wrong) == {"tables of deployments", "installation other"}
    assert "nothing@9" in wrong["installation other"]


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


def test_help_is_given_for_every_command():
    for command in ("run", "demo", "init", "check", "topics", "worker", "watch", "push", "status", "ledger", "report"):
        ran = run_observatory(command, "--help")
        assert ran.returncode == 0, command
        assert "Usage" in ran.stdout


@pytest.mark.parametrize("command", ["init", "run", "push", "ledger", "status"])
def test_a_place_where_nothing_can_be_written_is_wrong_use_and_named(tmp_path: Path, command: str):
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    place = tmp_path / "file" / "below"
    files = {"init": [place], "run": [tmp_path, "--out", place], "push": [tmp_path, "--out", place]}
    ran = ask(command, *files.get(command, ["--out", place]))
    assert ran["exit"] == 2, ran
    assert "below" in ran["error"]
