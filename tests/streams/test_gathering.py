"""What a command takes paths for: runs of an instrument or files of a camera, by settings or by content."""

from __future__ import annotations

import shutil

import pytest

from schemas.errors import FatalFault
from streams.gathering import gather
from streams.settings.builtin import make_builtin
from streams.settings.read import read_settings
from tests.support.deployments import Site
from tests.support.deployments import write_pictures as write_stills
from tests.support.media import encode
from tests.support.runs import make_picture, write_small_run, zip_folder


@pytest.fixture
def read(tmp_path):
    return make_builtin(tmp_path / "out")


def write_cutouts(folder, count=12):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"roi-{number:03}.png").write_bytes(encode(make_picture(number, 20 + number, 30 - number), "PNG"))
    return folder


def list_all(gathered):
    refused = []
    media = list(gathered.walk(lambda _sender, name, fault: refused.append((name, fault.reason))))
    return [(medium.sender.feed, medium.claimed.subject, medium.run is not None) for medium in media], refused


def test_a_run_folder_is_a_run_and_only_its_installation_is_started(tmp_path, read):
    write_small_run(tmp_path / "sea-1")
    gathered = gather(read, [tmp_path / "sea-1"], feed=None)
    assert list_all(gathered) == ([("flowcam", "sea-1", True)], [])
    assert set(gathered.deployment.installations) == {"flowcam"}


def test_a_folder_of_runs_and_zips_is_as_many_runs(tmp_path, read):
    write_small_run(tmp_path / "lab" / "may" / "sea-1")
    write_small_run(tmp_path / "lab" / "may" / "sea-2", seed=2)
    zip_folder(tmp_path / "lab" / "may" / "sea-2", tmp_path / "lab" / "packed.zip")
    (tmp_path / "lab" / "README.txt").write_text("notes of the lab")
    gathered = gather(read, [tmp_path / "lab"], feed=None)
    found, refused = list_all(gathered)
    assert sorted(found) == [
        ("flowcam", "may/sea-1", True), ("flowcam", "may/sea-2", True), ("flowcam", "packed.zip", True),
    ]  # fmt: skip
    assert refused == []
    assert gathered.passed_over["not_in_a_run"] == 1


def test_small_pictures_of_many_sizes_are_cutouts_and_stills_of_one_size_a_cameras(tmp_path, read):
    write_cutouts(tmp_path / "rois" / "Diatom")
    write_stills(tmp_path / "stills", 12)
    assert list_all(gather(read, [tmp_path / "rois"], feed=None))[0] == [("flowcam", "rois", True)]
    stills = gather(read, [tmp_path / "stills"], feed=None)
    assert {(feed, is_run) for feed, _, is_run in list_all(stills)[0]} == {("camera", False)}
    assert set(stills.deployment.installations) == {"camera"}


def test_runs_and_stills_in_one_folder_go_to_their_own_feeds(tmp_path, read):
    write_small_run(tmp_path / "all" / "sea-1")
    write_stills(tmp_path / "all" / "camera", 6)
    found, _ = list_all(gather(read, [tmp_path / "all"], feed=None))
    assert ("flowcam", "sea-1", True) in found
    assert len([subject for feed, subject, _ in found if feed == "camera"]) == 6
    assert not any(subject.startswith("sea-1/") for _, subject, _ in found)


def test_what_the_settings_say_wins_over_what_pictures_look_like(tmp_path):
    write_stills(tmp_path / "stills", 3)
    write_cutouts(tmp_path / "rois")
    lab = '[feeds.lab]\ninstallation = "bright"\nreads = "runs"\n'
    read = read_settings(Site(tmp_path / "site", changes=lab).settings)
    assert list_all(gather(read, [tmp_path / "stills"], feed="lab"))[0] == [("lab", "stills", True)]
    assert len(list_all(gather(read, [tmp_path / "rois"], feed="cam"))[0]) == 12
    with pytest.raises(FatalFault, match="Name the feed"):
        gather(read, [tmp_path / "rois"], feed=None)


def test_our_own_output_is_no_run(tmp_path):
    write_small_run(tmp_path / "sea-1")
    shutil.copytree(tmp_path / "sea-1", tmp_path / "out" / "store" / "copy")
    found, _ = list_all(gather(make_builtin(tmp_path / "out"), [tmp_path], feed=None))
    assert [subject for _, subject, is_run in found if is_run] == ["sea-1"]
