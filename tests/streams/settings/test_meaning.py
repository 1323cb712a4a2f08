"""Wrong meanings: addresses, names and parameters are named in the same go as misspelt settings."""

from __future__ import annotations

import copy
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.settings.meaning import find_wrong_meanings
from streams.settings.read import SettingsError, check_settings
from streams.settings.template import TEMPLATE

GOOD = """
[broker]
url = "kafka://127.0.0.1:9092"
[store]
url = "s3+https://s3.example.org/bucket"
[installations.fish]
detector = "yolo"
[installations.fish.parameters]
model = "demo-aquarium@1"
[feeds.cam]
installation = "fish"
"""

#: What is changed in the good settings, and how the one complaint about it begins.
WRONG = [
    (("broker", "url", "kafak://host:9092"), "broker.url: No broker is known for kafak://", "Did you mean kafka://?"),
    (("broker", "url", "127.0.0.1:9092"), "broker.url: '127.0.0.1:9092' is no broker address", "kafka://host:port"),
    (("broker", "url", "kafka://"), "broker.url: ", "write kafka://host:9092"),
    (("broker", "url", "embedded:log.db"), "broker.url: ", "the absolute path of a file"),
    (("broker", "topic_prefix", "North"), "broker.topic_prefix: 'North'", "lower-case"),
    (("broker", "username", "me"), "broker.username: ", "missing: mechanism, password_file"),
    (("broker", "certificate_file", "me.pem"), "broker.certificate_file: ", "tls = true"),
    (
        ("store", "url", "s3://bucket"),
        "store.url: the object store's address begins with s3:",
        "s3+https://host/bucket",
    ),
    (("store", "url", "s3+https://host/UPPER"), "store.url: ", "names the bucket 'UPPER'"),
    (("store", "allowed_buckets", ["in", "incoming"]), "store.allowed_buckets: 'in'", "3 to 63"),
    (("installations", "fish", {"detector": "yolov8"}), "installations.fish.detector: ", "did you mean yolo?"),
    (("installations", "fish", {"detector": "yolo"}), "installations.fish.parameters.model: ", "must be given"),
    (
        ("installations", "fish", {"detector": "yolo", "parameters": {"model": "a@1", "konf": 0.5}}),
        "installations.fish.parameters.konf: there is no such setting",
        "did you mean conf?",
    ),
    (
        ("installations", "fish", {"detector": "motion", "parameters": {"contrast": -1}}),
        "installations.fish.parameters.contrast: ",
        "greater than 0 (given: -1)",
    ),
    (("feeds", "cam", {"installation": "fisch"}), "feeds.cam.installation: ", "did you mean fish?"),
    (
        ("feeds", "cam", {"installation": "fish", "sampling": {"every_n": 2, "key_frames": True}}),
        "feeds.cam.sampling: ",
        "give one of",
    ),
    (("dataset", "label_map", "aquarium-animal"), "dataset.label_map: ", "did you mean aquarium-animals?"),
]


def change(plain, path, value):
    table = plain
    for step in path[:-1]:
        table = table.setdefault(step, {})
    table[path[-1]] = value
    return plain


@pytest.mark.parametrize(("changed", "begins", "says"), WRONG)
def test_each_wrong_meaning_is_named_where_it_stands_with_what_was_probably_meant(tmp_path, changed, begins, says):
    with pytest.raises(SettingsError) as raised:
        check_settings(change(tomllib.loads(GOOD), changed[:-1], changed[-1]), {}, folder=tmp_path)
    (complaint,) = raised.value.complaints
    assert complaint.startswith(begins)
    assert says in complaint


def test_wrong_addresses_detectors_and_parameters_are_named_in_one_go_with_what_is_misspelt(tmp_path):
    plain = tomllib.loads(GOOD.replace("kafka:", "kafak:").replace("s3+https", "s3"))
    plain["installations"]["crab"] = {"detector": "yolov8"}
    plain["installations"]["eel"] = {"detector": "yolo", "parameters": {"model": "a@1", "conf": 2}}
    plain["installations"]["oil"] = {"detektor": "yolo"}
    plain["worker"] = {"thread": 2}
    with pytest.raises(SettingsError) as raised:
        check_settings(plain, {}, folder=tmp_path)
    assert {complaint.partition(":")[0] for complaint in raised.value.complaints} == {
        "broker.url",
        "store.url",
        "installations.crab.detector",
        "installations.eel.parameters.conf",
        "installations.oil.detector",
        "installations.oil.detektor",
        "worker.thread",
    }


def test_what_is_right_beside_what_is_wrong_can_still_be_tried(tmp_path):
    plain = change(tomllib.loads(GOOD), ("installations", "oil"), {"detektor": "yolo"})
    plain["worker"] = {"threads": "many", "outage_after_s": 5}
    with pytest.raises(SettingsError) as raised:
        check_settings(plain, {}, folder=tmp_path)
    right = raised.value.right
    assert right is not None
    assert (right.broker.url, right.worker.threads, right.worker.outage_after_s) == ("kafka://127.0.0.1:9092", None, 5)
    assert list(right.installations) == ["fish"]
    assert right.folder == tmp_path / "observatory-data"


def test_secrets_of_the_environment_count_as_given(tmp_path):
    plain = change(tomllib.loads(GOOD), ("broker",), {"url": "kafka://h", "mechanism": "PLAIN", "username": "me"})
    with pytest.raises(SettingsError, match="password_file"):
        check_settings(copy.deepcopy(plain), {}, folder=tmp_path)
    assert check_settings(plain, {"OBSERVATORY__BROKER__PASSWORD": "secret"}, folder=tmp_path)


def test_the_settings_that_init_writes_mean_something_also_with_every_line_in_force():
    lines = [
        line.removeprefix("# ") if line.startswith("# ") and " = " in line else line for line in TEMPLATE.split("\n")
    ]
    plain = tomllib.loads("\n".join(line for line in lines if not line.startswith("Settings of")))
    assert len(plain["broker"]) > 5
    wrong = find_wrong_meanings(plain)
    assert [complaint.partition(":")[0] for complaint in wrong] == ["store.allowed_buckets"], "its store is a folder"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
PLACES = [path[:-1] for path, _, _ in WRONG] + [("broker",), ("store",), ("installations",), ("feeds",), ("dataset",)]


@given(st.sampled_from(PLACES), ANYTHING)
def test_whatever_somebody_writes_is_complained_of_and_never_breaks_the_reading(place, value):
    complaints: tuple[str, ...] = ()
    try:
        check_settings(change(tomllib.loads(GOOD), place, value), {}, folder=Path())
    except SettingsError as error:
        complaints = error.complaints
    assert [complaint for complaint in complaints if ": " not in complaint] == []
