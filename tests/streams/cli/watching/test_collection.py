"""``observatory watch`` without a folder: the images that a collection lists, seen through its fake."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest

from schemas.errors import FatalFault, TransientFault
from schemas.topics import Topics
from schemas.usage import UsageEvent
from schemas.wire import from_record
from streams.checking import Check
from streams.cli.feed import make_watch_door, open_submission
from streams.cli.output import open_output
from streams.cli.watching import collection as watching
from streams.feeds.mongo import opening
from streams.feeds.mongo.listing import ScriptedCollection
from streams.settings.read import read_settings
from tests.streams.feeds.mongo.builders import NOON
from tests.support.deployments import Site, ask

SETTINGS = """
folder = "data"
[installations.plankton]
detector = "scripted"
[feeds.flowcam]
installation = "plankton"
[feeds.flowcam.collection]
url = "mongodb://127.0.0.1:1"
database = "lab"
collection = "images"
root = "share"
path_field = "path"
time_field = "taken"
"""


@pytest.fixture
def deployment(tmp_path):
    (tmp_path / "observatory.toml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "share").mkdir()
    return read_settings(tmp_path / "observatory.toml", {}).deployment


@pytest.fixture
def listed(deployment, monkeypatch):
    """Return the fake that stands where the server would be."""
    fake = ScriptedCollection(deployment.feeds["flowcam"].collection)
    monkeypatch.setattr(opening, "open_collection", lambda *_: fake)
    return fake


def look_once(deployment):
    """Return how many documents were announced, refused and left, and the media that are on the topic now."""
    with open_output(as_json=False, verbose=False) as output, ExitStack() as stack:
        submission = open_submission(deployment, "flowcam", stack)
        stop, door = threading.Event(), make_watch_door(submission, deployment, once=False)
        tally = watching.follow_collection(output, submission, deployment, stop=stop, once=True, door=door)
        door.close()
        beats = [
            UsageEvent.from_json(stored.value) for stored in submission.client.read(submission.topics.usage_recorded)
        ]
        assert {(beat.door, beat.installation) for beat in beats} == {("watch_flowcam", "plankton")}
        assert beats[-1].act.last
        topic = Topics().media_arrived
        media = [from_record(stored.headers, stored.value) for stored in submission.client.read(topic)]
    return (tally["announced"], tally["refused"], tally["unreadable"]), [medium.subject for medium in media]


def test_paths_of_the_settings_are_taken_from_their_own_folder(deployment, tmp_path):
    assert deployment.feeds["flowcam"].collection.root == tmp_path / "share"


def test_listed_images_are_announced_once_by_however_many_commands(deployment, listed, tmp_path):
    (tmp_path / "share/1.png").write_bytes(b"a picture")
    listed.add({"path": "1.png", "taken": NOON})
    listed.add({"path": "../2.png"})
    assert look_once(deployment) == ((1, 1, 0), ["1.png"])
    (tmp_path / "share/3.png").write_bytes(b"another picture")
    listed.add({"path": "3.png"})
    listed.add({"path": "later.png"})
    assert look_once(deployment) == ((1, 0, 1), ["1.png", "3.png"])


def test_a_feed_without_a_collection_needs_a_folder(deployment):
    bare = deployment.feeds["flowcam"].model_copy(update={"collection": None})
    other = deployment.model_copy(update={"feeds": {"flowcam": bare}})
    with pytest.raises(FatalFault, match=r"Name a folder to watch, or .* \[feeds\.flowcam\.collection\]"):
        watching.find_collection(other, "flowcam")


def test_settings_that_hold_a_password_twice_or_in_the_address_are_refused(tmp_path):
    path = tmp_path / "observatory.toml"
    path.write_text(SETTINGS.replace("127.0.0.1", "erika:secret@127.0.0.1"), encoding="utf-8")
    with pytest.raises(FatalFault, match="password does not belong") as caught:
        read_settings(path, {})
    assert "secret" not in caught.value.sentence
    path.write_text(f'{SETTINGS}username = "e"\npassword = "a"\npassword_file = "b"\n', encoding="utf-8")
    with pytest.raises(FatalFault, match=r"feeds\.flowcam\.collection\.password: give the value"):
        read_settings(path, {})


def test_a_watch_without_folder_and_without_collection_says_what_to_name(tmp_path):
    ran = ask("watch", "--once", "--settings", Site(tmp_path).settings)
    assert ran["exit"] == 2
    assert "Name a folder to watch" in ran["error"]


def test_check_tries_the_collection_and_the_folder_its_paths_are_relative_to(deployment, listed, tmp_path):
    def check():
        return [str(tried.fault) for tried in Check(deployment).try_all() if tried.part == "collection lab.images"]

    assert check() == ["None"]
    listed.fault = TransientFault("MongoDB is away.")
    assert check() == ["MongoDB is away."]
    (tmp_path / "share").rmdir()
    assert check() == ["There is no folder share, which the paths of lab.images are relative to."]
