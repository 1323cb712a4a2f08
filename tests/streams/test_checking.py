"""Trying the parts of a deployment."""

from __future__ import annotations

import pytest

from streams.checking import Check
from streams.settings.read import SettingsError, check_settings
from tests.detectors.models.shelves import file_means
from tests.support.classifiers import write_classifier

FISH = {"detector": "scripted"}
LOST = {"detector": "yolo", "parameters": {"model": "nothing@9"}}


def read(folder, **tables):
    plain = {"installations": {"fish": FISH}, "feeds": {"cam": {"installation": "fish"}}, **tables}
    return check_settings(plain, {}, folder=folder).deployment


def check(deployment, wrong=()):
    return {step.part: step.fault and step.fault.sentence for step in Check(deployment, wrong).try_all()}


def test_every_part_that_works_is_told_and_the_stores_folder_is_made(tmp_path):
    assert check(read(tmp_path)) == {"object store": None, "broker": None, "installation fish": None}
    assert (tmp_path / "observatory-data" / "store").is_dir()


def test_each_part_that_does_not_work_is_named_and_hides_no_other(tmp_path):
    (tmp_path / "wrong.csv").write_text("feed,valid_from_at\ncam,yesterday\n", encoding="utf-8")
    (tmp_path / "data.toml").write_text("title = 1\n", encoding="utf-8")
    found = check(
        read(
            tmp_path,
            broker={"url": "kafka://127.0.0.1:9"},
            store={"url": f"file://{tmp_path}/wrong.csv/below"},
            installations={"fish": FISH, "lost": LOST},
            feeds={"cam": {"installation": "fish", "deployments": "wrong.csv"}},
            dataset={"plan": "data.toml", "label_map": "aquarium-animals"},
            project={"pseudonym_key_file": "no-key"},
            models="no-models",
        )
    )
    assert {part for part, fault in found.items() if fault is None} == {"installation fish"}
    assert {part for part, fault in found.items() if fault is not None} == {
        "object store",
        "broker",
        "deployments in wrong.csv",
        "data set",
        "pseudonym key",
        "models",
        "installation lost",
    }
    assert "127.0.0.1" in found["broker"]
    assert "nothing@9" in found["installation lost"]
    assert "The object store could not be looked into." in found["installation lost"]


def test_a_model_in_a_catalogue_of_ones_own_needs_no_object_store(tmp_path):
    file_means(tmp_path / "models")
    own = {"detector": "yolo", "parameters": {"model": "means@1"}}
    tables = {"installations": {"fish": own}, "models": "models", "store": {"url": f"file://{tmp_path}/x/y"}}
    (tmp_path / "x").write_text("no folder", encoding="utf-8")
    found = check(read(tmp_path, **tables))
    assert found["object store"] is not None
    assert found["installation fish"] is None


def test_a_bucket_that_references_may_point_into_is_tried_too(tmp_path, monkeypatch):
    from schemas.errors import FatalFault
    from sinks.object_store.memory import MemoryStore

    def refuse(verb, key):
        if verb == "check":
            raise FatalFault(sentence="there is no bucket incoming")

    def open_store(url, credentials):
        return MemoryStore(before=refuse) if "/incoming" in url else MemoryStore()

    monkeypatch.setattr("streams.places.open_store", open_store)
    store = {"url": "s3+https://host/own", "allowed_buckets": ["incoming", "partner"]}
    found = check(read(tmp_path, store=store))
    assert (found["object store"], found["bucket partner"]) == (None, None)
    assert found["bucket incoming"] == "there is no bucket incoming"


def test_while_settings_are_wrong_the_rest_is_tried_and_nothing_is_made(tmp_path):
    plain = {
        "foldr": "elsewhere",
        "broker": {"url": "kafka://127.0.0.1:9"},
        "store": {"url": "s3://bucket"},
        "installations": {"fish": FISH, "lost": LOST, "crab": {"detector": "yolov8"}},
        "feeds": {"cam": {"installation": "fsh", "deployments": "absent.csv"}},
    }
    with pytest.raises(SettingsError) as raised:
        check_settings(plain, {}, folder=tmp_path)
    error = raised.value
    assert error.right is not None
    found = check(error.right, error.complaints)
    assert set(found) == {"broker", "deployments in absent.csv", "installation fish", "installation lost"}
    assert found["installation fish"] is None
    assert list(tmp_path.iterdir()) == []


def test_settings_by_which_nothing_would_be_looked_at_are_told(tmp_path):
    found = check(check_settings({}, {}, folder=tmp_path).deployment)
    assert "no installation" in found["installations"]


def test_ids_of_a_classifier_that_are_overruled_or_differ_from_the_label_map_are_named_with_the_reason(tmp_path):
    classes = ("Bellerochea", "Bellerochea_horologicalis", "Tripos")
    write_classifier(tmp_path / "mine", classes=classes, ids=("447730", "447730", "494057"))
    (tmp_path / "labels.toml").write_text(LABELS, encoding="utf-8")
    installations = {"plankton": {"detector": "roi-classifier", "parameters": {"model": str(tmp_path / "mine")}}}
    feeds = {"lab": {"installation": "plankton", "reads": "runs"}}
    given = read(tmp_path, installations=installations, feeds=feeds, dataset={"label_map_file": "labels.toml"})
    (step,) = [step for step in Check(given).try_all() if step.part == "installation plankton"]
    assert step.fault is None
    assert step.notes == (
        (
            "Bellerochea: id 149305 is believed; the folder states 447730, which it also gives Bellerochea_horologicalis; "
            "P01 and planktonzilla say 149305."
        ),
        "Tripos: the model stands for id 494057, the label map says 109506 (Ceratium). What is published is the label map's.",
    )


LABELS = """
name = "other"
version = "1"
description = "Labels of the tests."
kingdom_source = "Pretended."
[[label]]
label = "Tripos"
state = "taxon"
scientific_name = "Ceratium"
aphia_id = 109506
rank = "genus"
kingdom = "Chromista"
source = "pretended"
"""
